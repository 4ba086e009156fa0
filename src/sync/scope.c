/* Paths of a round.  See scope.h. */
#include "sync/scope.h"

#include <string.h>

#define MARK ".conflict-"

bool
scope_covers(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == 0 || (strncmp(a, b, n) == 0 &&
	    (b[n] == '/' || b[n] == '\0'));
}

/* True for what follows the mark: YYYYMMDD-HHMMSS-... */
static bool
is_date(const char *p)
{
	static const char form[] = "dddddddd-dddddd-";

	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == '-' ? p[i] != '-' : p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* True if path, of a conflict copy, is one of the entry at name. */
static bool
is_copy_of(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/'), *mark = NULL, *ext = NULL;
	const char *at = slash == NULL ? path : slash + 1;
	size_t n = 0;

	/* the last: there are copies of copies */
	while ((at = strstr(at, MARK)) != NULL) {
		mark = at;
		at += sizeof(MARK) - 1;
	}
	if (mark == NULL || !is_date(mark + sizeof(MARK) - 1))
		return false;
	n = (size_t)(mark - path);
	ext = strchr(mark + 1, '.');
	return strncmp(path, name, n) == 0 &&
	    strcmp(name + n, ext == NULL ? "" : ext) == 0;
}

bool
scope_has(const struct round *rd, const char *path)
{
	for (size_t i = 0; rd->paths != NULL && i < rd->paths_n; i++)
		if (scope_covers(rd->paths[i], path) ||
		    is_copy_of(path, rd->paths[i]))
			return true;
	return rd->paths == NULL;
}

bool
scope_above(const struct round *rd, const char *path)
{
	for (size_t i = 0; rd->paths != NULL && i < rd->paths_n; i++)
		if (scope_covers(path, rd->paths[i]))
			return true;
	return false;
}

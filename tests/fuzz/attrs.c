/*
 * Attributes files: any bytes make a list; looking up ends soon, and says the
 * same if the lines stand in two lists one above the other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static struct attrs_of
look(struct attrs *up, const uint8_t *text, size_t n, const char *path)
{
	struct attrs_of of;
	struct attrs *a;

	if (attrs_new(up, "", text, n, &a) != ZK_OK)
		abort();
	of = attrs_lookup(a, path);
	attrs_unref(a);
	return of;
}

/* The path is the first line, the attributes file what follows. */
int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	const uint8_t *nl = n > 0 ? memchr(in, '\n', n) : NULL;
	size_t len = nl != NULL ? (size_t)(nl - in) : 0;
	struct attrs_of whole, parts;
	struct attrs *up;
	char *path;

	if (nl == NULL || len == 0 || len > 200 || n > 4096 ||
	    memchr(in, 0, len) != NULL)
		return 0;
	path = malloc(len + 1);
	if (path == NULL)
		return 0;
	memcpy(path, in, len);
	path[len] = '\0';
	in = nl + 1;
	n -= len + 1;
	whole = look(NULL, in, n, path);
	for (size_t i = 0; i < n; i++) {
		/* at its start, only, a file may have a byte order mark */
		if (in[i] != '\n' || (i + 1 < n && in[i + 1] == 0xef))
			continue;
		if (attrs_new(NULL, "", in, i + 1, &up) != ZK_OK)
			abort();
		parts = look(up, in + i + 1, n - i - 1, path);
		if (parts.merge != whole.merge ||
		    parts.atomic != whole.atomic)
			abort();
		attrs_unref(up);
	}
	free(path);
	return 0;
}

/*
 * Ignore files: any bytes make a list; matching ends soon, and says the same
 * of a path whether its directories are asked one by one or at once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

/* The path is the first line, the ignore file what follows. */
int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	const uint8_t *nl = n > 0 ? memchr(in, '\n', n) : NULL;
	size_t len = nl != NULL ? (size_t)(nl - in) : 0;
	struct ignore *ig = NULL;
	char *path;
	bool any = false;

	if (nl == NULL || len == 0 || len > 200 ||
	    memchr(in, 0, len) != NULL)
		return 0;
	path = malloc(len + 1);
	if (path == NULL)
		return 0;
	memcpy(path, in, len);
	path[len] = '\0';
	if (ignore_new(NULL, "", nl + 1, n - len - 1, &ig) == ZK_OK) {
		for (size_t i = 0; i < len; i++) {
			if (path[i] != '/')
				continue;
			path[i] = '\0';
			any |= ignore_match(ig, path, true);
			path[i] = '/';
		}
		any |= ignore_match(ig, path, false);
		if (any != ignore_covers(ig, path, false))
			abort();
		ignore_unref(ig);
	}
	free(path);
	return 0;
}

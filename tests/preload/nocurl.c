/*
 * Interposed with LD_PRELOAD: a machine without libcurl.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

void *
dlopen(const char *file, int mode)
{
	static void *(*real)(const char *, int);
	void *f;

	if (file != NULL && strncmp(file, "libcurl", 7) == 0)
		file = "libcurl-that-is-not-here.so";
	if (real == NULL) {
		f = dlsym(RTLD_NEXT, "dlopen");
		memcpy(&real, &f, sizeof(f));
	}
	return real(file, mode);
}

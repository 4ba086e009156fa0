#include "transport/libcurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>


/* The library's ABI; Debian's package of it is libcurl4. */
#define SONAME "libcurl.so.4"

#define FUNCTIONS(X)                                                         \
	X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_pause)           \
	X(easy_reset) X(easy_setopt) X(easy_strerror) X(global_cleanup)      \
	X(global_init) X(multi_add_handle) X(multi_cleanup)                  \
	X(multi_info_read) X(multi_init) X(multi_perform) X(multi_poll)      \
	X(multi_remove_handle) X(multi_setopt) X(share_cleanup)              \
	X(share_init) X(share_setopt) X(slist_append) X(slist_free_all)      \
	X(version_info)

static struct {
#define X(name) __typeof__(curl_##name) *name;
	FUNCTIONS(X)
#undef X
} lib;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failed[256];	/* empty: loaded */

/* POSIX has dlsym(3) give functions as void *; C has no cast for that. */
static void
find(void *so, const char *name, void *at)
{
	void *f = dlsym(so, name);

	if (f == NULL && failed[0] == '\0')
		(void)snprintf(failed, sizeof(failed),
		    "%s has no %s", SONAME, name);
	memcpy(at, &f, sizeof(f));
}

static void
load(void)
{
	void *so = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

	if (so == NULL) {
		const char *e = dlerror();

		(void)snprintf(failed, sizeof(failed), "cannot load libcurl "
		    "(package libcurl4): %s", e != NULL ? e : SONAME);
		return;
	}
#define X(name) find(so, "curl_" #name, &lib.name);
	FUNCTIONS(X)
#undef X
}

enum zk_err
libcurl_load(const char **why)
{
	(void)pthread_once(&once, load);
	*why = failed;
	return failed[0] == '\0' ? ZK_OK : ZK_EIO;
}

/*
 * The functions.  Where the last argument has no type of its own it is read
 * and passed on with the one that the option's number says.  The names are
 * also macros that check arguments or do more.
 */
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt
#undef curl_share_setopt

CURLcode
curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	CURLcode e;
	va_list ap;

	va_start(ap, option);
	if (option < CURLOPTTYPE_OBJECTPOINT)
		e = lib.easy_setopt(easy, option, va_arg(ap, long));
	else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
		e = lib.easy_setopt(easy, option, va_arg(ap, curl_off_t));
	else
		e = lib.easy_setopt(easy, option, va_arg(ap, void *));
	va_end(ap);
	return e;
}

CURLMcode
curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
	CURLMcode e;
	va_list ap;

	va_start(ap, option);
	if ((int)option < CURLOPTTYPE_OBJECTPOINT)
		e = lib.multi_setopt(multi, option, va_arg(ap, long));
	else if ((int)option >= CURLOPTTYPE_OFF_T)
		e = lib.multi_setopt(multi, option, va_arg(ap, curl_off_t));
	else
		e = lib.multi_setopt(multi, option, va_arg(ap, void *));
	va_end(ap);
	return e;
}

CURLSHcode
curl_share_setopt(CURLSH *share, CURLSHoption option, ...)
{
	CURLSHcode e;
	va_list ap;

	va_start(ap, option);
	if (option == CURLSHOPT_SHARE || option == CURLSHOPT_UNSHARE)
		e = lib.share_setopt(share, option, va_arg(ap, int));
	else
		e = lib.share_setopt(share, option, va_arg(ap, void *));
	va_end(ap);
	return e;
}

CURLcode
curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	CURLcode e;
	va_list ap;

	va_start(ap, info);
	e = lib.easy_getinfo(easy, info, va_arg(ap, void *));
	va_end(ap);
	return e;
}

CURLcode
curl_global_init(long flags)
{
	return lib.global_init(flags);
}

void
curl_global_cleanup(void)
{
	lib.global_cleanup();
}

curl_version_info_data *
curl_version_info(CURLversion age)
{
	return lib.version_info(age);
}

CURL *
curl_easy_init(void)
{
	return lib.easy_init();
}

void
curl_easy_cleanup(CURL *easy)
{
	lib.easy_cleanup(easy);
}

void
curl_easy_reset(CURL *easy)
{
	lib.easy_reset(easy);
}

CURLcode
curl_easy_pause(CURL *easy, int mask)
{
	return lib.easy_pause(easy, mask);
}

const char *
curl_easy_strerror(CURLcode code)
{
	return lib.easy_strerror(code);
}

CURLM *
curl_multi_init(void)
{
	return lib.multi_init();
}

CURLMcode
curl_multi_cleanup(CURLM *multi)
{
	return lib.multi_cleanup(multi);
}

CURLMcode
curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	return lib.multi_add_handle(multi, easy);
}

CURLMcode
curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
	return lib.multi_remove_handle(multi, easy);
}

CURLMcode
curl_multi_perform(CURLM *multi, int *running)
{
	return lib.multi_perform(multi, running);
}

CURLMcode
curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned n, int ms,
    int *ready)
{
	return lib.multi_poll(multi, fds, n, ms, ready);
}

CURLMsg *
curl_multi_info_read(CURLM *multi, int *left)
{
	return lib.multi_info_read(multi, left);
}

CURLSH *
curl_share_init(void)
{
	return lib.share_init();
}

CURLSHcode
curl_share_cleanup(CURLSH *share)
{
	return lib.share_cleanup(share);
}

struct curl_slist *
curl_slist_append(struct curl_slist *list, const char *line)
{
	return lib.slist_append(list, line);
}

void
curl_slist_free_all(struct curl_slist *list)
{
	lib.slist_free_all(list);
}

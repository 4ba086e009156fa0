/*
 * The allocator of a test program, of which one allocation can be made to
 * fail.  For one file of a program; a sanitizer has an allocator of its own
 * (FAILALLOC 0), with which such cases are skipped.
 */
#ifndef ZK_TESTS_UNIT_FAILALLOC_H
#define ZK_TESTS_UNIT_FAILALLOC_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FAILALLOC 0
#else
#define FAILALLOC 1
#endif

/* which one fails, counted down, 0: none; and whether so do all after it */
__attribute__((unused)) static atomic_long fail_in;
__attribute__((unused)) static atomic_bool fail_on;
__attribute__((unused)) static atomic_bool failed;
/* blocks not given back */
__attribute__((unused)) static atomic_long live;

#if FAILALLOC
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool
fails(void)
{
	if (!(fail_on && failed) &&
	    (fail_in <= 0 || atomic_fetch_sub(&fail_in, 1) != 1))
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t n)
{
	void *p = fails() ? NULL : __libc_malloc(n);

	live += p != NULL;
	return p;
}

void *
calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __libc_calloc(n, size);

	live += p != NULL;
	return p;
}

void *
realloc(void *old, size_t n)
{
	void *p = fails() ? NULL : __libc_realloc(old, n);

	live += p != NULL && old == NULL;
	return p;
}

void
free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}
#endif

#endif

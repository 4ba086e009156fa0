/* Names and paths.  See path.h. */
#include "util/path.h"

#include <stdint.h>
#include <string.h>

#define FOLDED_MAX 16	/* as much of a folded name as the tests need */

/* Code points that file systems leave out when they compare names. */
static bool
ignorable(uint32_t cp)
{
	return cp == 0xad || cp == 0x34f || cp == 0x61c ||
	    (cp >= 0x115f && cp <= 0x1160) || (cp >= 0x17b4 && cp <= 0x17b5) ||
	    (cp >= 0x180b && cp <= 0x180f) || (cp >= 0x200b && cp <= 0x200f) ||
	    (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) ||
	    cp == 0x3164 || (cp >= 0xfe00 && cp <= 0xfe0f) || cp == 0xfeff ||
	    cp == 0xffa0 || (cp >= 0xfff0 && cp <= 0xfff8) ||
	    (cp >= 0x1bca0 && cp <= 0x1bca3) ||
	    (cp >= 0x1d173 && cp <= 0x1d17a) || (cp >= 0xe0000 && cp <= 0xe0fff);
}

/*
 * The ASCII letter, digit, dot or hyphen that cp may be taken for under case
 * folding or compatibility forms; cp itself otherwise.
 */
static uint32_t
fold(uint32_t cp)
{
	if (cp >= 0xff01 && cp <= 0xff5e)	/* full width forms */
		cp -= 0xfee0;
	if (cp == 0x212a)			/* kelvin sign */
		return 'k';
	if (cp == 0x2024 || cp == 0xfe52)	/* one dot leader, small stop */
		return '.';
	if (cp >= 0x2010 && cp <= 0x2011)	/* hyphens */
		return '-';
	if (cp >= 'A' && cp <= 'Z')
		return cp + ('a' - 'A');
	/* mathematical letters: blocks of 52, capitals first */
	if (cp >= 0x1d400 && cp <= 0x1d6a3) {
		cp = (cp - 0x1d400) % 52;
		return 'a' + cp % 26;
	}
	if (cp >= 0x24b6 && cp <= 0x24e9)	/* circled letters */
		return 'a' + (cp - 0x24b6) % 26;
	return cp;
}

/* The next code point at p; a byte that is no UTF-8 counts as 0xfffd. */
static size_t
next(const uint8_t *p, size_t n, uint32_t *cp)
{
	size_t k = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
	    p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	*cp = 0xfffd;
	if (k == 0 || k > n)
		return 1;
	for (size_t i = 1; i < k; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 1;
	*cp = k == 1 ? p[0] : p[0] & (0xffu >> (k + 1));
	for (size_t i = 1; i < k; i++)
		*cp = *cp << 6 | (p[i] & 0x3f);
	return k;
}

/* True if the name, folded, is ours: ".zk" or ".zk-tmp-" and more. */
static bool
reserved(const uint8_t *p, size_t n)
{
	static const char dir[] = ".zk", tmp[] = ".zk-tmp-";
	char got[FOLDED_MAX + 1];
	size_t len = 0;

	while (n > 0 && len < FOLDED_MAX) {
		uint32_t cp = 0;
		size_t k = next(p, n, &cp);

		p += k;
		n -= k;
		if (ignorable(cp))
			continue;
		cp = fold(cp);
		got[len++] = cp < 0x80 ? (char)cp : '?';
	}
	got[len] = '\0';
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

enum zk_err
path_join(struct buf *b, const void *name, size_t len)
{
	if (b->len > 0)
		(void)buf_u8(b, '/');
	return buf_put(b, name, len);
}

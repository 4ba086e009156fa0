/* Names as others may read them.  See fold.h. */
#include "util/fold.h"

#include <stdbool.h>
#include <stdint.h>

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
	    (cp >= 0x1d173 && cp <= 0x1d17a) ||
	    (cp >= 0xe0000 && cp <= 0xe0fff);
}

/* Compatibility forms outside the ranges of fold(), NFKC. */
static const struct {
	uint32_t cp;
	char is;
} forms[] = {
	{ 0x2024, '.' }, { 0xfe52, '.' },
	{ 0x2010, '-' }, { 0x2011, '-' }, { 0xfe63, '-' },
	{ 0x2124, 'z' }, { 0x2128, 'z' }, { 0x1dbb, 'z' },
	{ 0x212a, 'k' }, { 0x1d37, 'k' }, { 0x1d4f, 'k' }, { 0x2096, 'k' },
	{ 0x1d40, 't' }, { 0x1d57, 't' }, { 0x209c, 't' },
	{ 0x1d39, 'm' }, { 0x1d50, 'm' }, { 0x2098, 'm' }, { 0x2133, 'm' },
	{ 0x216f, 'm' }, { 0x217f, 'm' },
	{ 0x1d3e, 'p' }, { 0x1d56, 'p' }, { 0x209a, 'p' }, { 0x2119, 'p' }
};

static char
fold(uint32_t cp)
{
	if (cp >= 0xff01 && cp <= 0xff5e)	/* full width */
		cp -= 0xfee0;
	if (cp >= 'A' && cp <= 'Z')
		return (char)(cp + ('a' - 'A'));
	if (cp < 0x80)
		return (char)cp;
	/* mathematical letters: blocks of 52, capitals first */
	if (cp >= 0x1d400 && cp <= 0x1d6a3)
		return (char)('a' + (cp - 0x1d400) % 26);
	if (cp >= 0x24b6 && cp <= 0x24e9)	/* circled */
		return (char)('a' + (cp - 0x24b6) % 26);
	if (cp >= 0x1f130 && cp <= 0x1f149)	/* squared */
		return (char)('a' + (cp - 0x1f130));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].cp == cp)
			return forms[i].is;
	return '?';
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

void
fold_start(const void *name, size_t len, char *out, size_t cap)
{
	const uint8_t *p = name;
	size_t n = 0;

	while (len > 0 && n + 1 < cap) {
		uint32_t cp = 0;
		size_t k = next(p, len, &cp);

		p += k;
		len -= k;
		if (ignorable(cp))
			continue;
		if (cp == 0x2122 && n + 2 < cap) {	/* trade mark: "tm" */
			out[n++] = 't';
			out[n++] = 'm';
			continue;
		}
		out[n++] = fold(cp);
	}
	out[n] = '\0';
}

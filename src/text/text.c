/* What text is.  See text.h. */
#include "text/text.h"

#include <string.h>

#include "util/utf8.h"

/*
 * How many bytes from p on are ASCII and no NUL, eight at a time; stops with
 * up to seven left, which says nothing about them.
 */
static size_t
plain(const uint8_t *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, high = ones << 7;
	size_t i = 0;
	uint64_t w;

	for (; n - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, p + i, sizeof(w));
		/* no byte has its high bit set, or borrows one */
		if (((w | (w - ones)) & high) != 0)
			break;
	}
	return i;
}

bool
text_is(const uint8_t *p, size_t n)
{
	uint32_t cp;
	size_t k;

	if (n > TEXT_MAX)
		return false;
	for (size_t i = 0; i < n; i += k) {
		k = p[i] < 0x80 ? plain(p + i, n - i) : 0;
		if (k == 0 && p[i] != 0)
			k = utf8_at(p + i, n - i, &cp);
		if (k == 0)
			return false;
	}
	return true;
}

bool
text_boundary(const uint8_t *p, size_t n, size_t at)
{
	return at == n || (p[at] & 0xc0) != 0x80;
}

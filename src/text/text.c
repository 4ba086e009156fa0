/* What text is.  See text.h. */
#include "text/text.h"

#include "util/utf8.h"

bool
text_is(const uint8_t *p, size_t n)
{
	uint32_t cp;
	size_t k;

	if (n > TEXT_MAX)
		return false;
	for (size_t i = 0; i < n; i += k) {
		if (p[i] == 0)
			return false;
		k = p[i] < 0x80 ? 1 : utf8_at(p + i, n - i, &cp);
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

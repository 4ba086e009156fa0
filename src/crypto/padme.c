#include "crypto/padme.h"

/* floor(log2 v), v > 0 */
static unsigned
padme_log2(uint64_t v)
{
	unsigned n = 0;

	while (v > 1) {
		v >>= 1;
		n++;
	}
	return n;
}

uint64_t
padme(uint64_t len)
{
	unsigned e, s;
	uint64_t mask;

	if (len < 2)
		return len;
	e = padme_log2(len);
	s = padme_log2(e > 0 ? e : 1) + 1;
	if (e <= s)
		return len;
	mask = (UINT64_C(1) << (e - s)) - 1;
	if (len > UINT64_MAX - mask)
		return len;
	return (len + mask) & ~mask;
}

uint64_t
padme_floor(uint64_t len, uint64_t floor)
{
	return padme(len < floor ? floor : len);
}

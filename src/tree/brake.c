#include "tree/brake.h"

#include <string.h>

void
brake_default(struct brake *b)
{
	b->percent = 50;
	b->count = 100;
}

enum zk_err
brake_parse(const char *s, struct brake *b)
{
	uint64_t v = 0;
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 18)
		return ZK_EUSAGE;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(s[i] - '0');
	if (s[n] == '\0') {
		b->percent = 0;
		b->count = v;
		return ZK_OK;
	}
	if (strcmp(s + n, "%") != 0 || v > 100)
		return ZK_EUSAGE;
	b->percent = v;
	b->count = 0;
	return ZK_OK;
}

bool
brake_over(const struct brake *b, uint64_t before, uint64_t now,
    uint64_t largest, uint64_t override)
{
	uint64_t sum = before + now;

	if (now == 0 || now == override)
		return false;
	if (sum < before)
		return true;
	if (sum <= b->count)
		return false;
	/* sum / largest > percent / 100, without overflow */
	if (b->percent == 0)
		return true;
	return sum > largest / 100 * b->percent +
	    largest % 100 * b->percent / 100;
}

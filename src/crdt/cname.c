#include "crdt/cname.h"
#include "util/hex.h"

#include <stdio.h>
#include <string.h>

#define EXT_MAX 32	/* bytes of an extension with its dot */
#define HEX_MIN 4
#define HEX_MAX 40
#define HASH_AT 12	/* where the op hash begins in an op id */

struct date {
	int year, month, day;
	int hour, min, sec;
};

/* UTC in the Gregorian calendar, counted from 1 March of year 0. */
static void
date_of(int64_t wall_ms, struct date *d)
{
	int64_t s = wall_ms / 1000 - (wall_ms % 1000 < 0 ? 1 : 0);
	int64_t days, era, doe, yoe, doy, mp;

	if (s < OP_MTIME_MIN)
		s = OP_MTIME_MIN;
	if (s > OP_MTIME_MAX)
		s = OP_MTIME_MAX;
	s -= OP_MTIME_MIN;	/* now from the first second of year 1 */
	days = s / 86400 + 306;	/* 1 March of year 0 is 306 days before */
	s %= 86400;
	era = days / 146097;	/* 400 years */
	doe = days % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;	/* months from March */
	d->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	d->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	d->year = (int)(era * 400 + yoe + (d->month <= 2 ? 1 : 0));
	d->hour = (int)(s / 3600);
	d->min = (int)(s / 60 % 60);
	d->sec = (int)(s % 60);
}

void
cname_tag(const uint8_t device[static 32], char out[static CNAME_TAG_LEN + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t v = (uint32_t)device[0] << 24 | (uint32_t)device[1] << 16 |
	    (uint32_t)device[2] << 8 | device[3];

	for (int i = 0; i < CNAME_TAG_LEN; i++)
		out[i] = digits[v >> (27 - 5 * i) & 31];
	out[CNAME_TAG_LEN] = '\0';
}

/* Bytes of the UTF-8 character at p, 0 if there is none (RFC 3629). */
static size_t
utf8_len(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
	    p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* At most max bytes of the stem; whole characters if all of it is UTF-8. */
static size_t
cut_stem(const uint8_t *p, size_t len, size_t max)
{
	size_t cut = 0;
	size_t i = 0;

	if (len <= max)
		return len;
	while (i < len) {
		size_t n = utf8_len(p + i, len - i);

		if (n == 0)
			return max;
		i += n;
		if (i <= max)
			cut = i;
	}
	return cut;
}

static size_t
ext_len(const struct cdb_name *base)
{
	size_t i = base->len;

	while (i > 0 && base->b[i - 1] != '.')
		i--;
	/* i is behind the last dot: neither first nor last in the name */
	if (i < 2 || i == base->len || base->len - i + 1 > EXT_MAX)
		return 0;
	return base->len - i + 1;
}

void
cname_make(const struct cdb_name *base, bool ext,
    const struct cname_stamp *stamp, unsigned attempt, struct cdb_name *out)
{
	size_t ext_n = ext ? ext_len(base) : 0;
	unsigned hex_n = HEX_MIN + attempt;
	char hex[HEX_MAX + 1], more[16] = "", mid[128];
	char tag[CNAME_TAG_LEN + 1];
	size_t mid_n, stem_n;
	struct date d;

	if (hex_n > HEX_MAX) {
		snprintf(more, sizeof(more), "-%u", hex_n - HEX_MAX);
		hex_n = HEX_MAX;
	}
	for (unsigned i = 0; i < hex_n; i++) {
		unsigned b = stamp->id.b[HASH_AT + i / 2];

		hex[i] = hex_digit(i % 2 == 0 ? b >> 4 : b);
	}
	hex[hex_n] = '\0';
	cname_tag(stamp->device, tag);
	date_of(stamp->wall_ms, &d);
	snprintf(mid, sizeof(mid),
	    ".conflict-%04d%02d%02d-%02d%02d%02d-%s-%s%s", d.year, d.month,
	    d.day, d.hour, d.min, d.sec, tag, hex, more);
	mid_n = strlen(mid);
	stem_n = cut_stem(base->b, base->len - ext_n,
	    CDB_NAME_MAX - mid_n - ext_n);
	memcpy(out->b, base->b, stem_n);
	memcpy(out->b + stem_n, mid, mid_n);
	memcpy(out->b + stem_n + mid_n, base->b + base->len - ext_n, ext_n);
	out->len = (uint8_t)(stem_n + mid_n + ext_n);
}

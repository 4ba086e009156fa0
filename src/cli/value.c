#include "cli/value.h"

#include <string.h>
#include <strings.h>

#define DURATION_MAX INT64_C(315576000000)	/* ms: 10 years */
#define WORD_MAX 32	/* bytes value_nearest compares */

/* Reads digits at *s, moves it past them; false without any or past max. */
static bool
digits(const char **s, uint64_t max, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t d = (uint64_t)(*p - '0');

		if (d > max || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (p == *s)
		return false;
	*s = p;
	*out = v;
	return true;
}

enum zk_err
value_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (!digits(&s, max, &v) || *s != '\0')
		return ZK_EUSAGE;
	*out = v;
	return ZK_OK;
}

/* ms in the unit at *s, which moves past it; 0 if there is none. */
static int64_t
duration_unit(const char **s)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*s, units[i].name, n) == 0) {
			*s += n;
			return units[i].ms;
		}
	}
	return 0;
}

enum zk_err
value_duration(const char *s, int64_t *ms)
{
	int64_t total = 0, last = INT64_MAX;
	uint64_t v;

	if (value_number(s, DURATION_MAX / 1000, &v) == ZK_OK) {
		*ms = (int64_t)v * 1000;
		return ZK_OK;
	}
	do {
		if (!digits(&s, DURATION_MAX, &v))
			return ZK_EUSAGE;
		int64_t unit = duration_unit(&s);
		if (unit == 0 || unit >= last)
			return ZK_EUSAGE;
		last = unit;
		if ((int64_t)v > (DURATION_MAX - total) / unit)
			return ZK_EUSAGE;
		total += (int64_t)v * unit;
	} while (*s != '\0');
	*ms = total;
	return ZK_OK;
}

enum zk_err
value_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "kmgt";
	unsigned shift = 0;
	uint64_t v;

	if (!digits(&s, UINT64_MAX, &v))
		return ZK_EUSAGE;
	for (unsigned i = 0; units[i] != '\0'; i++) {
		if (*s == units[i] || *s == units[i] - 'a' + 'A') {
			shift = 10 * (i + 1);
			s++;
			if (strcmp(s, "iB") == 0)
				s += 2;
			break;
		}
	}
	if (shift == 0 && strcmp(s, "B") == 0)
		s++;
	if (*s != '\0' || v > UINT64_MAX >> shift)
		return ZK_EUSAGE;
	*bytes = v << shift;
	return ZK_OK;
}

static enum zk_err
rate(const char *s, size_t n, uint64_t *out)
{
	char one[32];

	if (n >= sizeof(one))
		return ZK_EUSAGE;
	memcpy(one, s, n);
	one[n] = '\0';
	if (n == 0 || strcmp(one, "off") == 0) {
		*out = 0;
		return ZK_OK;
	}
	return value_size(one, out);
}

enum zk_err
value_rates(const char *s, struct value_rates *out)
{
	const char *colon = strchr(s, ':');
	struct value_rates v;

	if (colon == NULL)
		return ZK_EUSAGE;
	if (rate(s, (size_t)(colon - s), &v.up) != ZK_OK ||
	    rate(colon + 1, strlen(colon + 1), &v.down) != ZK_OK)
		return ZK_EUSAGE;
	*out = v;
	return ZK_OK;
}

enum zk_err
value_limit(const char *s, struct value_limit *out)
{
	struct value_limit v = { .set = true };

	if (!digits(&s, UINT64_MAX, &v.n))
		return ZK_EUSAGE;
	if (*s == '%') {
		v.percent = true;
		s++;
	}
	if (*s != '\0' || (v.percent && v.n > 100))
		return ZK_EUSAGE;
	*out = v;
	return ZK_OK;
}

enum zk_err
value_bool(const char *s, bool *out)
{
	static const char *const words[] = { "", "0", "false", "no", "off",
		"1", "true", "yes", "on", NULL };
	int i;

	if (value_word(s, words, &i) != ZK_OK)
		return ZK_EUSAGE;
	*out = i >= 5;
	return ZK_OK;
}

enum zk_err
value_word(const char *s, const char *const *words, int *out)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(s, words[i]) == 0) {
			*out = i;
			return ZK_OK;
		}
	}
	return ZK_EUSAGE;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap neighbours) from a to b. */
static size_t
distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t d[3][WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3];
		const size_t *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min3(up[j] + 1, row[j - 1] + 1,
			    up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < row[j])
				row[j] = up2[j - 2] + 1;
		}
	}
	return d[la % 3][lb];
}

const char *
value_nearest(const char *s, size_t n,
    const char *(*name)(const void *arg, size_t i), const void *arg)
{
	const char *best = NULL;
	size_t best_d = 3;

	for (size_t i = 0; i < n; i++) {
		const char *w = name(arg, i);
		size_t d = distance(s, w);

		if (d < best_d && d < strlen(w)) {
			best = w;
			best_d = d;
		}
	}
	return best;
}

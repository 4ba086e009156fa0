/* Values of options: everything accepted, everything refused. */
#include "cli/value.h"

#include "test.h"

static void
test_duration(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "0", 0 }, { "90", 90000 }, { "250ms", 250 },
		{ "90s", 90000 }, { "5m", 300000 }, { "2h", 7200000 },
		{ "3d", 259200000 }, { "1h30m", 5400000 },
		{ "1d1h1m1s1ms", 90061001 } };
	static const char *const bad[] = { "", "s", "-1s", "+1s", "1 s", " 1s",
		"1s ", "1.5s", "1x", "30m1h", "1s1s", "1h30", "0x1s",
		"99999999999999999999s", "4000d", "18446744073709551616" };
	int64_t ms = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(value_duration(good[i].text, &ms) == ZK_OK);
		CHECK(ms == good[i].ms);
	}
	ms = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(value_duration(bad[i], &ms) == ZK_EUSAGE);
	CHECK(ms == 7);
}

static void
test_size(void)
{
	static const struct {
		const char *text;
		uint64_t n;
	} good[] = { { "0", 0 }, { "1", 1 }, { "17B", 17 }, { "2k", 2048 },
		{ "2K", 2048 }, { "2KiB", 2048 }, { "3M", 3145728 },
		{ "1GiB", 1073741824 }, { "1T", UINT64_C(1) << 40 },
		{ "18446744073709551615", UINT64_MAX } };
	static const char *const bad[] = { "", "K", "-1", "1kB", "1KB", "1 M",
		"1.5M", "1iB", "1P", "18446744073709551616",
		"18014398509481984K", "16777216T", "1KiBx", "1MM" };
	uint64_t n = 7;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(value_size(good[i].text, &n) == ZK_OK);
		CHECK(n == good[i].n);
	}
	n = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(value_size(bad[i], &n) == ZK_EUSAGE);
	CHECK(n == 7);
}

static void
test_rates(void)
{
	struct value_rates r = { 9, 9 };

	CHECK(value_rates("1M:500K", &r) == ZK_OK);
	CHECK(r.up == 1048576 && r.down == 512000);
	CHECK(value_rates("off:1", &r) == ZK_OK && r.up == 0 && r.down == 1);
	CHECK(value_rates(":2k", &r) == ZK_OK && r.up == 0 && r.down == 2048);
	CHECK(value_rates("1", &r) == ZK_EUSAGE);
	CHECK(value_rates("1:2:3", &r) == ZK_EUSAGE);
	CHECK(value_rates("fast:slow", &r) == ZK_EUSAGE);
	CHECK(r.down == 2048);
}

static void
test_limit(void)
{
	struct value_limit l = { 0 };

	CHECK(value_limit("312", &l) == ZK_OK);
	CHECK(l.set && !l.percent && l.n == 312);
	CHECK(value_limit("75%", &l) == ZK_OK && l.percent && l.n == 75);
	CHECK(value_limit("0", &l) == ZK_OK && !l.percent && l.n == 0);
	CHECK(value_limit("101%", &l) == ZK_EUSAGE);
	CHECK(value_limit("%", &l) == ZK_EUSAGE);
	CHECK(value_limit("5%%", &l) == ZK_EUSAGE);
	CHECK(value_limit("-5", &l) == ZK_EUSAGE);
	CHECK(value_limit("", &l) == ZK_EUSAGE);
}

static void
test_bool(void)
{
	bool b = false;

	CHECK(value_bool("yes", &b) == ZK_OK && b);
	CHECK(value_bool("0", &b) == ZK_OK && !b);
	CHECK(value_bool("1", &b) == ZK_OK && b);
	CHECK(value_bool("", &b) == ZK_OK && !b);
	CHECK(value_bool("maybe", &b) == ZK_EUSAGE);
}

static const char *
word_at(const void *arg, size_t i)
{
	return ((const char *const *)arg)[i];
}

static void
test_nearest(void)
{
	static const char *const words[] = { "push", "pull", "status", "pair",
		"" };
	const char *w;

	w = value_nearest("psuh", 5, word_at, words);
	CHECK(w != NULL && strcmp(w, "push") == 0);
	w = value_nearest("stauts", 5, word_at, words);
	CHECK(w != NULL && strcmp(w, "status") == 0);
	w = value_nearest("statu", 5, word_at, words);
	CHECK(w != NULL && strcmp(w, "status") == 0);
	CHECK(value_nearest("backup", 5, word_at, words) == NULL);
	CHECK(value_nearest("x", 5, word_at, words) == NULL);
	CHECK(value_nearest("a-word-that-is-longer-than-thirty-two-bytes", 5,
	    word_at, words) == NULL);
}

TESTS(
    { "duration", test_duration },
    { "size", test_size },
    { "rates", test_rates },
    { "limit", test_limit },
    { "bool", test_bool },
    { "nearest", test_nearest },
)

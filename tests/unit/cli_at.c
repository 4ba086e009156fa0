/* Versions as they are typed: PATH@TIME, PATH@ID, and names of changes. */
#include "cli/at.h"

#include "sync/opname.h"
#include "test.h"

#define DAY INT64_C(86400000)

static void
test_time(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-02T00:00:00Z", DAY + 999 },
		{ "1970-01-02 00:00Z", DAY + 999 },
		{ "1970-01-02T00:00", DAY + 999 - 3600000 },
		{ "1970-01-02", 2 * DAY - 1 - 3600000 },
		{ "2024-02-29", INT64_C(1709251200000) - 1 - 3600000 },
		{ "2000-12-31", INT64_C(978307200000) - 1 - 3600000 },
		{ "2h", 1000 * DAY - 7200000 },
		{ "1d12h", 1000 * DAY - 3 * DAY / 2 },
		{ "0s", 1000 * DAY },
	};
	static const char *const bad[] = { "", "3600", "2024", "2024-02",
		"2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10",
		"2024-01-00", "2024-01-01T", "2024-01-01T24:00",
		"2024-01-01T12:60", "2024-01-01T12", "2024-01-01T12:00:",
		"2024-01-01T12:00:00+1", "2024-01-01Z", "24-01-01",
		" 2024-01-01", "2024-1-1", "2h ago", "-2h", "x" };
	int64_t ms = 7;

	/* one hour before UTC all year */
	NEED(setenv("TZ", "XXX-1", 1) == 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(at_time(good[i].text, 1000 * DAY, &ms) == ZK_OK);
		if (ms != good[i].ms)
			FAIL(good[i].text);
	}
	ms = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (at_time(bad[i], 1000 * DAY, &ms) != ZK_EUSAGE)
			FAIL(bad[i]);
	CHECK(ms == 7);
}

static void
test_path(void)
{
	static const struct {
		const char *text, *path, *id;
		enum sync_at_kind kind;
	} cases[] = {
		{ "a/b", "a/b", NULL, SYNC_AT_NONE },
		{ "a@b", "a@b", NULL, SYNC_AT_NONE },
		{ "a@", "a", NULL, SYNC_AT_NONE },
		{ "a@2h@", "a@2h", NULL, SYNC_AT_NONE },
		{ "a@2h", "a", NULL, SYNC_AT_TIME },
		{ "a@x@2024-01-01", "a@x", NULL, SYNC_AT_TIME },
		{ "a@17", "a", "17", SYNC_AT_ID },
		{ "a@17.4f2c", "a", "17.4f2c", SYNC_AT_ID },
		{ "photo@2x.png", "photo@2x.png", NULL, SYNC_AT_NONE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		const char *path = NULL;
		struct sync_at at;

		snprintf(text, sizeof(text), "%s", cases[i].text);
		NEED(at_parse(text, 1000 * DAY, &path, &at) == ZK_OK);
		CHECK(strcmp(path, cases[i].path) == 0);
		CHECK(at.kind == cases[i].kind);
		CHECK(at.kind != SYNC_AT_ID || strcmp(at.id,
		    cases[i].id) == 0);
	}
	char none[] = "@2h";
	const char *path = NULL;
	struct sync_at at;
	CHECK(at_parse(none, 0, &path, &at) == ZK_EUSAGE);
}

static void
test_opname(void)
{
	static const char *const bad[] = { "", ".", ".4f", "017", "1x", "1.g",
		"1.4f.2", "-1", "281474976710656", "99999999999999999999",
		"1.00000000000000000000000000000000000000000000000000000" };
	static const char full[] = "00000000000c4f2ca1b2c3d40102030405060708"
	    "090a0b0c0d0e0f1011121314";
	char text[2 * OPID_LEN + 1], brief[OPNAME_SHORT_MAX];
	struct opname n;
	struct opid id = { { 0, 0, 0, 0, 0, 12, 0x4f, 0x2c } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (opname_parse(bad[i], &n) != ZK_EUSAGE)
			FAIL(bad[i]);
	CHECK(opname_parse("0", &n) == ZK_OK && n.lamport == 0);
	CHECK(opname_parse("281474976710655", &n) == ZK_OK &&
	    n.lamport == OPID_LAMPORT_MAX);
	CHECK(opname_parse("12.4F2c", &n) == ZK_OK && n.lamport == 12 &&
	    strcmp(n.rest, "4f2c") == 0);
	CHECK(opname_parse("12.", &n) == ZK_OK && n.rest[0] == '\0');
	CHECK(opname_parse(full, &n) == ZK_OK && n.lamport == 12 &&
	    strcmp(n.rest, full + 12) == 0);
	opname_short(&id, brief);
	CHECK(strcmp(brief, "12.4f2c") == 0);
	opname_full(&id, text);
	CHECK(strlen(text) == 64 && strncmp(text, full, 16) == 0);
	CHECK(opname_parse(text, &n) == ZK_OK && n.lamport == 12);
}

TESTS(
    { "time", test_time },
    { "path", test_path },
    { "opname", test_opname },
)

/* What blobs a remote has: every kind in order, and what lies about it. */
#include "tests/unit/transport_conform.h"

#include "transport/lie_fake.h"
#include "util/hex.h"

/* What a listing gave. */
struct listed {
	uint8_t name[3 * TRANSPORT_LIST_MAX][32];
	size_t n;
	enum zk_err fail;	/* returned by take */
};

static enum zk_err
take(void *arg, const uint8_t name[static 32])
{
	struct listed *l = arg;

	if (l->fail != ZK_OK)
		return l->fail;
	if (l->n < 3 * TRANSPORT_LIST_MAX)
		memcpy(l->name[l->n++], name, 32);
	return ZK_OK;
}

/* Page by page from the start; how many it took, or 0 after an error. */
static size_t
all(struct transport *t, struct listed *l)
{
	bool more = true;
	size_t pages = 0;

	l->n = 0;
	for (; more; pages++)
		if (transport_blob_list(t, l->n == 0 ? NULL :
		    l->name[l->n - 1], take, l, &more) != ZK_OK)
			return 0;
	return pages;
}

static bool
ascending(const struct listed *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (memcmp(l->name[i - 1], l->name[i], 32) >= 0)
			return false;
	return true;
}

static bool
among(const struct listed *l, const uint8_t *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (memcmp(l->name[i], name, 32) == 0)
			return true;
	return false;
}

#define SOME 40

/* They come in order, from any name on, and go when they are deleted. */
static void
case_list(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct listed *l = calloc(1, sizeof(*l));
	struct fix_blob b[SOME];
	uint8_t data[SOME][40], middle[32];
	bool more = true;

	NEED(t != NULL && l != NULL);
	CHECK(all(t, l) == 1 && l->n == 0);
	for (size_t i = 0; i < SOME; i++) {
		memset(data[i], (int)i, sizeof(data[i]));
		fix_blob(&b[i], true, data[i], sizeof(data[i]));
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
	}
	NEED(transport_wait(t, 0, 30000) == ZK_OK);
	CHECK(all(t, l) == 1 && l->n == SOME && ascending(l));
	for (size_t i = 0; i < SOME; i++)
		CHECK(b[i].r == ZK_OK && among(l, b[i].x.name));
	/* behind one that is there; behind one that is not */
	memcpy(middle, l->name[SOME / 2], 32);
	l->n = 0;
	CHECK(transport_blob_list(t, middle, take, l, &more) == ZK_OK);
	CHECK(l->n == SOME - SOME / 2 - 1 && !more && ascending(l));
	CHECK(memcmp(l->name[0], middle, 32) > 0);
	CHECK(transport_blob_delete(t, l->name[0]) == ZK_OK);
	memcpy(middle, l->name[0], 32);
	l->n = 0;
	CHECK(transport_blob_list(t, middle, take, l, &more) == ZK_OK);
	CHECK(l->n == SOME - SOME / 2 - 2 && !more);
	CHECK(all(t, l) == 1 && l->n == SOME - 1 && !among(l, middle));
	/* who asks may end it */
	l->fail = ZK_ESIGNAL;
	CHECK(transport_blob_list(t, NULL, take, l, &more) == ZK_ESIGNAL);
	free(l);
	transport_free(t);
}

/* Makes a file without content below the folder of the remote. */
static void
drop(const char *url, const uint8_t *locator, const char *name, bool dir)
{
	char path[600], hex[80] = "";
	int fd = -1;

	hex_text(locator, 32, hex);
	(void)snprintf(path, sizeof(path), "%s/%s/%s",
	    url + strlen("file://"), hex, name);
	fd = dir ? env_mkdirat(env_posix(), ENV_CWD, path, 0777) :
	    env_openat(env_posix(), ENV_CWD, path, O_WRONLY | O_CREAT, 0666);
	NEED(fd >= 0 || fd == -EEXIST);
	if (!dir)
		(void)env_close(env_posix(), fd);
}

/*
 * Pages of a folder with more in one directory than a page and its room
 * take; what is no name of a blob, or lies where it does not belong, is not
 * among them.
 */
static void
folder_pages(void)
{
	static const char *const junk[] = { "blob/x", "blob/00/x",
	    "blob/00/00", "blob/00/../gen2", "blob/zz" };
	const unsigned n = 2 * TRANSPORT_LIST_MAX + 100;
	struct listed *l = calloc(1, sizeof(*l));
	struct fix f;
	struct transport *t = NULL;
	char name[100];

	NEED(l != NULL && fix_init(&f, FIX_FOLDER));
	t = fix_begin(&f);
	NEED(t != NULL);
	drop(f.url, f.locator, "blob/00", true);
	drop(f.url, f.locator, "blob/fe", true);
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		drop(f.url, f.locator, junk[i], false);
	for (unsigned i = 0; i < n; i++) {
		/* in the directory in another order than theirs */
		(void)snprintf(name, sizeof(name), "blob/00/00%062x",
		    i * 4099 % n);
		drop(f.url, f.locator, name, false);
	}
	/* a name of another directory; upper case; too long */
	(void)snprintf(name, sizeof(name), "blob/00/01%062x", 1);
	drop(f.url, f.locator, name, false);
	(void)snprintf(name, sizeof(name), "blob/00/00%062X", 0xabcdef);
	drop(f.url, f.locator, name, false);
	(void)snprintf(name, sizeof(name), "blob/00/00%064x", 1);
	drop(f.url, f.locator, name, false);
	(void)snprintf(name, sizeof(name), "blob/fe/fe%062x", 7);
	drop(f.url, f.locator, name, false);
	CHECK(all(t, l) == 3 && l->n == n + 1 && ascending(l));
	CHECK(l->name[n][0] == 0xfe && l->name[n][31] == 7);
	transport_free(t);
	fix_release(&f);
	free(l);
}

/* A folder that is not there has no blobs to tell of, and says so. */
static void
folder_away(void)
{
	struct listed *l = calloc(1, sizeof(*l));
	struct fix f;
	struct transport *t = NULL;
	bool more = true;

	log_set_level(LOG_QUIET);
	NEED(l != NULL && fix_init(&f, FIX_FOLDER));
	t = fix_open(&f);
	NEED(t != NULL);
	CHECK(transport_blob_list(t, NULL, take, l, &more) == ZK_ENET);
	CHECK(!more && l->n == 0);
	transport_free(t);
	fix_release(&f);
	free(l);
}

/* A remote that can lie, and has three blobs; its complaints are not shown. */
static bool
three(struct fix *f, struct transport **t)
{
	uint8_t data[10];
	struct fix_blob b;

	log_set_level(LOG_QUIET);
	if (!fix_init(f, FIX_FAKE))
		return false;
	*t = fix_begin(f);
	for (int i = 0; i < 3 && *t != NULL; i++) {
		memset(data, i, sizeof(data));
		fix_blob(&b, true, data, sizeof(data));
		if (fix_xfer(*t, &b) != ZK_OK)
			return false;
	}
	return *t != NULL;
}

/* What a lie is answered with, and how many names it could tell. */
static void
lie(enum lie_list how, enum zk_err want, size_t n)
{
	struct listed *l = calloc(1, sizeof(*l));
	struct fix f;
	struct transport *t = NULL;
	uint8_t after[32] = { 0 };
	bool more = true;

	NEED(l != NULL && three(&f, &t));
	f.fake->list = how;
	CHECK(transport_blob_list(t, after, take, l, &more) == want);
	CHECK(l->n == n && ascending(l));
	CHECK(more == (how == LIE_LIST_ENDLESS));
	transport_free(t);
	fix_release(&f);
	free(l);
}

static void
lies(void)
{
	lie(LIE_LIST_NOT, ZK_OK, 3);
	lie(LIE_LIST_UNABLE, ZK_ENOENT, 0);
	/* of those above 0 none is below it */
	lie(LIE_LIST_BACK, ZK_OK, 0);
	lie(LIE_LIST_MANY, ZK_ENET, TRANSPORT_LIST_MAX);
	lie(LIE_LIST_ENDLESS, ZK_OK, TRANSPORT_LIST_MAX);
	lie(LIE_LIST_EMPTY, ZK_OK, 0);
	lie(LIE_LIST_HIDE, ZK_OK, 0);
}

/* Names that go down, or come again, are told up to there. */
static void
backwards(void)
{
	struct listed *l = calloc(1, sizeof(*l));
	struct fix f;
	struct transport *t = NULL;
	uint8_t most[32];
	bool more = true;

	NEED(l != NULL && three(&f, &t));
	f.fake->list = LIE_LIST_BACK;
	CHECK(transport_blob_list(t, NULL, take, l, &more) == ZK_ENET);
	CHECK(l->n == 1 && !more);
	/* and not what is not above where it was to begin */
	memset(most, 0xff, sizeof(most));
	l->n = 0;
	CHECK(transport_blob_list(t, most, take, l, &more) == ZK_ENET);
	CHECK(l->n == 0);
	transport_free(t);
	fix_release(&f);
	free(l);
}

#define CASES(X) X(list)

CASES(CONFORM_DEFINE)

TESTS(
    CASES(CONFORM_ENTRY)
    { "folder_pages", folder_pages },
    { "folder_away", folder_away },
    { "lies", lies },
    { "backwards", backwards },
)

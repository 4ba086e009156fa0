/* A relay that is asked which blobs a space has. */
#include "depotkit.h"
#include "relay/body.h"
#include "relayone.h"
#include "util/hex.h"

#define BLOBS (2 * MSG_LIST_MAX + 10)

static void
nothing(void *arg, const int64_t *spaces, size_t n)
{
	(void)arg;
	(void)spaces;
	(void)n;
}

/* The name of blob i, in another order than they come. */
static void
name_of(size_t i, uint8_t *name)
{
	size_t place = i * 4099 % BLOBS;

	memset(name, 0, 32);
	name[0] = (uint8_t)(place >> 8);
	name[31] = (uint8_t)place;
}

/* Fills the data of the relay: BLOBS of this space, one of another. */
static void
fill(void)
{
	struct depot_job *job = calloc(BLOBS, sizeof(*job));
	struct many m = MANY_INIT;
	struct depot_opts o = { .env = env_posix(), .body_mem = 64u << 20,
	    .dir = kit.dir, .changed = nothing };
	struct depot_job create = { .op = DEPOT_CREATE, .n_active = 1 };
	struct depot *d = NULL;
	size_t ok = 0;

	NEED(job != NULL && depot_open(&o, &d) == ZK_OK);
	create.space_pk = signkey_pk(space.space);
	create.active = signkey_pk(space.request);
	memcpy(create.name, space.locator, 32);
	many_run(d, &m, &create, 1);
	CHECK(create.r == ZK_OK);
	create.name[0] ^= 1;
	many_run(d, &m, &create, 1);
	CHECK(create.r == ZK_OK);
	for (size_t i = 0; i < BLOBS; i++) {
		job[i].op = DEPOT_PUT_BLOB;
		job[i].space = 1;
		name_of(i, job[i].name);
		NEED(body_new(depot_shop(d), 16, 1, &job[i].body) == ZK_OK);
		NEED(body_put(job[i].body, "x", 1) == ZK_OK);
	}
	many_run(d, &m, job, BLOBS);
	for (size_t i = 0; i < BLOBS; i++)
		ok += job[i].r == ZK_OK;
	CHECK(ok == BLOBS);
	job[0].space = 2;
	memset(job[0].name, 0x7f, 32);
	many_run(d, &m, job, 1);
	CHECK(job[0].r == ZK_OK);
	for (size_t i = 0; i < BLOBS; i++)
		body_free(job[i].body);
	depot_close(d);
	free(job);
}

/* A page behind t's mark, which moves; its names must be from `from` on. */
static unsigned
names_page(struct target *t, size_t from, bool *more)
{
	struct msg_page page = { 0 };
	struct kit_reply r;
	struct rd rd;
	size_t wrong = 0;

	*more = false;
	CHECK(kit_call(&kit, &space, t, NULL, 0, NULL, &r) == 200);
	rd_init(&rd, r.body, r.len);
	CHECK(msg_page_start(&rd, &page) == ZK_OK);
	for (size_t i = 0; i < page.count; i++) {
		const uint8_t *name = rd_bytes(&rd, 32);

		if (name == NULL || name[0] != (uint8_t)((from + i) >> 8) ||
		    name[31] != (uint8_t)(from + i))
			wrong++;
		if (name != NULL && i + 1 == page.count)
			CHECK(page.mark_len == 32 &&
			    memcmp(page.mark, name, 32) == 0);
	}
	CHECK(wrong == 0 && rd_end(&rd) == ZK_OK);
	*more = page.more;
	if (page.count > 0)
		memcpy(t->mark, page.mark, 32);
	t->mark_len = page.mark_len;
	kit_reply_free(&r);
	return page.count;
}

/* All of the space and of no other, in order, page by page. */
static void
test_pages(void)
{
	struct target t;
	bool more;

	one_begin();
	fill();
	NEED(kit_start(&kit));
	t = kit_target(&space, TARGET_BLOB_LIST);
	CHECK(names_page(&t, 0, &more) == MSG_LIST_MAX && more);
	CHECK(names_page(&t, MSG_LIST_MAX, &more) == MSG_LIST_MAX && more);
	CHECK(names_page(&t, 2 * MSG_LIST_MAX, &more) == 10 && !more);
	CHECK(names_page(&t, 0, &more) == 0 && !more && t.mark_len == 0);
	/* a mark need not be there; nor anything above it */
	memset(t.mark, 0xff, 32);
	t.mark[0] = 0;
	t.mark_len = 32;
	CHECK(names_page(&t, 256, &more) == MSG_LIST_MAX && more);
	memset(t.mark, 0xff, 32);
	CHECK(names_page(&t, 0, &more) == 0 && !more);
	/* what is deleted is not named any more */
	t = kit_target(&space, TARGET_BLOB_DELETE);
	name_of(0, t.name);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	t = kit_target(&space, TARGET_BLOB_LIST);
	CHECK(names_page(&t, 1, &more) == MSG_LIST_MAX && more);
	one_end();
}

/* Who may ask, and how. */
static void
test_refused(void)
{
	static const char *const paths[] = {
		"blobs?mark=00", "blobs?max=64", "blobs?mark=", "blobs/"
	};
	struct kit_bend b = { 0 };
	struct kit_space other;
	struct signkey *wrong = kit_key();
	struct target t;
	char line[400], hex[65] = "";

	one_begin();
	NEED(one_up());
	kit_space_init(&other);
	t = kit_target(&space, TARGET_BLOB_LIST);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	b.key = wrong;
	CHECK(kit_call(&kit, &space, &t, NULL, 0, &b, NULL) == 401);
	t = kit_target(&other, TARGET_BLOB_LIST);
	CHECK(kit_call(&kit, &other, &t, NULL, 0, NULL, NULL) == 401);
	/* a mark is a name */
	t = kit_target(&space, TARGET_BLOB_LIST);
	for (t.mark_len = 1; t.mark_len <= TARGET_MARK_MAX; t.mark_len++)
		CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) ==
		    (t.mark_len == 32 ? 200 : 400));
	hex_text(space.locator, 32, hex);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int status;

		(void)snprintf(line, sizeof(line), "GET /v1/spaces/%s/%s "
		    "HTTP/1.1\r\nHost: x\r\n\r\n", hex, paths[i]);
		status = kit_raw(&kit, line);
		CHECK(status >= 400 && status < 500);
	}
	kit_space_free(&other);
	signkey_free(wrong);
	one_end();
}

TESTS(
    { "pages", test_pages },
    { "refused", test_refused },
)

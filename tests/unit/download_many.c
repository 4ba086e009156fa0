/* Many contents at once: downloaded together, and fetched ahead. */
#include "sync/ahead.h"

#include "blob_fix.h"

#define MANY 40

struct many {
	struct fix *f;
	struct content c[MANY];
	struct buf data[MANY];
	struct buf out[MANY];
	int given, ended;
	enum zk_err r[MANY];
};

static enum zk_err
many_next(void *arg, struct download_item *it)
{
	struct many *m = arg;

	if (m->given == MANY)
		return ZK_ENOENT;
	it->c = &m->c[m->given];
	it->out = &m->out[m->given];
	it->cookie = &m->r[m->given];
	m->given++;
	return ZK_OK;
}

static enum zk_err
many_done(void *arg, const struct download_item *it, enum zk_err r)
{
	struct many *m = arg;

	*(enum zk_err *)it->cookie = r;
	m->ended++;
	return ZK_OK;
}

/* Many short files to memory: their transfers overlap; one bad one fails
 * alone. */
static void
test_many(void)
{
	struct many *m = calloc(1, sizeof(*m));
	struct download_many dm = { many_next, many_done, m };
	struct download_stats st;
	struct download *d = NULL;
	struct upload *u = NULL;
	uint8_t *p = malloc(300000);
	struct fix f;

	NEED(m != NULL && p != NULL && fix_init(&f, 8, NULL));
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	for (size_t i = 0; i < MANY; i++) {
		size_t n = i % 5 == 0 ? 104 : 40000 + i * 6000;

		fix_fill(p, n, 100 + i);
		buf_init(&m->data[i], UPLOAD_DATA_MAX);
		buf_init(&m->out[i], MIB);
		NEED(upload_bytes(u, p, n, NULL, &m->data[i], &m->c[i]) == ZK_OK);
	}
	CHECK(upload_flush(u) == ZK_OK);
	upload_free(u);
	lie_fake_forget(f.fake, 'b', 2);
	NEED(download_new(&f.dlo, &d) == ZK_OK);
	CHECK(download_many(d, &dm) == ZK_OK);
	CHECK(m->ended == MANY);
	download_stats(d, &st);
	CHECK(st.max_inflight >= 4);
	for (size_t i = 0, bad = 0; i < MANY; i++) {
		size_t n = (size_t)m->c[i].size;

		fix_fill(p, n, 100 + i);
		if (m->r[i] == ZK_OK)
			CHECK(m->out[i].len == n &&
			    memcmp(m->out[i].data, p, n) == 0);
		else
			CHECK(m->r[i] == ZK_EGAP && ++bad == 1);
		buf_release(&m->data[i]);
		buf_release(&m->out[i]);
	}
	download_free(d);
	free(m);
	free(p);
	fix_release(&f, true);
}

static enum zk_err
ahead_content(void *arg, uint64_t key, struct content *c, struct buf *data)
{
	struct many *m = arg;
	enum zk_err r;

	m->given++;
	if (key >= MANY)
		return ZK_ETAMPER;
	r = buf_put(data, m->data[key].data, m->data[key].len);
	*c = m->c[key];
	c->data = data->data;
	return r;
}

/* Contents asked for one by one come from windows fetched ahead. */
static void
test_ahead(void)
{
	struct many *m = calloc(1, sizeof(*m));
	struct ahead_opts ao = { .content = ahead_content, .arg = m };
	struct download_stats st;
	struct ahead *a = NULL;
	struct upload *u = NULL;
	uint8_t *p = malloc(800000);
	struct buf out;
	struct fix f;

	NEED(m != NULL && p != NULL && fix_init(&f, 13, NULL));
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	for (size_t i = 0; i < MANY; i++) {
		fix_fill(p, 800000, i);
		buf_init(&m->data[i], UPLOAD_DATA_MAX);
		NEED(upload_bytes(u, p, 800000, NULL, &m->data[i], &m->c[i]) ==
		    ZK_OK);
	}
	NEED(upload_flush(u) == ZK_OK);
	upload_free(u);
	NEED(chunkdb_drop_remote(f.db, 1) == ZK_OK);
	NEED(download_new(&f.dlo, &ao.d) == ZK_OK);
	NEED(ahead_new(&ao, &a) == ZK_OK);
	buf_init_secret(&out, MIB);
	CHECK(ahead_get(a, 0, &out) == ZK_ENOENT);
	for (uint64_t i = 0; i < MANY; i++)
		CHECK(ahead_add(a, i == 7 ? 1000 : i, 800000) == ZK_OK);
	for (uint64_t i = 0; i < MANY; i++) {
		if (i % 9 == 4)
			continue;	/* not wanted after all */
		if (i == 7) {
			CHECK(ahead_get(a, 1000, &out) == ZK_ETAMPER);
			continue;
		}
		fix_fill(p, 800000, i);
		CHECK(ahead_get(a, i, &out) == ZK_OK);
		CHECK(out.len == 800000 && memcmp(out.data, p, 800000) == 0);
	}
	/* each was looked up once, several were in flight */
	CHECK(m->given <= MANY);
	download_stats(ao.d, &st);
	CHECK(st.max_inflight >= 4 && st.max_held <= DOWNLOAD_FLIGHT);
	CHECK(ahead_get(a, 3, &out) == ZK_ENOENT);
	ahead_reset(a);
	CHECK(ahead_get(a, MANY - 1, &out) == ZK_ENOENT);
	ahead_free(a);
	download_free(ao.d);
	for (size_t i = 0; i < MANY; i++)
		buf_release(&m->data[i]);
	buf_release(&out);
	free(m);
	free(p);
	fix_release(&f, true);
}

TESTS(
    { "many", test_many },
    { "ahead", test_ahead },
)

/* Conformance of transports: records, blobs, deleting, mailboxes. */
#include "tests/unit/transport_conform.h"

#include "crypto/rand.h"

/* Records. */

struct names {
	uint8_t name[64][32];
	size_t n;
};

static enum zk_err
take_name(void *arg, const uint8_t name[static 32])
{
	struct names *l = arg;

	if (l->n < 64)
		memcpy(l->name[l->n++], name, 32);
	return ZK_OK;
}

static void
case_records(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct names names = { .n = 0 };
	struct tmark mark = { 0 };
	uint8_t name[20][32];
	struct buf out;
	char text[32];
	size_t seen = 0;

	NEED(t != NULL);
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 20; i++) {
		int n = snprintf(text, sizeof(text), "record %d", i);

		hash_bytes(LABEL_HASH_RECORD, text, (size_t)n, name[i]);
		CHECK(transport_rec_put(t, name[i], text, (size_t)n) ==
		    ZK_OK);
		CHECK(transport_rec_put(t, name[i], text, (size_t)n) ==
		    ZK_OK);
	}
	CHECK(transport_rec_list(t, &mark, take_name, &names) == ZK_OK);
	CHECK(names.n == 20);
	for (size_t i = 0; i < 20; i++)
		for (size_t k = 0; k < names.n; k++)
			seen += memcmp(name[i], names.name[k], 32) == 0;
	CHECK(seen == 20);
	CHECK(transport_rec_get(t, name[7], &out) == ZK_OK);
	CHECK(out.len == 8 && memcmp(out.data, "record 7", 8) == 0);
	memset(name[0], 0x55, 32);
	buf_reset(&out);
	CHECK(transport_rec_get(t, name[0], &out) == ZK_ENOENT);
	CHECK(out.len == 0);
	buf_release(&out);
	transport_free(t);
}

/* Blobs. */

static void
case_blob(struct fix *f)
{
	struct transport *t = fix_begin(f);
	uint8_t data[5000];
	uint8_t names[2][32];
	bool missing[2] = { false, true };
	struct fix_blob b;

	NEED(t != NULL);
	memset(data, 7, sizeof(data));
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_ENOENT);
	buf_release(&b.x.body);
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(b.times == 1 && transport_inflight(t) == 0);
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(b.x.body.len == sizeof(data) &&
	    memcmp(b.x.body.data, data, sizeof(data)) == 0);
	memset(names[0], 0x11, 32);
	memcpy(names[1], b.x.name, 32);
	CHECK(transport_missing(t, (const uint8_t (*)[32])names, 2,
	    missing) == ZK_OK);
	CHECK(missing[0] && !missing[1]);
	buf_release(&b.x.body);
	transport_free(t);
}

/* Nobody can take a name with other bytes. */
static void
case_blob_wrong(struct fix *f)
{
	struct transport *t = fix_begin(f);
	uint8_t data[5000];
	struct fix_blob b;
	enum zk_err r;

	NEED(t != NULL);
	memset(data, 7, sizeof(data));
	fix_blob(&b, true, data, sizeof(data));
	b.x.name[0] ^= 1;
	r = fix_xfer(t, &b);
	if (f->kind != FIX_FOLDER)
		CHECK(r == ZK_EREFUSED);
	fix_blob(&b, false, data, sizeof(data));
	b.x.name[0] ^= 1;
	r = fix_xfer(t, &b);
	CHECK(r == (f->kind == FIX_FOLDER ? ZK_ETAMPER : ZK_ENOENT));
	CHECK(b.x.body.len == 0);
	buf_release(&b.x.body);
	transport_free(t);
}

/* A blob longer than its reader expects is not taken in. */
static void
case_blob_long(struct fix *f)
{
	struct transport *t = fix_begin(f);
	uint8_t data[5000];
	struct fix_blob b;
	enum zk_err r;

	NEED(t != NULL);
	memset(data, 7, sizeof(data));
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	fix_blob(&b, false, data, sizeof(data));
	buf_init(&b.x.body, sizeof(data) - 1);
	r = fix_xfer(t, &b);
	CHECK(r == ZK_ETAMPER || r == ZK_ELIMIT);
	CHECK(b.x.body.len == 0);
	buf_release(&b.x.body);
	transport_free(t);
}

#define MANY 48

static void
many(struct transport *t, bool put, uint8_t *data, size_t len)
{
	struct fix_blob *b = calloc(MANY, sizeof(*b));
	size_t most = 0;

	NEED(b != NULL);
	for (size_t i = 0; i < MANY; i++) {
		fix_blob(&b[i], put, data + i * len, len);
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
		if (transport_inflight(t) > most)
			most = transport_inflight(t);
		if (transport_inflight(t) < 16)
			continue;
		CHECK(transport_wait(t, SIZE_MAX - 1, 0) == ZK_OK);
		CHECK(transport_wait(t, 15, 30000) == ZK_OK);
	}
	CHECK(transport_wait(t, 0, 30000) == ZK_OK);
	CHECK(most == 16);
	for (size_t i = 0; i < MANY; i++) {
		CHECK(b[i].times == 1 && b[i].r == ZK_OK);
		if (!put)
			CHECK(b[i].x.body.len == len &&
			    memcmp(b[i].x.body.data, data + i * len,
			    len) == 0);
		buf_release(&b[i].x.body);
	}
	free(b);
}

static void
case_blobs(struct fix *f)
{
	struct transport *t = fix_begin(f);
	size_t len = 100000;
	uint8_t *data = malloc(MANY * len);
	uint8_t names[MANY][32];
	bool missing[MANY];
	size_t n = 0;

	NEED(t != NULL && data != NULL);
	rand_bytes(env_posix(), data, MANY * len);
	many(t, true, data, len);
	many(t, false, data, len);
	for (size_t i = 0; i < MANY; i++)
		hash_bytes(LABEL_HASH_BLOB, data + i * len, len, names[i]);
	CHECK(transport_missing(t, (const uint8_t (*)[32])names, MANY,
	    missing) == ZK_OK);
	for (size_t i = 0; i < MANY; i++)
		n += missing[i];
	CHECK(n == 0);
	free(data);
	transport_free(t);
}

/* Other calls while blobs are on their way. */
static void
case_mixed(struct fix *f)
{
	struct transport *t = fix_begin(f);
	size_t len = 300000;
	uint8_t *data = malloc(4 * len);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	enum tseg_result res[3];
	struct fix_blob b[4];
	struct fix_log a;

	NEED(t != NULL && data != NULL);
	NEED(fix_log(&a, 3, 1));
	rand_bytes(env_posix(), data, 4 * len);
	for (size_t i = 0; i < 4; i++) {
		fix_blob(&b[i], true, data + i * len, len);
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
	}
	CHECK(transport_append(t, a.seg, 3, res) == ZK_OK);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 3);
	CHECK(transport_wait(t, 0, 30000) == ZK_OK);
	for (size_t i = 0; i < 4; i++)
		CHECK(b[i].times == 1 && b[i].r == ZK_OK);
	free(data);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_largest(struct fix *f)
{
	struct transport *t = fix_begin(f);
	size_t len = 4u * 1024 * 1024 + 1024;
	uint8_t *data = malloc(len);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	enum tseg_result res[1];
	struct fix_blob b;
	struct fix_log a;

	NEED(t != NULL && data != NULL);
	memset(data, 9, len);
	fix_blob(&b, true, data, len);
	CHECK(fix_xfer(t, &b) == ZK_OK);
	fix_blob(&b, false, data, len);
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(b.x.body.len == len);
	buf_release(&b.x.body);
	NEED(fix_log(&a, 0, 0));
	NEED(fix_seg(&a, SEGHDR_BODY_MAX, 1));
	CHECK(transport_append(t, a.seg, 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 1 && !got.damaged);
	fix_log_release(&a);
	free(data);
	transport_free(t);
}

static void
case_missing_many(struct fix *f)
{
	struct transport *t = fix_begin(f);
	uint8_t (*names)[32] = calloc(4096, 32);
	bool *missing = calloc(4096, sizeof(*missing));
	size_t n = 0;

	NEED(t != NULL && names != NULL && missing != NULL);
	rand_bytes(env_posix(), names, 4096 * 32);
	CHECK(transport_missing(t, (const uint8_t (*)[32])names, 4096,
	    missing) == ZK_OK);
	for (size_t i = 0; i < 4096; i++)
		n += missing[i];
	CHECK(n == 4096);
	free(names);
	free(missing);
	transport_free(t);
}

static void
case_cancel(struct fix *f)
{
	struct transport *t = fix_begin(f);
	size_t len = 2000000;
	uint8_t *data = malloc(len);
	struct fix_blob b[20];

	NEED(t != NULL && data != NULL);
	rand_bytes(env_posix(), data, len);
	for (size_t i = 0; i < 20; i++) {
		fix_blob(&b[i], true, data, len - i);
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
	}
	transport_cancel(t);
	CHECK(transport_inflight(t) == 0);
	for (size_t i = 0; i < 20; i++)
		CHECK(b[i].times == 1 &&
		    (b[i].r == ZK_ESIGNAL || b[i].r == ZK_OK));
	/* and it goes on working */
	fix_blob(&b[0], true, data, 1000);
	CHECK(fix_xfer(t, &b[0]) == ZK_OK);
	free(data);
	transport_free(t);
}

static void
case_delete(struct fix *f)
{
	struct transport *t = fix_begin(f);
	uint8_t data[3000] = { 1 };
	struct fix_got got = { 0 };
	enum tseg_result res[3];
	struct fix_blob b;
	struct fix_log a;

	NEED(t != NULL);
	NEED(fix_log(&a, 3, 1));
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(transport_blob_delete(t, b.x.name) == ZK_OK);
	CHECK(transport_blob_delete(t, b.x.name) == ZK_OK);
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_ENOENT);
	buf_release(&b.x.body);
	CHECK(transport_seg_delete(t, a.seg[0].log, 1) == ZK_OK);
	NEED(transport_append(t, a.seg, 2, res) == ZK_OK);
	CHECK(transport_seg_delete(t, a.seg[0].log, 1) == ZK_OK);
	CHECK(transport_seg_delete(t, a.seg[0].log, 1) == ZK_OK);
	CHECK(transport_read_at(t, a.seg[0].log, 1, fix_take, &got) ==
	    ZK_ENOENT);
	CHECK(transport_read_at(t, a.seg[0].log, 2, fix_take, &got) ==
	    ZK_OK);
	NEED(transport_append(t, &a.seg[2], 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED);
	fix_log_release(&a);
	transport_free(t);
}

/* Rendezvous: two transports that know neither space nor keys. */

static void
case_rendezvous(struct fix *f)
{
	struct transport *a = fix_begin(f);
	struct transport *b = NULL;
	struct transport_opts full = f->opts;
	struct trv ra = { .side = 0, .id = { 1 } };
	struct trv rb = { .side = 1, .id = { 2 } };
	struct trv rc = { .side = 1, .id = { 3 } };
	struct buf out;

	buf_init(&out, 65536);
	f->opts.locator = NULL;
	f->opts.space = NULL;
	f->opts.request = NULL;
	b = fix_open(f);
	f->opts = full;
	NEED(a != NULL && b != NULL);
	NEED(transport_rv_claim(a, &ra) == ZK_OK);
	CHECK(ra.plate > 0 && ra.plate < 1000000);
	CHECK(transport_rv_claim(a, &ra) == ZK_OK);
	rb.plate = rc.plate = ra.plate;
	CHECK(transport_rv_claim(b, &rb) == ZK_OK);
	CHECK(transport_rv_claim(b, &rb) == ZK_OK);
	CHECK(transport_rv_claim(b, &rc) == ZK_EEXIST);
	CHECK(transport_rv_get(a, &ra, 0, 200, &out) == ZK_ETIMEDOUT);
	CHECK(transport_rv_put(b, &rb, 0, "from b", 6) == ZK_OK);
	CHECK(transport_rv_put(b, &rb, 0, "from b", 6) == ZK_OK);
	CHECK(transport_rv_get(a, &ra, 0, 2000, &out) == ZK_OK);
	CHECK(out.len == 6 && memcmp(out.data, "from b", 6) == 0);
	CHECK(transport_rv_put(a, &ra, 0, "from a", 6) == ZK_OK);
	CHECK(transport_rv_put(a, &ra, 1, "more", 4) == ZK_OK);
	buf_reset(&out);
	CHECK(transport_rv_get(b, &rb, 1, 2000, &out) == ZK_OK);
	CHECK(out.len == 4 && memcmp(out.data, "more", 4) == 0);
	/* who holds no side speaks for none */
	CHECK(transport_rv_put(b, &rc, 1, "evil", 4) != ZK_OK);
	/* what a side sent stays until the other is done, too */
	CHECK(transport_rv_put(b, &rb, 1, "end", 3) == ZK_OK);
	CHECK(transport_rv_close(b, &rb) == ZK_OK);
	buf_reset(&out);
	CHECK(transport_rv_get(a, &ra, 1, 2000, &out) == ZK_OK);
	CHECK(out.len == 3 && memcmp(out.data, "end", 3) == 0);
	CHECK(transport_rv_close(a, &ra) == ZK_OK);
	CHECK(transport_rv_close(a, &ra) == ZK_OK);
	CHECK(transport_rv_get(b, &rb, 2, 200, &out) == ZK_EEXPIRED);
	CHECK(transport_rv_claim(b, &rb) == ZK_EEXPIRED);
	buf_release(&out);
	transport_free(a);
	transport_free(b);
}

static void
case_rendezvous_unknown(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct trv rv = { .side = 1, .plate = 987654, .id = { 1 } };

	NEED(t != NULL);
	CHECK(transport_rv_claim(t, &rv) == ZK_EEXPIRED);
	transport_free(t);
}

static void
case_pin(struct fix *f)
{
	struct transport *t = fix_begin(f);
	char pin[64];

	NEED(t != NULL);
	CHECK(transport_pin(t, pin, sizeof(pin)) == ZK_OK);
	if (f->kind == FIX_TLS)
		CHECK(strstr(f->url, pin) != NULL && strlen(pin) == 52);
	else
		CHECK(pin[0] == '\0');
	transport_free(t);
}

#define CASES(X)                                                             \
	X(records) X(blob) X(blob_wrong) X(blob_long) X(blobs) X(mixed)      \
	X(largest) X(missing_many) X(cancel) X(delete) X(rendezvous)         \
	X(rendezvous_unknown) X(pin)

CASES(CONFORM_DEFINE)

TESTS(
    CASES(CONFORM_ENTRY)
)

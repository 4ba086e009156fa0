/* The upload pipeline against a remote in memory. */
#include "format/filehash.h"
#include "format/manifest.h"

#include "blob_fix.h"

/* Content of every size comes back as it was; small content is inline. */
static void
test_sizes(void)
{
	static const size_t len[] = { 0, 1, 100, 32767, 32768, 32769, 65536,
	    262144, 1048575, 1048576, 1048577, 4190208, 9000000 };
	uint8_t *p = malloc(9000000);
	struct fix f;
	int fd;

	NEED(p != NULL && fix_init(&f, 1, NULL));
	fix_fill(p, 9000000, 1);
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		NEED(fix_push(&f, p, len[i], NULL, NULL) == ZK_OK);
		CHECK(f.c.size == len[i]);
		CHECK(f.c.form == (len[i] <= 32768 ? CONTENT_INLINE :
		    CONTENT_MANIFEST));
		CHECK(f.c.data_len <= UPLOAD_DATA_MAX);
		CHECK(fix_pull(&f, &fd, NULL) == ZK_OK);
		CHECK(fix_same(fd, p, len[i]));
		close(fd);
	}
	/* text packs into an op where random bytes do not */
	memset(p, 'x', 200000);
	NEED(fix_push(&f, p, 200000, NULL, NULL) == ZK_OK);
	CHECK(f.c.form == CONTENT_INLINE && f.c.data_len < 200);
	CHECK(fix_back(&f, p, 200000));
	free(p);
	fix_release(&f, true);
}

/* R39: one byte inserted into 64 MiB: at most 3 new objects. */
static void
test_insert(void)
{
	size_t n = 64 * MIB;
	uint8_t *p = malloc(n + 1), root[UPLOAD_DATA_MAX];
	struct upload_stats st;
	struct content prev;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 2, NULL));
	fix_fill(p, n, 2);
	NEED(fix_push(&f, p, n, NULL, &st) == ZK_OK);
	CHECK(st.sent > 40 && st.sent_bytes >= n);
	prev = fix_keep(&f, root);
	memmove(p + n / 3 + 1, p + n / 3, n - n / 3);
	NEED(fix_push(&f, p, n + 1, &prev, &st) == ZK_OK);
	CHECK(st.sent >= 1 && st.sent <= 3);
	CHECK(memcmp(prev.hash, f.c.hash, CONTENT_HASH_LEN) != 0);
	/* unchanged: nothing travels, the content is the same to the byte */
	prev = fix_keep(&f, root);
	NEED(fix_push(&f, p, n + 1, &prev, &st) == ZK_OK);
	CHECK(st.sent == 0);
	CHECK(f.c.data_len == prev.data_len &&
	    memcmp(f.c.data, root, prev.data_len) == 0);
	free(p);
	fix_release(&f, true);
}

/* The pipeline holds what it may, and keeps several transfers going. */
static void
test_flight(void)
{
	size_t n = 48 * MIB;
	uint8_t *p = malloc(n);
	struct upload_stats st;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 3, NULL));
	fix_fill(p, n, 3);
	NEED(fix_push(&f, p, n, NULL, &st) == ZK_OK);
	CHECK(st.plain_bytes == n);
	CHECK(st.max_held <= UPLOAD_FLIGHT);
	CHECK(st.chunks >= 16 && st.max_inflight >= 4);
	CHECK(remote_fake_blobs(f.fake) == st.sent);
	free(p);
	fix_release(&f, true);
}

/* R37: two vaults with equal content share no object. */
static void
test_vaults(void)
{
	size_t n = 8 * MIB, blobs;
	uint8_t *p = malloc(n);
	struct upload_stats a, b;
	struct fix f, g;

	NEED(p != NULL && fix_init(&f, 4, NULL));
	fix_fill(p, n, 4);
	NEED(fix_init(&g, 5, f.fake));
	NEED(fix_push(&f, p, n, NULL, &a) == ZK_OK);
	blobs = remote_fake_blobs(f.fake);
	NEED(fix_push(&g, p, n, NULL, &b) == ZK_OK);
	CHECK(remote_fake_blobs(f.fake) == blobs + b.sent);
	CHECK(memcmp(f.c.hash, g.c.hash, CONTENT_HASH_LEN) != 0);
	free(p);
	fix_release(&g, false);
	fix_release(&f, true);
}

/*
 * I28: stopped at any point, a rerun sends the same objects, and none twice
 * but those that were in flight.
 */
static void
test_resume(void)
{
	size_t n = 20 * MIB;
	uint8_t *p = malloc(n);
	struct upload_stats st;
	struct upload *u;
	struct fix f;
	enum zk_err r;
	int left, fd, stops = 0;

	NEED(p != NULL);
	fix_fill(p, n, 6);
	for (int at = 0; at < 8; at++) {
		size_t before;

		NEED(fix_init(&f, 6, NULL));
		f.env.single = true;
		f.uo.stop = fix_stop_after;
		f.uo.arg = &left;
		left = at;
		fd = fix_file(p, n);
		u = NULL;
		r = upload_new(&f.uo, &u);
		if (r == ZK_OK)
			r = upload_file(u, fd, NULL, &f.data, &f.c);
		CHECK(r == ZK_OK || r == ZK_ESIGNAL);
		stops += r == ZK_ESIGNAL;
		upload_free(u);
		close(fd);
		f.uo.stop = NULL;
		before = remote_fake_blobs(f.fake);
		NEED(fix_push(&f, p, n, NULL, &st) == ZK_OK);
		/* no object was made twice */
		CHECK(remote_fake_blobs(f.fake) == st.chunks);
		CHECK(st.sent == st.chunks - before);
		CHECK(fix_pull(&f, &fd, NULL) == ZK_OK);
		CHECK(fix_same(fd, p, n));
		close(fd);
		fix_release(&f, true);
	}
	CHECK(stops > 2);
	free(p);
}

/* A remote that refuses or fails ends the upload with its code; a later
 * run completes it. */
static void
test_remote_fails(void)
{
	struct remote_fake_faults none = { 0 }, full = { .full = true },
	    down = { .down = true };
	size_t n = 6 * MIB;
	uint8_t *p = malloc(n);
	struct fix f;

	NEED(p != NULL && fix_init(&f, 7, NULL));
	fix_fill(p, n, 7);
	remote_fake_faults(f.fake, &full);
	CHECK(fix_push(&f, p, n, NULL, NULL) == ZK_EREMOTEFULL);
	remote_fake_faults(f.fake, &down);
	CHECK(fix_push(&f, p, n, NULL, NULL) == ZK_ENET);
	remote_fake_faults(f.fake, &none);
	CHECK(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	CHECK(fix_back(&f, p, n));
	free(p);
	fix_release(&f, true);
}

/* The same bytes twice in a file, and runs of zeros, are one object. */
static void
test_repeats(void)
{
	size_t n = 40 * MIB;
	uint8_t *p = calloc(1, n);
	struct upload_stats st;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 8, NULL));
	fix_fill(p + 24 * MIB, 5 * MIB, 8);
	NEED(fix_push(&f, p, n, NULL, &st) == ZK_OK);
	CHECK(st.sent < 16);
	CHECK(fix_back(&f, p, n));
	free(p);
	fix_release(&f, true);
}

/* A sparse file gives what the same file without holes gives; 100 GiB of
 * holes take no time. */
static void
test_sparse(void)
{
	size_t n = 40 * MIB;
	uint8_t *p = calloc(1, n);
	uint8_t hash[CONTENT_HASH_LEN];
	struct upload *u = NULL;
	struct fix f;
	struct stat st;
	int64_t start;
	int fd, got;

	NEED(p != NULL && fix_init(&f, 9, NULL));
	fix_fill(p + 12 * MIB, MIB, 9);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	memcpy(hash, f.c.hash, sizeof(hash));
	fd = fix_file(NULL, 0);
	NEED(ftruncate(fd, (off_t)n) == 0);
	NEED(pwrite(fd, p + 12 * MIB, MIB, 12 * MIB) == MIB);
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	CHECK(upload_file(u, fd, NULL, &f.data, &f.c) == ZK_OK);
	CHECK(memcmp(hash, f.c.hash, sizeof(hash)) == 0);
	CHECK(upload_flush(u) == ZK_OK);
	CHECK(fix_pull(&f, &got, NULL) == ZK_OK && fix_same(got, p, n));
	CHECK(fstat(got, &st) == 0 && st.st_blocks < 2 * MIB / 512);
	close(got);
	start = env_mono_ms(env_posix());
	NEED(ftruncate(fd, (off_t)100 << 30) == 0);
	CHECK(upload_file(u, fd, &f.c, &f.data, &f.c) == ZK_OK);
	CHECK(f.c.size == UINT64_C(100) << 30);
	CHECK(upload_flush(u) == ZK_OK);
	CHECK(fix_pull(&f, &got, NULL) == ZK_OK);
	CHECK(fstat(got, &st) == 0 && st.st_size == (off_t)100 << 30);
	CHECK(st.st_blocks < 8 * MIB / 512);
	CHECK(env_mono_ms(env_posix()) - start < 5000);
	close(got);
	upload_free(u);
	close(fd);
	free(p);
	fix_release(&f, true);
}

struct changer {
	int fd;
	int left;
};

static bool
change_it(void *arg)
{
	struct changer *c = arg;

	if (--c->left == 0)
		(void)!pwrite(c->fd, "x", 1, 0);
	return false;
}

/* A file that changes while it is read is not recorded; the next one is. */
static void
test_changed(void)
{
	size_t n = 12 * MIB;
	uint8_t *p = malloc(n);
	struct upload *u = NULL;
	struct changer c = { -1, 3 };
	struct fix f;

	NEED(p != NULL && fix_init(&f, 10, NULL));
	fix_fill(p, n, 10);
	c.fd = fix_file(p, n);
	f.uo.stop = change_it;
	f.uo.arg = &c;
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	CHECK(upload_file(u, c.fd, NULL, &f.data, &f.c) == ZK_ECHANGED);
	CHECK(f.c.form == CONTENT_NONE && f.c.data == NULL);
	CHECK(upload_file(u, c.fd, NULL, &f.data, &f.c) == ZK_OK);
	CHECK(upload_flush(u) == ZK_OK);
	p[0] = 'x';
	CHECK(fix_back(&f, p, n));
	upload_free(u);
	close(c.fd);
	free(p);
	fix_release(&f, true);
}

/* upload_hash agrees with upload_file, for each form. */
static void
test_hash(void)
{
	static const size_t len[] = { 0, 5, 40000, 1048576, 1048577,
	    7000000 };
	uint8_t *p = malloc(7000000), h[CONTENT_HASH_LEN];
	struct upload *u = NULL;
	struct fix f;
	uint64_t size;

	NEED(p != NULL && fix_init(&f, 11, NULL));
	fix_fill(p, 7000000, 11);
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		int fd = fix_file(p, len[i]);

		CHECK(upload_hash(u, fd, NULL, &size, h) == ZK_OK);
		CHECK(size == len[i]);
		CHECK(upload_file(u, fd, NULL, &f.data, &f.c) == ZK_OK);
		CHECK(memcmp(h, f.c.hash, sizeof(h)) == 0);
		CHECK(upload_bytes(u, p, len[i], NULL, &f.data, &f.c) ==
		    ZK_OK);
		CHECK(memcmp(h, f.c.hash, sizeof(h)) == 0);
		close(fd);
	}
	CHECK(upload_flush(u) == ZK_OK);
	upload_free(u);
	free(p);
	fix_release(&f, true);
}

static struct key *old_cut;

static enum zk_err
find_old(void *arg, const uint8_t *id, const struct key **out)
{
	(void)arg;
	*out = old_cut;
	return id[0] == 12 ? ZK_OK : ZK_ENOENT;
}

/* A file keeps the key it was cut with when the vault moves on. */
static void
test_keeps_key(void)
{
	size_t n = 16 * MIB;
	uint8_t *p = malloc(n), raw[KEY_LEN] = { 99 };
	uint8_t root[UPLOAD_DATA_MAX], id[CUT_ID_LEN] = { 13 };
	struct upload_stats st;
	struct manifest_head head;
	struct content prev;
	struct key *k = NULL;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 12, NULL));
	NEED(key_import(KEY_PRF, raw, &k) == ZK_OK);
	fix_fill(p, n, 12);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	prev = fix_keep(&f, root);
	old_cut = f.cut;
	f.uo.cut = k;
	f.uo.cut_id = id;
	f.uo.cut_find = find_old;
	p[0] ^= 1;
	NEED(fix_push(&f, p, n, &prev, &st) == ZK_OK);
	CHECK(st.sent == 1);
	CHECK(manifest_peek(f.c.data, f.c.data_len, &head) == ZK_OK);
	CHECK(head.cut_id[0] == 12);
	/* a new file is cut with the new one */
	NEED(fix_push(&f, p, n, NULL, &st) == ZK_OK);
	CHECK(manifest_peek(f.c.data, f.c.data_len, &head) == ZK_OK);
	CHECK(head.cut_id[0] == 13 && st.sent > 5);
	key_free(k);
	free(p);
	fix_release(&f, true);
}

/* Another remote gets the same objects: from the file, or from the first. */
static void
test_copy(void)
{
	size_t n = 12 * MIB;
	uint8_t *p = malloc(n);
	struct remote_fake *second = NULL;
	struct transport *t2 = NULL;
	struct upload_source src = { .fd = -1 };
	struct upload *u = NULL;
	struct fix f;
	uint64_t sent;
	int fd;

	NEED(p != NULL && fix_init(&f, 14, NULL));
	fix_fill(p, n, 14);
	NEED(fix_second(&f, &second, &t2));
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	f.uo.remote = t2;
	f.uo.remote_id = 2;
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	/* no source at all */
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_EGAP);
	upload_free(u);
	u = NULL;
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	fd = fix_file(p, n);
	src.fd = fd;
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK && sent > 3);
	CHECK(remote_fake_blobs(second) == remote_fake_blobs(f.fake));
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK && sent == 0);
	/* what the remote lost comes back, from the other remote too */
	lie_fake_forget(second, 'b', 1);
	lie_fake_forget(second, 'b', 2);
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK && sent == 0);
	src.ask = true;
	src.fd = -1;
	src.from = &f.t;
	src.from_n = 1;
	src.later = true;
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK);
	CHECK(upload_flush(u) == ZK_OK);
	CHECK(remote_fake_blobs(second) == remote_fake_blobs(f.fake));
	upload_free(u);
	close(fd);
	f.remote.t = t2;
	CHECK(fix_back(&f, p, n));
	transport_free(t2);
	remote_fake_free(second);
	free(p);
	fix_release(&f, true);
}

/* Recorded without a remote, sent later from the file. */
static void
test_outbox(void)
{
	size_t n = 12 * MIB;
	uint8_t *p = malloc(n);
	struct upload_source src = { .fd = -1 };
	struct upload *u = NULL;
	struct fix f;
	uint64_t sent;

	NEED(p != NULL && fix_init(&f, 15, NULL));
	fix_fill(p, n, 15);
	f.uo.remote = NULL;
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	CHECK(remote_fake_blobs(f.fake) == 0);
	f.uo.remote = f.t;
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	src.fd = fix_file(p, n);
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK);
	CHECK(sent > 3 && remote_fake_blobs(f.fake) == sent);
	upload_free(u);
	close(src.fd);
	CHECK(fix_back(&f, p, n));
	free(p);
	fix_release(&f, true);
}

static enum zk_err
count_alias(void *arg, const struct chunk_ref *ref)
{
	unsigned *n = arg;

	(void)ref;
	++*n;
	return ZK_OK;
}

/*
 * A chunk that another compressor made comes out under another name.  Where
 * that is, is told again as long as the recorded one is nowhere: an earlier
 * run may have ended before it was said.
 */
static void
test_alias_again(void)
{
	size_t n = 12 * MIB;
	uint8_t *p = malloc(n), *at = NULL;
	struct upload_source src = { .fd = -1, .ask = true };
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	struct upload *u = NULL;
	unsigned told = 0;
	struct fix f;
	uint64_t sent;

	NEED(p != NULL && fix_init(&f, 16, NULL));
	fix_fill(p, n, 16);
	f.uo.remote = NULL;
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	NEED(manifest_reader_new(f.c.data, f.c.data_len, NULL, NULL, &m) ==
	    ZK_OK && manifest_next(m, &e) == ZK_OK);
	manifest_reader_free(m);
	at = memmem(f.c.data, f.c.data_len, e.ref.name, sizeof(e.ref.name));
	NEED(at != NULL);
	at[0] ^= 1;
	f.uo.remote = f.t;
	f.uo.alias = count_alias;
	f.uo.arg = &told;
	src.fd = fix_file(p, n);
	for (unsigned run = 1; run <= 2; run++) {
		NEED(upload_new(&f.uo, &u) == ZK_OK);
		CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK);
		CHECK(run == 1 ? sent > 3 : sent == 0);
		CHECK(told == run);
		upload_free(u);
	}
	close(src.fd);
	chunk_ref_wipe(&e.ref);
	free(p);
	fix_release(&f, true);
}

TESTS(
    { "sizes", test_sizes },
    { "insert", test_insert },
    { "flight", test_flight },
    { "vaults", test_vaults },
    { "resume", test_resume },
    { "remote_fails", test_remote_fails },
    { "repeats", test_repeats },
    { "sparse", test_sparse },
    { "changed", test_changed },
    { "hash", test_hash },
    { "keeps_key", test_keeps_key },
    { "copy", test_copy },
    { "outbox", test_outbox },
    { "alias_again", test_alias_again },
)

/* The download pipeline: sources, damage, resuming. */
#include "format/filehash.h"
#include "format/manifest.h"

#include "blob_fix.h"

/* R01, R03: one flipped bit in one blob: named, 22, the rest is intact. */
static void
test_tampered(void)
{
	size_t n = 6 * MIB, blobs;
	uint8_t *p = malloc(n);
	struct fix f;
	int fd;

	NEED(p != NULL && fix_init(&f, 1, NULL));
	fix_fill(p, n, 1);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	blobs = remote_fake_blobs(f.fake);
	for (size_t i = 0; i < blobs; i++) {
		unsigned long logged = log_error_count();

		lie_fake_flip(f.fake, 'b', i, 12345 + i);
		CHECK(fix_pull(&f, &fd, NULL) == ZK_ETAMPER);
		CHECK(log_error_count() == logged + 1);
		close(fd);
		lie_fake_flip(f.fake, 'b', i, 12345 + i);
	}
	CHECK(fix_back(&f, p, n));
	free(p);
	fix_release(&f, true);
}

static void
test_missing(void)
{
	size_t n = 6 * MIB;
	uint8_t *p = malloc(n);
	struct remote_fake_faults down = { .down = true };
	struct upload_stats st;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 2, NULL));
	fix_fill(p, n, 2);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	lie_fake_forget(f.fake, 'b', 1);
	CHECK(fix_fetch(&f) == ZK_EGAP);
	/* R25: now that it is known to be gone, it is sent again */
	CHECK(fix_push(&f, p, n, NULL, &st) == ZK_OK && st.sent == 1);
	CHECK(fix_back(&f, p, n));
	remote_fake_faults(f.fake, &down);
	CHECK(fix_fetch(&f) == ZK_ENET);
	free(p);
	fix_release(&f, true);
}

/* What one remote lost or damaged comes from the next. */
static void
test_second_remote(void)
{
	size_t n = 8 * MIB;
	uint8_t *p = malloc(n);
	struct remote_fake *second = NULL;
	struct download_remote both[2];
	struct upload_source src = { .fd = -1 };
	struct transport *t2 = NULL;
	struct upload *u = NULL;
	struct fix f;
	uint64_t sent;

	NEED(p != NULL && fix_init(&f, 3, NULL));
	fix_fill(p, n, 3);
	NEED(fix_second(&f, &second, &t2));
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	f.uo.remote = t2;
	f.uo.remote_id = 2;
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	src.from = &f.t;
	src.from_n = 1;
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK);
	upload_free(u);
	both[0] = (struct download_remote){ f.t, 1 };
	both[1] = (struct download_remote){ t2, 2 };
	f.dlo.remotes = both;
	f.dlo.remotes_n = 2;
	lie_fake_forget(f.fake, 'b', 0);
	lie_fake_flip(f.fake, 'b', 1, 99);
	lie_fake_flip(second, 'b', 3, 99);
	CHECK(fix_back(&f, p, n));
	/* damaged here, missing there: damage is what is told */
	lie_fake_forget(second, 'b', 2);
	CHECK(fix_fetch(&f) == ZK_ETAMPER);
	transport_free(t2);
	remote_fake_free(second);
	free(p);
	fix_release(&f, true);
}

/* A chunk that is nowhere under its name is found by its plaintext. */
static void
test_alias(void)
{
	size_t n = 100000;
	uint8_t *p = malloc(n), root[UPLOAD_DATA_MAX];
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	struct content first;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 4, NULL));
	fix_fill(p, n, 4);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	first = fix_keep(&f, root);
	NEED(manifest_reader_new(root, first.data_len, NULL, NULL, &m) ==
	    ZK_OK);
	NEED(manifest_next(m, &e) == ZK_OK);
	manifest_reader_free(m);
	NEED(chunkdb_forget(f.db, e.ref.name) == ZK_OK);
	lie_fake_forget(f.fake, 'b', 0);
	f.c = first;
	CHECK(fix_fetch(&f) == ZK_EGAP);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	f.c = first;
	CHECK(fix_back(&f, p, n));
	free(p);
	fix_release(&f, true);
}

/* A new version takes from the old one what did not change. */
static void
test_old_version(void)
{
	size_t n = 24 * MIB;
	uint8_t *p = malloc(n + 1), root[UPLOAD_DATA_MAX];
	struct download_item it = { 0 };
	struct download_stats st;
	struct download *d = NULL;
	struct content old;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 5, NULL));
	fix_fill(p, n, 5);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	old = fix_keep(&f, root);
	it.old = &old;
	it.old_fd = fix_file(p, n);
	memmove(p + n / 2 + 1, p + n / 2, n / 2);
	NEED(fix_push(&f, p, n + 1, &old, NULL) == ZK_OK);
	it.c = &f.c;
	it.fd = fix_file(NULL, 0);
	NEED(download_new(&f.dlo, &d) == ZK_OK);
	CHECK(download_file(d, &it) == ZK_OK);
	download_stats(d, &st);
	CHECK(fix_same(it.fd, p, n + 1));
	CHECK(st.fetched <= 2 && st.reused > n - 9 * MIB);
	close(it.fd);
	/* if the old file is not what it was, everything is fetched */
	NEED(ftruncate(it.old_fd, 0) == 0);
	it.fd = fix_file(NULL, 0);
	CHECK(download_file(d, &it) == ZK_OK && fix_same(it.fd, p, n + 1));
	close(it.fd);
	close(it.old_fd);
	download_free(d);
	free(p);
	fix_release(&f, true);
}

static enum zk_err
find_local(void *arg, const uint8_t *hash, uint32_t len, int *fd,
    uint64_t *off)
{
	(void)hash;
	(void)len;
	*fd = *(int *)arg;
	*off = 0;
	return ZK_OK;
}

/* A local copy is a hint: taken if its hash is right, else not. */
static void
test_local(void)
{
	size_t n = 200000;
	uint8_t *p = malloc(n);
	struct download_stats st;
	struct fix f;
	int fd, at;

	NEED(p != NULL && fix_init(&f, 6, NULL));
	fix_fill(p, n, 6);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	at = fix_file(p, n);
	f.dlo.local = find_local;
	f.dlo.arg = &at;
	CHECK(fix_pull(&f, &fd, &st) == ZK_OK && fix_same(fd, p, n));
	CHECK(st.fetched == 0 && st.reused == n);
	close(fd);
	NEED(pwrite(at, "?", 1, 5) == 1);
	CHECK(fix_pull(&f, &fd, &st) == ZK_OK && fix_same(fd, p, n));
	CHECK(st.fetched == 1 && st.reused == 0);
	close(fd);
	close(at);
	free(p);
	fix_release(&f, true);
}

/* Interrupted, a rerun keeps what was written and checked. */
static void
test_resume(void)
{
	size_t n = 24 * MIB;
	uint8_t *p = malloc(n);
	struct download_item it = { .old_fd = -1, .resume = true };
	struct download_stats a, b;
	struct download *d = NULL;
	struct fix f;
	int left, stops = 0;

	NEED(p != NULL && fix_init(&f, 7, NULL));
	fix_fill(p, n, 7);
	NEED(fix_push(&f, p, n, NULL, &(struct upload_stats){ 0 }) == ZK_OK);
	it.c = &f.c;
	f.env.single = true;
	f.dlo.arg = &left;
	for (int at = 0; at < 60; at += 6) {
		enum zk_err r;

		it.fd = fix_file(NULL, 0);
		f.dlo.stop = fix_stop_after;
		left = at;
		NEED(download_new(&f.dlo, &d) == ZK_OK);
		r = download_file(d, &it);
		CHECK(r == ZK_OK || r == ZK_ESIGNAL);
		stops += r == ZK_ESIGNAL;
		download_stats(d, &a);
		download_free(d);
		/* a torn write, as after a crash */
		(void)!pwrite(it.fd, "torn", 4, 3);
		f.dlo.stop = NULL;
		NEED(download_new(&f.dlo, &d) == ZK_OK);
		CHECK(download_file(d, &it) == ZK_OK);
		download_stats(d, &b);
		CHECK(fix_same(it.fd, p, n));
		/* all but the torn one and those in flight */
		CHECK(a.fetched_bytes <= b.kept + 5 * MIB + DOWNLOAD_FLIGHT);
		CHECK(b.kept + b.fetched_bytes >= n);
		CHECK(b.max_held <= DOWNLOAD_FLIGHT);
		download_free(d);
		close(it.fd);
	}
	CHECK(stops > 2);
	free(p);
	fix_release(&f, true);
}

/* R04, R05: an author's word that does not fit its chunks is refused. */
static void
test_lies(void)
{
	size_t n = 3 * MIB;
	uint8_t *p = malloc(n), root[UPLOAD_DATA_MAX];
	struct content v1;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 9, NULL));
	fix_fill(p, n, 9);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	v1 = f.c;
	memcpy(root, v1.data, v1.data_len);
	p[5] ^= 1;
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	/* the manifest of one version under the hash of another */
	f.c.data = root;
	f.c.data_len = v1.data_len;
	CHECK(fix_fetch(&f) == ZK_ETAMPER);
	memcpy(f.c.hash, v1.hash, sizeof(v1.hash));
	CHECK(fix_fetch(&f) == ZK_OK);
	f.c.size++;
	CHECK(fix_fetch(&f) == ZK_ETAMPER);
	f.c.size--;
	for (size_t cut = 0; cut < v1.data_len; cut += 7) {
		f.c.data_len = cut;
		CHECK(fix_fetch(&f) != ZK_OK);
	}
	/* inline bytes under a wrong hash */
	NEED(fix_push(&f, p, 100, NULL, NULL) == ZK_OK);
	f.c.hash[3] ^= 1;
	CHECK(fix_fetch(&f) == ZK_ETAMPER);
	free(p);
	fix_release(&f, true);
}

/*
 * A sparse file of 300 different chunks of CUT_MIN bytes: each ends with a
 * window that the key cuts behind.
 */
static int
many_chunks(const struct fix *f, off_t *len)
{
	uint8_t *p = malloc(4 * MIB);
	struct cutter *c = NULL;
	size_t at = 0;
	int fd = fix_file(NULL, 0);

	*len = 300 * (off_t)CUT_MIN;
	if (p != NULL && cut_new(f->cut, &c) == ZK_OK) {
		fix_fill(p, 4 * MIB, 1);
		at = cut_find(c, p, 4 * MIB);
	}
	for (off_t i = 0; at > CUT_WINDOW && i < 300; i++)
		if (pwrite(fd, &i, sizeof(i), i * CUT_MIN) != sizeof(i) ||
		    pwrite(fd, p + at - CUT_WINDOW, CUT_WINDOW,
		    (i + 1) * CUT_MIN - CUT_WINDOW) != CUT_WINDOW)
			break;
	cut_free(c);
	free(p);
	return fd;
}

/*
 * A file long enough for parts: they are checked, shared between versions,
 * and copied like chunks.
 */
static void
test_parts(void)
{
	struct remote_fake *second = NULL;
	struct upload_source src = { .fd = -1 };
	struct download_item it = { .c = NULL };
	struct manifest_head head;
	struct transport *t2 = NULL;
	struct upload_stats st;
	struct upload *u = NULL;
	struct download *d = NULL;
	uint8_t *p, root[UPLOAD_DATA_MAX];
	struct content old;
	struct fix f;
	uint64_t sent;
	off_t len;
	int fd, out;

	NEED(fix_init(&f, 12, NULL));
	fd = many_chunks(&f, &len);
	p = malloc((size_t)len);
	NEED(p != NULL);
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	NEED(upload_file(u, fd, NULL, &f.data, &f.c) == ZK_OK);
	CHECK(upload_flush(u) == ZK_OK);
	upload_stats(u, &st);
	CHECK(manifest_peek(f.c.data, f.c.data_len, &head) == ZK_OK);
	CHECK(st.chunks >= 301 && st.chunks < 310);
	CHECK(head.level == 1 && f.c.data_len < 1000);
	/* one changed chunk: it, and the part that names it */
	old = fix_keep(&f, root);
	NEED(pwrite(fd, "x", 1, 150 * (off_t)CUT_MIN + 9) == 1);
	sent = st.sent;
	NEED(upload_file(u, fd, &old, &f.data, &f.c) == ZK_OK);
	CHECK(upload_flush(u) == ZK_OK);
	upload_stats(u, &st);
	CHECK(st.sent - sent == 2);
	upload_free(u);
	/* another device: nothing is kept there; the old version is at hand */
	NEED(db_exec(f.db, "DELETE FROM chunk_part") == ZK_OK);
	NEED(download_new(&f.dlo, &d) == ZK_OK);
	it.c = &f.c;
	it.fd = out = fix_file(NULL, 0);
	it.old = &old;
	it.old_fd = fd;
	CHECK(download_file(d, &it) == ZK_OK);
	CHECK(download_check(d, &f.c, 0) == ZK_OK);
	download_free(d);
	CHECK(pread(fd, p, (size_t)len, 0) == (ssize_t)len);
	CHECK(fix_same(out, p, (size_t)len));
	free(p);
	/* all of it to another remote */
	NEED(fix_second(&f, &second, &t2));
	f.uo.remote = t2;
	f.uo.remote_id = 2;
	src.from = &f.t;
	src.from_n = 1;
	NEED(upload_new(&f.uo, &u) == ZK_OK);
	CHECK(upload_copy(u, &f.c, &src, &sent) == ZK_OK);
	CHECK(sent == remote_fake_blobs(second) && sent >= 301);
	upload_free(u);
	/* damage in any blob shows; parts are read from the remote again */
	NEED(db_exec(f.db, "DELETE FROM chunk_part") == ZK_OK);
	for (size_t i = 0; i < sent; i++)
		lie_fake_flip(second, 'b', i, 777);
	f.remote.t = t2;
	CHECK(fix_pull(&f, &out, NULL) == ZK_ETAMPER);
	close(out);
	close(it.fd);
	close(fd);
	transport_free(t2);
	remote_fake_free(second);
	fix_release(&f, true);
}

/* zk verify: every blob of one remote is looked at. */
static void
test_check(void)
{
	size_t n = 6 * MIB;
	uint8_t *p = malloc(n);
	struct download *d = NULL;
	unsigned long logged;
	struct fix f;

	NEED(p != NULL && fix_init(&f, 10, NULL));
	fix_fill(p, n, 10);
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	NEED(download_new(&f.dlo, &d) == ZK_OK);
	CHECK(download_check(d, &f.c, 0) == ZK_OK);
	lie_fake_flip(f.fake, 'b', 1, 4444);
	lie_fake_flip(f.fake, 'b', 2, 4444);
	logged = log_error_count();
	CHECK(download_check(d, &f.c, 0) == ZK_ETAMPER);
	CHECK(log_error_count() == logged + 2);
	download_free(d);
	free(p);
	fix_release(&f, true);
}

/* What another device sent is known after reading it: not sent again. */
static void
test_learns(void)
{
	size_t n = 6 * MIB;
	uint8_t *p = malloc(n);
	struct upload_stats st;
	struct fix f, g;

	NEED(p != NULL && fix_init(&f, 11, NULL));
	fix_fill(p, n, 11);
	NEED(fix_init(&g, 11, f.fake));
	NEED(fix_push(&f, p, n, NULL, NULL) == ZK_OK);
	g.c = f.c;
	CHECK(fix_back(&g, p, n));
	p[n - 1] ^= 1;
	NEED(fix_push(&g, p, n, &g.c, &st) == ZK_OK);
	CHECK(st.sent == 1);
	free(p);
	fix_release(&g, false);
	fix_release(&f, true);
}

TESTS(
    { "tampered", test_tampered },
    { "missing", test_missing },
    { "second_remote", test_second_remote },
    { "alias", test_alias },
    { "old_version", test_old_version },
    { "local", test_local },
    { "resume", test_resume },
    { "lies", test_lies },
    { "parts", test_parts },
    { "check", test_check },
    { "learns", test_learns },
)

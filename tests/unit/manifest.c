/* Manifests: round trips, sharing of parts, limits, malformed input. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "format/filehash.h"
#include "format/manifest.h"
#include "test.h"
#include "util/buf.h"

#define PARTS_MAX 20000

/* Parts as they would be stored, by name; no sealing. */
struct store {
	struct buf part[PARTS_MAX];
	uint8_t name[PARTS_MAX][32];
	size_t n;		/* different ones */
	size_t calls;
};

static struct store *
store_new(void)
{
	struct store *s = calloc(1, sizeof(*s));

	return crypto_init() == ZK_OK ? s : NULL;
}

static void
store_free(struct store *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_release(&s->part[i]);
	free(s);
}

static size_t
store_find(const struct store *s, const uint8_t *name)
{
	size_t i = 0;

	while (i < s->n && memcmp(s->name[i], name, 32) != 0)
		i++;
	return i;
}

static enum zk_err
emit(void *arg, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	struct store *s = arg;
	size_t i;

	s->calls++;
	(void)level;
	memcpy(ref->name, ref->hash, sizeof(ref->name));
	ref->plain_len = (uint32_t)n;
	ref->stored_len = 256;
	i = store_find(s, ref->name);
	if (i < s->n)
		return ZK_OK;
	if (i == PARTS_MAX)
		return ZK_ENOMEM;
	memcpy(s->name[i], ref->name, 32);
	buf_init(&s->part[i], MANIFEST_PART_MAX);
	s->n++;
	return buf_put(&s->part[i], plain, n);
}

static enum zk_err
fetch(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct store *s = arg;
	size_t i = store_find(s, ref->name);

	(void)level;
	if (i == s->n)
		return ZK_EGAP;
	buf_reset(plain);
	return buf_put(plain, s->part[i].data, s->part[i].len);
}

static struct key *
make_key(uint8_t seed)
{
	uint8_t raw[KEY_LEN];
	struct key *k = NULL;

	memset(raw, seed, sizeof(raw));
	return key_import(KEY_PRF, raw, &k) == ZK_OK ? k : NULL;
}

/* The i-th chunk of a made-up file. */
static struct chunk_ref
make_ref(uint64_t i)
{
	struct chunk_ref r = { .stored_len = 256 };

	hash_bytes(LABEL_HASH_CONTENT, &i, sizeof(i), r.hash);
	hash_bytes(LABEL_HASH_BLOB, &i, sizeof(i), r.name);
	memset(r.key, (int)i, sizeof(r.key));
	memset(r.nonce, (int)i, sizeof(r.nonce));
	r.plain_len = (uint32_t)(CUT_MIN + i % 1000);
	return r;
}

/* Writes the file of chunks 0..n-1, chunk `odd` exchanged for another. */
static enum zk_err
write_file(struct store *s, const struct key *k, uint64_t n, uint64_t odd,
    struct buf *root, uint64_t *size)
{
	static const uint8_t id[CUT_ID_LEN] = { 7 };
	struct manifest_writer *w = NULL;
	enum zk_err r;

	r = manifest_writer_new(k, id, emit, s, &w);
	for (uint64_t i = 0; i < n && r == ZK_OK; i++) {
		struct chunk_ref ref = make_ref(i == odd ? 1u << 30 : i);

		r = manifest_add(w, &ref, 1);
	}
	if (r == ZK_OK)
		r = manifest_finish(w, root, size);
	manifest_writer_free(w);
	return r;
}

static void
test_round(void)
{
	static const uint64_t count[] = { 1, 2, 63, 64, 65, 239, 240, 241,
	    300, 2047, 2048, 2049, 20000, 100000 };
	struct store *s = store_new();
	struct key *k = make_key(1);
	struct buf root;
	uint64_t size, off;

	NEED(s != NULL && k != NULL);
	buf_init(&root, MANIFEST_ROOT_MAX);
	for (size_t t = 0; t < sizeof(count) / sizeof(count[0]); t++) {
		struct manifest_reader *m = NULL;
		struct manifest_head head;
		struct manifest_entry e;
		uint64_t i = 0;

		NEED(write_file(s, k, count[t], UINT64_MAX, &root, &size) ==
		    ZK_OK);
		CHECK(manifest_peek(root.data, root.len, &head) == ZK_OK);
		CHECK(head.size == size && head.cut_id[0] == 7);
		CHECK((head.level == 0) == (count[t] <= MANIFEST_ROOT_N));
		NEED(manifest_reader_new(root.data, root.len, fetch, s, &m) ==
		    ZK_OK);
		off = 0;
		while (manifest_next(m, &e) == ZK_OK) {
			struct chunk_ref want = make_ref(i);

			CHECK(memcmp(&want, &e.ref, sizeof(want)) == 0);
			CHECK(e.off == off && e.count == 1);
			off += e.ref.plain_len;
			i++;
		}
		CHECK(i == count[t] && off == size);
		CHECK(manifest_next(m, &e) == ZK_ENOENT);
		manifest_reader_free(m);
	}
	buf_release(&root);
	key_free(k);
	store_free(s);
}

/* One changed chunk changes one part a level; versions share the rest. */
static void
test_share(void)
{
	struct store *s = store_new();
	struct key *k = make_key(2);
	struct manifest_head head;
	struct buf root;
	uint64_t size;
	size_t before;

	NEED(s != NULL && k != NULL);
	buf_init(&root, MANIFEST_ROOT_MAX);
	NEED(write_file(s, k, 100000, UINT64_MAX, &root, &size) == ZK_OK);
	CHECK(manifest_peek(root.data, root.len, &head) == ZK_OK);
	CHECK(head.level == 2);
	/* 256 entries a part on average */
	CHECK(s->n > 300 && s->n < 500);
	for (uint64_t odd = 500; odd < 100000; odd += 9973) {
		before = s->n;
		NEED(write_file(s, k, 100000, odd, &root, &size) == ZK_OK);
		CHECK(s->n - before >= 2 && s->n - before <= 4);
	}
	before = s->n;
	NEED(write_file(s, k, 100000, UINT64_MAX, &root, &size) == ZK_OK);
	CHECK(s->n == before);
	buf_release(&root);
	key_free(k);
	store_free(s);
}

/* 16 TiB: in one run, in the most chunks there can be, and one byte more. */
static void
test_limits(void)
{
	static const uint8_t id[CUT_ID_LEN];
	struct store *s = store_new();
	struct key *k = make_key(3);
	struct chunk_ref ref = make_ref(1);
	struct manifest_writer *w = NULL;
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	struct buf root;
	uint64_t size;

	NEED(s != NULL && k != NULL);
	buf_init(&root, MANIFEST_ROOT_MAX);
	ref.plain_len = 1u << 21;
	ref.stored_len = 1u << 21;
	NEED(manifest_writer_new(k, id, emit, s, &w) == ZK_OK);
	CHECK(manifest_add(w, &ref, UINT64_MAX) == ZK_ELIMIT);
	CHECK(manifest_add(w, &ref, (MANIFEST_SIZE_MAX >> 21) + 1) ==
	    ZK_ELIMIT);
	CHECK(manifest_add(w, &ref, (MANIFEST_SIZE_MAX >> 21) - 1) == ZK_OK);
	CHECK(manifest_add(w, &ref, 1) == ZK_OK);
	CHECK(manifest_add(w, &ref, 1) == ZK_ELIMIT);
	CHECK(manifest_finish(w, &root, &size) == ZK_OK);
	CHECK(size == MANIFEST_SIZE_MAX && root.len < 256);
	manifest_writer_free(w);
	NEED(manifest_reader_new(root.data, root.len, NULL, NULL, &m) ==
	    ZK_OK);
	CHECK(manifest_next(m, &e) == ZK_OK);
	CHECK(e.count == MANIFEST_SIZE_MAX >> 21);
	CHECK(manifest_next(m, &e) == ZK_ENOENT);
	manifest_reader_free(m);
	/* nothing at all is no file */
	NEED(manifest_writer_new(k, id, emit, s, &w) == ZK_OK);
	CHECK(manifest_finish(w, &root, &size) == ZK_EFORMAT);
	manifest_writer_free(w);
	buf_release(&root);
	key_free(k);
	store_free(s);
}

/* Without keeping them: only that names stay apart and levels suffice. */
static enum zk_err
emit_count(void *arg, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	size_t *calls = arg;

	(void)plain;
	(void)level;
	++*calls;
	memcpy(ref->name, ref->hash, sizeof(ref->name));
	ref->plain_len = (uint32_t)n;
	ref->stored_len = 256;
	return ZK_OK;
}

/* A file of 16 TiB has 4 M chunks of nearly 4 MiB at the least. */
static void
test_large(void)
{
	static const uint8_t id[CUT_ID_LEN];
	struct key *k = NULL;
	struct manifest_writer *w = NULL;
	struct manifest_head head;
	struct buf root;
	enum zk_err r = ZK_OK;
	uint64_t size;
	size_t calls = 0;

	NEED(crypto_init() == ZK_OK);
	k = make_key(4);
	buf_init(&root, MANIFEST_ROOT_MAX);
	NEED(k != NULL);
	NEED(manifest_writer_new(k, id, emit_count, &calls, &w) == ZK_OK);
	for (uint64_t i = 0; i < 4 << 20 && r == ZK_OK; i++) {
		struct chunk_ref ref = { .plain_len = CUT_MAX,
		    .stored_len = CHUNK_STORED_MAX };

		memcpy(ref.hash, &i, sizeof(i));
		r = manifest_add(w, &ref, 1);
	}
	CHECK(r == ZK_OK);
	CHECK(manifest_finish(w, &root, &size) == ZK_OK);
	CHECK(size == (UINT64_C(4) << 20) * CUT_MAX);
	CHECK(manifest_peek(root.data, root.len, &head) == ZK_OK);
	CHECK(head.level == 2 || head.level == 3);
	CHECK(calls > 14000 && calls < 19000);
	manifest_writer_free(w);
	buf_release(&root);
	key_free(k);
}

/* Equal neighbours are one entry, and the hash sees what the list is. */
static void
test_runs(void)
{
	static const uint8_t id[CUT_ID_LEN];
	struct store *s = store_new();
	struct key *k = make_key(5);
	struct chunk_ref a = make_ref(1), b = make_ref(2);
	struct manifest_writer *w = NULL;
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	struct filehash f;
	uint8_t h1[32], h2[32], h3[32];
	struct buf root;
	uint64_t size;

	NEED(s != NULL && k != NULL);
	buf_init(&root, MANIFEST_ROOT_MAX);
	NEED(manifest_writer_new(k, id, emit, s, &w) == ZK_OK);
	CHECK(manifest_add(w, &a, 2) == ZK_OK);
	CHECK(manifest_add(w, &a, 3) == ZK_OK);
	CHECK(manifest_add(w, &b, 1) == ZK_OK);
	CHECK(manifest_add(w, &a, 1) == ZK_OK);
	CHECK(manifest_finish(w, &root, &size) == ZK_OK);
	CHECK(size == 6 * (uint64_t)a.plain_len + b.plain_len);
	NEED(manifest_reader_new(root.data, root.len, fetch, s, &m) ==
	    ZK_OK);
	CHECK(manifest_next(m, &e) == ZK_OK && e.count == 5 && e.off == 0);
	CHECK(manifest_next(m, &e) == ZK_OK && e.count == 1);
	CHECK(e.off == 5 * (uint64_t)a.plain_len);
	CHECK(manifest_next(m, &e) == ZK_OK && e.count == 1);
	CHECK(manifest_next(m, &e) == ZK_ENOENT);
	manifest_reader_free(m);
	manifest_writer_free(w);
	filehash_init(&f);
	filehash_add(&f, a.hash, a.plain_len, 2);
	filehash_add(&f, a.hash, a.plain_len, 3);
	filehash_add(&f, b.hash, b.plain_len, 1);
	filehash_final(&f, h1);
	filehash_init(&f);
	filehash_add(&f, a.hash, a.plain_len, 5);
	filehash_add(&f, b.hash, b.plain_len, 1);
	filehash_final(&f, h2);
	filehash_init(&f);
	filehash_add(&f, a.hash, a.plain_len, 4);
	filehash_add(&f, b.hash, b.plain_len, 1);
	filehash_final(&f, h3);
	CHECK(memcmp(h1, h2, 32) == 0 && memcmp(h1, h3, 32) != 0);
	buf_release(&root);
	key_free(k);
	store_free(s);
}

/* Reads whatever it is to its end or first error. */
static enum zk_err
read_all(struct store *s, const uint8_t *p, size_t n)
{
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	enum zk_err r = manifest_reader_new(p, n, fetch, s, &m);

	while (r == ZK_OK)
		r = manifest_next(m, &e);
	manifest_reader_free(m);
	return r;
}

static void
test_malformed(void)
{
	struct store *s = store_new();
	struct key *k = make_key(6);
	struct buf root, bad;
	uint64_t size;
	size_t ok = 0;

	NEED(s != NULL && k != NULL);
	buf_init(&root, MANIFEST_ROOT_MAX);
	buf_init(&bad, MANIFEST_ROOT_MAX + 1);
	NEED(write_file(s, k, 700, UINT64_MAX, &root, &size) == ZK_OK);
	CHECK(read_all(s, root.data, root.len) == ZK_ENOENT);
	for (size_t n = 0; n < root.len; n++)
		CHECK(read_all(s, root.data, n) == ZK_EFORMAT);
	buf_put(&bad, root.data, root.len);
	buf_u8(&bad, 0);
	CHECK(read_all(s, bad.data, bad.len) == ZK_EFORMAT);
	buf_reset(&bad);
	buf_zero(&bad, MANIFEST_ROOT_MAX + 1);
	CHECK(read_all(s, bad.data, bad.len) == ZK_ELIMIT);
	/* a newer version, too deep, another level than the parts have */
	buf_reset(&bad);
	buf_put(&bad, root.data, root.len);
	bad.data[0] = 2;
	CHECK(read_all(s, bad.data, bad.len) == ZK_EVERSION);
	bad.data[0] = 1;
	bad.data[1] = MANIFEST_LEVELS + 1;
	CHECK(read_all(s, bad.data, bad.len) == ZK_EFORMAT);
	bad.data[1] = 2;
	CHECK(read_all(s, bad.data, bad.len) == ZK_EFORMAT);
	bad.data[1] = 0;
	CHECK(read_all(s, bad.data, bad.len) == ZK_EFORMAT);
	/* any flipped bit: an error, or keys and hashes that open nothing */
	for (size_t i = 0; i < root.len * 8; i++) {
		enum zk_err r;

		bad.data[1] = root.data[1];
		bad.data[i / 8] ^= (uint8_t)(1 << i % 8);
		r = read_all(s, bad.data, bad.len);
		CHECK(r == ZK_ENOENT || r == ZK_EFORMAT || r == ZK_EGAP ||
		    r == ZK_EVERSION);
		ok += r == ZK_ENOENT;
		bad.data[i / 8] = root.data[i / 8];
	}
	CHECK(ok < root.len * 8);
	buf_release(&root);
	buf_release(&bad);
	key_free(k);
	store_free(s);
}

TESTS(
    { "round", test_round },
    { "share", test_share },
    { "limits", test_limits },
    { "large", test_large },
    { "runs", test_runs },
    { "malformed", test_malformed },
)

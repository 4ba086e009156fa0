/* Blobs and packed content: sealing, opening, and every way to be wrong. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/padme.h"
#include "format/chunk.h"
#include "format/compress.h"
#include "test.h"
#include "util/buf.h"
#include "util/env.h"

static const uint8_t vault[CHUNK_VAULT_LEN] = { 1, 2, 3 };

struct fix {
	struct compress *z;
	struct chunk_ctx ctx;
	struct chunk_ref ref;
	struct buf stored, plain;
};

static bool
fix_init(struct fix *f)
{
	memset(f, 0, sizeof(*f));
	f->ctx.vault = vault;
	buf_init(&f->stored, CHUNK_STORED_MAX);
	buf_init_secret(&f->plain, CHUNK_PLAIN_MAX);
	return crypto_init() == ZK_OK && compress_new(&f->z) == ZK_OK;
}

static void
fix_release(struct fix *f)
{
	compress_free(f->z);
	buf_release(&f->stored);
	buf_release(&f->plain);
}

static bool
seal(struct fix *f, const void *p, size_t n)
{
	chunk_ref_fresh(env_posix(), &f->ref);
	chunk_hash(f->ctx.level, p, n, f->ref.hash);
	return chunk_seal(f->z, &f->ctx, p, n, &f->ref, &f->stored) == ZK_OK;
}

/* Opens a copy, since opening works in place. */
static enum zk_err
open_copy(struct fix *f, const struct chunk_ctx *ctx,
    const struct chunk_ref *ref)
{
	size_t n = f->stored.len;
	uint8_t *copy = malloc(n + 1);
	enum zk_err r;

	if (copy == NULL)
		return ZK_ENOMEM;
	memcpy(copy, f->stored.data, n);
	r = chunk_open(f->z, ctx, ref, copy, n, &f->plain);
	free(copy);
	return r;
}

static void
fill(uint8_t *p, size_t n, bool text)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = text ? (uint8_t)("etaoin shr"[x >> 28 & 7]) :
		    (uint8_t)(x >> 24);
	}
}

/* I22: whatever the length, the stored size is a Padme size. */
static void
test_round(void)
{
	static const size_t len[] = { 1, 2, 15, 234, 235, 236, 255, 256, 1000,
	    4096, 65535, 65536, 262144, 1048576, CUT_MAX - 1, CUT_MAX };
	uint8_t *p = malloc(CUT_MAX);
	uint8_t name[CHUNK_HASH_LEN];
	struct fix f;

	NEED(fix_init(&f) && p != NULL);
	for (unsigned text = 0; text < 2; text++) {
		fill(p, CUT_MAX, text == 1);
		for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
			NEED(seal(&f, p, len[i]));
			CHECK(f.stored.len == f.ref.stored_len);
			CHECK(padme(f.stored.len) == f.stored.len);
			CHECK(f.stored.len >= CHUNK_STORED_MIN);
			CHECK(f.stored.len <= CHUNK_STORED_MAX);
			CHECK(f.stored.len <= chunk_stored_max(len[i]));
			CHECK(f.ref.plain_len == len[i]);
			CHECK(chunk_ref_ok(&f.ref));
			chunk_name(f.stored.data, f.stored.len, name);
			CHECK(memcmp(name, f.ref.name, sizeof(name)) == 0);
			CHECK(open_copy(&f, &f.ctx, &f.ref) == ZK_OK);
			CHECK(f.plain.len == len[i] &&
			    memcmp(f.plain.data, p, len[i]) == 0);
		}
	}
	/* text of 1 MiB is stored in less */
	NEED(seal(&f, p, 1048576));
	CHECK(f.stored.len < 700000);
	free(p);
	fix_release(&f);
}

/* R01, R03-R05: nothing but the very bytes in the very place opens. */
static void
test_tamper(void)
{
	struct fix f;
	struct chunk_ctx other;
	struct chunk_ref ref;
	uint8_t p[5000], wrong[CHUNK_VAULT_LEN] = { 9 };

	NEED(fix_init(&f));
	fill(p, sizeof(p), false);
	NEED(seal(&f, p, sizeof(p)));
	for (size_t bit = 0; bit < f.stored.len * 8; bit += 61) {
		f.stored.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(open_copy(&f, &f.ctx, &f.ref) == ZK_ETAMPER);
		CHECK(f.plain.len == 0);
		f.stored.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < f.stored.len; n += 97) {
		size_t all = f.stored.len;

		f.stored.len = n;
		CHECK(open_copy(&f, &f.ctx, &f.ref) == ZK_ETAMPER);
		f.stored.len = all;
	}
	other = (struct chunk_ctx){ wrong, 0 };
	CHECK(open_copy(&f, &other, &f.ref) == ZK_ETAMPER);
	other = (struct chunk_ctx){ vault, 1 };
	CHECK(open_copy(&f, &other, &f.ref) == ZK_ETAMPER);
	ref = f.ref;
	ref.key[31] ^= 1;
	CHECK(open_copy(&f, &f.ctx, &ref) == ZK_ETAMPER);
	ref = f.ref;
	ref.nonce[0] ^= 1;
	CHECK(open_copy(&f, &f.ctx, &ref) == ZK_ETAMPER);
	ref = f.ref;
	ref.hash[5] ^= 1;
	CHECK(open_copy(&f, &f.ctx, &ref) == ZK_ETAMPER);
	ref = f.ref;
	ref.plain_len--;
	CHECK(open_copy(&f, &f.ctx, &ref) == ZK_ETAMPER);
	CHECK(open_copy(&f, &f.ctx, &f.ref) == ZK_OK);
	fix_release(&f);
}

/* Two chunks of equal stored size, exchanged. */
static void
test_swap(void)
{
	struct fix a, b;
	uint8_t p[3000], q[3000];

	NEED(fix_init(&a) && fix_init(&b));
	fill(p, sizeof(p), false);
	memcpy(q, p, sizeof(q));
	q[17] ^= 4;
	NEED(seal(&a, p, sizeof(p)) && seal(&b, q, sizeof(q)));
	CHECK(a.stored.len == b.stored.len);
	CHECK(open_copy(&a, &a.ctx, &b.ref) == ZK_ETAMPER);
	CHECK(open_copy(&b, &b.ctx, &a.ref) == ZK_ETAMPER);
	fix_release(&a);
	fix_release(&b);
}

/* The same bytes under the same key and nonce are the same object; equal
 * content under fresh ones, in one vault or two, shares no name. */
static void
test_names(void)
{
	struct fix f;
	struct chunk_ref first, ref;
	uint8_t p[70000];

	NEED(fix_init(&f));
	fill(p, sizeof(p), true);
	NEED(seal(&f, p, sizeof(p)));
	first = f.ref;
	ref = f.ref;
	memset(ref.name, 0, sizeof(ref.name));
	CHECK(chunk_seal(f.z, &f.ctx, p, sizeof(p), &ref, &f.stored) ==
	    ZK_OK);
	CHECK(memcmp(&ref, &first, sizeof(ref)) == 0);
	NEED(seal(&f, p, sizeof(p)));
	CHECK(memcmp(f.ref.name, first.name, sizeof(first.name)) != 0);
	CHECK(memcmp(f.ref.hash, first.hash, sizeof(first.hash)) == 0);
	fix_release(&f);
}

static void
test_refs(void)
{
	struct chunk_ref r = { .plain_len = 1, .stored_len = 256 };

	CHECK(chunk_ref_ok(&r));
	r.plain_len = 0;
	CHECK(!chunk_ref_ok(&r));
	r.plain_len = CHUNK_PLAIN_MAX + 1;
	r.stored_len = CHUNK_STORED_MAX;
	CHECK(!chunk_ref_ok(&r));
	r.plain_len = CHUNK_PLAIN_MAX;
	CHECK(chunk_ref_ok(&r));
	r.stored_len = CHUNK_STORED_MAX + 131072;
	CHECK(!chunk_ref_ok(&r));
	/* larger than the bytes could need, no Padme size, too small */
	r.plain_len = 1000;
	r.stored_len = 1088;
	CHECK(!chunk_ref_ok(&r));
	r.stored_len = 1025;
	CHECK(!chunk_ref_ok(&r));
	r.stored_len = 128;
	CHECK(!chunk_ref_ok(&r));
	r.stored_len = 1024;
	CHECK(chunk_ref_ok(&r));
}

static void
test_packed(void)
{
	struct buf b, out, tight;
	struct fix f;
	uint8_t *p = malloc(100000);

	NEED(fix_init(&f) && p != NULL);
	buf_init(&b, 200000);
	buf_init(&out, 200000);
	for (unsigned text = 0; text < 2; text++)
		for (size_t n = 0; n <= 100000; n = 2 * n + 1) {
			fill(p, n, text == 1);
			buf_reset(&b);
			buf_reset(&out);
			CHECK(compress_pack(f.z, p, n, &b) == ZK_OK);
			CHECK(b.len <= n + 1);
			CHECK(compress_unpack(f.z, b.data, b.len, n, &out) ==
			    ZK_OK);
			CHECK(out.len == n && (n == 0 ||
			    memcmp(out.data, p, n) == 0));
			/* another length than stated */
			buf_reset(&out);
			CHECK(compress_unpack(f.z, b.data, b.len, n + 1,
			    &out) == ZK_EFORMAT);
			CHECK(compress_unpack(f.z, b.data, b.len - 1, n,
			    &out) == ZK_EFORMAT);
			CHECK(out.len == 0);
		}
	fill(p, 1000, true);
	buf_reset(&b);
	CHECK(compress_pack(f.z, p, 1000, &b) == ZK_OK);
	CHECK(b.data[0] == COMPRESS_ZSTD && b.len < 600);
	/* a second frame, or garbage, behind the first */
	buf_u8(&b, 0);
	CHECK(compress_unpack(f.z, b.data, b.len, 1000, &out) == ZK_EFORMAT);
	b.data[0] = 2;
	CHECK(compress_unpack(f.z, b.data, b.len, 1000, &out) == ZK_EVERSION);
	buf_init(&tight, 999);
	CHECK(compress_unpack(f.z, b.data, b.len, 1000, &tight) == ZK_ELIMIT);
	fill(p, 1000, false);
	CHECK(compress_pack(f.z, p, 1000, &tight) == ZK_ELIMIT);
	CHECK(tight.len == 0);
	buf_release(&tight);
	buf_release(&b);
	buf_release(&out);
	free(p);
	fix_release(&f);
}

TESTS(
    { "round", test_round },
    { "tamper", test_tamper },
    { "swap", test_swap },
    { "names", test_names },
    { "refs", test_refs },
    { "packed", test_packed },
)

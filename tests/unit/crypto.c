/* Published answers, refusals of bad keys, and what freed memory holds. */
#include <malloc.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/b64.h"
#include "crypto/cpace.h"
#include "crypto/crypto.h"
#include "crypto/dhkem.h"
#include "crypto/hash.h"
#include "crypto/hkdf.h"
#include "crypto/kem.h"
#include "crypto/key.h"
#include "crypto/padme.h"
#include "crypto/prf.h"
#include "crypto/sign.h"
#include "crypto/x25519.h"
#include "test.h"
#include "util/buf.h"
#include "util/env_fake.h"
#include "vec.h"

/*
 * Residue: every mapping and heap block that is given back is searched for
 * these bytes, the seed of all keys of one case.
 */
static const uint8_t *residue_of;
static unsigned residue_found, residue_seen;

static void
residue_search(const uint8_t *p, size_t n)
{
	residue_seen++;
	for (size_t i = 0; i + KEY_LEN <= n; i++)
		if (memcmp(p + i, residue_of, KEY_LEN) == 0)
			residue_found++;
}

/* libsodium gives guarded memory back here, readable by then */
int
munmap(void *p, size_t n)
{
	if (residue_of != NULL)
		residue_search(p, n);
	return (int)syscall(SYS_munmap, p, n);
}

/* before any case: the library learns the size of a page */
__attribute__((constructor)) static void
start(void)
{
	if (crypto_init() != ZK_OK)
		abort();
}

static bool
hex_is(const void *p, size_t n, const char *hex)
{
	uint8_t want[256];

	return vec_unhex(hex, want, sizeof(want)) == n &&
	    memcmp(p, want, n) == 0;
}

static struct key *
key_of(enum key_role role, const char *hex)
{
	uint8_t b[KEY_LEN];
	struct key *k = NULL;

	vec_unhex(hex, b, sizeof(b));
	if (key_import(role, b, &k) != ZK_OK)
		abort();
	return k;
}

/* RFC 5869, A.1 and A.3. */
static void
test_hkdf(void)
{
	uint8_t ikm[22], salt[13], info[10], prk[32], okm[42];

	memset(ikm, 0x0b, sizeof(ikm));
	for (unsigned i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(0xf0 + i);
	hkdf_extract(salt, sizeof(salt),
	    &(struct hkdf_part){ ikm, sizeof(ikm) }, 1, prk);
	CHECK(hex_is(prk, 32, "077709362c2e32df0ddc3f0dc47bba63"
	    "90b6c73bb50f9c3122ec844ad7c2b3e5"));
	CHECK(hkdf_expand(prk, &(struct hkdf_part){ info, sizeof(info) }, 1,
	    okm, sizeof(okm)) == ZK_OK);
	CHECK(hex_is(okm, 42, "3cb25f25faacd57a90434f64d0362f2a"
	    "2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
	hkdf_extract(NULL, 0, &(struct hkdf_part){ ikm, sizeof(ikm) }, 1,
	    prk);
	CHECK(hkdf_expand(prk, NULL, 0, okm, sizeof(okm)) == ZK_OK);
	CHECK(hex_is(okm, 42, "8da4e775a563c18f715f802a063c5a31"
	    "b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
}

/* RFC 9180, A.1.1: the KEM part. */
static void
test_dhkem(void)
{
	uint8_t ikm_e[32], ikm_r[32], sk[32], pk[32], enc[32], s[32], s2[32];

	vec_unhex("7268600d403fce431561aef583ee1613"
	    "527cff655c1343f29812e66706df3234", ikm_e, 32);
	vec_unhex("6db9df30aa07dd42ee5e8181afdb977e"
	    "538f5e1fec8a06223f33f7013e525037", ikm_r, 32);
	dhkem_derive(ikm_r, sk, pk);
	CHECK(hex_is(sk, 32, "4612c550263fc8ad58375df3f557aac5"
	    "31d26850903e55a9f23f21d8534e8ac8"));
	CHECK(hex_is(pk, 32, "3948cfe0ad1ddb695d780e59077195da"
	    "6c56506b027329794ab02bca80815c4d"));
	CHECK(dhkem_encap(ikm_e, pk, enc, s) == ZK_OK);
	CHECK(hex_is(enc, 32, "37fda3567bdbd628e88668c3c8d7e97d"
	    "1d1253b6d4ea6d44c150f741f1bf4431"));
	CHECK(hex_is(s, 32, "fe0e18c9f024ce43799ae393c7e8fe8f"
	    "ce9d218875e8227b0187c04e7d2ea1fc"));
	CHECK(dhkem_decap(sk, pk, enc, s2) == ZK_OK);
	CHECK(memcmp(s, s2, 32) == 0);
}

/* RFC 8032, 7.1, test 2; and that the label is part of what is signed. */
static void
test_sign(void)
{
	struct signkey *k = NULL;
	struct key *seed = key_of(KEY_SIGN,
	    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
	uint8_t sig[SIGN_LEN];

	NEED(signkey_new(seed, &k) == ZK_OK);
	CHECK(hex_is(signkey_pk(k), 32, "3d4017c3e843895a92b70aa74d1b7ebc"
	    "9c982ccf2ec4968cc0cd55f12af4660c"));
	vec_unhex("92a009a9f0d4cab8720e820b5f642540"
	    "a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c"
	    "387b2eaeb4302aeeb00d291612bb0c00", sig, sizeof(sig));
	CHECK(sign_check_bare(signkey_pk(k), "\x72", 1, sig) == ZK_OK);
	sign_make(k, "a label", "\x72", 1, sig);
	CHECK(sign_check(signkey_pk(k), "a label", "\x72", 1, sig) == ZK_OK);
	CHECK(sign_check(signkey_pk(k), "b label", "\x72", 1, sig) ==
	    ZK_ETAMPER);
	CHECK(sign_check(signkey_pk(k), "a labe", "l\x72", 2, sig) ==
	    ZK_ETAMPER);
	CHECK(sign_check_bare(signkey_pk(k), "\7a label\x72", 9, sig) ==
	    ZK_OK);
	CHECK(sign_check(signkey_pk(k), "a label", sig, SIGN_MSG_MAX + 1,
	    sig) == ZK_ETAMPER);
	signkey_free(k);
	key_free(seed);
}

/* Keys that give the same signature or secret to everyone. */
static void
test_bad_keys(void)
{
	static const char *const ed[] = {
		/* the identity, order 2, order 4, order 8, not canonical */
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0200000000000000000000000000000000000000000000000000000000000000",
	};
	static const char *const x[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		/* not reduced: 9 + p, and 9 with the top bit */
		"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0900000000000000000000000000000000000000000000000000000000000080",
	};
	uint8_t b[32];

	for (size_t i = 0; i < sizeof(ed) / sizeof(ed[0]); i++) {
		vec_unhex(ed[i], b, sizeof(b));
		CHECK(sign_pk_check(b) == ZK_EREFUSED);
	}
	vec_unhex("3d4017c3e843895a92b70aa74d1b7ebc"
	    "9c982ccf2ec4968cc0cd55f12af4660c", b, sizeof(b));
	CHECK(sign_pk_check(b) == ZK_OK);
	for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++) {
		vec_unhex(x[i], b, sizeof(b));
		CHECK(kem_pk_check(KEM_X25519, b) == ZK_EREFUSED);
	}
	memset(b, 9, sizeof(b));
	CHECK(kem_pk_check(KEM_X25519, b) == ZK_OK);
	memset(b, 0xff, sizeof(b));
	b[0] = 0xeb;	/* p - 2 */
	b[31] = 0x7f;
	CHECK(kem_pk_check(KEM_X25519, b) == ZK_OK);
	b[20] = 0xfe;
	b[0] = 0xff;
	CHECK(kem_pk_check(KEM_X25519, b) == ZK_OK);
	CHECK(kem_pk_check(2, b) == ZK_EVERSION);
}

/* The SipHash paper, appendix A. */
static void
test_prf(void)
{
	struct key *k = key_of(KEY_PRF,
	    "000102030405060708090a0b0c0d0e0f00000000000000000000000000000000");
	uint8_t in[15];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	CHECK(prf_sip(k, in, sizeof(in)) == 0xa129ca6149be45e5);
	key_free(k);
}

static void
test_hash(void)
{
	uint8_t a[HASH_LEN], b[HASH_LEN];
	struct hash h;

	/* the label stands before the bytes, with its length */
	hash_bytes("zk", "abc", 3, a);
	CHECK(crypto_generichash(b, sizeof(b), (const uint8_t *)"\2zkabc", 6,
	    NULL, 0) == 0);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	hash_init(&h, "zk");
	hash_update(&h, "a", 1);
	hash_update(&h, "", 0);
	hash_update(&h, "bc", 2);
	hash_final(&h, b);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	hash_bytes("zka", "bc", 2, b);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
}

static void
test_kem(void)
{
	struct fake *f = fake_new(3);
	struct key *seed = NULL;
	struct kemkey *k = NULL;
	struct buf sealed, out;
	const uint8_t *pk;
	size_t n;

	NEED(f != NULL && key_random(fake_env(f), KEY_KEM, &seed) == ZK_OK);
	CHECK(kemkey_new(2, seed, &k) == ZK_EVERSION);
	NEED(kemkey_new(KEM_X25519, seed, &k) == ZK_OK);
	pk = kemkey_pk(k, &n);
	CHECK(n == kem_pk_len(KEM_X25519));
	buf_init(&sealed, 4096);
	buf_init_secret(&out, 4096);
	CHECK(kem_seal(fake_env(f), KEM_X25519, pk, "l", "ctx", 3, "secret",
	    6, &sealed) == ZK_OK);
	CHECK(sealed.len == kem_sealed_len(KEM_X25519, 6));
	CHECK(kem_open(k, "l", "ctx", 3, sealed.data, sealed.len, &out) ==
	    ZK_OK);
	CHECK(out.len == 6 && memcmp(out.data, "secret", 6) == 0);
	CHECK(kem_open(k, "m", "ctx", 3, sealed.data, sealed.len, &out) ==
	    ZK_ETAMPER);
	CHECK(kem_open(k, "l", "ctX", 3, sealed.data, sealed.len, &out) ==
	    ZK_ETAMPER);
	for (size_t i = 0; i < sealed.len; i++) {
		CHECK(kem_open(k, "l", "ctx", 3, sealed.data, i, &out) ==
		    ZK_ETAMPER);
		/* the top bit of an X25519 key is ignored, but hashed */
		sealed.data[i] ^= 0x80;
		CHECK(kem_open(k, "l", "ctx", 3, sealed.data, sealed.len,
		    &out) == ZK_ETAMPER);
		sealed.data[i] ^= 0x80;
	}
	CHECK(out.len == 6);
	buf_release(&sealed);
	buf_release(&out);
	kemkey_free(k);
	key_free(seed);
	fake_free(f);
}

static void
test_key(void)
{
	struct key *p = key_of(KEY_SEED,
	    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
	struct key *a, *b, *c, *d;

	NEED(key_derive(p, KEY_SEED, "ab", "c", 1, &a) == ZK_OK);
	NEED(key_derive(p, KEY_SEED, "a", "bc", 2, &b) == ZK_OK);
	NEED(key_derive(p, KEY_SEED, "ab", "c", 1, &c) == ZK_OK);
	NEED(key_dup(a, &d) == ZK_OK);
	CHECK(!key_equal(a, b));
	CHECK(key_equal(a, c));
	CHECK(key_equal(a, d));
	key_free(a);
	key_free(b);
	key_free(c);
	key_free(d);
	key_free(p);
	key_free(NULL);
}

static void
test_cpace(void)
{
	static const uint8_t pw[] = "right", bad[] = "wrong", sid[] = "sid";
	struct cpace_opts o = { .prs = pw, .prs_len = 5, .ci = sid,
	    .ci_len = 1, .sid = sid, .sid_len = 3 };
	struct cpace *a = NULL, *b = NULL, *c = NULL;
	struct key *ka = NULL, *kb = NULL, *kc = NULL;
	struct fake *f = fake_new(5);
	uint8_t ta[CPACE_TAG_LEN], tb[CPACE_TAG_LEN];
	struct cpace_run run = { .ada = "A", .ada_len = 1, .adb = "B",
	    .adb_len = 1 };

	NEED(f != NULL && cpace_new(fake_env(f), &o, &a) == ZK_OK);
	NEED(cpace_new(fake_env(f), &o, &b) == ZK_OK);
	o.prs = bad;
	NEED(cpace_new(fake_env(f), &o, &c) == ZK_OK);
	run.ya = cpace_share(a);
	run.yb = cpace_share(b);
	NEED(cpace_finish(a, true, &run, &ka) == ZK_OK);
	NEED(cpace_finish(b, false, &run, &kb) == ZK_OK);
	CHECK(key_equal(ka, kb));
	CHECK(cpace_tag(ka, "x", "t", 1, ta) == ZK_OK);
	CHECK(cpace_tag(kb, "x", "t", 1, tb) == ZK_OK);
	CHECK(crypto_equal(ta, tb, sizeof(ta)));
	CHECK(cpace_tag(kb, "y", "t", 1, tb) == ZK_OK);
	CHECK(!crypto_equal(ta, tb, sizeof(ta)));
	run.yb = cpace_share(c);
	NEED(cpace_finish(c, false, &run, &kc) == ZK_OK);
	key_free(ka);
	NEED(cpace_finish(a, true, &run, &ka) == ZK_OK);
	CHECK(!key_equal(ka, kc));
	cpace_free(a);
	cpace_free(b);
	cpace_free(c);
	key_free(ka);
	key_free(kb);
	key_free(kc);
	fake_free(f);
}

static void
test_b64(void)
{
	uint8_t b[8];
	char t[16];

	b64_encode(B64_STD, "\xff\xfe", 2, t, sizeof(t));
	CHECK(strcmp(t, "//4=") == 0);
	b64_encode(B64_URL, "\xff\xfe", 2, t, sizeof(t));
	CHECK(strcmp(t, "__4") == 0);
	CHECK(b64_decode(B64_URL, "__4", 3, b, 2) == ZK_OK);
	CHECK(memcmp(b, "\xff\xfe", 2) == 0);
	CHECK(b64_decode(B64_URL, "__5", 3, b, 2) == ZK_EFORMAT);
	CHECK(b64_decode(B64_URL, "__4=", 4, b, 2) == ZK_EFORMAT);
	CHECK(b64_decode(B64_URL, "__4", 3, b, 3) == ZK_EFORMAT);
	CHECK(b64_decode(B64_URL, "_ 4", 3, b, 2) == ZK_EFORMAT);
	CHECK(b64_decode(B64_STD, "//4", 3, b, 2) == ZK_EFORMAT);
}

static void
test_padme(void)
{
	for (uint64_t n = 0; n < 70000; n++) {
		CHECK(padme(n) >= n);
		CHECK(padme(padme(n)) == padme(n));
		CHECK(padme(n) - n <= n / 8);
	}
	CHECK(padme_floor(0, 256) == 256);
	CHECK(padme_floor(257, 256) == 272);
	CHECK(padme(UINT64_MAX) == UINT64_MAX);
	CHECK(padme(4 * 1024 * 1024) == 4 * 1024 * 1024);
}

/* No freed memory holds a key's bytes. */
static void
test_residue(void)
{
	static const char hex[] =
	    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
	static uint8_t bytes[KEY_LEN];
	static const enum key_role roles[] = { KEY_SEED, KEY_AEAD, KEY_SIGN,
	    KEY_KEM, KEY_PRF };
	struct signkey *sk = NULL;
	struct kemkey *kk = NULL;
	uint8_t *plain;

	vec_unhex(hex, bytes, sizeof(bytes));
	residue_of = bytes;
	residue_found = residue_seen = 0;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		struct key *k = key_of(roles[i], hex), *d = NULL;

		CHECK(key_dup(k, &d) == ZK_OK);
		if (roles[i] == KEY_SIGN)
			CHECK(signkey_new(k, &sk) == ZK_OK);
		if (roles[i] == KEY_KEM)
			CHECK(kemkey_new(KEM_X25519, k, &kk) == ZK_OK);
		key_free(d);
		key_free(k);
	}
	signkey_free(sk);
	kemkey_free(kk);
	CHECK(residue_seen >= 12);
	CHECK(residue_found == 0);
	/* that the search finds what is left behind */
	plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(plain != MAP_FAILED);
	memcpy(plain + 100, bytes, sizeof(bytes));
	munmap(plain, 4096);
	CHECK(residue_found == 1);
	residue_of = NULL;
}

TESTS(
    { "hkdf", test_hkdf },
    { "dhkem", test_dhkem },
    { "sign", test_sign },
    { "X05_bad_keys", test_bad_keys },
    { "prf", test_prf },
    { "hash", test_hash },
    { "kem", test_kem },
    { "key", test_key },
    { "cpace", test_cpace },
    { "b64", test_b64 },
    { "padme", test_padme },
    { "residue", test_residue },
)

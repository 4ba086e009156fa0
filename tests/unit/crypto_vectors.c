/* Known answers of every primitive, from the shared vectors. */
#include <sodium.h>

#include "crypto/aead.h"
#include "crypto/cpace.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/hkdf.h"
#include "crypto/padme.h"
#include "crypto/sign.h"
#include "crypto/x25519.h"
#include "ed25519_edge.h"
#include "test.h"
#include "util/buf.h"
#include "vec.h"

#define VEC_MAX 70000

static uint8_t in[VEC_MAX], want[VEC_MAX], got[VEC_MAX], aad[VEC_MAX];

#define LOAD(json, name)                                                     \
	cJSON *json = vec_load(name);                                        \
	if (json == NULL)                                                    \
		SKIP("no vectors: set ZK_VECTORS")

static bool
vec_valid(const cJSON *t)
{
	return strcmp(vec_str(t, "result"), "valid") == 0;
}

static bool
aead_case(const cJSON *t)
{
	uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
	size_t n, ad_n, ct_n;

	vec_hex(t, "key", key, sizeof(key));
	vec_hex(t, "iv", nonce, sizeof(nonce));
	n = vec_hex(t, "msg", in, sizeof(in));
	ad_n = vec_hex(t, "aad", aad, sizeof(aad));
	ct_n = vec_hex(t, "ct", want, sizeof(want));
	ct_n += vec_hex(t, "tag", want + ct_n, sizeof(want) - ct_n);
	if (!vec_valid(t))
		return aead_open_raw(key, nonce, aad, ad_n, want, ct_n,
		    got) == ZK_ETAMPER;
	aead_seal_raw(key, nonce, aad, ad_n, in, n, got);
	if (n + AEAD_TAG_LEN != ct_n || memcmp(got, want, ct_n) != 0)
		return false;
	if (aead_open_raw(key, nonce, aad, ad_n, want, ct_n, got) != ZK_OK)
		return false;
	return memcmp(got, in, n) == 0;
}

static void
test_aead(void)
{
	const cJSON *g, *t;
	unsigned n = 0;

	LOAD(json, "wycheproof/xchacha20_poly1305_test.json");
	cJSON_ArrayForEach(g, cJSON_GetObjectItem(json, "testGroups")) {
		/* other lengths do not get past the types */
		if (cJSON_GetObjectItem(g, "ivSize")->valueint != 192)
			continue;
		cJSON_ArrayForEach(t, cJSON_GetObjectItem(g, "tests")) {
			CHECK(aead_case(t));
			n++;
		}
	}
	CHECK(n > 200);
	cJSON_Delete(json);
}

static void
test_blake2b(void)
{
	uint8_t key[64];
	const cJSON *t;
	unsigned n = 0;

	LOAD(json, "blake2/blake2b-kat.json");
	cJSON_ArrayForEach(t, json) {
		size_t len = vec_hex(t, "in", in, sizeof(in));
		size_t key_n = vec_hex(t, "key", key, sizeof(key));

		vec_hex(t, "out", want, 64);
		CHECK(crypto_generichash(got, 64, in, len,
		    key_n > 0 ? key : NULL, key_n) == 0);
		CHECK(memcmp(got, want, 64) == 0);
		n++;
	}
	CHECK(n == 512);
	cJSON_Delete(json);
}

static void
hkdf_case(const cJSON *t)
{
	uint8_t salt[512], info[512], prk[HKDF_PRK_LEN];
	size_t n = vec_hex(t, "ikm", in, sizeof(in));
	size_t salt_n = vec_hex(t, "salt", salt, sizeof(salt));
	size_t info_n = vec_hex(t, "info", info, sizeof(info));
	size_t size = (size_t)cJSON_GetObjectItem(t, "size")->valueint;
	enum zk_err r;

	vec_hex(t, "okm", want, sizeof(want));
	hkdf_extract(salt, salt_n, &(struct hkdf_part){ in, n }, 1, prk);
	if (size > VEC_MAX)
		return;
	r = hkdf_expand(prk, &(struct hkdf_part){ info, info_n }, 1, got,
	    size);
	CHECK((r == ZK_OK) == vec_valid(t));
	if (r == ZK_OK)
		CHECK(memcmp(got, want, size) == 0);
}

static void
test_hkdf(void)
{
	const cJSON *g, *t;
	unsigned n = 0;

	LOAD(json, "wycheproof/hkdf_sha256_test.json");
	cJSON_ArrayForEach(g, cJSON_GetObjectItem(json, "testGroups")) {
		cJSON_ArrayForEach(t, cJSON_GetObjectItem(g, "tests")) {
			hkdf_case(t);
			n++;
		}
	}
	CHECK(n > 80);
	cJSON_Delete(json);
}

static void
test_ed25519(void)
{
	uint8_t pk[SIGN_PK_LEN], sig[512];
	const cJSON *g, *t;
	unsigned n = 0;

	LOAD(json, "wycheproof/ed25519_test.json");
	cJSON_ArrayForEach(g, cJSON_GetObjectItem(json, "testGroups")) {
		vec_hex(cJSON_GetObjectItem(g, "publicKey"), "pk", pk,
		    sizeof(pk));
		cJSON_ArrayForEach(t, cJSON_GetObjectItem(g, "tests")) {
			size_t len = vec_hex(t, "msg", in, sizeof(in));
			bool ok = vec_hex(t, "sig", sig, sizeof(sig)) ==
			    SIGN_LEN;

			ok = ok && sign_check_bare(pk, in, len, sig) == ZK_OK;
			CHECK(ok == vec_valid(t));
			n++;
		}
	}
	CHECK(n > 100);
	cJSON_Delete(json);
}

/*
 * Members must agree which signatures are valid: the set that is accepted
 * is recorded, and a library that accepts another one must be noticed.
 */
static void
test_ed25519_edge(void)
{
	uint8_t pk[SIGN_PK_LEN], sig[SIGN_LEN];
	const size_t max = sizeof(ed25519_edge) / sizeof(ed25519_edge[0]);
	size_t next = 0, n = 0;
	const cJSON *t;

	LOAD(json, "cctv-ed25519/ed25519vectors.json");
	cJSON_ArrayForEach(t, json) {
		int number = cJSON_GetObjectItem(t, "number")->valueint;
		const char *msg = vec_str(t, "msg");
		bool want_ok = next < max && ed25519_edge[next] == number;

		vec_hex(t, "key", pk, sizeof(pk));
		vec_hex(t, "sig", sig, sizeof(sig));
		CHECK((sign_check_bare(pk, msg, strlen(msg), sig) ==
		    ZK_OK) == want_ok);
		next += want_ok;
		n++;
	}
	CHECK(n == 914);
	CHECK(next == max);
	cJSON_Delete(json);
}

static void
test_x25519(void)
{
	static const uint8_t zero[X25519_LEN];
	uint8_t sk[X25519_LEN], pk[X25519_LEN];
	const cJSON *g, *t;
	unsigned n = 0, refused = 0;

	LOAD(json, "wycheproof/x25519_test.json");
	cJSON_ArrayForEach(g, cJSON_GetObjectItem(json, "testGroups")) {
		cJSON_ArrayForEach(t, cJSON_GetObjectItem(g, "tests")) {
			enum zk_err r;

			vec_hex(t, "private", sk, sizeof(sk));
			vec_hex(t, "public", pk, sizeof(pk));
			vec_hex(t, "shared", want, sizeof(want));
			r = x25519_dh(sk, pk, got);
			if (memcmp(want, zero, sizeof(zero)) == 0) {
				CHECK(r == ZK_EREFUSED);
				refused++;
			} else {
				CHECK(r == ZK_OK);
			}
			CHECK(memcmp(got, want, X25519_LEN) == 0);
			n++;
		}
	}
	CHECK(n > 500);
	CHECK(refused > 0);
	cJSON_Delete(json);
}

static void
test_cpace_run(void)
{
	uint8_t prs[64], ci[64], sid[64], ada[64], adb[64], y[2][32];
	uint8_t g[CPACE_LEN], share[2][32], k[CPACE_LEN];
	uint8_t isk[CPACE_ISK_LEN];
	struct cpace_opts o = { .prs = prs, .ci = ci, .sid = sid };
	struct cpace_run run = { .ya = share[0], .ada = ada,
	    .yb = share[1], .adb = adb };
	const cJSON *t;

	LOAD(json, "cpace/cpace-ristretto255.json");
	t = cJSON_GetObjectItem(json, "G_Coffee25519");
	o.prs_len = vec_hex(t, "PRS", prs, sizeof(prs));
	o.ci_len = vec_hex(t, "CI", ci, sizeof(ci));
	o.sid_len = vec_hex(t, "sid", sid, sizeof(sid));
	run.ada_len = vec_hex(t, "ADa", ada, sizeof(ada));
	run.adb_len = vec_hex(t, "ADb", adb, sizeof(adb));
	vec_hex(t, "ya", y[0], 32);
	vec_hex(t, "yb", y[1], 32);
	CHECK(cpace_generator(&o, g) == ZK_OK);
	vec_hex(t, "g", want, 32);
	CHECK(memcmp(g, want, 32) == 0);
	CHECK(cpace_mult(y[0], g, share[0]) == ZK_OK);
	vec_hex(t, "Ya", want, 32);
	CHECK(memcmp(share[0], want, 32) == 0);
	CHECK(cpace_mult(y[1], g, share[1]) == ZK_OK);
	vec_hex(t, "Yb", want, 32);
	CHECK(memcmp(share[1], want, 32) == 0);
	vec_hex(t, "K", want, 32);
	CHECK(cpace_mult(y[0], share[1], k) == ZK_OK);
	CHECK(memcmp(k, want, 32) == 0);
	CHECK(cpace_mult(y[1], share[0], k) == ZK_OK);
	CHECK(memcmp(k, want, 32) == 0);
	vec_hex(t, "ISK_IR", want, 64);
	CHECK(cpace_isk(&o, k, &run, isk) == ZK_OK);
	CHECK(memcmp(isk, want, 64) == 0);
	cJSON_Delete(json);
}

static void
test_cpace_points(void)
{
	uint8_t s[32], x[32], out[32];
	const cJSON *p, *v;
	unsigned bad = 0;

	LOAD(json, "cpace/cpace-ristretto255.json");
	p = cJSON_GetObjectItem(json, "G_Coffee25519_points");
	v = cJSON_GetObjectItem(p, "Valid");
	vec_hex(v, "s", s, sizeof(s));
	vec_hex(v, "X", x, sizeof(x));
	vec_hex(v, "G.scalar_mult_vfy(s,X)", want, 32);
	CHECK(cpace_mult(s, x, out) == ZK_OK);
	CHECK(memcmp(out, want, 32) == 0);
	cJSON_ArrayForEach(v, p) {
		if (!cJSON_IsString(v))
			continue;
		vec_unhex(v->valuestring, x, sizeof(x));
		CHECK(cpace_mult(s, x, out) == ZK_EREFUSED);
		bad++;
	}
	CHECK(bad == 2);
	cJSON_Delete(json);
}

static bool
lv_is(const void *p, size_t n, const char *hex)
{
	struct buf b;
	bool same;

	buf_init(&b, 1024);
	cpace_lv(&b, p, n);
	same = b.len == vec_unhex(hex, want, sizeof(want)) &&
	    memcmp(b.data, want, b.len) == 0;
	buf_release(&b);
	return same;
}

/* The functions of the draft that zk uses: the ordered ones it does not. */
static void
test_cpace_strings(void)
{
	uint8_t seq[128];
	const cJSON *t;
	struct buf b;

	LOAD(json, "cpace/cpace-string-utilities.json");
	for (unsigned i = 0; i < 128; i++)
		seq[i] = (uint8_t)i;
	t = cJSON_GetObjectItem(json, "prepend_len test vectors");
	CHECK(lv_is("", 0, vec_str(t, "prepend_len(b'')")));
	CHECK(lv_is("1234", 4, vec_str(t, "prepend_len(b'1234')")));
	CHECK(lv_is(seq, 127, vec_str(t, "prepend_len(bytes(range(127)))")));
	CHECK(lv_is(seq, 128, vec_str(t, "prepend_len(bytes(range(128)))")));
	t = cJSON_GetObjectItem(json, "Testvector for lv_cat()");
	buf_init(&b, 1024);
	cpace_lv(&b, "1234", 4);
	cpace_lv(&b, "5", 1);
	cpace_lv(&b, "", 0);
	cpace_lv(&b, "678", 3);
	CHECK(b.len == vec_hex(t, "lv_cat(b'1234',b'5',b'',b'678')", want,
	    sizeof(want)));
	CHECK(memcmp(b.data, want, b.len) == 0);
	buf_release(&b);
	cJSON_Delete(json);
}

static void
test_padme(void)
{
	const cJSON *t;
	unsigned n = 0;

	LOAD(json, "padme/padme.json");
	cJSON_ArrayForEach(t, cJSON_GetObjectItem(json, "vectors")) {
		const cJSON *len = cJSON_GetObjectItem(t, "len");
		const cJSON *pad = cJSON_GetObjectItem(t, "padded");
		uint64_t a = (uint64_t)len->valuedouble;
		uint64_t b = (uint64_t)pad->valuedouble;

		/* a JSON number holds 53 bits */
		if (a >= UINT64_C(1) << 53)
			continue;
		CHECK(padme(a) == b);
		n++;
	}
	CHECK(n > 40);
	CHECK(padme(9007199254740993) == 9147936743096320);
	cJSON_Delete(json);
}

TESTS(
    { "aead", test_aead },
    { "blake2b", test_blake2b },
    { "hkdf", test_hkdf },
    { "ed25519", test_ed25519 },
    { "X05_ed25519_edge", test_ed25519_edge },
    { "x25519", test_x25519 },
    { "cpace_run", test_cpace_run },
    { "cpace_points", test_cpace_points },
    { "cpace_strings", test_cpace_strings },
    { "padme", test_padme },
)

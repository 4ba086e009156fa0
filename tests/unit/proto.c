/* Requests, messages and errors: both halves agree, one spelling each. */
#include "proto/auth.h"
#include "proto/error.h"
#include "proto/json.h"
#include "proto/msg.h"
#include "proto/target.h"
#include "test.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/rd.h"

static enum zk_err
decode(const char *method, const char *text, struct target *out)
{
	size_t n = strcspn(text, "?");
	const char *query = text[n] == '?' ? text + n + 1 : "";

	return target_decode(method, text, n, query, strlen(query), out);
}

/* Arguments that the call has, filled with something. */
static struct target
sample(enum target_call call)
{
	struct target t;
	struct target all;
	struct buf b;
	size_t len;

	memset(&all, 0, sizeof(all));
	all.call = call;
	memset(all.locator, 0x5a, sizeof(all.locator));
	memset(all.name, 0xc3, sizeof(all.name));
	all.seq = 281474976710656;
	memset(all.mark, 0x11, 32);
	all.mark_len = 32;
	all.max = 65536;
	all.wait_ms = 55000;
	all.plate = 4711;
	all.side = 1;
	all.msg = 15;
	/* what the encoder drops the decoder leaves 0 */
	buf_init(&b, 4096);
	CHECK(target_encode(&all, &b, &len) == ZK_OK);
	CHECK(decode(target_method(call), buf_cstr(&b), &t) == ZK_OK);
	buf_release(&b);
	return t;
}

static void
test_targets(void)
{
	for (unsigned i = 0; i < TARGET_CALLS; i++) {
		struct target t = sample((enum target_call)i), u;
		struct buf b;
		size_t len;

		CHECK(t.call == i);
		buf_init(&b, TARGET_MAX);
		CHECK(target_encode(&t, &b, &len) == ZK_OK);
		CHECK(decode(target_method(t.call), buf_cstr(&b), &u) ==
		    ZK_OK);
		CHECK(memcmp(&t, &u, sizeof(t)) == 0);
		CHECK(decode("PATCH", buf_cstr(&b), &u) == ZK_EREFUSED);
		buf_release(&b);
	}
}

#define L "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
test_target_spelling(void)
{
	static const struct {
		const char *method, *text;
		enum zk_err r;
	} cases[] = {
		{ "GET", "/v1/health", ZK_OK },
		{ "GET", "/v1/health?x=1", ZK_EFORMAT },
		{ "GET", "/v1/health/x", ZK_ENOENT },
		{ "GET", "v1/health", ZK_ENOENT },
		{ "GET", "/v1/spaces/" L "/segments?mark=00&max=1&wait=1",
		    ZK_OK },
		{ "GET", "/v1/spaces/" L "/segments?max=1&mark=00",
		    ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?max=1&max=1", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?max=01", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?max=", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?max=8388609", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?wait=55001", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?mark=", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?mark=0", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?mark=AA", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments?mark=" L L "00",
		    ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments/" L "/1", ZK_OK },
		{ "GET", "/v1/spaces/" L "/segments/" L "/0", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments/" L
		    "/18446744073709551615", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments/" L
		    "/99999999999999999999", ZK_EFORMAT },
		{ "GET", "/v1/spaces/" L "/segments/" L "/1/2", ZK_ENOENT },
		{ "PUT", "/v1/spaces/" L "/heads/" L, ZK_OK },
		{ "PUT", "/v1/spaces/" L "/heads/" L "/1", ZK_ENOENT },
		{ "POST", "/v1/spaces/" L "/heads/" L, ZK_EREFUSED },
		{ "GET", "/v1/spaces/" L "/secrets/" L, ZK_ENOENT },
		{ "GET", "/v1/spaces/" L "0/records", ZK_EFORMAT },
		{ "PUT", "/v1/rendezvous/0/0", ZK_OK },
		{ "PUT", "/v1/rendezvous/0/1", ZK_EFORMAT },
		{ "GET", "/v1/rendezvous/0/0/0", ZK_EFORMAT },
		{ "GET", "/v1/rendezvous/1/0/16", ZK_EFORMAT },
		{ "DELETE", "/v1/rendezvous/1000000000", ZK_EFORMAT }
	};
	struct target t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum zk_err r = decode(cases[i].method, cases[i].text, &t);

		if (r != cases[i].r)
			printf("# %s: %d\n", cases[i].text, (int)r);
		CHECK(r == cases[i].r);
	}
}

static void
test_auth(void)
{
	struct auth a, b;
	struct buf out;

	memset(&a, 0, sizeof(a));
	memset(a.key, 0xab, sizeof(a.key));
	memset(a.nonce, 0xcd, sizeof(a.nonce));
	memset(a.sig, 0xef, sizeof(a.sig));
	a.time = 1764000000;
	buf_init(&out, AUTH_HEADER_MAX);
	for (int kind = AUTH_BODY_NONE; kind <= AUTH_BODY_HASH; kind++) {
		a.body = (enum auth_body)kind;
		memset(a.hash, kind == AUTH_BODY_HASH ? 0x12 : 0,
		    sizeof(a.hash));
		buf_reset(&out);
		CHECK(auth_encode(&a, &out) == ZK_OK);
		CHECK(auth_decode((char *)out.data, out.len, &b) == ZK_OK);
		CHECK(memcmp(&a, &b, sizeof(a)) == 0);
		/* every truncation, and a byte more */
		for (size_t n = 0; n < out.len; n++)
			CHECK(auth_decode((char *)out.data, n, &b) ==
			    ZK_EFORMAT);
		buf_u8(&out, 'a');
		CHECK(auth_decode((char *)out.data, out.len, &b) ==
		    ZK_EFORMAT);
	}
	buf_release(&out);
	CHECK(auth_fresh(&a, a.time + 300) && auth_fresh(&a, a.time - 300));
	CHECK(!auth_fresh(&a, a.time + 301) && !auth_fresh(&a, a.time - 301));
}

static void
test_authority(void)
{
	char out[AUTH_AUTHORITY_MAX + 1];
	char big[400];

	CHECK(auth_authority("Relay.Example:443", 17, out) == ZK_OK);
	CHECK(strcmp(out, "relay.example:443") == 0);
	CHECK(auth_authority("[2001:DB8::1]:80", 16, out) == ZK_OK);
	CHECK(auth_authority("", 0, out) == ZK_EFORMAT);
	CHECK(auth_authority("a b", 3, out) == ZK_EFORMAT);
	CHECK(auth_authority("a\0b", 3, out) == ZK_EFORMAT);
	CHECK(auth_authority("user@host", 9, out) == ZK_EFORMAT);
	memset(big, 'a', sizeof(big));
	CHECK(auth_authority(big, sizeof(big), out) == ZK_EFORMAT);
}

/* Encoders and decoders of the bodies; every truncation fails. */
static void
test_bodies(void)
{
	uint8_t keys[96], sig[64] = { 9 }, res[3] = { 0, 2, 3 }, got[3];
	struct msg_create c = { .has_recovery = true, .time = 5,
	    .authority = "a:1", .authority_len = 3 }, c2;
	struct msg_keys k = { keys, 2, keys + 64, 1, 7, "b", 1 }, k2;
	struct msg_head h = { 3, { 1 } }, h2;
	const uint8_t *s;
	struct buf b;
	size_t n;
	uint32_t plate;

	memset(keys, 0x33, sizeof(keys));
	memset(c.recovery, 4, sizeof(c.recovery));
	buf_init(&b, 4096);
	CHECK(msg_create_put(&b, &c) == ZK_OK);
	buf_put(&b, sig, 64);
	CHECK(msg_create_get(b.data, b.len, &c2, &n, &s) == ZK_OK);
	CHECK(n == b.len - 64 && memcmp(s, sig, 64) == 0);
	CHECK(c2.has_recovery && memcmp(c2.recovery, c.recovery, 32) == 0);
	CHECK(c2.authority_len == 3 && memcmp(c2.authority, "a:1", 3) == 0);
	for (size_t i = 0; i < b.len; i++)
		CHECK(msg_create_get(b.data, i, &c2, &n, &s) != ZK_OK);
	b.data[0] = 2;
	CHECK(msg_create_get(b.data, b.len, &c2, &n, &s) == ZK_EVERSION);
	buf_reset(&b);
	CHECK(msg_keys_put(&b, &k) == ZK_OK);
	buf_put(&b, sig, 64);
	CHECK(msg_keys_get(b.data, b.len, &k2, &n, &s) == ZK_OK);
	CHECK(k2.n_active == 2 && k2.n_retired == 1 && k2.time == 7);
	for (size_t i = 0; i < b.len; i++)
		CHECK(msg_keys_get(b.data, i, &k2, &n, &s) != ZK_OK);
	buf_reset(&b);
	CHECK(msg_results_put(&b, res, 3) == ZK_OK);
	CHECK(msg_results_get(b.data, b.len, got, 3) == ZK_OK);
	CHECK(memcmp(res, got, 3) == 0);
	CHECK(msg_results_get(b.data, b.len, got, 2) == ZK_EFORMAT);
	b.data[5] = 4;
	CHECK(msg_results_get(b.data, b.len, got, 3) == ZK_EFORMAT);
	buf_reset(&b);
	CHECK(msg_head_put(&b, &h) == ZK_OK);
	CHECK(msg_head_get(b.data, b.len, &h2) == ZK_OK && h2.seq == 3);
	CHECK(msg_head_get(b.data, b.len - 1, &h2) == ZK_EFORMAT);
	buf_reset(&b);
	CHECK(msg_plate_put(&b, 0) == ZK_OK);
	CHECK(msg_plate_get(b.data, b.len, &plate) == ZK_EFORMAT);
	buf_release(&b);
}

static void
test_page(void)
{
	static const uint8_t mark[4] = { 1, 2, 3, 4 };
	struct msg_page p = { true, mark, 4, 2 }, q;
	const uint8_t *seg;
	struct buf b;
	struct rd r;
	size_t n;

	buf_init(&b, 4096);
	CHECK(msg_page_head(&b, &p) == ZK_OK);
	CHECK(msg_append_seg(&b, "abc", 3) == ZK_OK);
	CHECK(msg_append_seg(&b, "de", 2) == ZK_OK);
	rd_init(&r, b.data, b.len);
	CHECK(msg_page_start(&r, &q) == ZK_OK);
	CHECK(q.more && q.count == 2 && q.mark_len == 4);
	CHECK(msg_page_seg(&r, &seg, &n) == ZK_OK && n == 3);
	CHECK(msg_page_seg(&r, &seg, &n) == ZK_OK && n == 2);
	CHECK(rd_end(&r) == ZK_OK);
	CHECK(msg_page_seg(&r, &seg, &n) != ZK_OK && seg == NULL && n == 0);
	/* a length beyond what is there, and one beyond any object */
	b.data[b.len - 6] = 200;
	rd_init(&r, b.data, b.len);
	CHECK(msg_page_start(&r, &q) == ZK_OK);
	CHECK(msg_page_seg(&r, &seg, &n) == ZK_OK);
	CHECK(msg_page_seg(&r, &seg, &n) == ZK_EFORMAT);
	b.data[b.len - 3] = 200;
	rd_init(&r, b.data, b.len);
	CHECK(msg_page_start(&r, &q) == ZK_OK);
	CHECK(msg_page_seg(&r, &seg, &n) == ZK_OK);
	CHECK(msg_page_seg(&r, &seg, &n) == ZK_EFORMAT);
	buf_release(&b);
}

static void
test_errors(void)
{
	struct error_body e;
	struct buf b;
	static char deep[3000];

	buf_init(&b, ERROR_BODY_MAX);
	for (unsigned i = 0; i < ERROR_CODES; i++) {
		buf_reset(&b);
		CHECK(error_put(&b, (enum error_code)i, 1764000000) == ZK_OK);
		error_get(b.data, b.len, &e);
		CHECK(e.code == i && e.time == 1764000000);
		CHECK(e.message[0] != '\0');
		CHECK(error_status(e.code) >= 400);
	}
	buf_release(&b);
	error_get("{\"error\":\"new_code\"}", 20, &e);
	CHECK(e.code == ERROR_CODES && e.time == 0);
	CHECK(error_zk(e.code, 503) == ZK_EBUSY);
	CHECK(error_zk(e.code, 507) == ZK_EREMOTEFULL);
	CHECK(error_zk(e.code, 404) == ZK_ENOENT);
	error_get("<html>", 6, &e);
	CHECK(e.code == ERROR_CODES);
	error_get("{\"error\":7,\"time\":1e999}", 24, &e);
	CHECK(e.code == ERROR_CODES && e.time == 0);
	memset(deep, '[', sizeof(deep));
	error_get(deep, sizeof(deep), &e);
	CHECK(e.code == ERROR_CODES);
}

static void
test_json(void)
{
	struct json *j = NULL;

	CHECK(json_parse("{\"a\":\"x\",\"b\":-5}\n", 17, &j) == ZK_OK);
	NEED(j != NULL);
	CHECK(strcmp(json_str(j, "a"), "x") == 0 && json_str(j, "b") == NULL);
	CHECK(json_int(j, "b", 1) == -5 && json_int(j, "a", 1) == 1);
	CHECK(json_str(j, "A") == NULL);
	json_free(j);
	CHECK(json_parse("[1]", 3, &j) == ZK_EFORMAT && j == NULL);
	CHECK(json_parse("{}x", 3, &j) == ZK_EFORMAT);
	CHECK(json_parse("{\"a\":1", 6, &j) == ZK_EFORMAT);
	CHECK(json_parse("", 0, &j) == ZK_EFORMAT);
	CHECK(json_parse("{}\0", 3, &j) == ZK_EFORMAT);
	CHECK(json_parse("{\"a\":[[[[[[[[[]]]]]]]]]}", 25, &j) == ZK_ELIMIT);
}

static void
test_hex(void)
{
	uint8_t out[2];
	struct buf b;

	buf_init(&b, 16);
	CHECK(hex_put(&b, "\x00\xfe", 2) == ZK_OK);
	CHECK(strcmp(buf_cstr(&b), "00fe") == 0);
	buf_release(&b);
	CHECK(hex_get("00fe", 4, out, 2) == ZK_OK && out[1] == 0xfe);
	CHECK(hex_get("00FE", 4, out, 2) == ZK_EFORMAT);
	CHECK(hex_get("00f", 3, out, 2) == ZK_EFORMAT);
	CHECK(hex_get("00fg", 4, out, 2) == ZK_EFORMAT);
}

TESTS(
    { "targets", test_targets },
    { "target spelling", test_target_spelling },
    { "auth", test_auth },
    { "authority", test_authority },
    { "bodies", test_bodies },
    { "page", test_page },
    { "errors", test_errors },
    { "json", test_json },
    { "hex", test_hex },
)

/* URLs, names of objects, the rate limit, pins from certificates. */
#include "tests/unit/test.h"

#include <stdint.h>

#include "crypto/crypto.h"
#include "transport/names.h"
#include "transport/rate.h"
#include "transport/spki.h"
#include "transport/transport.h"
#include "transport/url.h"
#include "util/buf.h"
#include "util/env.h"

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* Parses s; its normal form is in out (empty: refused). */
static void
normal(const char *s, char out[512])
{
	struct buf b;
	struct url u;
	const char *why;

	buf_init(&b, 511);
	out[0] = '\0';
	if (url_parse(s, &u, &why) == ZK_OK && url_write(&u, &b) == ZK_OK)
		(void)snprintf(out, 512, "%s", buf_cstr(&b));
	else
		CHECK(why[0] != '\0');
	buf_release(&b);
}

static void
accepted(void)
{
	static const char *const pair[][2] = {
		{ ("https://h:8440/#" PIN), ("https://h:8440/#" PIN) },
		{ "https://Example.ORG", "https://example.org:443/" },
		{ "https://h:1/", "https://h:1/" },
		{ "http://127.0.0.1:65535", "http://127.0.0.1:65535/" },
		{ ("https://[::1]:9/#" PIN ";" PIN),
		    ("https://[::1]:9/#" PIN ";" PIN) },
		{ "http://[2001:DB8::1]/", "http://[2001:db8::1]:80/" },
		{ "file:///a/b", "file:///a/b" },
		{ "file:///a//b///", "file:///a/b" },
		{ "file:///", "file:///" },
		{ "file:///with%20space/%ff", "file:///with%20space/%FF" },
		{ "file:///100%25", "file:///100%25" },
	};
	char out[512];

	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		normal(pair[i][0], out);
		if (strcmp(out, pair[i][1]) != 0)
			printf("# %s: '%s'\n", pair[i][0], out);
		CHECK(strcmp(out, pair[i][1]) == 0);
		/* the normal form is its own */
		normal(pair[i][1], out);
		CHECK(strcmp(out, pair[i][1]) == 0);
	}
}

static void
refused(void)
{
	static const char *const bad[] = {
		"", "h:1", "ftp://h/", "https://", "https:///", "https://:1/",
		"https://h:/", "https://h:0/", "https://h:65536/",
		"https://h:99999999999/", "https://h:1x/", "https://h/path",
		"https://h/?q", "https://user@h/", "https://u:p@h/",
		"https://h/#", "https://h/#sha256//", "https://h/#md5//AA",
		("https://h/#" PIN ";"), ("https://h/#" PIN "x"),
		"https://h/#sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
		("http://h/#" PIN), "https://[::1", "https://[x]/",
		"https://[::1]x/", "https://a b/", "https://a\nb/",
		"https://-h/", "file://host/dir", "file:dir", "file:///a?b",
		"file:///a#b", "file:///a%0", "file:///a%00b", "file:///%zz",
		"s3://bucket/prefix", "davs://host/path",
	};
	char out[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		normal(bad[i], out);
		if (out[0] != '\0')
			printf("# accepted %s\n", bad[i]);
		CHECK(out[0] == '\0');
	}
}

static void
bounds(void)
{
	size_t n = URL_MAX + 100;
	char *s = malloc(n + 1);
	struct url u;
	const char *why;

	NEED(s != NULL);
	memset(s, 'a', n);
	s[n] = '\0';
	memcpy(s, "file:///", 8);
	CHECK(url_parse(s, &u, &why) == ZK_EUSAGE);
	memcpy(s, "https://", 8);
	CHECK(url_parse(s, &u, &why) == ZK_EUSAGE);
	s[8 + URL_HOST_MAX + 1] = '\0';
	CHECK(url_parse(s, &u, &why) == ZK_EUSAGE);
	s[8 + URL_HOST_MAX] = '\0';
	CHECK(url_parse(s, &u, &why) == ZK_OK);
	free(s);
}

static void
redacted(void)
{
	static const char *const pair[][2] = {
		{ "https://user:secret@h/x?token=secret", "https://h/x" },
		{ "s3://KEY:secret@bucket/p?secret=1", "s3://bucket/p" },
		{ ("https://h/#" PIN), ("https://h/#" PIN) },
		{ "https://h/#secret", "https://h/" },
		{ "a:secret@b@c", "c" },
	};
	struct buf b;

	buf_init(&b, 512);
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		buf_reset(&b);
		CHECK(url_redact(pair[i][0], &b) == ZK_OK);
		CHECK(strcmp(buf_cstr(&b), pair[i][1]) == 0);
		CHECK(strstr(buf_cstr(&b), "secret") == NULL);
	}
	buf_release(&b);
}

static void
names(void)
{
	uint8_t log[32];
	uint8_t hash[32];
	uint8_t log2[32];
	uint8_t hash2[32];
	char s[NAMES_CAP];
	uint64_t seq;

	memset(log, 0xab, 32);
	memset(hash, 0x1f, 32);
	names_seg(0x1234, hash, s);
	CHECK(strlen(s) == NAMES_SEG_LEN);
	CHECK(strncmp(s, "0000000000001234-1f1f", 21) == 0);
	CHECK(names_seg_parse(s, &seq, hash2) && seq == 0x1234 &&
	    memcmp(hash, hash2, 32) == 0);
	s[20] = 'F';
	CHECK(!names_seg_parse(s, &seq, hash2));
	names_seg(0, hash, s);
	CHECK(!names_seg_parse(s, &seq, hash2));
	names_hint(log, UINT64_MAX, hash, s);
	CHECK(strlen(s) == NAMES_HINT_LEN);
	CHECK(names_hint_parse(s, log2, &seq, hash2) && seq == UINT64_MAX &&
	    memcmp(log, log2, 32) == 0 && memcmp(hash, hash2, 32) == 0);
	s[NAMES_HINT_LEN - 1] = '\0';
	CHECK(!names_hint_parse(s, log2, &seq, hash2));
	CHECK(!names_seg_parse("../../etc/passwd", &seq, hash2));
	CHECK(!names_seg_parse("", &seq, hash2));
}

/* Bytes that pass in `seconds` of a clock that ticks every `tick` ms. */
static double
passed(uint64_t rate, unsigned seconds, unsigned tick, size_t piece)
{
	struct rate r;
	double n = 0;

	rate_init(&r, rate, 0);
	for (int64_t now = 0; now < (int64_t)seconds * 1000; now += tick) {
		size_t k = 1;

		while (k > 0) {
			k = rate_take(&r, now, piece);
			n += (double)k;
		}
	}
	return n;
}

static void
rate_holds(void)
{
	static const uint64_t rates[] = { 1000, 50000, 1000000, 100000000 };

	for (size_t i = 0; i < 4; i++)
		for (unsigned tick = 1; tick <= 50; tick += 49) {
			double n = passed(rates[i], 10, tick, 65536);
			double want = (double)rates[i] * 10;

			CHECK(n > want * 0.95 && n < want * 1.05);
		}
}

static void
rate_whole_pieces(void)
{
	struct rate r;
	double n = 0;

	rate_init(&r, 100000, 0);
	for (int64_t now = 0; now < 10000; now++)
		if (rate_take_all(&r, now, 16384))
			n += 16384;
	CHECK(n > 950000 && n < 1050000);
	/* no limit */
	rate_init(&r, 0, 0);
	CHECK(rate_take(&r, 0, 1 << 30) == 1 << 30);
	CHECK(rate_take_all(&r, 0, 1 << 30) && rate_wait(&r, 0) == 0);
	/* a wait is worth waiting */
	rate_init(&r, 1000, 0);
	CHECK(rate_take(&r, 0, 100) == 0);
	CHECK(rate_wait(&r, 0) > 0 && rate_wait(&r, 0) <= 1000);
	CHECK(rate_take(&r, rate_wait(&r, 0), 50) > 0);
}

/* Made with openssl req -x509 -newkey ec; the pin with openssl dgst. */
static const char cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBmTCCAT+gAwIBAgIUGX42EqfaYM5kWR8qCP6+uxmET2owCgYIKoZIzj0EAwIw\n"
    "IjETMBEGA1UEAwwKdGVzdCByZWxheTELMAkGA1UECgwCemswHhcNMjYxMTIxMDQ0\n"
    "NzA4WhcNMzYxMTE4MDQ0NzA4WjAiMRMwEQYDVQQDDAp0ZXN0IHJlbGF5MQswCQYD\n"
    "VQQKDAJ6azBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMZozW07QoWwTf5PqgTX\n"
    "KsRP4Dox937SSkAK4w0itB6Klq+vVemW3cRFc/badWJ9tCqnNWXh1RQml/KSpHrN\n"
    "waejUzBRMB0GA1UdDgQWBBQhD2T5uYkc9J10GXBgzgcf+YuQ4zAfBgNVHSMEGDAW\n"
    "gBQhD2T5uYkc9J10GXBgzgcf+YuQ4zAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49\n"
    "BAMCA0gAMEUCIQDqBIutCIoGS2OYnDvzJa5iKFGlIt+kjFJt2WHlDBd4fgIgE+H8\n"
    "2CSlIONYe2oYo0TvvNVqV4p0nFGVcQAobQeXcPY=\n"
    "-----END CERTIFICATE-----\n";
#define CERT_PIN "sha256//QR6Qvs6AGCvjFFsbhLe761OuKZbfz3WQ58WTFxqxzf4="

static void
pins(void)
{
	char pin[SPKI_PIN_CAP];
	char *copy = strdup(cert);

	NEED(copy != NULL);
	CHECK(crypto_init() == ZK_OK);
	CHECK(spki_pin(cert, pin) == ZK_OK);
	CHECK(strcmp(pin, CERT_PIN) == 0);
	CHECK(url_pin_ok(pin, strlen(pin)));
	CHECK(spki_pin("", pin) == ZK_EFORMAT && pin[0] == '\0');
	CHECK(spki_pin("-----BEGIN CERTIFICATE-----\n", pin) == ZK_EFORMAT);
	CHECK(spki_pin("-----BEGIN CERTIFICATE-----"
	    "-----END CERTIFICATE-----", pin) == ZK_EFORMAT);
	/* damaged anywhere: a pin or none, never half of one */
	for (size_t i = 0; i < strlen(cert); i++) {
		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		CHECK(spki_pin(copy, pin) == ZK_OK || pin[0] == '\0');
		copy[i] = cert[i];
	}
	free(copy);
}

static void
opens_nothing(void)
{
	struct transport_opts o = { .env = env_posix() };
	struct transport *t = NULL;

	CHECK(transport_open("s3://bucket/x", &o, &t) == ZK_EUSAGE);
	CHECK(t == NULL);
	CHECK(transport_open("https://u:p@h/", &o, &t) == ZK_EUSAGE);
	CHECK(t == NULL);
	CHECK(transport_open("https://h/#" PIN, &o, &t) == ZK_OK);
	NEED(t != NULL);
	CHECK(strcmp(transport_url(t), ("https://h:443/#" PIN)) == 0);
	transport_free(t);
}

TESTS(
    { "accepted", accepted },
    { "refused", refused },
    { "bounds", bounds },
    { "redacted", redacted },
    { "names", names },
    { "rate", rate_holds },
    { "rate/pieces", rate_whole_pieces },
    { "pins", pins },
    { "open", opens_nothing },
)

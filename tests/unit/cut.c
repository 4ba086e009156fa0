/* Content-defined cutting: limits, windows, keys, streaming. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "format/cut.h"
#include "test.h"

#define MIB (1024u * 1024)

static struct key *
make_key(uint8_t seed)
{
	uint8_t raw[KEY_LEN];
	struct key *k = NULL;

	if (crypto_init() != ZK_OK)
		return NULL;
	memset(raw, seed, sizeof(raw));
	if (key_import(KEY_PRF, raw, &k) != ZK_OK)
		return NULL;
	return k;
}

/* Bytes that look random, the same every time. */
static uint8_t *
make_bytes(size_t n, uint64_t seed)
{
	uint8_t *p = malloc(n);
	uint64_t x = seed * 2 + 1;

	for (size_t i = 0; p != NULL && i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)(x >> 24);
	}
	return p;
}

/* Cuts n bytes, shown step bytes at a time; the ends go to cut. */
static size_t
cut_all(struct cutter *c, const uint8_t *p, size_t n, size_t step,
    size_t *cut, size_t max)
{
	size_t start = 0, seen = 0, k = 0, len;

	cut_reset(c);
	while (k < max) {
		len = cut_find(c, p + start, seen - start);
		if (len > 0) {
			start += len;
			cut[k++] = start;
		} else if (seen < n) {
			seen = n - seen < step ? n : seen + step;
		} else {
			break;
		}
	}
	if (k < max && start < n)
		cut[k++] = n;
	cut_reset(c);
	return k;
}

static void
test_limits(void)
{
	struct key *k = make_key(1);
	size_t n = 64 * MIB, cuts[512], got, last = 0, longest = 0;
	uint8_t *p = make_bytes(n, 7);
	struct cutter *c = NULL;

	NEED(k != NULL && p != NULL && cut_new(k, &c) == ZK_OK);
	got = cut_all(c, p, n, n, cuts, 512);
	for (size_t i = 0; i < got; i++) {
		size_t len = cuts[i] - last;

		CHECK(len <= CUT_MAX);
		CHECK(len >= CUT_MIN || i == got - 1);
		longest = len > longest ? len : longest;
		last = cuts[i];
	}
	CHECK(last == n);
	/* the mean is near 1 MiB */
	CHECK(got > 45 && got < 90);
	CHECK(longest > 2 * MIB);
	cut_free(c);
	free(p);
	key_free(k);
}

/* However the bytes arrive, the cuts are the same. */
static void
test_streaming(void)
{
	static const size_t steps[] = { 1000, 4096, 262144, 262081, 5000000 };
	struct key *k = make_key(2);
	size_t n = 12 * MIB, a[64], b[64], na, nb;
	uint8_t *p = make_bytes(n, 9);
	struct cutter *c = NULL;

	NEED(k != NULL && p != NULL && cut_new(k, &c) == ZK_OK);
	na = cut_all(c, p, n, n, a, 64);
	CHECK(na > 6);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		nb = cut_all(c, p, n, steps[i], b, 64);
		CHECK(nb == na && memcmp(a, b, na * sizeof(a[0])) == 0);
	}
	cut_free(c);
	free(p);
	key_free(k);
}

/* The rule, computed in the plainest way, gives the same first cut. */
static void
test_rule(void)
{
	uint64_t gear[256], h;
	struct key *k = make_key(3);
	size_t n = 6 * MIB, first, candidates = 0;
	uint8_t *p = make_bytes(n, 11);
	struct cutter *c = NULL;

	NEED(k != NULL && p != NULL && cut_new(k, &c) == ZK_OK);
	for (unsigned i = 0; i < 256; i++) {
		uint8_t b = (uint8_t)i, d[HASH_LEN];

		hash_bytes(LABEL_HASH_GEAR, &b, 1, d);
		memcpy(&gear[i], d, 8);
	}
	first = cut_find(c, p, n);
	NEED(first > CUT_MIN && first < CUT_MAX);
	/* the window before the cut is a candidate; 1 in 256 others are */
	for (size_t end = first; end > first - 100000; end--) {
		h = 0;
		for (size_t i = end - 64; i < end; i++)
			h = (h << 1) + gear[p[i]];
		if (end == first)
			CHECK(h >> 56 == 0);
		candidates += h >> 56 == 0;
	}
	CHECK(candidates > 250 && candidates < 540);
	/* nothing before the window matters */
	p[first - 65] ^= 1;
	CHECK(cut_find(c, p, n) == first);
	/* and everything in it does */
	p[first - 64] ^= 1;
	CHECK(cut_find(c, p, n) != first);
	p[first - 64] ^= 1;
	p[first - 1] ^= 1;
	CHECK(cut_find(c, p, n) != first);
	cut_free(c);
	free(p);
	key_free(k);
}

/* R36, R37: under another key the cuts are elsewhere. */
static void
test_keys(void)
{
	struct key *k1 = make_key(4), *k2 = make_key(5);
	size_t n = 32 * MIB, a[128], b[128], na, nb, same = 0;
	uint8_t *p = make_bytes(n, 13);
	struct cutter *c = NULL;

	NEED(k1 != NULL && k2 != NULL && p != NULL);
	NEED(cut_new(k1, &c) == ZK_OK);
	na = cut_all(c, p, n, n, a, 128);
	cut_rekey(c, k2);
	nb = cut_all(c, p, n, n, b, 128);
	for (size_t i = 0; i + 1 < na; i++)
		for (size_t j = 0; j + 1 < nb; j++)
			same += a[i] == b[j];
	CHECK(na > 20 && nb > 20 && same == 0);
	cut_free(c);
	free(p);
	key_free(k1);
	key_free(k2);
}

/* After an insertion the cuts come back into step. */
static void
test_insert(void)
{
	struct key *k = make_key(6);
	size_t n = 32 * MIB, a[128], b[128], na, nb, moved = 0;
	uint8_t *p = make_bytes(n + 1, 17), *q = malloc(n + 1);
	struct cutter *c = NULL;

	NEED(k != NULL && p != NULL && q != NULL);
	NEED(cut_new(k, &c) == ZK_OK);
	na = cut_all(c, p, n, n, a, 128);
	memcpy(q, p, n / 2);
	q[n / 2] = 0x55;
	memcpy(q + n / 2 + 1, p + n / 2, n / 2);
	nb = cut_all(c, q, n + 1, n + 1, b, 128);
	for (size_t i = 0, j = 0; i < na; i++) {
		size_t want = a[i] > n / 2 ? a[i] + 1 : a[i];

		while (j < nb && b[j] < want)
			j++;
		moved += j == nb || b[j] != want;
	}
	CHECK(moved <= 1);
	cut_free(c);
	free(p);
	free(q);
	key_free(k);
}

static void
test_zeros(void)
{
	struct cutter *c = NULL;
	uint8_t *p = calloc(1, 5 * MIB);
	struct key *k;

	NEED(p != NULL);
	for (uint8_t s = 0; s < 20; s++) {
		k = make_key(s);
		NEED(k != NULL && cut_new(k, &c) == ZK_OK);
		CHECK((cut_find(c, p, 5 * MIB) == CUT_MAX) ==
		    cut_zeros_whole(c));
		cut_free(c);
		key_free(k);
	}
	free(p);
}

/* 1 in 192 entries may end a part, as the key says. */
static void
test_entry(void)
{
	struct key *k = make_key(7);
	uint8_t h[32];
	size_t n = 0;

	NEED(k != NULL);
	for (uint32_t i = 0; i < 192000; i++) {
		hash_bytes(LABEL_HASH_CONTENT, &i, sizeof(i), h);
		n += cut_entry(k, h);
	}
	CHECK(n > 850 && n < 1150);
	key_free(k);
}

TESTS(
    { "limits", test_limits },
    { "streaming", test_streaming },
    { "rule", test_rule },
    { "keys", test_keys },
    { "insert", test_insert },
    { "zeros", test_zeros },
    { "entry", test_entry },
)

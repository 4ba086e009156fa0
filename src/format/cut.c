#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/prf.h"
#include "format/cut.h"

/* Accept 1 of 3072 candidates: 256 * 3072 = 768 KiB beyond CUT_MIN. */
#define CUT_BELOW (UINT64_MAX / 3072)

/* Divide a manifest behind 1 of 192 entries: 192 + 64 = 256 on average. */
#define ENTRY_BELOW (UINT64_MAX / 192)

struct cutter {
	uint64_t gear[256];	/* public */
	const struct key *key;	/* borrowed */
	size_t pos;		/* bytes of the chunk looked at */
	uint64_t h;		/* gear hash at pos */
	bool zeros_whole;
};

/* A candidate's window, 64 bytes ending behind p. */
static bool
decide(const struct cutter *c, const uint8_t *end)
{
	return prf_sip(c->key, end - CUT_WINDOW, CUT_WINDOW) < CUT_BELOW;
}

/*
 * gear[i] is the first 8 bytes, little endian, of the hash of the byte i
 * under LABEL_HASH_GEAR.
 */
static void
make_gear(uint64_t gear[static 256])
{
	for (unsigned i = 0; i < 256; i++) {
		uint8_t b = (uint8_t)i, h[HASH_LEN];

		hash_bytes(LABEL_HASH_GEAR, &b, 1, h);
		gear[i] = 0;
		for (int j = 7; j >= 0; j--)
			gear[i] = gear[i] << 8 | h[j];
	}
}

/* Every window of a run of zeros is the same one: it cuts, or none does. */
static bool
zeros_whole(const struct cutter *c)
{
	static const uint8_t zeros[CUT_WINDOW];
	uint64_t h = 0;

	for (unsigned i = 0; i < CUT_WINDOW; i++)
		h = (h << 1) + c->gear[0];
	return h >> 56 != 0 || !decide(c, zeros + CUT_WINDOW);
}

enum zk_err
cut_new(const struct key *k, struct cutter **out)
{
	struct cutter *c = calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return ZK_ENOMEM;
	make_gear(c->gear);
	cut_rekey(c, k);
	return ZK_OK;
}

void
cut_rekey(struct cutter *c, const struct key *k)
{
	c->key = k;
	c->zeros_whole = zeros_whole(c);
	cut_reset(c);
}

void
cut_free(struct cutter *c)
{
	free(c);
}

void
cut_reset(struct cutter *c)
{
	c->pos = 0;
	c->h = 0;
}

/*
 * The byte at pos enters the hash; the one 64 before it has left it by the
 * shifts.  Nothing below CUT_MIN - CUT_WINDOW can matter.
 */
size_t
cut_find(struct cutter *c, const uint8_t *chunk, size_t n)
{
	const uint64_t *gear = c->gear;
	size_t end = n < CUT_MAX ? n : CUT_MAX;
	size_t i = c->pos;
	uint64_t h = c->h;

	if (i < CUT_MIN - CUT_WINDOW)
		i = CUT_MIN - CUT_WINDOW;
	for (; i < end && i < CUT_MIN - 1; i++)
		h = (h << 1) + gear[chunk[i]];
	for (; i < end; i++) {
		h = (h << 1) + gear[chunk[i]];
		if (h >> 56 == 0 && decide(c, chunk + i + 1)) {
			cut_reset(c);
			return i + 1;
		}
	}
	if (end == CUT_MAX) {
		cut_reset(c);
		return CUT_MAX;
	}
	if (i <= end) {
		c->pos = i;
		c->h = h;
	}
	return 0;
}

bool
cut_zeros_whole(const struct cutter *c)
{
	return c->zeros_whole;
}

bool
cut_entry(const struct key *k, const uint8_t hash[static 32])
{
	return prf_sip(k, hash, 32) < ENTRY_BELOW;
}

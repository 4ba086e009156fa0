#include <string.h>

#include <sodium.h>

#include "crypto/filehash.h"
#include "crypto/labels.h"
#include "util/err.h"

static const uint8_t zeros[4096];

void
filehash_init(struct filehash *f)
{
	memset(f, 0, sizeof(*f));
	hash_init(&f->leaf, LABEL_HASH_CONTENT);
	hash_init(&f->top, LABEL_HASH_BLOCKS);
}

/* A block is complete: its hash goes to the top, the next one begins. */
static void
close_block(struct filehash *f)
{
	hash_final(&f->leaf, f->last);
	hash_update(&f->top, f->last, HASH_LEN);
	hash_init(&f->leaf, LABEL_HASH_CONTENT);
	f->fill = 0;
}

void
filehash_update(struct filehash *f, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n > 0) {
		size_t m = FILEHASH_BLOCK - f->fill;

		if (m > n)
			m = n;
		hash_update(&f->leaf, b, m);
		b += m;
		n -= m;
		f->fill += m;
		f->size += m;
		if (f->fill == FILEHASH_BLOCK)
			close_block(f);
	}
}

/* n zeros one by one, up to the end of a block. */
static void
few_zeros(struct filehash *f, uint64_t n)
{
	while (n > 0) {
		size_t m = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		filehash_update(f, zeros, m);
		n -= m;
	}
}

static void
zero_leaf(struct filehash *f)
{
	struct hash h;

	if (f->has_zero)
		return;
	hash_init(&h, LABEL_HASH_CONTENT);
	for (size_t i = 0; i < FILEHASH_BLOCK; i += sizeof(zeros))
		hash_update(&h, zeros, sizeof(zeros));
	hash_final(&h, f->zero);
	f->has_zero = true;
}

void
filehash_zeros(struct filehash *f, uint64_t n)
{
	uint64_t head = f->fill == 0 ? 0 : FILEHASH_BLOCK - f->fill;

	if (head > n)
		head = n;
	few_zeros(f, head);
	n -= head;
	if (n >= FILEHASH_BLOCK)
		zero_leaf(f);
	for (; n >= FILEHASH_BLOCK; n -= FILEHASH_BLOCK)
		filehash_block(f, f->zero);
	few_zeros(f, n);
}

void
filehash_block(struct filehash *f, const uint8_t leaf[static HASH_LEN])
{
	if (f->fill != 0)
		BUG("block hash inside a block");
	memmove(f->last, leaf, HASH_LEN);
	hash_update(&f->top, f->last, HASH_LEN);
	f->size += FILEHASH_BLOCK;
}

void
filehash_final(struct filehash *f, uint8_t out[static HASH_LEN])
{
	uint8_t le[8];

	if (f->size <= FILEHASH_BLOCK) {
		if (f->fill == 0 && f->size > 0)
			memcpy(out, f->last, HASH_LEN);
		else
			hash_final(&f->leaf, out);
	} else {
		if (f->fill > 0)
			close_block(f);
		for (unsigned i = 0; i < 8; i++)
			le[i] = (uint8_t)(f->size >> 8 * i);
		hash_update(&f->top, le, sizeof(le));
		hash_final(&f->top, out);
	}
	sodium_memzero(f, sizeof(*f));
}

void
filehash_leaf(const void *p, size_t n, uint8_t out[static HASH_LEN])
{
	hash_bytes(LABEL_HASH_CONTENT, p, n, out);
}

void
filehash_bytes(const void *p, size_t n, uint8_t out[static HASH_LEN])
{
	struct filehash f;

	filehash_init(&f);
	filehash_update(&f, p, n);
	filehash_final(&f, out);
}

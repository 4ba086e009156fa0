#include <string.h>

#include "crypto/labels.h"
#include "format/filehash.h"

void
filehash_init(struct filehash *f)
{
	memset(f, 0, sizeof(*f));
	hash_init(&f->h, LABEL_HASH_LIST);
}

static void
hash_run(struct filehash *f)
{
	uint8_t head[12];

	if (f->count == 0)
		return;
	for (unsigned i = 0; i < 4; i++)
		head[i] = (uint8_t)(f->len >> 8 * i);
	for (unsigned i = 0; i < 8; i++)
		head[4 + i] = (uint8_t)(f->count >> 8 * i);
	hash_update(&f->h, head, sizeof(head));
	hash_update(&f->h, f->hash, sizeof(f->hash));
}

void
filehash_add(struct filehash *f, const uint8_t hash[static CHUNK_HASH_LEN],
    uint32_t plain_len, uint64_t count)
{
	if (f->count > 0 && f->len == plain_len &&
	    memcmp(f->hash, hash, CHUNK_HASH_LEN) == 0) {
		f->count += count;
		return;
	}
	hash_run(f);
	f->count = count;
	f->len = plain_len;
	memcpy(f->hash, hash, CHUNK_HASH_LEN);
}

void
filehash_final(struct filehash *f, uint8_t out[static CHUNK_HASH_LEN])
{
	hash_run(f);
	f->count = 0;
	hash_final(&f->h, out);
}

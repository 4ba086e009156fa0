/*
 * What is inside a blob and inside an op: sealed here under a known key, so
 * that the decoder behind the tag is reached; and packed content.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/labels.h"
#include "crypto/padme.h"
#include "format/chunk.h"
#include "format/compress.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const uint8_t vault[CHUNK_VAULT_LEN];

/* The associated data of zk-format(5), BLOBS, for level 0. */
static size_t
make_ad(uint8_t *ad)
{
	const size_t n = sizeof(LABEL_AD_BLOB) - 1;

	ad[0] = (uint8_t)n;
	memcpy(ad + 1, LABEL_AD_BLOB, n);
	ad[1 + n] = 1;
	ad[2 + n] = 1;
	memcpy(ad + 3 + n, vault, sizeof(vault));
	ad[3 + n + sizeof(vault)] = 0;
	return 4 + n + sizeof(vault);
}

static void
try_blob(struct compress *z, const uint8_t *p, size_t n, uint32_t plain_len)
{
	struct chunk_ctx ctx = { vault, 0 };
	struct chunk_ref ref = { .plain_len = plain_len };
	struct buf stored, out;
	uint8_t ad[128];
	size_t total = (size_t)padme_floor(n + AEAD_TAG_LEN,
	    CHUNK_STORED_MIN);

	buf_init(&stored, CHUNK_STORED_MAX);
	buf_init_secret(&out, CHUNK_PLAIN_MAX);
	buf_put(&stored, p, n);
	buf_zero(&stored, total - n);
	if (buf_err(&stored) != ZK_OK)
		abort();
	aead_seal_raw(ref.key, ref.nonce, ad, make_ad(ad), stored.data,
	    total - AEAD_TAG_LEN, stored.data);
	ref.stored_len = (uint32_t)total;
	if (chunk_open(z, &ctx, &ref, stored.data, total, &out) == ZK_OK)
		abort();	/* the plaintext hash is all zeros */
	buf_release(&stored);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct compress *z = NULL;
	uint32_t plain_len;
	struct buf out;

	if (crypto_init() != ZK_OK || compress_new(&z) != ZK_OK)
		abort();
	if (n >= 3 && n < 1 << 20) {
		plain_len = (uint32_t)(p[0] | p[1] << 8 | p[2] << 16);
		try_blob(z, p + 3, n - 3, plain_len);
		buf_init_secret(&out, 1 << 20);
		if (compress_unpack(z, p + 3, n - 3, plain_len, &out) ==
		    ZK_OK && out.len != plain_len)
			abort();
		buf_release(&out);
	}
	compress_free(z);
	return 0;
}

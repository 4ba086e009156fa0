#include <string.h>

#include "crypto/hash.h"
#include "crypto/key.h"
#include "format/recordio.h"

/* Appends a label with its length, returns the end. */
static uint8_t *
recordio_label(uint8_t *p, const char *label)
{
	size_t n = strlen(label);

	*p++ = (uint8_t)n;
	memcpy(p, label, n);
	return p + n;
}

void
recordio_ad(const uint8_t hdr[static RECORDIO_HDR_LEN], const uint8_t *vault,
    uint8_t ad[static RECORDIO_AD_LEN])
{
	uint8_t *p = recordio_label(ad, LABEL_AD_RECORD);

	memcpy(p, hdr, RECORDIO_HDR_LEN);
	if (vault != NULL)
		memcpy(p + RECORDIO_HDR_LEN, vault, RECORD_ID_LEN);
	else
		memset(p + RECORDIO_HDR_LEN, 0, RECORD_ID_LEN);
}

enum zk_err
recordio_key(const struct key *R, struct key **out)
{
	return key_derive(R, KEY_AEAD, LABEL_KEY_RECORD, NULL, 0, out);
}

void
recordio_digest(const void *p, size_t n, uint8_t out[static RECORD_ID_LEN])
{
	hash_bytes(LABEL_HASH_RECORD_BODY, p, n, out);
}

void
recordio_id(enum record_type type, const void *payload, size_t n,
    uint8_t id[static RECORD_ID_LEN])
{
	hash_bytes(type == RECORD_GENESIS ? LABEL_HASH_GENESIS :
	    LABEL_HASH_RECORD_ID, payload, n, id);
}

void
recordio_consent(const uint8_t *vault, const uint8_t *author,
    const struct device_pub *dev, uint8_t out[static RECORDIO_CONSENT_LEN])
{
	memcpy(out, vault, RECORD_ID_LEN);
	memcpy(out + RECORD_ID_LEN, author, RECORD_ID_LEN);
	/* the id is a hash over all of its public keys */
	device_pub_id(dev, out + 2 * RECORD_ID_LEN);
}

void
recordio_epoch_ctx(const uint8_t *vault, const uint8_t *commit, uint64_t no,
    const uint8_t *to, uint8_t ctx[static RECORDIO_EPOCH_CTX_LEN])
{
	uint8_t *p = ctx + 3 * RECORD_ID_LEN;

	memcpy(ctx, vault, RECORD_ID_LEN);
	memcpy(ctx + RECORD_ID_LEN, commit, RECORD_ID_LEN);
	memcpy(ctx + 2 * RECORD_ID_LEN, to, RECORD_ID_LEN);
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(no >> (8 * i));
}

void
recordio_grant_ctx(const uint8_t *vault, const uint8_t *epoch_id,
    const uint8_t *to, uint8_t ctx[static RECORDIO_GRANT_CTX_LEN])
{
	memcpy(ctx, vault, RECORD_ID_LEN);
	memcpy(ctx + RECORD_ID_LEN, epoch_id, RECORD_ID_LEN);
	memcpy(ctx + 2 * RECORD_ID_LEN, to, RECORD_ID_LEN);
}

void
recordio_earlier_ad(const uint8_t *vault, const uint8_t *commit,
    uint8_t ad[static RECORDIO_EARLIER_AD_LEN])
{
	uint8_t *p = recordio_label(ad, LABEL_AD_EARLIER);

	memcpy(p, vault, RECORD_ID_LEN);
	memcpy(p + RECORD_ID_LEN, commit, RECORD_ID_LEN);
}

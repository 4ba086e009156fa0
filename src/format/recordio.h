/* What record.c (reading) and recordw.c (writing) share. */
#ifndef ZK_FORMAT_RECORDIO_H
#define ZK_FORMAT_RECORDIO_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/aead.h"
#include "crypto/labels.h"
#include "format/record.h"

#define RECORDIO_HDR_LEN 5	/* magic (3), format, suite */
#define RECORDIO_FORMAT 1
#define RECORDIO_SUITE 1
#define RECORDIO_AD_LEN \
	(1 + sizeof(LABEL_AD_RECORD) - 1 + RECORDIO_HDR_LEN + RECORD_ID_LEN)
#define RECORDIO_PAYLOAD_MAX (RECORD_STORED_MAX / 2)

/* Associated data: label, header, vault id (zeroes for genesis). */
void recordio_ad(const uint8_t hdr[static RECORDIO_HDR_LEN],
    const uint8_t *vault, uint8_t ad[static RECORDIO_AD_LEN]);

/* The key that seals records, derived from R. */
ZK_CHECKED enum zk_err recordio_key(const struct key *R, struct key **out);

/* What the author signs: the hash of all before the signature. */
void recordio_digest(const void *p, size_t n,
    uint8_t out[static RECORD_ID_LEN]);

/* The id of a payload: vault id for genesis, else that of the record. */
void recordio_id(enum record_type type, const void *payload, size_t n,
    uint8_t id[static RECORD_ID_LEN]);

/* What a new device signs to be added. */
#define RECORDIO_CONSENT_LEN (3 * RECORD_ID_LEN)
void recordio_consent(const uint8_t *vault, const uint8_t *author,
    const struct device_pub *dev, uint8_t out[static RECORDIO_CONSENT_LEN]);

/* Contexts that sealed keys are bound to. */
#define RECORDIO_EPOCH_CTX_LEN (3 * RECORD_ID_LEN + 8)
void recordio_epoch_ctx(const uint8_t *vault, const uint8_t *commit,
    uint64_t no, const uint8_t *to,
    uint8_t ctx[static RECORDIO_EPOCH_CTX_LEN]);
#define RECORDIO_GRANT_CTX_LEN (3 * RECORD_ID_LEN)
void recordio_grant_ctx(const uint8_t *vault, const uint8_t *epoch_id,
    const uint8_t *to, uint8_t ctx[static RECORDIO_GRANT_CTX_LEN]);
#define RECORDIO_EARLIER_AD_LEN \
	(1 + sizeof(LABEL_AD_EARLIER) - 1 + 2 * RECORD_ID_LEN)
void recordio_earlier_ad(const uint8_t *vault, const uint8_t *commit,
    uint8_t ad[static RECORDIO_EARLIER_AD_LEN]);

#endif

/* What a segment's ciphertext is bound to; for segb.c and segment.c. */
#ifndef ZK_FORMAT_SEGPLAIN_H
#define ZK_FORMAT_SEGPLAIN_H

#include <stdint.h>
#include <string.h>

#include "crypto/labels.h"
#include "proto/seghdr.h"

#define SEGPLAIN_LABEL_LEN (sizeof(LABEL_AD_SEGMENT) - 1)
#define SEGPLAIN_AD_LEN (1 + SEGPLAIN_LABEL_LEN + SEGHDR_LEN + 32 + 32)

/*
 * The associated data: label (object type), the header (version, suite,
 * log, seq, prev, epoch prefix, length), vault id, epoch id.
 */
static inline void
segplain_ad(const uint8_t hdr[static SEGHDR_LEN],
    const uint8_t vault[static 32], const uint8_t epoch_id[static 32],
    uint8_t ad[static SEGPLAIN_AD_LEN])
{
	uint8_t *p = ad;

	*p++ = (uint8_t)SEGPLAIN_LABEL_LEN;
	memcpy(p, LABEL_AD_SEGMENT, SEGPLAIN_LABEL_LEN);
	p += SEGPLAIN_LABEL_LEN;
	memcpy(p, hdr, SEGHDR_LEN);
	p += SEGHDR_LEN;
	memcpy(p, vault, 32);
	memcpy(p + 32, epoch_id, 32);
}

#endif

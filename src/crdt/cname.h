/*
 * Names of conflict copies (zk-merge(7), COPIES):
 * STEM.conflict-YYYYMMDD-HHMMSS-DEVICE-HEX.EXT
 */
#ifndef ZK_CRDT_CNAME_H
#define ZK_CRDT_CNAME_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/cdb.h"

#define CNAME_TAG_LEN 6	/* characters of a device in a name */

/* The op that dates the copy. */
struct cname_stamp {
	struct opid id;
	uint8_t device[32];
	int64_t wall_ms;	/* any value; clamped to years 1 to 9999 */
};

/*
 * What stands for a device: 30 bits of its id in lower-case base 32
 * (RFC 4648).
 */
void cname_tag(const uint8_t device[static 32],
    char out[static CNAME_TAG_LEN + 1]);

/*
 * The attempt-th candidate for the name, from 0 on: 4 hex digits of the op's
 * hash, then one more each time up to all 40, then a number behind them.
 * Always 1..255 bytes; no two attempts give the same.  ext: whether an
 * extension stays last (not for directories).
 */
void cname_make(const struct cdb_name *base, bool ext,
    const struct cname_stamp *stamp, unsigned attempt,
    struct cdb_name *out);

#endif

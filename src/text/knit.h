/*
 * The text that concurrent versions show, from the last text common to them
 * and their scripts, each checked.
 *
 * A version is known by the size and hash of its content, and says with a
 * script how that came of the merged text of the versions it replaced.  So
 * the base is the only content that must be at hand.  Any version that is not
 * what it says makes all of them copies: the answer is a function of the
 * versions, the same on all devices that have them.
 */
#ifndef ZK_TEXT_KNIT_H
#define ZK_TEXT_KNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

#define KNIT_HASH_LEN 32
#define KNIT_VERSIONS ((size_t)1 << 16)

/*
 * What a history may ask for: the bytes of all its versions, and what weigh.h
 * bounds (two branches of five thousand versions with an edit each are within
 * that).  Numbers of the history itself, never of time or memory, so that all
 * devices draw the same line.
 */
#define KNIT_BYTES ((uint64_t)1 << 32)

struct knit_version {
	/* what it replaced: indices below its own; none: the base */
	const uint32_t *parents;
	uint32_t parents_n;
	bool text;		/* it says that it merges as text */
	const uint8_t *script;	/* encoded (script.h) */
	size_t script_len;
	uint64_t size;
	uint8_t hash[KNIT_HASH_LEN];
};

/* The hash of a content. */
typedef void knit_hash_fn(const uint8_t *p, size_t n,
    uint8_t out[static KNIT_HASH_LEN]);

/*
 * Appends the merged text of all n versions, which are in the order of their
 * ids: all those that came after base and are in the past of a head, the
 * heads too.
 *
 * ZK_EREFUSED: they do not merge, and each head counts as a copy.  One of
 * them is no text, or not what its script makes of its parents; the result is
 * over TEXT_MAX; the history is over a bound above; or the result has a CR
 * without LF or a byte order mark behind its beginning, and neither base nor
 * any version has: one device changed what the edit of another stands on.
 * ZK_EFORMAT: a parent is no lower index; ZK_ENOMEM; ZK_ELIMIT: out has no
 * room for TEXT_MAX.
 */
ZK_CHECKED enum zk_err knit(const uint8_t *base, size_t base_len,
    const struct knit_version *versions, size_t n, knit_hash_fn *hash,
    struct buf *out);

#endif

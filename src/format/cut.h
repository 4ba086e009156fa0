/*
 * Content-defined cutting (zk-format(5), CUTTING): where a large file is
 * divided depends on 64 bytes of content and a secret key, so that an
 * insertion moves no other cut and the sizes of the pieces tell nothing.
 *
 * Position i ends a chunk of at least CUT_MIN bytes if
 *   1. the public gear hash of the 64 bytes that end at i has its 8 highest
 *      bits clear (1 in 256: a filter that needs no key and is fast), and
 *   2. SipHash-2-4 of those 64 bytes under the key is below 2^64 / 3072,
 * or if it is byte number CUT_MAX, or the last of the file.  The mean is
 * then 1 MiB.  The keyed function alone decides among the candidates, so
 * sizes give no equations in the key; plain keyed gear, buzhash and Rabin
 * do (Truong et al.; Alexeev et al., 2025).
 *
 * The same rule over the hashes of a manifest's entries divides a manifest.
 */
#ifndef ZK_FORMAT_CUT_H
#define ZK_FORMAT_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct cutter;
struct key;

#define CUT_ID_LEN 32		/* bytes of the name of a cutting key */
#define CUT_WINDOW 64		/* bytes that decide */
#define CUT_MIN (256u * 1024)
/*
 * 4 MiB less one page: with the header and tag of a stored chunk it is
 * stored in exactly 4 MiB, and runs of zeros stay page-aligned.
 */
#define CUT_MAX (4u * 1024 * 1024 - 4096)

/*
 * A cutter at the start of a chunk.  k has role KEY_PRF and is borrowed for
 * the cutter's life.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err cut_new(const struct key *k, struct cutter **out);
void cut_free(struct cutter *c);

/* Another key from here on, at the start of a chunk. */
void cut_rekey(struct cutter *c, const struct key *k);

/*
 * Where the chunk at hand ends: chunk points to its first byte, n bytes of
 * it are there so far.  Returns its length (the cutter is then at the start
 * of the next chunk), or 0 if no cut is within n.  Call again with the same
 * bytes and more behind them; nothing is looked at twice.  With n >= CUT_MAX
 * the answer is never 0.  What is left at the end of the file is the last
 * chunk: call cut_reset.
 */
size_t cut_find(struct cutter *c, const uint8_t *chunk, size_t n);

/* Back to the start of a chunk. */
void cut_reset(struct cutter *c);

/*
 * True if CUT_MAX zero bytes make one chunk under this key: then a hole of
 * that size at the start of a chunk need not be read.
 */
bool cut_zeros_whole(const struct cutter *c);

/*
 * True if a manifest may be divided behind an entry with this plaintext
 * hash (32 bytes): 1 in 192.
 */
bool cut_entry(const struct key *k, const uint8_t hash[static 32]);

#endif

/*
 * Contents as texts: the edit script that goes along with a version, and the
 * text that versions which do not know of each other make together
 * (zk-merge(7), TEXT).  Internal to sync/.
 */
#ifndef ZK_SYNC_PROSE_H
#define ZK_SYNC_PROSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/buf.h"
#include "util/err.h"

struct prose;
struct round;

/*
 * ZK_ENOMEM.  Large contents come from the remotes of the round that can be
 * used; with here set only those inside of ops are had, and a transaction
 * may be open.
 */
ZK_CHECKED enum zk_err prose_new(struct round *rd, bool here,
    struct prose **out);
void prose_free(struct prose *p);

/*
 * How content c, which is the len bytes at text, came of what it is to
 * replace, the n ops refs: fills c->merge with kind and c->script, which
 * lends from script (replaced).  MERGE_COPY and no script, where one of them
 * is no text, is over TEXT_MAX, or is nowhere to be had, and where the script
 * has no room in an op: what is concurrent to it stands beside it then.
 * Failures: ZK_ENOMEM, ZK_ESIGNAL, those of the database.
 */
ZK_CHECKED enum zk_err prose_script(struct prose *p, const struct opid *refs,
    size_t n, const uint8_t *text, size_t len, enum merge_kind kind,
    struct buf *script, struct content *c);

/*
 * Replaces out (max at least TEXT_MAX) by what the versions that the n ops
 * heads brought make together.  ZK_EREFUSED: they do not merge.  ZK_EGAP: the
 * version that all go back to is nowhere to be had now.  Other failures as
 * prose_script.
 */
ZK_CHECKED enum zk_err prose_merge(struct prose *p, const struct opid *heads,
    size_t n, struct buf *out);

#endif

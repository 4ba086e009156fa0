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
 * lends from script (replaced).  There is no script where one of them is no
 * text, is over TEXT_MAX, or is nowhere to be had, and where it has no room
 * in an op; what was to merge as text is MERGE_COPY then, and stands beside
 * what is concurrent to it.  So does what is no text itself.  Failures:
 * ZK_ENOMEM, ZK_ESIGNAL, those of the database.
 */
ZK_CHECKED enum zk_err prose_script(struct prose *p, const struct opid *refs,
    size_t n, const uint8_t *text, size_t len, enum merge_kind kind,
    struct buf *script, struct content *c);

/*
 * Replaces out (max at least TEXT_MAX) by what the versions that the n ops
 * heads brought make together: with *kind MERGE_JSON by structure if that can
 * be, else as text, which *kind is then.  ZK_EREFUSED: they do not merge.
 * ZK_EGAP: a version that is needed is nowhere to be had now.  Other failures
 * as prose_script.
 */
ZK_CHECKED enum zk_err prose_merge(struct prose *p, const struct opid *heads,
    size_t n, enum merge_kind *kind, struct buf *out);

#endif

/*
 * Checkpoints (zk-format(5), CHECKPOINTS): the segments up to a cut, made
 * thin, as the content of an op.  Internal to sync/.
 *
 * Whoever finds one worthwhile writes it.  Everyone computes it again before
 * believing it.  Once every device that is not parked has acknowledged its
 * segment, all have what it covers: it is made thin here, and deleted on the
 * remotes.  Who comes later takes it from the checkpoint.
 */
#ifndef ZK_SYNC_CHECKPOINT_H
#define ZK_SYNC_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "sync/cpcut.h"
#include "sync/round.h"

/* The stream (sync/cpstream.c, sync/cpfile.c) ------------------------------ */

#define CPSTREAM_MAGIC { 'z', 'k', 'C', 1 }	/* and its format */

struct seg;

/* It, in a file of the state directory that has no name any more. */
struct cpstream {
	struct env *env;
	int fd;
	uint64_t size;		/* bytes */
	uint64_t gone;		/* contents that it leaves out */
};

/*
 * Writes the stream of a cut.  ZK_ESIGNAL; ZK_ETAMPER: a held segment is
 * damaged; codes of the disk.
 */
ZK_CHECKED enum zk_err cpstream_make(struct round *rd,
    const struct cpcut *cut, struct cpstream *out);
/* Opens a held segment, thin or not.  ZK_ETAMPER: it is damaged. */
ZK_CHECKED enum zk_err cpstream_open(struct vault *v, int64_t row,
    struct seg **out);
/* An empty file of that name, to be written. */
#define CPSTREAM_MADE "checkpoint-made.tmp"	/* cpstream_make's */
#define CPSTREAM_CAME "checkpoint-came.tmp"
ZK_CHECKED enum zk_err cpstream_empty(struct vault *v, const char *name,
    struct cpstream *out);
void cpstream_release(struct cpstream *s);

/*
 * Makes each segment of the cut thin in the database, as the stream has it,
 * and notes which contents are gone.
 */
ZK_CHECKED enum zk_err cpstream_thin(struct round *rd,
    const struct cpcut *cut);

/*
 * Records contents again that the cut's stream leaves out and that are at a
 * path all the same, by an op which its writer did not know: as edits with
 * the same bytes.  To be called before they go.
 */
ZK_CHECKED enum zk_err cpstream_back(struct round *rd,
    const struct cpcut *cut);

/* Whether two streams have the same bytes. */
ZK_CHECKED enum zk_err cpstream_same(const struct cpstream *a,
    const struct cpstream *b, bool *same);

/*
 * Gives each thin segment of a stream to fn.  ZK_EFORMAT, ZK_EVERSION; codes
 * of fn.
 */
ZK_CHECKED enum zk_err cpstream_read(const struct cpstream *s,
    enum zk_err (*fn)(void *arg, const void *thin, size_t n), void *arg);

/* Writing and believing (sync/checkpoint.c) -------------------------------- */

/*
 * Records a checkpoint if that saves room and no other is on its way; its
 * blobs go to first on the way.  *made says whether; of a dry run, whether
 * one would be.
 */
ZK_CHECKED enum zk_err checkpoint_make(struct round *rd,
    struct vremote *first, bool *made);

/*
 * Computes the newest checkpoint, unless that was done, and notes one that is
 * wrong (ZK_ETAMPER, logged).  Once all have acknowledged it, what it covers
 * becomes thin here; until then waits is as gc_heard has it.
 */
ZK_CHECKED enum zk_err checkpoint_settle(struct round *rd, bool *waits);

/*
 * Says again what the newest checkpoint leaves out and is back by an op of
 * ours that its writer could not know: before others are told that this
 * device, which nobody waited for, is back.
 */
ZK_CHECKED enum zk_err checkpoint_back(struct round *rd);

/* Its blobs are needed: the newest that is done does not stand for it. */
ZK_CHECKED enum zk_err checkpoint_counts(struct vault *v,
    const struct opid *id, bool *counts);

/*
 * Whether a checkpoint may have left out the content of a file of which base
 * has this seen: all versions that it stands for were removed.  Whoever acts
 * on it then says the content again.  ZK_EFORMAT.
 */
ZK_CHECKED enum zk_err checkpoint_left_out(struct vault *v,
    const uint8_t *seen, size_t len, bool *yes);

/* On remotes (sync/cpremote.c) --------------------------------------------- */

/* Brings the blobs of one that counts to a remote (a publication does). */
ZK_CHECKED enum zk_err checkpoint_send(struct round *rd, struct vremote *vr,
    const struct op *op, bool known);

/*
 * Deletes on the remote what the newest one covers that is done, if the
 * remote has that: up to *budget segments, which is lessened.
 */
ZK_CHECKED enum zk_err checkpoint_sweep(struct round *rd, struct vremote *vr,
    size_t *budget, struct sync_gc *out);

/*
 * A publication came to a segment that is thin here, the first behind *ord in
 * the order applied that the remote lacks, and what blobs it names are there:
 * passes over it and those like it that follow and name none, and tells the
 * remote where their logs go on.
 */
ZK_CHECKED enum zk_err checkpoint_skip(struct round *rd, struct vremote *vr,
    int64_t *ord);

/* Beginning from one (sync/cpload.c) --------------------------------------- */

/*
 * If segments wait for what is not here, after all remotes were read, and one
 * of them has a checkpoint that covers that: takes it in.  Where that cannot
 * be had, or is not what it says, all waits as before.
 */
ZK_CHECKED enum zk_err checkpoint_load(struct round *rd);

#endif

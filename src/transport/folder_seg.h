/*
 * Reading and deleting segments in a folder.  A mark is a snapshot of the
 * hints: generation and a sum over the names in head/; in the middle of a
 * pass also where the pass stands.  While the sum is the same, one listing
 * answers "nothing moved".
 */
#ifndef ZK_TRANSPORT_FOLDER_SEG_H
#define ZK_TRANSPORT_FOLDER_SEG_H

#include "transport/folder_dir.h"

/* The operations of transport/impl.h. */
enum zk_err folder_seg_read(struct transport *t, const struct tread *how,
    struct tmark *mark, bool *more);
enum zk_err folder_seg_read_at(struct transport *t, const uint8_t *log,
    uint64_t seq, enum zk_err (*each)(void *, const struct tseg *),
    void *arg);
enum zk_err folder_seg_head(struct transport *t, const uint8_t *log,
    uint64_t *seq, uint8_t *hash);
enum zk_err folder_seg_delete(struct transport *t, const uint8_t *log,
    uint64_t seq);

#endif

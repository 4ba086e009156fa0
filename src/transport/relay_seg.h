/* Segments on a relay: the operations of transport/impl.h. */
#ifndef ZK_TRANSPORT_RELAY_SEG_H
#define ZK_TRANSPORT_RELAY_SEG_H

#include "transport/impl.h"

enum zk_err relay_seg_append(struct transport *t, const struct tseg *segs,
    size_t n, enum tseg_result *res);
enum zk_err relay_seg_append_start(struct transport *t, struct tappend *a);
bool relay_seg_append_step(struct transport *t, struct tappend *a);
enum zk_err relay_seg_append_end(struct transport *t, struct tappend *a);
void relay_seg_append_drop(struct transport *t, struct tappend *a);
enum zk_err relay_seg_begin(struct transport *t, const uint8_t *log,
    uint64_t seq, const uint8_t *hash);
enum zk_err relay_seg_read(struct transport *t, const struct tread *how,
    struct tmark *mark, bool *more);
enum zk_err relay_seg_read_at(struct transport *t, const uint8_t *log,
    uint64_t seq, enum zk_err (*each)(void *, const struct tseg *),
    void *arg);
enum zk_err relay_seg_head(struct transport *t, const uint8_t *log,
    uint64_t *seq, uint8_t *hash);
enum zk_err relay_seg_delete(struct transport *t, const uint8_t *log,
    uint64_t seq);

#endif

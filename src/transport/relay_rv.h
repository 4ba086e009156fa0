/* Rendezvous on a relay: the operations of transport/impl.h. */
#ifndef ZK_TRANSPORT_RELAY_RV_H
#define ZK_TRANSPORT_RELAY_RV_H

#include "transport/impl.h"

enum zk_err relay_rv_claim(struct transport *t, struct trv *rv);
enum zk_err relay_rv_put(struct transport *t, const struct trv *rv,
    unsigned seq, const void *p, size_t n);
enum zk_err relay_rv_get(struct transport *t, const struct trv *rv,
    unsigned seq, unsigned wait_ms, struct buf *out);
enum zk_err relay_rv_close(struct transport *t, const struct trv *rv);

#endif

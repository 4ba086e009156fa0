/*
 * Rendezvous through a folder: DIR/rv/PLATE/ with a file for each side's
 * claim (cSIDE) and one for each message (mSIDE-SEQ), polled.
 */
#ifndef ZK_TRANSPORT_FOLDER_RV_H
#define ZK_TRANSPORT_FOLDER_RV_H

#include "transport/folder_dir.h"

/* The operations of transport/impl.h. */
enum zk_err folder_rv_claim(struct transport *t, struct trv *rv);
enum zk_err folder_rv_put(struct transport *t, const struct trv *rv,
    unsigned seq, const void *p, size_t n);
enum zk_err folder_rv_get(struct transport *t, const struct trv *rv,
    unsigned seq, unsigned wait_ms, struct buf *out);
enum zk_err folder_rv_close(struct transport *t, const struct trv *rv);

#endif

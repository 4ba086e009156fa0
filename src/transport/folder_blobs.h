/* The names of the blobs of a folder remote, in order. */
#ifndef ZK_TRANSPORT_FOLDER_BLOBS_H
#define ZK_TRANSPORT_FOLDER_BLOBS_H

#include "transport/folder_dir.h"

/*
 * The operation blob_list of transport/impl.h.  Reads as many of the
 * directories blob/XX as a page takes, whatever they hold in bounded memory;
 * entries that are not names of blobs, or not in their directory, are left
 * out.
 */
enum zk_err folder_blob_list(struct transport *t, const uint8_t *after,
    enum zk_err (*each)(void *, const uint8_t *), void *arg, bool *more);

#endif

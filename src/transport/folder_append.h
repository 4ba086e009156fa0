/*
 * Appending to a folder, which cannot compare and swap: what the listing
 * shows at a place is refused there, and two that race both stay, as the two
 * branches that they are.
 */
#ifndef ZK_TRANSPORT_FOLDER_APPEND_H
#define ZK_TRANSPORT_FOLDER_APPEND_H

#include "transport/folder_dir.h"

/* The operation append of transport/impl.h. */
enum zk_err folder_append(struct transport *t, const struct tseg *segs,
    size_t n, enum tseg_result *res);

#endif

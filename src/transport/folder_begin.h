/*
 * Where logs of a folder go on behind segments that are not there: an empty
 * file begin/LOG-SEQ-HASH says that what is not there of the log up to this
 * segment will not come.  One is made when a log is begun, and when the
 * segment at a log's end is deleted; it takes the place of lower ones.
 * Unlike a hint it is durable before anything builds on it, so it is
 * believed.
 */
#ifndef ZK_TRANSPORT_FOLDER_BEGIN_H
#define ZK_TRANSPORT_FOLDER_BEGIN_H

#include "transport/folder_dir.h"

/*
 * The operation log_begin of transport/impl.h.  It is noted also where the
 * log goes on beyond: what of it is deleted later is then not taken again.
 */
enum zk_err folder_begin(struct transport *t, const uint8_t *log,
    uint64_t seq, const uint8_t *hash);

/* The same in an open folder. */
ZK_CHECKED enum zk_err folder_begin_at(struct folder *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN]);

#endif

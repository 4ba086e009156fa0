/*
 * A folder as a remote: file:///DIR on a disk, a stick, a network mount, or
 * one that other software copies about.  It has no locks, no
 * compare-and-swap and no hard links; what is there is there whole, since
 * everything is a temporary, fsynced and renamed.
 *
 *	DIR/rv/PLATE/...		rendezvous mailboxes
 *	DIR/SPACE/gen			random: what marks are valid against
 *	DIR/SPACE/seg/LOG/SEQ-HASH	segments, every branch
 *	DIR/SPACE/head/LOG-SEQ-HASH	empty: a hint where a branch stands
 *	DIR/SPACE/begin/LOG-SEQ-HASH	empty: what is not there up to here will
 *					not come
 *	DIR/SPACE/rec/NAME
 *	DIR/SPACE/blob/XX/NAME
 *	DIR/SPACE/tmp/
 *
 * A hint is written after its segment and trusted for one thing alone: when
 * the listing of head/ is as it was, nothing has moved.
 */
#ifndef ZK_TRANSPORT_FOLDER_H
#define ZK_TRANSPORT_FOLDER_H

#include "util/err.h"

struct transport;
struct transport_opts;
struct url;

/*
 * A transport on u->path; opens nothing yet.  name is its URL for people.
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err folder_open(const struct url *u,
    const struct transport_opts *opts, const char *name,
    struct transport **out);

#endif

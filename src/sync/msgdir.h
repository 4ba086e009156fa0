/*
 * A directory that messages are put into, each as a file of its own that is
 * there whole or not at all and never takes another's place.
 *
 * A file is written under a name that begins with ".zk-tmp-", made durable,
 * and gets its own name with others at msgdir_commit.  What a run that was
 * killed has left under such a name the next one goes on with.  Names are
 * made of the message's id and its sender's tag alone.  Internal to sync/.
 */
#ifndef ZK_SYNC_MSGDIR_H
#define ZK_SYNC_MSGDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/op.h"
#include "sync/download.h"
#include "sync/round.h"

struct msgdir;

#define MSGDIR_NAME (2 * OPID_LEN + 1 + SYNC_TAG_LEN + 1)

/* ID-TAG: in the order of the names messages are in causal order. */
void msgdir_name(const struct opid *id, const char *tag,
    char out[static MSGDIR_NAME]);

/* The directory at path, which must be there.  Logged. */
ZK_CHECKED enum zk_err msgdir_open(struct round *rd, const char *path,
    struct msgdir **out);
/* What was not committed stays, for the next run. */
void msgdir_close(struct msgdir *d);

/*
 * Writes the content of a message, durably, under another name.  One that is
 * there already under its own is compared with it.  ZK_EEXIST (logged): it is
 * another file.  Errors of download_file; of the disk, logged.
 */
ZK_CHECKED enum zk_err msgdir_put(struct msgdir *d, struct download *from,
    const char *name, const struct content *c);

/* Gives each file put since the last commit its name, durably.  Logged. */
ZK_CHECKED enum zk_err msgdir_commit(struct msgdir *d);

/* Removes what was begun of a message that will not be put. */
void msgdir_forget(struct msgdir *d, const char *name);

#endif

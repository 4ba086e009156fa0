/*
 * Which version of a path a person means by PATH@TIME and PATH@ID, and what
 * it was (zk-restore(1)).  Internal to sync/.
 */
#ifndef ZK_SYNC_VERSION_H
#define ZK_SYNC_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/op.h"
#include "sync/past.h"
#include "sync/sync.h"
#include "util/err.h"

struct vault;

/* A file or symlink as it was. */
struct version_file {
	uint8_t kind;		/* enum node_kind */
	bool has_mode;
	bool has_mtime;
	uint16_t mode;		/* & 0777 */
	uint32_t mtime_nsec;
	int64_t mtime_sec;
	struct content content;	/* data is NULL, locator tells */
};

struct version {
	bool dir;
	struct version_file file;	/* unless dir */
	struct past *past;		/* dir: what it is in... */
	char *at;			/* ...and its path there; owned */
	struct past_cut cut;		/* past's */
};

/* What an entry of a tree is. */
void version_of(const struct list_entry *e, struct version_file *out);

/*
 * The version of path (relative to the root, "" for the root) that is meant.
 * typed is path as given, for messages.  With SYNC_AT_NONE the last before it
 * was removed, or where current is set and something is there now, that.
 *
 * ZK_EUSAGE: nothing was ever there; or with SYNC_AT_NONE something is.
 * ZK_ENOENT: it was not there then, no such change.  All logged.
 */
ZK_CHECKED enum zk_err version_find(struct vault *v,
    const struct sync_ui *ui, const char *path, const char *typed,
    const struct sync_at *at, bool current, struct version *out);
void version_release(struct version *ver);

#endif

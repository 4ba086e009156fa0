/*
 * One vault on this device, and the rounds that keep it in step: what a
 * command calls.  Knows nothing of argv, SQL or HTTP.
 *
 * A struct vault is one open vault: its root, its database, its keys and the
 * lock.  It belongs to one thread.  Errors are reported where path or peer
 * are known (log_error); the codes returned here are only passed on.
 */
#ifndef ZK_SYNC_SYNC_H
#define ZK_SYNC_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;
struct env;
struct transport;
struct transport_opts;
struct vault;

#define SYNC_DEVICE_LEN 32	/* bytes of a device id */
#define SYNC_TAG_LEN 6		/* characters of a device in conflict names */
#define SYNC_REMOTES_MAX 16
#define SYNC_NAME_MAX 64	/* bytes of a device name, UTF-8 */
#define SYNC_SILENT_DAYS 60	/* after which parking is suggested */
#define SYNC_DAY_MS INT64_C(86400000)
#define SYNC_HISTORY_DAYS 30	/* unless it is set */
#define SYNC_HISTORY_DAYS_MAX 3650

/* Where a vault is and how long to wait for its lock. */
struct vault_opts {
	struct env *env;
	const char *dir;	/* where the search upward starts */
	const char *state_home;	/* absolute: $XDG_STATE_HOME/zk */
	int64_t lock_wait_ms;	/* 0: fail at once with ZK_ELOCKED */
	bool no_lock;		/* only to read: completions, values */
	bool try_lock;		/* that it is held is not said */
	/* asked while it waits for the lock: true ends it; may be NULL */
	bool (*stop)(void);
};

/*
 * What the vault remembers, as `zk remote`, `zk device` show it.  Strings
 * live for the call of the callback.
 */
struct sync_remote {
	const char *url;	/* without credentials */
	unsigned pos;		/* 0 is the primary */
	uint64_t behind;	/* objects it is known to lack */
	int64_t last_ok_ms;	/* last success, ms since 1970; 0 never */
	bool asked;		/* status: it was asked in this run... */
	bool ok;		/* ...and answered */
	enum zk_err err;	/* why it did not... */
	const char *why;	/* ...in more words than its text; or NULL */
	uint64_t ahead;		/* status: segments it has that we lack */
	bool transit;		/* it passes on and keeps nothing */
};

struct sync_device {
	uint8_t id[SYNC_DEVICE_LEN];
	const char *name;	/* UTF-8, unescaped */
	char tag[SYNC_TAG_LEN + 1]; /* in conflict names, zk-merge(7) */
	bool self;
	int64_t last_seen_ms;	/* wall time its newest segment says; 0 none */
	uint64_t behind;	/* segments of ours it has not acknowledged */
	bool parked;		/* nothing waits for it: zk-device(1) */
	bool silent;		/* not seen for SYNC_SILENT_DAYS, nor parked */
};

enum sync_change_kind {
	SYNC_NEW,		/* local change to push, or plan step */
	SYNC_CHANGED,
	SYNC_DELETED,
	SYNC_MOVED,		/* from -> path */
	SYNC_ATTR,		/* mode or times only */
	SYNC_SKIPPED		/* unreadable, special, changing: why says */
};

struct sync_change {
	enum sync_change_kind kind;
	bool incoming;		/* false: local, to push; true: to apply */
	char type;		/* 'f' file, 'd' directory, 'l' symlink,
				 * 't' a directory kept as one */
	const char *path;	/* raw bytes, relative to the root */
	const char *from;	/* SYNC_MOVED: the old path, else NULL */
	const char *why;	/* SYNC_SKIPPED: the reason, else NULL */
	uint64_t bytes;
};

struct sync_conflict {
	const char *path;	/* the conflict copy */
	const char *of;		/* the file it is a copy of */
};

/* What lies under another name here: this disk cannot hold its own. */
struct sync_alias {
	const char *path;	/* where it is, relative to the root */
	const char *of;		/* its path with the name that it has */
};

enum sync_phase {
	SYNC_SCAN,
	SYNC_FETCH,
	SYNC_APPLY,
	SYNC_UPLOAD,
	SYNC_PUBLISH,
	SYNC_DONE
};

/*
 * What the phase at hand has done; each starts again.  Totals are 0 while
 * unknown, may grow, and are never below what was done.  files are paths
 * while scanning, changes while applying and uploading.  Bytes are those of
 * files' content, but for SYNC_FETCH and SYNC_PUBLISH: there they are what
 * passes, and segments and their blobs are what is counted.
 */
struct sync_progress {
	enum sync_phase phase;
	uint64_t files, files_total;
	uint64_t segments, segments_total;
	uint64_t bytes, bytes_total;
};

/*
 * How a round talks to its caller; every member may be NULL.  stop is asked
 * often (from the calling thread): true ends the round soon, cleanly, with
 * ZK_ESIGNAL.
 */
struct sync_ui {
	void *arg;
	void (*progress)(void *arg, const struct sync_progress *p);
	void (*change)(void *arg, const struct sync_change *c);
	void (*conflict)(void *arg, const struct sync_conflict *c);
	/* a file whose versions became one; its path, raw bytes */
	void (*merged)(void *arg, const char *path);
	void (*alias)(void *arg, const struct sync_alias *a);
	void (*remote)(void *arg, const struct sync_remote *r);
	void (*device)(void *arg, const struct sync_device *d);
	bool (*stop)(void *arg);
};

struct sync_opts {
	struct sync_ui ui;
	bool dry_run;		/* tell the plan, change nothing: see Rounds */
	bool offline;		/* status: ask no remote */
	/*
	 * push, pull: only what lies at or below one of these paths, as given
	 * on the command line (absolute, or relative to dir, NULL for
	 * the working directory; raw bytes); paths_n 0 for the whole vault.
	 * ZK_EUSAGE for one outside the root, and for one that is nowhere:
	 * neither on disk nor in base nor, to pull, in the merged tree.
	 */
	const char *dir;
	const char *const *paths;
	size_t paths_n;
	/* the brake: the default unless max_delete_set, then one of the two */
	bool max_delete_set;
	uint64_t max_delete;
	unsigned max_delete_percent;
	int64_t timeout_ms;	/* of one network call; 0 default */
	uint64_t up_rate, down_rate; /* bytes a second; 0 no limit */
	const char *proxy;	/* may be NULL */
	const char *invite;	/* may be NULL */
	bool transit;		/* remote add: it is to keep nothing */
	int64_t max_age_ms;	/* status --check; 0: not asked */
};

/* What a round did, for the summary line. */
struct sync_report {
	uint64_t files;		/* files, symlinks pushed or applied: once */
	uint64_t dirs;		/* directories likewise */
	uint64_t bytes;		/* of the files' content */
	uint64_t conflicts;	/* new ones */
	uint64_t merged;	/* files whose versions became one */
	uint64_t deleted;	/* of all three kinds */
	uint64_t skipped;	/* paths left out: status 3 */
	uint64_t to_push;	/* status: changes not yet on the primary */
	uint64_t to_pull;	/* status: known or offered, not applied */
	uint64_t open_conflicts; /* status */
	uint64_t stale;		/* status: devices, remotes past max_age */
	size_t remotes_n;
	struct sync_report_remote {
		char url[512];
		bool ok;
		uint64_t behind;
		enum zk_err err;
	} remotes[SYNC_REMOTES_MAX];
};

/* The vault -------------------------------------------------------------- */

struct vault_init_opts {
	struct env *env;
	const char *dir;	/* made if absent; may hold files */
	const char *state_home;
	const char *name;	/* of this device; NULL: the host's name */
	const char *const *urls; /* remotes, in order */
	size_t urls_n;
	const struct sync_opts *net; /* timeout, proxy, invite; may be NULL */
};

/*
 * Makes dir a vault with this device as its first member.  Remotes are
 * contacted: each space is created.  ZK_EEXIST: dir lies in a vault already.
 * Nothing is left behind on failure.
 */
ZK_CHECKED enum zk_err vault_init(const struct vault_init_opts *o);

/*
 * Accepts a moved, restored or replaced root: empty base, nothing deleted.
 * ZK_EREFUSED while the old root still exists.
 */
ZK_CHECKED enum zk_err vault_reattach(const struct vault_opts *o);

/*
 * Opens the vault around o->dir, takes its lock, recovers what an
 * interrupted run left.  ZK_ENOVAULT, ZK_ELOCKED, ZK_EROOT, ZK_EVERSION,
 * ZK_ESIGNAL.
 */
ZK_CHECKED enum zk_err vault_open(const struct vault_opts *o,
    struct vault **out);
void vault_close(struct vault *v);

/* Absolute path of the root; lives as long as v. */
const char *vault_root(const struct vault *v);
/* This device's name; lives until it is renamed. */
const char *vault_device_name(const struct vault *v);

/*
 * A setting kept in the vault ("max-delete", ...) into out as a string;
 * ZK_ENOENT if it is not set.
 */
ZK_CHECKED enum zk_err vault_setting(struct vault *v, const char *name,
    char *out, size_t cap);

/* Rounds ----------------------------------------------------------------- */

/*
 * Each: ZK_OK, or the worst of what happened (err_worse) with *rep filled
 * as far as it went.  ZK_EPARTIAL: paths skipped.  ZK_ECONFLICT: done, new
 * conflicts.  ZK_EUSAGE: no remote is set.
 *
 * With dry_run they tell the same changes and conflicts and return the same
 * code as without, short of what only writing to the disk or to a remote
 * would show.  Remotes are read; nothing is written but the end of what an
 * earlier run was killed in.  What is in memory is then ahead of the disk: v
 * may only be closed.
 */
ZK_CHECKED enum zk_err sync_push(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep);
ZK_CHECKED enum zk_err sync_pull(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep);
/* Pull, then push, there without the remotes that could not be reached. */
ZK_CHECKED enum zk_err sync_both(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep);

/*
 * Scans, asks remotes in parallel for at most 2 s unless offline, and
 * reports through o->ui.  Changes nothing.
 */
ZK_CHECKED enum zk_err sync_status(struct vault *v,
    const struct sync_opts *o, struct sync_report *rep);

/*
 * Re-checks every signature, chain, hash, held object and the database.
 * ZK_ETAMPER, each finding logged with its name.
 */
ZK_CHECKED enum zk_err sync_verify(struct vault *v,
    const struct sync_opts *o, struct sync_report *rep);

/* History ---------------------------------------------------------------- */

enum sync_log_what {
	SYNC_LOG_CREATED,
	SYNC_LOG_EDITED,
	SYNC_LOG_MERGED,	/* edits of several devices became one text */
	SYNC_LOG_MOVED,		/* from -> path */
	SYNC_LOG_REMOVED,
	SYNC_LOG_MODE,		/* mode, and perhaps the time */
	SYNC_LOG_TIME,		/* mtime alone */
	SYNC_LOG_DROPPED,	/* a conflict copy was removed */
	SYNC_LOG_SPLIT		/* a conflict copy became a file of its own */
};

/* One change.  Everything lives for the call of the callback. */
struct sync_log_item {
	const char *id;		/* of the op: 64 hex digits */
	const char *brief;	/* the same, short: "419.4f2c" */
	int64_t wall_ms;	/* when it says it was recorded; 1970 is 0 */
	const uint8_t *device;	/* SYNC_DEVICE_LEN bytes */
	const char *device_name; /* UTF-8, unescaped */
	enum sync_log_what what;
	char type;		/* as in struct sync_change */
	bool has_mode;
	uint16_t mode;		/* & 0777 */
	bool has_bytes;		/* of content: created, edited */
	uint64_t bytes;
	const char *path;	/* raw bytes: see zk-log(1) for which */
	const char *from;	/* SYNC_LOG_MOVED, else NULL */
};

struct sync_log_opts {
	struct sync_ui ui;	/* stop alone is asked */
	const char *dir;	/* as in struct sync_opts */
	const char *path;	/* NULL: everything */
	uint64_t max;		/* items; 0: all */
	void (*item)(void *arg, const struct sync_log_item *it);
	void *arg;
};

/*
 * Tells the changes that this device holds, the newest first, also those at
 * or below a path, whatever it was called.  *more: there were more than max.
 * Reads only; asks no remote.  ZK_EUSAGE (logged): a path outside of the
 * vault, or where nothing ever was.
 */
ZK_CHECKED enum zk_err sync_log(struct vault *v,
    const struct sync_log_opts *o, bool *more);

/* An entry of the trash; lives for the call of the callback. */
struct sync_trash_item {
	const char *day;	/* "YYYY-MM-DD" */
	char type;		/* as in struct sync_change */
	uint64_t bytes;
	const char *path;	/* where it was, as far as the trash tells */
	const char *file;	/* where it is, relative to the root */
};

/* Tells what is in the trash of this device, the newest day first. */
ZK_CHECKED enum zk_err sync_trash(struct vault *v,
    void (*item)(void *arg, const struct sync_trash_item *it), void *arg);

struct sync_untrash_opts {
	const char *name;	/* file of sync_trash, or a path to it */
	const char *dir;	/* of such a path, as in struct sync_opts */
	const char *output;	/* where it goes; NULL: back to its path */
	/*
	 * Write the one file into fd instead, and leave the trash alone; -1:
	 * it leaves the trash.
	 */
	int fd;
	bool dry_run;
};

struct sync_untrashed {
	char *path;		/* where it went; the caller's to free */
	char type;		/* as in struct sync_change */
	uint64_t entries;	/* it and all below it */
	uint64_t bytes;
};

/*
 * Brings an entry of the trash back, a file, a symlink, or a directory with
 * all that is in it: moves it to a place where nothing is, making directories
 * above it in the vault.  It leaves the trash only when it is durable there.
 * Nothing is recorded.  All logged: ZK_ENOENT: it is not in the trash;
 * ZK_EEXIST: something is in the way; ZK_EUSAGE: fd, and no file.
 */
ZK_CHECKED enum zk_err sync_untrash(struct vault *v,
    const struct sync_untrash_opts *o, struct sync_untrashed *out);

/* Which version of a path is meant. */
enum sync_at_kind {
	SYNC_AT_NONE,		/* the last one before it was removed */
	SYNC_AT_TIME,		/* what was there at wall_ms */
	SYNC_AT_ID		/* as the change called id left it */
};

struct sync_at {
	enum sync_at_kind kind;
	int64_t wall_ms;	/* ms since 1970 */
	const char *id;		/* as in struct sync_log_item, or a start */
};

/* Whether s could be the name of a change: its form alone. */
bool sync_at_is_id(const char *s);

struct sync_restore_opts {
	const char *path;	/* as in struct sync_opts */
	struct sync_at at;
	/*
	 * Write the one file into fd, which is empty and open for reading and
	 * writing, and change nothing in the vault; -1: restore it there.
	 */
	int fd;
};

/* What a restore found beside what its report says. */
struct sync_restored {
	uint64_t same;		/* entries that are as they were then */
	uint64_t kept;		/* entries now that were not there then */
	uint64_t brought;	/* entries that were restored */
	/*
	 * what went to a file is the stream of a directory kept as one, of
	 * that mode (zk-format(5), TREES)
	 */
	bool tree;
	uint16_t tree_mode;	/* & 0777 */
};

/*
 * Brings a file, symlink or directory back as it was.  In the vault it is a
 * local change as any other: first all of the path is recorded as it is now,
 * so that nothing is lost; all content is fetched; then the restored versions
 * are recorded as new ops, and applied.  What is there now and was not then
 * stays.  o->paths is not used; with dry_run tells instead, and asks no
 * remote for content.
 *
 * ZK_EUSAGE: a path where nothing ever was; no version is named and it is
 * there now.  ZK_ENOENT: it was not there then; no such change.  ZK_EPARTIAL:
 * entries in the way of others were left.  ZK_EBRAKE.  Codes of the network,
 * before anything is changed: content could not be had.  All logged.
 */
ZK_CHECKED enum zk_err sync_restore(struct vault *v,
    const struct sync_opts *o, const struct sync_restore_opts *ro,
    struct sync_report *rep, struct sync_restored *out);

/*
 * Replaces out by the content of a version of a file, or by the target of a
 * symlink: up to out->max bytes.  With SYNC_AT_NONE the one recorded last.
 * ZK_ELIMIT (not logged): it is larger; else as sync_restore.
 */
ZK_CHECKED enum zk_err sync_version_bytes(struct vault *v,
    const struct sync_opts *o, const char *path, const struct sync_at *at,
    struct buf *out);

/*
 * The same of what is on the disk at path.  ZK_ENOENT (not logged): nothing
 * is.  ZK_EUSAGE, ZK_EIO, ZK_EPERM, ZK_ECHANGED, logged.
 */
ZK_CHECKED enum zk_err sync_disk_bytes(struct vault *v,
    const struct sync_opts *o, const char *path, struct buf *out);

/* Remotes and devices ---------------------------------------------------- */

/*
 * ZK_EUSAGE: not a URL; to be a transit relay, and no relay, or none that
 * keeps everything was added before.  ZK_EEXIST: there already.  Creates the
 * space.
 */
ZK_CHECKED enum zk_err sync_remote_add(struct vault *v, const char *url,
    const struct sync_opts *o);
/* By url; ZK_ENOENT.  ZK_EUSAGE: only transit relays would be left. */
ZK_CHECKED enum zk_err sync_remote_rm(struct vault *v, const char *url);
ZK_CHECKED enum zk_err sync_remote_ls(struct vault *v,
    const struct sync_ui *ui);
ZK_CHECKED enum zk_err sync_device_ls(struct vault *v,
    const struct sync_ui *ui);
/*
 * Renames a device (this one only, else ZK_EREFUSED; ZK_ENOENT: old is no
 * device's name); published by the next push.  ZK_EUSAGE: not
 * 1..SYNC_NAME_MAX bytes of printable UTF-8.
 */
ZK_CHECKED enum zk_err sync_device_rename(struct vault *v, const char *old,
    const char *name);
/*
 * Parks the device of that name, or whose id begins with these 8 or more hex
 * digits: nothing waits for it until it writes again; published by the next
 * push.  *was: it is parked already.  ZK_ENOENT: no such device; ZK_EUSAGE:
 * several have the name; ZK_EREFUSED: it is this one.  All logged.
 */
ZK_CHECKED enum zk_err sync_device_park(struct vault *v, const char *name,
    bool *was);

/* Space -------------------------------------------------------------------- */

/* What sync_gc did, or with dry_run would do.  Sums are over all remotes. */
struct sync_gc {
	uint64_t condemned, condemned_bytes;	/* found to be needless */
	uint64_t deleted, deleted_bytes;
	uint64_t waiting, waiting_bytes; /* until others have heard of them */
	uint64_t segments;	/* deleted, which a checkpoint covers */
	bool checkpoint;	/* one was written */
	bool more;		/* another run finds more to do */
};

/*
 * Deletes blobs of what is past the history window and needed nowhere, as
 * far as all devices have heard of it, and tells them of those found now
 * (zk-gc(1)).  waits (may be NULL) is called with o->ui.arg for each device
 * that is waited for.  Work is bounded; what is left a later run does, here
 * or elsewhere.  ZK_EGAP: what is needed cannot be told.
 */
ZK_CHECKED enum zk_err sync_gc(struct vault *v, const struct sync_opts *o,
    void (*waits)(void *arg, const struct sync_device *d),
    struct sync_report *rep, struct sync_gc *out);

/* Settings of the vault ---------------------------------------------------- */

/*
 * How many days what was replaced or deleted is kept; the same on all
 * devices once they have heard of it.  Setting it is published by the next
 * push; ZK_EUSAGE: not from 1 to SYNC_HISTORY_DAYS_MAX.
 */
ZK_CHECKED enum zk_err sync_history_days(struct vault *v, unsigned *days);
ZK_CHECKED enum zk_err sync_history_set(struct vault *v, unsigned days);

#endif

/*
 * One run over a vault: what its parts share.  Internal to sync/.
 */
#ifndef ZK_SYNC_ROUND_H
#define ZK_SYNC_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "format/chunk.h"
#include "store/remotedb.h"
#include "sync/sync.h"
#include "sync/vault.h"
#include "tree/scan.h"

/* One remote in one run. */
struct cuts;
struct keyset;
struct upload;

struct vremote {
	struct remotedb_remote info;
	struct transport *t;
	struct signkey *request;	/* t's; ours to free */
	enum zk_err err;	/* first failure: left alone from then on */
	bool asked;		/* status: it was asked... */
	uint64_t ahead;		/* ...and has this many segments unknown here */
	bool stuck;		/* something is bad: its read mark stays */
	bool lost;		/* it lacks segments that it had acknowledged */
	bool transit;		/* it passes on and keeps nothing */
	/* contents that are nowhere: of the past, in no file here, messages */
	uint64_t passed, awaited, unsent;
	struct upload *up;	/* its pipeline, once used (sync/cuts.h) */
	struct early *early;	/* being published beside the recording */
};

struct round {
	struct vault *v;
	const struct sync_opts *o;
	struct sync_report *rep;
	struct sync_progress progress;
	enum zk_err worst;	/* of what did not end the run */
	struct keyset *said;	/* of round_says; NULL: all is new */
	struct vremote *remotes[SYNC_REMOTES_MAX];
	size_t remotes_n;
	/* paths of the round, relative to the root; none: everything */
	const char *const *paths;
	size_t paths_n;
	char **own_paths;	/* what paths points to; owned */
	bool wide;		/* paths, but all is scanned and recorded */
	struct scan_result scan;
	/* a push: what is recorded is sent at once, remotes are supplied */
	bool early;
	bool plan_only;		/* status: tell the plan, apply nothing */
	bool both;		/* a sync: what is recorded counts, too */
	bool approved[2];	/* enum base_side: an override let them pass */
	bool beyond;		/* capture: ops changed other entries, too */
	bool again;		/* land: the disk changed meanwhile */
	bool staged;		/* land: contents are in .zk/tmp already */
	/* set by ingest */
	bool own_ahead;		/* our log went on without us */
	uint64_t took;		/* segments applied */
	uint64_t stored;	/* that were not held */
	/*
	 * push: segments of ours in rows below this were recorded by an
	 * earlier run that did not get them out; counted when they are sent
	 */
	int64_t first_new;
	struct vremote *first;	/* push: the remote that counts; or NULL */
	bool count_older;
	/* sync/cuts.h */
	struct cuts *cuts;
	struct upload *local_up;
	struct chunk_ref *aliases;	/* to be published; hold keys */
	size_t aliases_n;
	/* paths of new trees that were not recorded; owned */
	char **held;
	size_t held_n;
};

/* Steps of a run (sync/round.c) -------------------------------------------- */

/* Starts a run, with the paths of o: *rd and *rep are set anew. */
ZK_CHECKED enum zk_err round_begin(struct round *rd, struct vault *v,
    const struct sync_opts *o, struct sync_report *rep);

/*
 * The first remote that can be written to.  If our own log went on without
 * us there, a new incarnation of it was begun.
 */
ZK_CHECKED enum zk_err round_primary(struct round *rd, struct vremote **out);

/* Everything to the remotes behind the primary; they may fail. */
ZK_CHECKED enum zk_err round_publish_others(struct round *rd,
    const struct vremote *first);

/* Reads every remote; at least one, *first, must answer. */
ZK_CHECKED enum zk_err round_read_all(struct round *rd,
    struct vremote **first);

/* Names what has not arrived, and notes ZK_EGAP. */
ZK_CHECKED enum zk_err round_gaps(struct round *rd);

/* Ends a run that came to r: the report, and the worst of all. */
ZK_CHECKED enum zk_err round_finish(struct round *rd, enum zk_err r);

/* Frees all that the run holds but the vault. */
void round_release(struct round *rd);

/*
 * A path as given, from the directory `from` (NULL: the working directory),
 * as one relative to the root, in *out: the caller's.  ZK_EUSAGE (logged): it
 * lies outside, or is none that a vault can have.
 */
ZK_CHECKED enum zk_err round_inside(const struct vault *v, const char *from,
    const char *path, char **out);

/*
 * Empties rep and, if it is to be a dry run, begins that; end it with
 * db_dry_end.  A dry run does all that a real one does but to write outside
 * of the database, in a transaction that is undone at its end: only so does
 * it know how local and remote changes merge.  What an earlier run was killed
 * in is completed first and for good: the disk and base agree only then.
 */
ZK_CHECKED enum zk_err round_dry_begin(struct vault *v,
    const struct sync_opts *o, struct sync_report *rep);

/* What it tells and counts (sync/round_tell.c) ---------------------------- */

/* Remembers a failure that does not end the run. */
void round_note(struct round *rd, enum zk_err r);

/*
 * The rest of the run goes on without the remote, which failed with r: says
 * so, unless the transport has, and notes what is not the network's fault.
 */
void round_left_out(struct round *rd, struct vremote *vr, enum zk_err r);

/* Puts what became of remote number i into the report; of all, at the end. */
void round_report(struct round *rd, size_t i, uint64_t behind);
ZK_CHECKED enum zk_err round_report_all(struct round *rd);

/* True when the caller asked to stop. */
bool round_stopped(const struct round *rd);

/* Tells progress, with the phase. */
void round_progress(struct round *rd, enum sync_phase phase);

/*
 * True unless the run said just this already, or the other half of a sync
 * did: what is said twice tells nothing.
 */
bool round_says(struct round *rd, const char *path, const char *what);

/*
 * Leaves out a path that could not be read, because of r, and says so: logs,
 * counts, notes ZK_EPARTIAL.  Returns that, or ZK_ENOENT as it is, of which
 * there is nothing to say.
 */
enum zk_err round_skip(struct round *rd, const char *path, enum zk_err r);

/* What a report calls that kind: sync_change.type. */
char round_type(uint8_t kind);

/* Counts an entry of that kind (enum node_kind) in the report. */
void round_count(struct round *rd, uint8_t kind, uint64_t bytes);

/*
 * What a step that ended with r is to the round: ZK_EPARTIAL where only its
 * path is skipped, else r.
 */
enum zk_err round_of_step(enum zk_err r);

/* A step at path ended with r: says so where it was skipped. */
void round_not_applied(struct round *rd, const char *path, enum zk_err r);

/* A phase begins: tells it, with the totals of *total and nothing done. */
void round_phase(struct round *rd, enum sync_phase phase,
    const struct sync_progress *total);

/*
 * n bytes of content moved, which count in that phase alone; 0 is told too:
 * the work still waits for the network.
 */
void round_moved(struct round *rd, enum sync_phase phase, uint64_t n);

/* The name that a conflict copy was made from, as far as it shows. */
void round_conflict_of(const char *path, struct buf *of);

/* transport_watch: arg is the round.  Counts while segments move. */
void round_passed(void *arg, bool up, size_t n);

/* Remotes (sync/remotes.c) ---------------------------------------------- */

/*
 * Opens all remotes of the vault; contacts none.  ZK_EUSAGE (logged): there
 * is none.
 */
ZK_CHECKED enum zk_err remotes_open(struct round *rd);
/* The same where none is fine. */
ZK_CHECKED enum zk_err remotes_open_any(struct round *rd);
void remotes_close(struct round *rd);

/*
 * ZK_EFORK (logged): this device has met a log of its own that it did not
 * start.  It writes nothing more.
 */
ZK_CHECKED enum zk_err remotes_alone(struct vault *v);

/*
 * Opens one by its URL with the vault's keys and the run's options; *request
 * is the key that signs its requests: free it after the transport.
 */
ZK_CHECKED enum zk_err remotes_open_url(struct vault *v,
    const struct sync_opts *o, const char *url, struct transport **out,
    struct signkey **request);

/*
 * A remote would keep us for ever: too many of what ("segments") in a row
 * were of no use.  ZK_ETAMPER, logged.
 */
ZK_CHECKED enum zk_err remotes_goes_round(const struct vremote *vr,
    const char *what);

/*
 * Creates the space of a remote if that was not done, and brings records
 * over in both directions; a dry run only fetches them, and fails where
 * there is no space (sync/greet.c).  ZK_ETAMPER: its list has no end.
 */
ZK_CHECKED enum zk_err remotes_greet(struct round *rd, struct vremote *vr);

/*
 * Reads all that is new on a remote into the database and the merged tree.
 * ZK_EFORK: this device was cloned.  ZK_ETAMPER: it shows the same for ever.
 * Codes of the network; what is bad is named, noted in the round and left out.
 */
ZK_CHECKED enum zk_err remotes_fetch(struct round *rd, struct vremote *vr);

/*
 * Waits up to ms for something that is not held; *news says whether there
 * is.  Nothing is taken in.  ZK_ESIGNAL: the run's stop.
 */
ZK_CHECKED enum zk_err remotes_wait(struct round *rd, struct vremote *vr,
    unsigned ms, bool *news);

/*
 * Compares the heads of a remote with what it served or took before.
 * ZK_EROLLBACK, logged.  Our own log there behind: forgets what it held, so
 * that it is sent again.  Our own log there ahead: own_ahead.
 */
ZK_CHECKED enum zk_err remotes_heads(struct round *rd, struct vremote *vr,
    bool only_own);

/*
 * Sends what a remote lacks: records, blobs, segments, in causal order.  A
 * dry run sends nothing.
 */
ZK_CHECKED enum zk_err remotes_publish(struct round *rd,
    struct vremote *vr);

/*
 * Between two batches of a recording, outside of any transaction: sends on
 * what the remote lacks and names no blobs, without waiting.  How that ends
 * is remotes_publish's to say, which is to follow.
 */
ZK_CHECKED enum zk_err remotes_publish_early(struct round *rd,
    struct vremote *vr);
/* Moves on what is being sent, at any time. */
void remotes_publish_step(struct vremote *vr);
/* Gives it up. */
void publish_early_free(struct vremote *vr);

/* Ingest (sync/ingest.c) ------------------------------------------------- */

struct page;	/* segments as they came, to be taken in together */

ZK_CHECKED enum zk_err page_new(struct page **out);
void page_free(struct page *p);
/* Copies one. */
ZK_CHECKED enum zk_err page_add(struct page *p, const struct tseg *s);
size_t page_count(const struct page *p);

/*
 * Verifies and stores the segments of a page, applies all that are ready,
 * and sets the remote's mark (unless it is stuck), in one transaction.
 */
ZK_CHECKED enum zk_err ingest_page(struct round *rd, struct vremote *vr,
    struct page *p, const struct tmark *mark);

/*
 * Sets own_ahead if two histories of our own log are held: nothing can be
 * written after both of them, and what an earlier run took in may be named.
 */
ZK_CHECKED enum zk_err ingest_own_forked(struct round *rd);

/* A new incarnation after our log went on without us. */
ZK_CHECKED enum zk_err ingest_new_incarnation(struct round *rd);

/* Paths of the round (sync/named.c) --------------------------------------- */

/*
 * Each path that was named is on this disk, in base (it was deleted here),
 * or, with tree set, in what the merge says.  ZK_EUSAGE: one is not, or was
 * written as a directory and is none; each is logged.
 */
ZK_CHECKED enum zk_err named_check(struct round *rd, bool tree);

/* Differences (sync/changes.c), recording (sync/capture.c) --------------- */

/* What is recorded: all but removals; removals, which come last. */
#define ROUND_CHANGES (1u << DIFF_NEW | 1u << DIFF_MOVED | 1u << DIFF_KIND | \
    1u << DIFF_CHANGED | 1u << DIFF_ATTR | 1u << DIFF_KEPT)
#define ROUND_GONE (1u << DIFF_VANISHED | 1u << DIFF_TAKEN)

/* Completes what an earlier run was killed in: apply_recover. */
ZK_CHECKED enum zk_err capture_recover(struct round *rd);

/* Recovers, scans, finds moves: fills the table of differences. */
ZK_CHECKED enum zk_err capture_scan(struct round *rd);

/*
 * Whether the merged tree has a directory kept as one where the scan found a
 * new one, of which it did not know that yet: then scan again.
 */
ZK_CHECKED enum zk_err capture_misread(struct round *rd, bool *yes);

/*
 * A tree of this scan that could not be recorded: what it is to take the place
 * of is not to go either (DIFF_TAKEN).  capture_holds asks of path.
 */
ZK_CHECKED enum zk_err capture_hold(struct round *rd, const char *path);
bool capture_holds(const struct round *rd, const char *path);
/* Forgets them. */
void capture_release(struct round *rd);

/*
 * Whether the disk shows what the tree says, so that what is recorded now
 * changes no other entry: nothing is dirty, and no name was made by the
 * conflict rule or for this disk (removing one of two entries gives the other
 * its name back).
 */
ZK_CHECKED enum zk_err capture_is_clean(struct round *rd, bool *clean);
/* What was recorded in a clean tree is on the disk. */
ZK_CHECKED enum zk_err capture_all_clean(struct round *rd);

/*
 * Records every difference as ops of this device's log.  Contents go to the
 * remote on the way (NULL: only sealed).  Paths that cannot be read are
 * skipped, noted as ZK_EPARTIAL.
 */
ZK_CHECKED enum zk_err capture_record(struct round *rd, struct vremote *to);

/* The brake before recording.  ZK_EBRAKE, logged. */
ZK_CHECKED enum zk_err capture_brake(struct round *rd);

/* Whether removing now_n of tree entries is over the limit of a side. */
ZK_CHECKED enum zk_err capture_over(struct round *rd, enum base_side side,
    uint64_t now_n, uint64_t tree, bool *over);

/*
 * Tells each difference that a push would record through ui.change (may be
 * NULL); *changes counts them (sync/tell.c).
 */
ZK_CHECKED enum zk_err tell_changes(struct round *rd, uint64_t *changes);

/* Landing (sync/land.c) -------------------------------------------------- */

/*
 * Brings the disk to what the merge says: plans and applies until nothing
 * is left to do.  With dry_run tells the steps instead.
 */
ZK_CHECKED enum zk_err land_run(struct round *rd);

struct download;
struct download_opts;
struct download_remote;
/*
 * The options of a download from the remotes of the round that can be used;
 * from has room for SYNC_REMOTES_MAX, which they point to.
 */
void land_sources(struct round *rd, struct download_remote *from,
    struct download_opts *out);
/* Such a download; spare: without a word about what is nowhere. */
ZK_CHECKED enum zk_err land_download(struct round *rd, bool spare,
    struct download **out);
/*
 * Appends the content with that hash if a restore has it in .zk/tmp already.
 * ZK_ENOENT: it is not there.
 */
ZK_CHECKED enum zk_err land_staged(struct round *rd,
    const uint8_t hash[static HASH_LEN], struct buf *out);

/* Status (sync/status.c) ------------------------------------------------- */

/* Tells each remote of the round, and each device of the vault. */
ZK_CHECKED enum zk_err status_remotes(struct round *rd,
    const struct sync_ui *ui);
ZK_CHECKED enum zk_err status_devices(struct vault *v,
    const struct sync_ui *ui, int64_t max_age_ms, uint64_t *stale);
/* In place of what out held: a device's name, or the start of its id. */
ZK_CHECKED enum zk_err status_device_name(struct vault *v,
    const uint8_t id[static SYNC_DEVICE_LEN], struct buf *out);

#endif

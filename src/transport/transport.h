/*
 * The client's view of a remote: one interface, several implementations
 * (relay, folder, in-memory fake).  It moves opaque bytes: sealed records,
 * segments and blobs; nothing here can read them, and there is no way to
 * send anything that is not sealed.
 *
 * A struct transport belongs to one thread.  Blob transfers overlap: they
 * are submitted and complete inside transport_wait.  Everything else is one
 * call, one answer, and may be called while blobs are in flight.  Every wait
 * has a deadline.  All writes are idempotent.
 */
#ifndef ZK_TRANSPORT_TRANSPORT_H
#define ZK_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

#define TRANSPORT_NAME_LEN 32	/* bytes of a log id, object or segment hash */
#define TRANSPORT_MARK_MAX 64	/* bytes of an opaque read mark */
#define TRANSPORT_LIST_MAX 4096	/* names of one listing */
#define TRANSPORT_OBJ_MAX (4u * 1024 * 1024 + 4096) /* one stored object */

struct env;
struct key;
struct signkey;
struct transport;

/* A read mark: opaque to the client, made by the remote. len 0: the start. */
struct tmark {
	uint8_t b[TRANSPORT_MARK_MAX];
	size_t len;
};

/* One segment, as stored. */
struct tseg {
	uint8_t log[TRANSPORT_NAME_LEN];	/* log id */
	uint64_t seq;				/* from 1 */
	uint8_t hash[TRANSPORT_NAME_LEN];	/* segment hash */
	const uint8_t *data;			/* whole stored bytes */
	size_t len;
};

enum tseg_result {
	TSEG_STORED,	/* durable now */
	TSEG_HAVE,	/* these very bytes were durable already, or they are
			 * below where the log was begun: not needed */
	TSEG_TAKEN,	/* another segment holds this place */
	TSEG_GAP	/* the segment before it is not there */
};

/* What open needs beside the URL; borrowed for the life of the transport. */
struct transport_opts {
	struct env *env;
	const uint8_t *locator;		/* 32 bytes: the space */
	const struct signkey *space;	/* creates the space; may be NULL */
	const struct signkey *request;	/* signs requests; may be NULL for
					 * rendezvous and health only */
	int64_t timeout_ms;		/* of a whole call; 0 for the default,
					 * which moves on while bytes do */
	uint64_t up_rate;		/* bytes a second, 0 no limit */
	uint64_t down_rate;
	const char *proxy;		/* http:// or socks5h://; may be NULL */
	const char *invite;		/* token for creating the space */
	/* asked at least once a second while a call waits, from its thread;
	 * true ends it with ZK_ESIGNAL.  May be NULL */
	bool (*stop)(void *arg);
	void *stop_arg;
	/* told of every n bytes that pass (up: to the remote), also those
	 * of a try that fails later; from its thread.  May be NULL */
	void (*moved)(void *arg, bool up, size_t n);
	void *moved_arg;
};

struct transport_ops;	/* transport/impl.h, for implementations */

/*
 * Opens the remote at url (zk(1), REMOTE URLS).  Contacts nothing.
 * ZK_EUSAGE: not a URL of a known kind (logged with what is wrong).
 */
ZK_CHECKED enum zk_err transport_open(const char *url,
    const struct transport_opts *opts, struct transport **out);
void transport_free(struct transport *t);

/* Sets the option moved of an open transport. */
void transport_watch(struct transport *t,
    void (*moved)(void *arg, bool up, size_t n), void *arg);

/* The URL without credentials; lives as long as t. */
const char *transport_url(const struct transport *t);

/*
 * What the last failure was about where its code cannot tell, a lower-case
 * sentence in static storage; NULL where the code says all.
 */
const char *transport_why(const struct transport *t);

/*
 * Creates the space if it is not there (idempotent).  ZK_EREFUSED: the relay
 * wants an invite.  ZK_ENET and the other network codes.
 */
ZK_CHECKED enum zk_err transport_create(struct transport *t);

/*
 * Appends n segments in order, create-only at (log, seq); res gets one
 * result each.  One request where the remote can.  An error means that
 * nothing is known of any of them.
 */
ZK_CHECKED enum zk_err transport_append(struct transport *t,
    const struct tseg *segs, size_t n, enum tseg_result *res);

/*
 * An append beside other work, one at a time.  The caller fills the first
 * three, and keeps them and what they point to until the end.
 */
struct tappend {
	const struct tseg *segs;
	size_t n;		/* at most 64, of at most 8 MiB and the last */
	enum tseg_result *res;	/* n of them, as of transport_append */
	enum zk_err r;		/* of an append that was over at once */
	void *impl;		/* the implementation's; NULL: it is over */
};

/*
 * Starts it; what goes wrong later is told at its end.  ZK_ENOMEM: it has
 * not begun.  It is then to be ended or dropped.
 */
ZK_CHECKED enum zk_err transport_append_start(struct transport *t,
    struct tappend *a);
/* Moves it on without waiting, with all else in flight; true: it is over. */
bool transport_append_step(struct transport *t, struct tappend *a);
/* Waits for it: as transport_append. */
ZK_CHECKED enum zk_err transport_append_end(struct transport *t,
    struct tappend *a);
/* Gives it up: nothing is known of its segments. */
void transport_append_drop(struct transport *t, struct tappend *a);

/*
 * Says that a log goes on behind segment seq with that hash: it is not there,
 * nor are those before it, and they will not come (checkpoints,
 * zk-format(5)); what follows can then be appended, and appends at or below
 * seq find TSEG_HAVE.  Idempotent; where the log's end is at or beyond seq
 * nothing happens.  ZK_ELIMIT: no log is that long.  ZK_EREMOTEFULL: the
 * remote holds too many logs.
 */
ZK_CHECKED enum zk_err transport_log_begin(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN]);

/* How to read; borrowed for one call. */
struct tread {
	size_t max_bytes;	/* about this much, but at least one segment */
	unsigned wait_ms;	/* an empty answer is held back up to this */
	/* one segment; data lives for the call only; an error ends the read */
	enum zk_err (*each)(void *arg, const struct tseg *s);
	/*
	 * May be NULL.  True: the caller holds this segment and all before it
	 * on its branch, so the remote may leave them out.  Dumb stores, whose
	 * marks cannot say where every log stands, ask it; others need not.
	 */
	bool (*have)(void *arg, const uint8_t log[static TRANSPORT_NAME_LEN],
	    uint64_t seq, const uint8_t hash[static TRANSPORT_NAME_LEN]);
	void *arg;		/* of both */
};

/*
 * Segments after mark, those of one log in order of seq, given to how->each
 * one by one; *mark moves past them; *more tells whether another call would
 * find more at once.  A segment may be given again: callers deduplicate by
 * (log, seq, hash).  Nothing is verified: what is no segment at all comes
 * with seq 0, to be refused like any other that does not verify.  An unknown
 * mark means from the start.  each() returning an error ends the call with
 * it, mark unmoved.
 */
ZK_CHECKED enum zk_err transport_read(struct transport *t,
    const struct tread *how, struct tmark *mark, bool *more);

/*
 * Reads the one segment (log, seq) if present (every branch that is there);
 * ZK_ENOENT.
 */
ZK_CHECKED enum zk_err transport_read_at(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    enum zk_err (*each)(void *arg, const struct tseg *s), void *arg);

/*
 * Where a log ends: its highest seq and the hash of that segment, which was
 * stored, and deleted since, or begun behind.  ZK_ENOENT: no such log.
 */
ZK_CHECKED enum zk_err transport_head(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t *seq,
    uint8_t hash[static TRANSPORT_NAME_LEN]);

/* Names of all records after mark, each once; as transport_read. */
ZK_CHECKED enum zk_err transport_rec_list(struct transport *t,
    struct tmark *mark,
    enum zk_err (*each)(void *arg,
        const uint8_t name[static TRANSPORT_NAME_LEN]), void *arg);
/* Appends the record's stored bytes to out.  ZK_ENOENT. */
ZK_CHECKED enum zk_err transport_rec_get(struct transport *t,
    const uint8_t name[static TRANSPORT_NAME_LEN], struct buf *out);
ZK_CHECKED enum zk_err transport_rec_put(struct transport *t,
    const uint8_t name[static TRANSPORT_NAME_LEN], const void *p, size_t n);

/*
 * One blob transfer.  The caller owns the struct and keeps it and data
 * alive until done was called (from transport_wait or transport_submit).
 */
struct txfer {
	uint8_t name[TRANSPORT_NAME_LEN];	/* hash of the stored bytes */
	bool put;
	/* get: the caller authenticates the bytes itself, on another core;
	 * they are not compared with the name */
	bool unchecked;
	const uint8_t *data;	/* put: the stored bytes */
	size_t len;
	struct buf body;	/* get: receives them, at most body.max bytes;
				 * the caller inits and releases it */
	/* r: ZK_OK (put: durable there; get: whole and its hash equals name),
	 * ZK_ENOENT, ZK_ETAMPER, ZK_EREMOTEFULL, network codes */
	void (*done)(struct txfer *x, enum zk_err r);
	void *arg;
	/* how many of the stored bytes have passed; a retry starts again.
	 * To be looked at between two waits */
	size_t moved;
	struct txfer *next;	/* for the implementation */
	void *impl;
};

/* Starts x.  Fails only for lack of memory (done is then not called). */
ZK_CHECKED enum zk_err transport_submit(struct transport *t,
    struct txfer *x);

/* Transfers submitted and not done. */
size_t transport_inflight(const struct transport *t);

/*
 * Drives transfers until at most `left` are in flight, or timeout_ms
 * passed, whichever is first.  left = SIZE_MAX - 1: only what is ready now.
 * ZK_ETIMEDOUT only if the time passed without any progress at all;
 * ZK_ESIGNAL when asked to stop.  What was in flight still is.
 */
ZK_CHECKED enum zk_err transport_wait(struct transport *t, size_t left,
    int timeout_ms);

/* Fails all transfers in flight with ZK_ESIGNAL. */
void transport_cancel(struct transport *t);

/* missing[i] = true for each name that is not there. n <= 4096. */
ZK_CHECKED enum zk_err transport_missing(struct transport *t,
    const uint8_t (*names)[TRANSPORT_NAME_LEN], size_t n, bool *missing);

/*
 * Names of blobs that are there, ascending: the lowest TRANSPORT_LIST_MAX
 * above after, or all from the lowest if that is NULL; *more: there may be
 * others above the last of them.  An error of each() ends the call with it.
 * ZK_ENOENT, ZK_EREFUSED: the remote is of a version that cannot tell.
 * ZK_ENET: it gives too many, or in another order (logged); what each() was
 * told until then was in order.
 */
ZK_CHECKED enum zk_err transport_blob_list(struct transport *t,
    const uint8_t *after,
    enum zk_err (*each)(void *arg,
        const uint8_t name[static TRANSPORT_NAME_LEN]), void *arg,
    bool *more);

/* Removes a blob; not there is fine. */
ZK_CHECKED enum zk_err transport_blob_delete(struct transport *t,
    const uint8_t name[static TRANSPORT_NAME_LEN]);
/* Removes a segment; not there is fine.  The log ends where it did. */
ZK_CHECKED enum zk_err transport_seg_delete(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq);

/*
 * Rendezvous for pairing (zk-protocol(7), RENDEZVOUS): a mailbox under a
 * nameplate with two sides, 0 the one that shows the code and 1 the one
 * that enters it.  No space and no request key are needed.
 */
struct trv {
	uint64_t plate;		/* the number of the mailbox */
	uint8_t id[16];		/* random, made by this side: holds its place */
	unsigned side;		/* 0 or 1 */
};

/*
 * Takes this side's place.  Side 0 with plate 0 is given a fresh short
 * number.  ZK_EEXIST: another id holds the place.  ZK_EEXPIRED: side 1 finds
 * no such mailbox.
 */
ZK_CHECKED enum zk_err transport_rv_claim(struct transport *t,
    struct trv *rv);
/*
 * Appends message number seq (from 0, below 16) of this side, n <= 64 KiB.
 * ZK_EREFUSED: another message has this number.
 */
ZK_CHECKED enum zk_err transport_rv_put(struct transport *t,
    const struct trv *rv, unsigned seq, const void *p, size_t n);
/*
 * Appends message seq of the other side to out; waits for it.  ZK_ETIMEDOUT:
 * not there within wait_ms.  ZK_EEXPIRED: the mailbox is gone.
 */
ZK_CHECKED enum zk_err transport_rv_get(struct transport *t,
    const struct trv *rv, unsigned seq, unsigned wait_ms, struct buf *out);
/*
 * This side is done; what it sent can still be read.  The mailbox goes once
 * both are, on some remotes with side 0.  Gone already is fine.  Goes out
 * after a stop, too, which the other side would wait for in vain, but takes
 * no longer than 2 s.
 */
ZK_CHECKED enum zk_err transport_rv_close(struct transport *t,
    const struct trv *rv);

/*
 * The relay's SPKI pin as seen on this transport's connection:
 * "sha256//BASE64", or "" where there is no TLS.  ZK_ENET before the first
 * connection.
 */
ZK_CHECKED enum zk_err transport_pin(struct transport *t, char *out,
    size_t cap);

#endif

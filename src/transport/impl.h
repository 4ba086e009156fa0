/*
 * What an implementation of transport.h fills in.  Its own struct begins
 * with struct transport; transport.c dispatches, checks the bounds that hold
 * for every remote, and knows nothing of what is behind.
 *
 * Every operation has the contract of the function of its name in
 * transport.h.  None is NULL but the four of an append that goes on beside
 * other work: without them append_start does it all.
 */
#ifndef ZK_TRANSPORT_IMPL_H
#define ZK_TRANSPORT_IMPL_H

#include "transport/transport.h"

#define TRANSPORT_APPEND_MAX 64		/* segments in one append */
#define TRANSPORT_MISSING_MAX 4096	/* names in one question */
#define TRANSPORT_RV_MAX (64u * 1024)	/* bytes of a rendezvous message */
#define TRANSPORT_RV_SEQ_MAX 16		/* messages of one side */

struct url;

struct transport_ops {
	void (*free)(struct transport *t);
	enum zk_err (*create)(struct transport *t);
	enum zk_err (*append)(struct transport *t, const struct tseg *segs,
	    size_t n, enum tseg_result *res);
	enum zk_err (*append_start)(struct transport *t, struct tappend *a);
	bool (*append_step)(struct transport *t, struct tappend *a);
	enum zk_err (*append_end)(struct transport *t, struct tappend *a);
	void (*append_drop)(struct transport *t, struct tappend *a);
	enum zk_err (*log_begin)(struct transport *t, const uint8_t *log,
	    uint64_t seq, const uint8_t *hash);
	enum zk_err (*read)(struct transport *t, const struct tread *how,
	    struct tmark *mark, bool *more);
	enum zk_err (*read_at)(struct transport *t, const uint8_t *log,
	    uint64_t seq, enum zk_err (*each)(void *, const struct tseg *),
	    void *arg);
	enum zk_err (*head)(struct transport *t, const uint8_t *log,
	    uint64_t *seq, uint8_t *hash);
	enum zk_err (*rec_list)(struct transport *t, struct tmark *mark,
	    enum zk_err (*each)(void *, const uint8_t *), void *arg);
	enum zk_err (*rec_get)(struct transport *t, const uint8_t *name,
	    struct buf *out);
	enum zk_err (*rec_put)(struct transport *t, const uint8_t *name,
	    const void *p, size_t n);
	enum zk_err (*submit)(struct transport *t, struct txfer *x);
	enum zk_err (*wait)(struct transport *t, size_t left, int timeout_ms);
	void (*cancel)(struct transport *t);
	enum zk_err (*missing)(struct transport *t,
	    const uint8_t (*names)[TRANSPORT_NAME_LEN], size_t n,
	    bool *missing);
	enum zk_err (*blob_list)(struct transport *t, const uint8_t *after,
	    enum zk_err (*each)(void *, const uint8_t *), void *arg,
	    bool *more);
	enum zk_err (*blob_delete)(struct transport *t, const uint8_t *name);
	enum zk_err (*seg_delete)(struct transport *t, const uint8_t *log,
	    uint64_t seq);
	enum zk_err (*rv_claim)(struct transport *t, struct trv *rv);
	enum zk_err (*rv_put)(struct transport *t, const struct trv *rv,
	    unsigned seq, const void *p, size_t n);
	enum zk_err (*rv_get)(struct transport *t, const struct trv *rv,
	    unsigned seq, unsigned wait_ms, struct buf *out);
	enum zk_err (*rv_close)(struct transport *t, const struct trv *rv);
	enum zk_err (*pin)(struct transport *t, char *out, size_t cap);
};

struct transport {
	const struct transport_ops *ops;
	struct transport_opts opts;	/* as given; pointers are borrowed */
	char *url;			/* without credentials; owned */
	const char *why;		/* as transport_why */
	size_t inflight;		/* submitted and not done */
};

/*
 * Fills the common part; *t is zeroed memory of an implementation.
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err transport_init(struct transport *t,
    const struct transport_ops *ops, const struct transport_opts *opts,
    const char *url);

/* True if name is the blob name of the n stored bytes at p. */
bool transport_blob_ok(const uint8_t name[static TRANSPORT_NAME_LEN],
    const void *p, size_t n);

/* True if the caller asks to stop waiting. */
bool transport_stopped(const struct transport_opts *o);

/* Tells who watches that n bytes passed. */
void transport_moved(const struct transport_opts *o, bool up, size_t n);

/* Ends x with r: counts it out and calls its done. */
void transport_done(struct transport *t, struct txfer *x, enum zk_err r);

#endif

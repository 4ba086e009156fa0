/*
 * What an entry of the tree stands for: for each of its nodes the ops that
 * were heads when it was shown, as one string of bytes that base keeps for
 * the path.  An op that this device records names these and nothing else
 * (zk-merge(7), WHAT AN OP NAMES).  Local only, never sent; canonical, so
 * that equal bytes are equal sets.
 */
#ifndef ZK_CRDT_SEEN_H
#define ZK_CRDT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/buf.h"
#include "util/err.h"

enum seen_what {
	SEEN_PLACE = 1,		/* head of the place register, or a keep */
	SEEN_CONTENT = 2,	/* content head that this entry stands for */
	SEEN_ATTR = 4,
	SEEN_OTHER = 8,		/* content head shown by another entry */
	SEEN_GONE = 16		/* beside SEEN_CONTENT: stood for, not shown */
};

struct seen_ref {
	struct opid id;
	uint8_t what;		/* enum seen_what, or-ed */
};

struct seen_node {
	struct opid id;
	uint8_t kind;		/* enum node_kind */
	bool copy;		/* a conflict copy: not the file at the name */
	struct seen_ref *refs;	/* ascending by id, each once */
	size_t refs_n;
	size_t refs_cap;
};

/* Winner first, then ascending by id. */
struct seen {
	struct seen_node *nodes;
	size_t n;
};

void seen_init(struct seen *s);
void seen_release(struct seen *s);

/* Adds a node without refs at the end; *out lends it until the next. */
ZK_CHECKED enum zk_err seen_add(struct seen *s, const struct opid *id,
    uint8_t kind, bool copy, struct seen_node **out);

/* Adds what to the ref with this id, which is made if it is not there. */
ZK_CHECKED enum zk_err seen_ref(struct seen_node *n, const struct opid *id,
    uint8_t what);

/* Takes what away from all refs; those left with nothing go. */
void seen_clear(struct seen_node *n, uint8_t what);

/* Appends the bytes. */
ZK_CHECKED enum zk_err seen_encode(const struct seen *s, struct buf *out);

/* Appends what seen_encode gives for a node that is nothing but created. */
ZK_CHECKED enum zk_err seen_born(const struct opid *id, uint8_t kind,
    struct buf *out);

/* ZK_EFORMAT: not what seen_encode writes. */
ZK_CHECKED enum zk_err seen_decode(const uint8_t *p, size_t len,
    struct seen *out);

/*
 * The node ids alone: at most max into out, *n in all.  Cheap: this is how
 * a planner finds the directory nodes of a path in base.  ZK_EFORMAT.
 */
ZK_CHECKED enum zk_err seen_ids(const uint8_t *p, size_t len,
    struct opid *out, size_t max, size_t *n);

#endif

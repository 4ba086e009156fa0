/*
 * What the merge needs of a store: the records of nodes and ops and the
 * questions asked of them, as a table of functions.  Two implementations:
 * crdt/memdb (tests, simulation) and store/treedb (SQLite).  No rule of the
 * merge stands behind this interface, only keeping and finding.
 *
 * Keys are local integers and mean nothing elsewhere: n > 0 is a node, 0
 * (CDB_ROOT) the root directory, which has no record.  An op's key o is n
 * for the *birth* of node n, and negative for every other op.
 *
 * The birth is the CREATE op of a node.  A node made by SPLIT ops has a
 * birth too, which stands for its first content and has the node's id; the
 * SPLIT ops themselves are its places.  The record of a node holds its
 * birth, so that a tree of which nothing was ever changed costs one record
 * a node.
 */
#ifndef ZK_CRDT_CDB_H
#define ZK_CRDT_CDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

#define CDB_ROOT INT64_C(0)
#define CDB_LIMBO INT64_C(-1)	/* parent of a node that is being moved */
#define CDB_NAME_MAX 255

/* The registers of a node; an op may be in several. */
enum cdb_regs {
	REG_PLACE = 1,
	REG_CONTENT = 2,
	REG_ATTR = 4,
	REG_KEEP = 8
};

enum cdb_op_flags {
	CDB_COVERED = 1, /* a remove names it */
	CDB_DROPPED = 2, /* a drop names it */
	CDB_SPLIT = 4,	/* a split names it */
	CDB_VOID = 8	/* a move of a directory that would make a cycle */
};

struct cdb_name {
	uint8_t len;
	uint8_t b[CDB_NAME_MAX];
};

/* Order of names: bytes, a prefix first. */
static inline int
cdb_name_cmp(const struct cdb_name *a, const struct cdb_name *b)
{
	int c = memcmp(a->b, b->b, a->len < b->len ? a->len : b->len);

	return c != 0 ? c : (int)a->len - (int)b->len;
}

struct cdb_op {
	int64_t o;
	struct opid id;
	int64_t node;
	uint8_t type;		/* enum op_type */
	uint8_t regs;		/* enum cdb_regs: those it is in */
	uint8_t heads;		/* of those, where nothing replaced it */
	uint8_t flags;		/* enum cdb_op_flags */
	bool dir_move;		/* a MOVE of a directory */
	bool has_mode;
	bool has_mtime;
	uint16_t mode;
	uint32_t mtime_nsec;
	int64_t mtime_sec;
	int64_t parent;		/* REG_PLACE: where it puts the node */
	struct cdb_name name;
	int64_t vertex;		/* REG_CONTENT: key of the vertex it is of */
	struct content content;	/* REG_CONTENT; data is NULL */
	uint8_t device[32];
	int64_t wall_ms;
};

enum cdb_conf {
	CONF_HEADS = 1,	/* shows as more than one file */
	CONF_NAME = 2	/* another visible node has its place and name */
};

struct cdb_node {
	int64_t n;
	struct opid id;
	uint8_t kind;		/* enum node_kind */
	bool split;		/* made by SPLIT */
	/* state, written by node_set */
	bool vis;		/* shows in its parent */
	uint8_t conf;		/* enum cdb_conf; 0 unless vis */
	bool has_mode;
	bool has_mtime;
	uint16_t mode;
	uint32_t mtime_nsec;
	int64_t mtime_sec;
	int64_t mode_op;	/* ops that gave mode and mtime; 0: birth */
	int64_t mtime_op;
	int64_t parent;
	struct cdb_name name;
	int64_t place;		/* op that gave both; 0: the birth */
	int64_t live;		/* ops that keep it alive */
	int64_t nvis;		/* visible children */
	int64_t nops;		/* ops beside its birth */
	/* the birth, written by op_set with o = n */
	uint8_t heads;
	uint8_t flags;
	struct content content;
	uint8_t device[32];
	int64_t wall_ms;
};

/*
 * Receives records one by one; anything but ZK_OK ends the walk.  It must
 * not call the store.
 */
typedef enum zk_err cdb_op_fn(void *arg, const struct cdb_op *op);

/*
 * Every function returns ZK_OK, ZK_ENOMEM, or what the store's own failures
 * map to; besides that only what is said here.
 */
struct cdb_impl {
	/* By id or key.  ZK_ENOENT. */
	enum zk_err (*node_by_id)(void *db, const struct opid *id,
	    struct cdb_node *out);
	enum zk_err (*node_get)(void *db, int64_t n, struct cdb_node *out);
	/* Key of the node with this id, *kind its kind.  ZK_ENOENT. */
	enum zk_err (*node_key)(void *db, const struct opid *id, int64_t *n,
	    uint8_t *kind);
	/* New record with all fields; fills node->n.  ZK_EEXIST: id known. */
	enum zk_err (*node_add)(void *db, struct cdb_node *node);
	/* Writes the fields marked as state. */
	enum zk_err (*node_set)(void *db, const struct cdb_node *node);
	/* Parent and name of the birth of a node made by CREATE. */
	enum zk_err (*birth_place)(void *db, int64_t n, int64_t *parent,
	    struct cdb_name *name);

	/* Any op, births included.  ZK_ENOENT. */
	enum zk_err (*op_by_id)(void *db, const struct opid *id,
	    struct cdb_op *out);
	enum zk_err (*op_get)(void *db, int64_t o, struct cdb_op *out);
	/*
	 * New record; fills op->o, and vertex with it where op is in
	 * REG_CONTENT and vertex is 0.  ZK_EEXIST: id known.
	 */
	enum zk_err (*op_add)(void *db, struct cdb_op *op);
	/* Writes heads and flags. */
	enum zk_err (*op_set)(void *db, const struct cdb_op *op);
	/* Ops of node n beside its birth that are a head somewhere. */
	enum zk_err (*heads)(void *db, int64_t n, cdb_op_fn *fn, void *arg);
	/* Ops of vertex v, which is one of them; never its node's birth. */
	enum zk_err (*members)(void *db, int64_t v, cdb_op_fn *fn, void *arg);

	/* Moves of directories with an id above id, greatest first. */
	enum zk_err (*moves_above)(void *db, const struct opid *id,
	    cdb_op_fn *fn, void *arg);
	/* Greatest move of directory n below id, not void.  ZK_ENOENT. */
	enum zk_err (*move_below)(void *db, int64_t n, const struct opid *id,
	    struct cdb_op *out);

	/* Vertex v replaces vertex p. */
	enum zk_err (*edge_add)(void *db, int64_t p, int64_t v);
	/* What v replaces, ascending: the first max of it, *n written. */
	enum zk_err (*edges_down)(void *db, int64_t v, int64_t *p, size_t max,
	    size_t *n);
	/* Next vertex by key after `after` that replaces p.  ZK_ENOENT. */
	enum zk_err (*edge_next)(void *db, int64_t p, int64_t after,
	    int64_t *v);

	/*
	 * Visible children of parent in the order (name, n) after the given
	 * pair (NULL: from the first); at most max, *got of them written.
	 */
	enum zk_err (*children)(void *db, int64_t parent,
	    const struct cdb_name *name, int64_t n, struct cdb_node *out,
	    size_t max, size_t *got);
	/* As children, those of this name alone, in the order of n. */
	enum zk_err (*named)(void *db, int64_t parent,
	    const struct cdb_name *name, int64_t n, struct cdb_node *out,
	    size_t max, size_t *got);
	/*
	 * Nodes with conf != 0 in the order of n, after n; parent < 0: of
	 * all directories.
	 */
	enum zk_err (*conflicts)(void *db, int64_t parent, int64_t n,
	    struct cdb_node *out, size_t max, size_t *got);

	/* The change counter: next value, and the last one given. */
	enum zk_err (*change_next)(void *db, uint64_t *seq);
	enum zk_err (*change_last)(void *db, uint64_t *seq);
	/* Directory n may list otherwise since change seq. */
	enum zk_err (*dirty_add)(void *db, int64_t n, uint64_t seq);
	/* Dirty directories in the order of n, after n (-1: first). */
	enum zk_err (*dirty)(void *db, int64_t n, int64_t *out, size_t max,
	    size_t *got);
	enum zk_err (*dirty_clear)(void *db, uint64_t upto);

	/* Id of the node that splits off head: zk-merge(7), SPLIT. */
	void (*split_id)(const struct opid *head, struct opid *out);
};

struct cdb {
	const struct cdb_impl *impl;
	void *db;
};

/* The birth as the op that it is, from its node's record. */
void cdb_birth(const struct cdb_node *node, struct cdb_op *out);

#endif

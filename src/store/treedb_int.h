/*
 * Inside of treedb: what its two files share.
 */
#ifndef ZK_STORE_TREEDB_INT_H
#define ZK_STORE_TREEDB_INT_H

#include "store/treedb.h"

/* Devices are numbers in the rows; all that were met stay in memory. */
struct treedb_device {
	int64_t d;
	uint8_t id[32];
};

struct treedb {
	struct db *db;
	struct cdb cdb;
	struct tree *tree;
	struct treedb_device *dev;
	size_t dev_n, dev_cap;
	size_t dev_last;	/* found last */
};

/* Number of a device, which is entered if it is new. */
ZK_CHECKED enum zk_err treedb_dev_key(struct treedb *td,
    const uint8_t id[static 32], int64_t *d);
/* ZK_ETAMPER: no such number. */
ZK_CHECKED enum zk_err treedb_dev_id(struct treedb *td, int64_t d,
    uint8_t id[static 32]);

/* A name from a column.  ZK_ETAMPER: over 255 bytes. */
ZK_CHECKED enum zk_err treedb_col_name(struct stmt *s, int i,
    struct cdb_name *out);

/*
 * Columns of content: form, merge, size, hash, loc from column or parameter
 * i on; a form of 0 stands for none, merge, size and hash are then NULL.
 */
ZK_CHECKED enum zk_err treedb_col_content(struct stmt *s, int i,
    struct content *out);
void treedb_put_content(struct stmt *s, int i, const struct content *c);

/* The functions of struct cdb_impl about ops, edges and changes. */
enum zk_err treedb_op_by_id(void *db, const struct opid *id,
    struct cdb_op *out);
enum zk_err treedb_op_get(void *db, int64_t o, struct cdb_op *out);
enum zk_err treedb_op_add(void *db, struct cdb_op *op);
enum zk_err treedb_op_set(void *db, const struct cdb_op *op);
enum zk_err treedb_heads(void *db, int64_t n, cdb_op_fn *fn, void *arg);
enum zk_err treedb_members(void *db, int64_t v, cdb_op_fn *fn, void *arg);
enum zk_err treedb_moves_above(void *db, const struct opid *id,
    cdb_op_fn *fn, void *arg);
enum zk_err treedb_move_below(void *db, int64_t n, const struct opid *id,
    struct cdb_op *out);
enum zk_err treedb_edge_add(void *db, int64_t p, int64_t v);
enum zk_err treedb_edges_down(void *db, int64_t v, int64_t *p, size_t max,
    size_t *n);
enum zk_err treedb_edge_next(void *db, int64_t p, int64_t after, int64_t *v);
enum zk_err treedb_change_next(void *db, uint64_t *seq);
enum zk_err treedb_change_last(void *db, uint64_t *seq);
enum zk_err treedb_dirty_add(void *db, int64_t n, uint64_t seq);
enum zk_err treedb_dirty(void *db, int64_t n, int64_t *out, size_t max,
    size_t *got);
enum zk_err treedb_dirty_clear(void *db, uint64_t upto);

/* The functions about nodes that the others need. */
enum zk_err treedb_node_by_id(void *db, const struct opid *id,
    struct cdb_node *out);
enum zk_err treedb_node_get(void *db, int64_t n, struct cdb_node *out);

#endif

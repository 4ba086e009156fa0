/*
 * Scratch tables of one look at what still needs which blob: in a database
 * of its own that is gone with it, so that memory is bounded however many
 * there are.
 */
#ifndef ZK_STORE_GCSCAN_H
#define ZK_STORE_GCSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

#define GCSCAN_NAME_LEN 32

struct gcscan;

ZK_CHECKED enum zk_err gcscan_new(struct gcscan **out);
void gcscan_free(struct gcscan *s);

/* Content that lies in blobs, and that an op brought. */
struct gcscan_content {
	struct opid id, node;
	uint8_t hash[CONTENT_HASH_LEN];
	uint64_t locator;
	bool over;		/* something took its place... */
	int64_t over_ms;	/* ...last then */
};
ZK_CHECKED enum zk_err gcscan_content_put(struct gcscan *s,
    const struct gcscan_content *c);
/* File split has the content of op id, if that is here, and goes its way. */
ZK_CHECKED enum zk_err gcscan_split(struct gcscan *s, const struct opid *id,
    const struct opid *split);
/* An op at ms takes the place of what this one brought, if that is here. */
ZK_CHECKED enum zk_err gcscan_over(struct gcscan *s, const struct opid *id,
    int64_t ms);
/*
 * What was said of one of several equal contents of a node holds for all of
 * them (zk-merge(7)).  To be called once all ops are in.
 */
ZK_CHECKED enum zk_err gcscan_settle(struct gcscan *s);
/* The next content behind row *row (0 to start).  ZK_ENOENT: no more. */
ZK_CHECKED enum zk_err gcscan_content_next(struct gcscan *s, int64_t *row,
    struct gcscan_content *out);

/* Another location of a plaintext hash that an op at ms told. */
struct gcscan_alias {
	uint8_t hash[GCSCAN_NAME_LEN], name[GCSCAN_NAME_LEN];
	uint64_t size;
	int64_t ms;
};
ZK_CHECKED enum zk_err gcscan_alias_put(struct gcscan *s,
    const struct gcscan_alias *a);
ZK_CHECKED enum zk_err gcscan_alias_next(struct gcscan *s, int64_t *row,
    struct gcscan_alias *out);

enum gcscan_set {
	GCSCAN_NEED,	/* names of blobs that something needs */
	GCSCAN_HASH,	/* plaintext hashes of them */
	GCSCAN_WASTE	/* names of those that were found to be needless */
};
/* *fresh: it was not in the set. */
ZK_CHECKED enum zk_err gcscan_add(struct gcscan *s, enum gcscan_set set,
    const uint8_t name[static GCSCAN_NAME_LEN], bool *fresh);
ZK_CHECKED enum zk_err gcscan_has(struct gcscan *s, enum gcscan_set set,
    const uint8_t name[static GCSCAN_NAME_LEN], bool *has);

#endif

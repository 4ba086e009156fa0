/*
 * One checkpoint that this device knows, with its op.  Internal to sync/.
 */
#ifndef ZK_SYNC_CPKNOWN_H
#define ZK_SYNC_CPKNOWN_H

#include "crdt/op.h"
#include "store/cpdb.h"
#include "sync/cpcut.h"
#include "sync/vault.h"
#include "util/buf.h"

struct cpknown {
	struct cpdb_checkpoint c;
	struct content content;	/* data lends from data */
	struct buf body, data;
};

void cpknown_init(struct cpknown *k);
void cpknown_release(struct cpknown *k);

/* Reads the op of k->c.  ZK_ENOENT. */
ZK_CHECKED enum zk_err cpknown_load(struct vault *v, struct cpknown *k);
/* Its cut, as cpcut_of. */
ZK_CHECKED enum zk_err cpknown_cut(struct vault *v, const struct cpknown *k,
    struct cpcut *out);

/* In place of c: the one before it by id.  ZK_ENOENT. */
ZK_CHECKED enum zk_err cpknown_older(struct vault *v,
    struct cpdb_checkpoint *c);

#endif

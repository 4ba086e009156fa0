#include "sync/blobnote.h"

#include "db/db.h"
#include "store/chunkdb.h"

enum zk_err
blobnote_add(struct blobnotes *b, struct db *db, const struct chunk_ref *ref,
    int64_t remote, bool gone)
{
	b->v[b->n].ref = *ref;
	b->v[b->n].remote = remote;
	b->v[b->n++].gone = gone;
	return b->n == BLOBNOTE_MAX ? blobnote_flush(b, db) : ZK_OK;
}

enum zk_err
blobnote_flush(struct blobnotes *b, struct db *db)
{
	enum zk_err r;

	if (b->n == 0)
		return ZK_OK;
	r = db_begin(db);
	for (size_t i = 0; i < b->n && r == ZK_OK; i++) {
		if (!b->v[i].gone)
			r = chunkdb_add(db, &b->v[i].ref);
		if (r == ZK_OK)
			r = chunkdb_set_state(db, b->v[i].ref.name,
			    b->v[i].remote, b->v[i].gone ? CHUNKDB_ABSENT :
			    CHUNKDB_DURABLE);
	}
	r = db_end(db, r);
	if (r == ZK_OK)
		b->n = 0;
	return r;
}

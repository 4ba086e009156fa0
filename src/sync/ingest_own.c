/* What becomes of our own log.  See round.h. */
#include <string.h>

#include "store/logdb.h"
#include "store/store.h"
#include "sync/round.h"
#include "util/log.h"

enum zk_err
ingest_own_forked(struct round *rd)
{
	uint64_t n = 0;
	enum zk_err r = logdb_tips_of(rd->v->db, rd->v->log_id, &n);

	if (r == ZK_OK && n > 1)
		rd->own_ahead = true;
	return r;
}

enum zk_err
ingest_new_incarnation(struct round *rd)
{
	struct vault *v = rd->v;
	struct logdb_seg tip = { 0 };
	uint8_t prev[72];
	enum zk_err r = logdb_tip(v->db, v->log_id, &tip);

	if (r != ZK_OK)
		return r;
	memcpy(prev, tip.log, 32);
	memcpy(prev + 32, tip.hash, 32);
	memcpy(prev + 64, &tip.seq, 8);
	log_warn("this device's log went on without it (a restored backup?): "
	    "it continues in a new one");
	/* first what the new certificate names, then the key */
	r = db_begin(v->db);
	if (r == ZK_OK)
		r = store_put(v->db, "prev_log", prev, sizeof(prev));
	if (r == ZK_OK)
		r = logdb_told_clear(v->db);
	r = db_end(v->db, r);
	if (r != ZK_OK)
		return r;
	r = keys_new_log(v->keys, v->env);
	if (r == ZK_OK && !v->dry)
		r = keys_save(v->env, v->state_fd, v->keys);
	if (r == ZK_OK)
		r = vault_log_open(v);
	rd->own_ahead = false;
	return r;
}

/* What every member has.  See acked.h. */
#include "sync/acked.h"

#include <string.h>

#include "store/logdb.h"

/* How far one member has a log whose device is author. */
static enum zk_err
acked_by(struct vault *v, const struct member *m,
    const uint8_t log[static VAULT_ID_LEN], const uint8_t *author,
    uint64_t *seq)
{
	struct logdb_seg tip = { 0 };
	enum zk_err r = ZK_OK;

	*seq = UINT64_MAX;
	if (memcmp(m->id, vault_device(v), sizeof(m->id)) == 0) {
		r = logdb_tip(v->db, log, &tip);
		*seq = r == ZK_OK ? tip.seq : 0;
		return r == ZK_ENOENT ? ZK_OK : r;
	}
	if (memcmp(m->id, author, sizeof(m->id)) == 0)
		return ZK_OK;
	return logdb_ack_get(v->db, m->id, log, seq);
}

enum zk_err
acked_by_all(struct vault *v, const uint8_t log[static VAULT_ID_LEN],
    uint64_t *seq)
{
	struct logdb_log l = { 0 };
	uint64_t tips = 0, one = 0;
	enum zk_err r = logdb_log_get(v->db, log, &l);

	*seq = 0;
	if (r == ZK_OK)
		r = logdb_tips_of(v->db, log, &tips);
	if (r != ZK_OK || tips != 1)
		return r == ZK_ENOENT ? ZK_OK : r;
	*seq = UINT64_MAX;
	for (size_t i = 0; r == ZK_OK && i < members_count(v->members); i++) {
		r = acked_by(v, members_at(v->members, i), log, l.device,
		    &one);
		if (one < *seq)
			*seq = one;
	}
	if (r != ZK_OK || members_count(v->members) == 0)
		*seq = 0;
	return r;
}

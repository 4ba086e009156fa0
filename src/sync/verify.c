/*
 * zk verify: every record, segment, chain, held object and the database,
 * checked again from the stored bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "format/segment.h"
#include "store/chunkdb.h"
#include "store/logdb.h"
#include "store/remotedb.h"
#include "sync/cuts.h"
#include "sync/download.h"
#include "sync/round.h"
#include "util/log.h"

/* Names one finding; the check goes on. */
static void
found(struct round *rd, enum zk_err r, const struct logdb_seg *g,
    const char *what)
{
	log_error(r, NULL, "log %02x%02x%02x%02x segment %llu: %s", g->log[0],
	    g->log[1], g->log[2], g->log[3], (unsigned long long)g->seq,
	    what);
	round_note(rd, r);
}

static enum zk_err
check_records(struct round *rd)
{
	struct vault *v = rd->v;
	uint8_t name[32], is[32];
	int64_t row = 0;
	struct buf b;
	enum zk_err r = ZK_OK;

	buf_init(&b, RECORD_STORED_MAX);
	while (r == ZK_OK) {
		struct record *rec = NULL;

		buf_reset(&b);
		r = remotedb_rec_next(v->db, row, &row, name, &b);
		if (r != ZK_OK)
			break;
		record_name(b.data, b.len, is);
		r = record_open(b.data, b.len, keys_record(v->keys),
		    vault_id(v), &rec);
		if (memcmp(is, name, sizeof(is)) != 0)
			r = ZK_ETAMPER;
		record_free(rec);
		if (r == ZK_OK)
			continue;
		log_error(r, NULL, "record %02x%02x%02x%02x: %s", name[0],
		    name[1], name[2], name[3], err_text(r));
		round_note(rd, r);
		r = ZK_OK;
	}
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
bad_chunk(void *arg, const uint8_t name[static CHUNK_HASH_LEN])
{
	log_error(ZK_ETAMPER, NULL, "chunk index: blob %02x%02x%02x%02x: %s",
	    name[0], name[1], name[2], name[3], err_text(ZK_ETAMPER));
	round_note(arg, ZK_ETAMPER);
	return ZK_OK;
}

/* That every content of an opened segment can be had. */
static enum zk_err
check_contents(struct round *rd, struct download *d, struct seg *s,
    const struct logdb_seg *g)
{
	enum zk_err r = ZK_OK;
	struct op op;

	while (r == ZK_OK) {
		struct buf b;

		r = seg_next(s, &op);
		if (r == ZK_EREFUSED) {
			r = ZK_OK;
			continue;
		}
		if (r != ZK_OK)
			break;
		if ((op.type != OP_CREATE && op.type != OP_EDIT) ||
		    op.content.form != CONTENT_INLINE)
			continue;
		buf_init_secret(&b, 1 << 21);
		r = download_bytes(d, &op.content, &b);
		buf_release(&b);
		if (r == ZK_ETAMPER || r == ZK_EFORMAT || r == ZK_ELIMIT) {
			found(rd, ZK_ETAMPER, g, "a content does not match");
			r = ZK_OK;
		}
		rd->rep->files++;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
check_segment(struct round *rd, struct download *d,
    const struct logdb_seg *g)
{
	struct vault *v = rd->v;
	struct seg_keys keys = { records_find_epoch, v };
	struct logdb_log l = { 0 };
	struct logdb_seg prev = { 0 };
	struct seg *s = NULL;
	size_t n = 0;
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, TRANSPORT_OBJ_MAX);
	r = logdb_data(v->db, g->id, &b);
	if (r == ZK_OK)
		r = seg_open(b.data, b.len, vault_id(v), &keys, NULL, &s);
	if (r == ZK_OK && (memcmp(seg_hash(s), g->hash, 32) != 0 ||
	    memcmp(seg_log(s), g->log, 32) != 0 || seg_seq(s) != g->seq))
		r = ZK_ETAMPER;
	if (r == ZK_OK && g->seq > 1) {
		r = logdb_by_hash(v->db, seg_prev(s), &prev);
		if (r == ZK_ENOENT || (r == ZK_OK &&
		    (prev.seq + 1 != g->seq ||
		    memcmp(prev.log, g->log, 32) != 0)))
			r = ZK_ETAMPER;
	}
	if (r == ZK_OK)
		r = logdb_log_get(v->db, g->log, &l);
	if (r == ZK_OK) {
		const uint8_t (*rec)[SEG_HASH_LEN] = seg_rec_heads(s, &n);

		r = members_judge(v->members, rec, n, l.device,
		    seg_epoch_id(s));
	}
	if (r == ZK_OK) {
		r = check_contents(rd, d, s, g);
	} else if (r != ZK_ENOMEM && r != ZK_EIO) {
		found(rd, r == ZK_ENOENT ? ZK_ETAMPER : r, g, err_text(r));
		r = ZK_OK;
	}
	rd->rep->bytes += g->size;
	seg_free(s);
	buf_release(&b);
	return r;
}

static enum zk_err
check_logs(struct round *rd)
{
	struct vault *v = rd->v;
	struct download_opts o = { .env = v->env, .db = v->db,
		.vault = vault_id(v) };
	struct download *d = NULL;
	struct logdb_seg g = { 0 };
	enum zk_err r = download_new(&o, &d);

	while (r == ZK_OK && !round_stopped(rd)) {
		r = logdb_next(v->db, g.ord, &g);
		if (r == ZK_OK)
			r = check_segment(rd, d, &g);
		round_progress(rd, SYNC_SCAN);
	}
	download_free(d);
	if (r == ZK_OK)
		return ZK_ESIGNAL;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
sync_verify(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct round rd = { .v = v, .o = o, .rep = rep };
	enum zk_err r = ZK_EBUG;

	memset(rep, 0, sizeof(*rep));
	r = db_check(v->db);
	if (r == ZK_ETAMPER) {
		round_note(&rd, r);
		r = ZK_OK;
	}
	if (r == ZK_OK)
		r = check_records(&rd);
	if (r == ZK_OK)
		r = chunkdb_check(v->db, bad_chunk, &rd);
	if (r == ZK_OK)
		r = check_logs(&rd);
	round_release(&rd);
	return err_worse(r, rd.worst);
}

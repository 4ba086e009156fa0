/*
 * zk verify: every record, segment, chain, held object and the database,
 * checked again from the stored bytes; what was computed from them (the
 * merge) is computed again and compared.
 *
 * Whatever is wrong with what is held is ZK_ETAMPER: it was right when it
 * was taken in, so whichever check it fails now, it was damaged since.  The
 * one exception is content, which is not opened then: its writer may have
 * signed bytes that do not have the hash that stands beside them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/check.h"
#include "store/chunkdb.h"
#include "store/remotedb.h"
#include "sync/verify_int.h"
#include "util/log.h"

bool
verify_is_damage(enum zk_err r)
{
	switch (r) {
	case ZK_OK:
	case ZK_ENOMEM:
	case ZK_EIO:
	case ZK_EDISKFULL:
	case ZK_EPERM:
	case ZK_ELOCKED:
	case ZK_ESIGNAL:
	case ZK_EBUG:
		return false;
	default:
		return true;
	}
}

static enum zk_err
name(struct verify *vf, const char *table, const char *what,
    const char *path)
{
	struct log_where w = { .path = path == NULL ? vf->db_path : path };

	round_note(vf->rd, ZK_ETAMPER);
	if (vf->table == NULL || strcmp(vf->table, table) != 0)
		vf->named = 0;
	vf->table = table;
	if (++vf->named > VERIFY_NAMED_MAX)
		return ZK_OK;
	if (vf->named == VERIFY_NAMED_MAX)
		log_error(ZK_ETAMPER, &w, "%s: there is more", table);
	else if (path == NULL)
		log_error(ZK_ETAMPER, &w, "%s: %s", table, what);
	else
		log_error(ZK_ETAMPER, &w, "%s: '%s': %s", table, path, what);
	return ZK_OK;
}

enum zk_err
verify_bad(void *verify, const char *table, const char *what,
    const char *path)
{
	struct verify *vf = verify;

	vf->damaged = true;
	return name(vf, table, what, path);
}

enum zk_err
verify_lie(struct verify *vf, const char *table, const char *what)
{
	return name(vf, table, what, NULL);
}

/* A part of the check that could not be read to its end. */
static enum zk_err
ended(struct verify *vf, const char *table, enum zk_err r)
{
	if (!verify_is_damage(r))
		return r;
	return verify_bad(vf, table, "cannot be read to its end", NULL);
}

static enum zk_err
check_records(struct verify *vf)
{
	struct vault *v = vf->rd->v;
	uint8_t name[32], is[32];
	char text[100];
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
		if (!verify_is_damage(r))
			continue;
		(void)snprintf(text, sizeof(text), "record "
		    "%02x%02x%02x%02x: %s", name[0], name[1], name[2],
		    name[3], err_text(ZK_ETAMPER));
		r = verify_bad(vf, "rec", text, NULL);
	}
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
bad_chunk(void *arg, const uint8_t name[static CHUNK_HASH_LEN])
{
	char text[100];

	(void)snprintf(text, sizeof(text), "blob %02x%02x%02x%02x: %s",
	    name[0], name[1], name[2], name[3], err_text(ZK_ETAMPER));
	return verify_bad(arg, "chunk", text, NULL);
}

/* Those applied in the order of that, then those that wait. */
static enum zk_err
check_segments(struct verify *vf)
{
	struct db *db = vf->rd->v->db;
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && !round_stopped(vf->rd)) {
		r = logdb_next(db, g.ord, &g);
		if (r == ZK_OK)
			r = verify_segment(vf, &g);
		round_progress(vf->rd, SYNC_SCAN);
	}
	if (r == ZK_ENOENT)
		r = ZK_OK;
	memset(&g, 0, sizeof(g));
	while (r == ZK_OK && !round_stopped(vf->rd)) {
		r = logdb_next_pending(db, g.id, &g);
		if (r == ZK_OK)
			r = verify_segment(vf, &g);
	}
	if (round_stopped(vf->rd))
		return ZK_ESIGNAL;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* What was computed, and what is written down beside it. */
static enum zk_err
check_state(struct verify *vf)
{
	struct vault *v = vf->rd->v;
	enum zk_err r = ended(vf, "seg", check_logs(v->db, verify_bad, vf));

	/* without all operations, there is nothing to compare with */
	if (r == ZK_OK && !vf->partial)
		r = ended(vf, "tnode", check_trees(v->db, vf->again,
		    verify_bad, vf));
	if (r == ZK_OK && !vf->partial)
		r = ended(vf, "kvop", check_values(v->db, vf->again,
		    verify_bad, vf));
	if (r == ZK_OK && !vf->partial)
		r = ended(vf, "msg", check_messages(v->db, vf->again,
		    verify_bad, vf));
	if (r == ZK_OK)
		r = ended(vf, "base", check_base(v->db, verify_bad, vf));
	if (r == ZK_OK && !vf->partial)
		r = ended(vf, "base", verify_base(vf));
	if (r == ZK_OK)
		r = ended(vf, "remote", check_remotes(v->db, verify_bad, vf));
	return round_stopped(vf->rd) ? ZK_ESIGNAL : r;
}

static enum zk_err
check_all(struct verify *vf)
{
	struct vault *v = vf->rd->v;
	struct download_opts o = { .env = v->env, .db = v->db,
		.vault = vault_id(v) };
	enum zk_err r = db_check(v->db);

	if (r == ZK_ETAMPER) {
		round_note(vf->rd, r);
		vf->damaged = true;
		r = ZK_OK;
	}
	if (r == ZK_OK)
		r = treedb_scratch(&vf->again);
	if (r == ZK_OK)
		r = treedb_new(vf->again, &vf->td);
	if (r == ZK_OK)
		r = download_new(&o, &vf->d);
	if (r == ZK_OK)
		r = compress_new(&vf->z);
	if (r == ZK_OK)
		r = ended(vf, "rec", check_records(vf));
	if (r == ZK_OK)
		r = ended(vf, "chunk", chunkdb_check(v->db, bad_chunk, vf));
	if (r == ZK_OK)
		r = check_segments(vf);
	if (verify_is_damage(r))
		vf->partial = true;
	r = ended(vf, "seg", r);
	return r == ZK_OK ? check_state(vf) : r;
}

enum zk_err
sync_verify(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct round rd = { .v = v, .o = o, .rep = rep };
	struct verify vf = { .rd = &rd };
	struct buf path;
	enum zk_err r = ZK_EBUG;

	memset(rep, 0, sizeof(*rep));
	buf_init(&path, 8192);
	r = buf_printf(&path, "%s/vault.db", v->state_dir);
	vf.db_path = r == ZK_OK ? strdup(buf_cstr(&path)) : NULL;
	buf_release(&path);
	r = vf.db_path == NULL ? ZK_ENOMEM : check_all(&vf);
	if (vf.damaged)
		log_error(ZK_ETAMPER, &(struct log_where){ .path =
		    v->state_dir }, VAULT_DAMAGED, v->state_dir);
	download_free(vf.d);
	compress_free(vf.z);
	treedb_free(vf.td);
	db_close(vf.again);
	free(vf.logs);
	free(vf.db_path);
	round_release(&rd);
	return err_worse(r, rd.worst);
}

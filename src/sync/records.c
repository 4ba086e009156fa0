/* Records held by this vault: members and epoch keys.  See vault.h. */
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "store/remotedb.h"
#include "sync/vault.h"
#include "util/log.h"

/* Who sent it cheats, and an honest grant of that key may come yet. */
static void
tell_unfit(struct vault *v, const uint8_t epoch_id[static 32])
{
	if (!v->told_unfit)
		log_warn("a member handed this device a key that is not that "
		    "of epoch %02x%02x%02x%02x: it is not used", epoch_id[0],
		    epoch_id[1], epoch_id[2], epoch_id[3]);
	v->told_unfit = true;
}

/* Takes an epoch key of a record over if its rotation commits to it. */
static enum zk_err
take_key(void *arg, const uint8_t epoch_id[static 32], struct key *k)
{
	struct vault *v = arg;
	const struct epoch *e = members_epoch_find(v->members, epoch_id);
	enum zk_err r = ZK_OK;

	/* a key whose rotation has not come yet is granted again by it */
	if (e != NULL && keys_epoch(v->keys, epoch_id) == NULL) {
		r = epoch_key_check(v->recs[e->record], k);
		if (r == ZK_OK)
			r = keys_epoch_add(v->keys, epoch_id, k);
		if (r == ZK_ETAMPER) {
			tell_unfit(v, epoch_id);
			r = ZK_OK;
		}
	}
	key_free(k);
	return r;
}

/* The epoch keys that record i has for this device. */
static enum zk_err
harvest(struct vault *v, size_t i)
{
	const struct record *rec = v->recs[i];
	struct key *E = NULL;
	enum zk_err r = ZK_OK;

	if (members_state(v->members, i) != RECORD_COUNTS)
		return ZK_OK;
	if (rec->type == RECORD_ADD || rec->type == RECORD_GRANT)
		r = record_grants_open(rec, vault_id(v), v->dev, take_key, v);
	if (rec->type != RECORD_ROTATE)
		return r == ZK_ENOENT ? ZK_OK : r;
	r = record_rotate_open(rec, vault_id(v), v->dev, &E);
	if (r == ZK_OK && keys_epoch(v->keys, rec->id) == NULL)
		r = keys_epoch_add(v->keys, rec->id, E);
	if (r == ZK_OK)
		r = record_earlier_open(rec, vault_id(v), E, take_key, v);
	key_free(E);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Recomputes members over recs; saves keys that came with them. */
static enum zk_err
recompute(struct vault *v)
{
	struct members *m = NULL;
	size_t had = keys_epoch_count(v->keys);
	enum zk_err r = members_compute(
	    (const struct record *const *)v->recs, v->recs_n, vault_id(v), &m);

	if (r != ZK_OK)
		return r;
	members_free(v->members);
	v->members = m;
	for (size_t i = 0; i < v->recs_n; i++) {
		r = harvest(v, i);
		if (r != ZK_OK)
			return r;
	}
	if (keys_epoch_count(v->keys) != had && !v->dry)
		r = keys_save(v->env, v->state_fd, v->keys);
	return r;
}

static enum zk_err
push(struct vault *v, struct record *rec)
{
	struct record **p = NULL;

	if (v->recs_n >= VAULT_RECORDS_MAX)
		return ZK_ELIMIT;
	p = realloc(v->recs, (v->recs_n + 1) * sizeof(*p));
	if (p == NULL)
		return ZK_ENOMEM;
	v->recs = p;
	v->recs[v->recs_n++] = rec;
	return ZK_OK;
}

/* Opens stored bytes; genesis records must be this vault's. */
static enum zk_err
open_one(struct vault *v, const void *p, size_t n, struct record **out)
{
	enum zk_err r = record_open(p, n, keys_record(v->keys), vault_id(v),
	    out);

	if (r == ZK_OK && (*out)->type == RECORD_GENESIS &&
	    memcmp((*out)->id, vault_id(v), VAULT_ID_LEN) != 0) {
		record_free(*out);
		*out = NULL;
		r = ZK_EREFUSED;
	}
	return r;
}

enum zk_err
records_load(struct vault *v)
{
	enum zk_err r = ZK_OK;
	int64_t row = 0;
	uint8_t name[32];
	struct buf b;

	buf_init(&b, RECORD_STORED_MAX);
	for (;;) {
		struct record *rec = NULL;

		buf_reset(&b);
		r = remotedb_rec_next(v->db, row, &row, name, &b);
		if (r != ZK_OK)
			break;
		r = open_one(v, b.data, b.len, &rec);
		if (r == ZK_OK)
			r = push(v, rec);
		if (r != ZK_OK) {
			/* it did when it was taken in */
			if (err_status(r) == err_status(ZK_EREFUSED))
				r = ZK_ETAMPER;
			log_error(r, &(struct log_where){ .path =
			    v->state_dir }, "record %02x%02x%02x%02x in '%s' "
			    "does not open: %s", name[0], name[1], name[2],
			    name[3], v->state_dir, err_text(r));
			record_free(rec);
			break;
		}
	}
	buf_release(&b);
	return r == ZK_ENOENT ? recompute(v) : r;
}

enum zk_err
records_add(struct vault *v, const uint8_t name[static 32], const void *p,
    size_t n)
{
	enum zk_err r = ZK_EBUG;
	struct record *rec = NULL;
	uint8_t is[32];
	bool has = false;

	r = remotedb_rec_has(v->db, name, &has);
	if (r != ZK_OK || has)
		return has ? ZK_EEXIST : r;
	record_name(p, n, is);
	if (memcmp(is, name, sizeof(is)) != 0)
		return ZK_ETAMPER;
	r = open_one(v, p, n, &rec);
	if (r == ZK_OK)
		r = push(v, rec);
	if (r != ZK_OK) {
		record_free(rec);
		return r;
	}
	r = recompute(v);
	if (r == ZK_OK && members_state(v->members, v->recs_n - 1) ==
	    RECORD_VOID)
		r = ZK_EREFUSED;
	if (r == ZK_OK)
		r = db_begin(v->db);
	if (r == ZK_OK)
		r = remotedb_rec_put(v->db, name, p, n);
	r = db_end(v->db, r);
	if (r == ZK_OK)
		return ZK_OK;
	v->recs_n--;
	/* what cannot be computed without it goes on with it: the run ends */
	if (recompute(v) == ZK_OK)
		record_free(rec);
	else
		v->recs_n++;
	return r;
}

void
records_ctx(const struct vault *v, struct record_ctx *out)
{
	memset(out, 0, sizeof(*out));
	out->env = v->env;
	out->R = keys_record(v->keys);
	out->vault = vault_id(v);
	out->heads = members_heads(v->members, &out->heads_n);
	out->author = v->dev;
}

size_t
records_epochs(const struct vault *v, struct epoch_key *out, size_t max)
{
	size_t n = keys_epoch_count(v->keys);

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		out[i].k = keys_epoch_at(v->keys, i, out[i].id);
	return n;
}

enum zk_err
records_epoch(const struct vault *v, const struct key **E,
    uint8_t id[static 32])
{
	const struct epoch *e = members_epoch_best(v->members);

	*E = e == NULL ? NULL : keys_epoch(v->keys, e->id);
	if (*E == NULL)
		return ZK_EGAP;
	memcpy(id, e->id, 32);
	return ZK_OK;
}

enum zk_err
records_find_epoch(void *vault, const uint8_t prefix[static 16],
    const struct key **epoch, uint8_t epoch_id[static 32])
{
	const struct vault *v = vault;
	const struct epoch *e = members_epoch_prefix(v->members, prefix);

	*epoch = e == NULL ? NULL : keys_epoch(v->keys, e->id);
	if (*epoch == NULL)
		return ZK_EGAP;
	memcpy(epoch_id, e->id, 32);
	return ZK_OK;
}

/* What no other device can have heard of.  See unsent.h. */
#include "sync/unsent.h"

#include <string.h>

#include "crdt/emit.h"
#include "crdt/seen.h"
#include "crdt/since.h"
#include "store/largedb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "sync/segcache.h"
#include "sync/segw.h"
#include "sync/vault.h"
#include "util/rd.h"

/* The setting: the log's id, and up to which segment it was offered. */
#define OFFERED "offered"

static enum zk_err
put(struct vault *v, uint64_t seq)
{
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, 4096);
	r = buf_put(&b, v->log_id, VAULT_ID_LEN);
	if (r == ZK_OK)
		r = buf_u64(&b, seq);
	if (r == ZK_OK)
		r = store_put(v->db, OFFERED, b.data, b.len);
	buf_release(&b);
	return r;
}

/*
 * ZK_ENOENT: not known, as in a database of before it was noted, or of a log
 * that this device no longer writes.
 */
static enum zk_err
get(struct vault *v, uint64_t *seq)
{
	struct buf b;
	struct rd rd;
	const uint8_t *log = NULL;
	enum zk_err r = ZK_EBUG;

	*seq = 0;
	buf_init(&b, 4096);
	r = store_get(v->db, OFFERED, &b);
	rd_init(&rd, b.data, b.len);
	if (r == ZK_OK) {
		log = rd_bytes(&rd, VAULT_ID_LEN);
		*seq = rd_u64(&rd);
		r = rd_end(&rd) == ZK_OK ? ZK_OK : ZK_ETAMPER;
	}
	if (r == ZK_OK && memcmp(log, v->log_id, VAULT_ID_LEN) != 0)
		r = ZK_ENOENT;
	buf_release(&b);
	return r;
}

enum zk_err
unsent_begin(struct vault *v)
{
	return put(v, 0);
}

enum zk_err
unsent_offer(struct vault *v, uint64_t seq)
{
	uint64_t known = 0;
	enum zk_err r = get(v, &known);

	if (r == ZK_OK && known >= seq)
		return ZK_OK;
	if (r == ZK_OK || r == ZK_ENOENT)
		r = db_begin(v->db);
	if (r != ZK_OK)
		return r;
	r = put(v, seq);
	return db_end(v->db, r);
}

/* Whether a content is in blobs, by an op that was not offered. */
static enum zk_err
is_unsent(struct vault *v, uint64_t offered, const struct content *c,
    bool *yes)
{
	struct logdb_seg g;
	enum zk_err r = ZK_OK;

	*yes = false;
	if (c->form != CONTENT_MANIFEST)
		return ZK_OK;
	r = logdb_by_id(v->db, segcache_row(c->locator), &g);
	if (r == ZK_OK)
		*yes = g.seq > offered &&
		    memcmp(g.log, v->log_id, VAULT_ID_LEN) == 0;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * The last version before those that the entry stands for whose bytes others
 * may have.  ZK_ENOENT: none, or they may have one of these.
 */
static enum zk_err
version_before(struct vault *v, const struct seen_node *node,
    struct content *out)
{
	struct opid id = { { 0 } };
	struct since now;
	uint64_t offered = 0;
	bool unsent = true;
	enum zk_err r = get(v, &offered);

	for (size_t i = 0; r == ZK_OK && unsent && i < node->refs_n; i++) {
		uint8_t what = node->refs[i].what;

		if ((what & SEEN_CONTENT) == 0 || (what & SEEN_GONE) != 0)
			continue;
		id = node->refs[i].id;
		r = since_load(v->tree, &id, 1, 1, &now);
		if (r == ZK_OK)
			r = is_unsent(v, offered, &now.base, &unsent);
		if (r == ZK_OK)
			since_release(&now);
	}
	if (r == ZK_OK && (!unsent || opid_is_root(&id)))
		r = ZK_ENOENT;
	while (r == ZK_OK && unsent) {
		struct opid at = id;

		r = since_before(v->tree, &at, &id, out);
		if (r == ZK_OK)
			r = is_unsent(v, offered, out, &unsent);
	}
	return r;
}

static enum zk_err
edit(struct vault *v, struct segw *w, const struct content *before,
    uint8_t kind, struct buf *seen)
{
	/* at no place: what is about to go keeps no directory */
	struct emit_at at = { .dir_seen = NULL };
	struct content c;
	struct emit_file f = { .kind = kind, .content = &c };
	struct buf data, now;
	enum zk_err r = ZK_EBUG;

	buf_init(&data, 1 << 20);
	buf_init(&now, 1 << 24);
	r = segcache_copy(v, before->locator, &c, &data);
	if (r == ZK_OK) {
		c.merge = MERGE_COPY;
		c.script = NULL;
		c.script_len = 0;
		r = emit_edit(segw_emit(w), seen->data, seen->len, &at, &f,
		    &f, &now);
	}
	if (r == ZK_OK) {
		buf_reset(seen);
		r = buf_put(seen, now.data, now.len);
	}
	buf_release(&data);
	buf_release(&now);
	/* past the window it is as gone as what it would take the place of */
	return r == ZK_EGAP ? ZK_OK : r;
}

enum zk_err
unsent_take_back(struct vault *v, struct segw *w, uint64_t size,
    struct buf *seen)
{
	struct content before;
	struct seen s;
	enum zk_err r = ZK_OK;

	if (size < LARGEDB_MIN)
		return ZK_OK;
	seen_init(&s);
	r = seen_decode(seen->data, seen->len, &s);
	/* a copy's own content goes with it, whatever is kept */
	if (r == ZK_OK && (s.n != 1 || s.nodes[0].copy))
		r = ZK_ENOENT;
	if (r == ZK_OK)
		r = version_before(v, &s.nodes[0], &before);
	if (r == ZK_OK)
		r = edit(v, w, &before, s.nodes[0].kind, seen);
	seen_release(&s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

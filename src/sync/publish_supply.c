/*
 * What a remote lacks of the files that are here.  See publish_int.h.
 *
 * Segments bring their blobs, but a device that has a segment and no longer
 * its content passes it on without (send_content): so whoever has the content
 * asks, for each large file that is new here or to a remote, which of its
 * blobs are not there.  What a remote said of a name is noted in the chunk
 * index, and the files that were looked at are not looked at again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "format/compress.h"
#include "format/manifest.h"
#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "store/largedb.h"
#include "sync/blobget.h"
#include "sync/cuts.h"
#include "sync/publish_int.h"
#include "sync/segcache.h"
#include "util/log.h"
#include "util/path.h"

#define ROWS 256		/* files in one batch */
#define ASK 4096u		/* names in one question to a remote */

struct item {
	int64_t row;
	bool lacks;		/* the remote does not have all of it */
	bool dead;		/* some of it is to go (gcdb.h) */
	bool again;		/* it could not be read */
	bool drop;		/* it is in no blobs */
};

struct supply {
	struct round *rd;
	struct vremote *vr;
	struct compress *z;
	struct transport *from[SYNC_REMOTES_MAX];
	size_t from_n;
	bool any_dead;
	struct item items[ROWS];
	size_t items_n;
	/* blobs of which it is not known, and the item that each is of */
	uint8_t names[ASK][CHUNK_HASH_LEN];
	size_t of[ASK];
	bool missing[ASK];
	size_t names_n;
	struct buf path;
	uint64_t given;		/* files */
};

/* Asks for the names at hand; what is there is noted. */
static enum zk_err
ask(struct supply *s)
{
	const uint8_t (*names)[CHUNK_HASH_LEN] =
	    (const uint8_t (*)[CHUNK_HASH_LEN])s->names;
	enum zk_err r = ZK_OK;

	if (s->names_n == 0)
		return ZK_OK;
	r = transport_missing(s->vr->t, names, s->names_n, s->missing);
	if (r == ZK_OK)
		r = chunkdb_settle(s->rd->v->db, s->vr->info.id, names,
		    s->names_n, s->missing);
	for (size_t i = 0; r == ZK_OK && i < s->names_n; i++)
		s->items[s->of[i]].lacks |= s->missing[i];
	s->names_n = 0;
	return r;
}

/* A blob of the last item. */
static enum zk_err
blob(struct supply *s, const uint8_t name[static CHUNK_HASH_LEN])
{
	struct db *db = s->rd->v->db;
	enum chunkdb_state state = CHUNKDB_ABSENT;
	bool dead = false;
	enum zk_err r = s->any_dead ? gcdb_dead(db, name, &dead) : ZK_OK;

	s->items[s->items_n - 1].dead |= dead;
	if (r != ZK_OK || dead)
		return r;
	r = chunkdb_state(db, name, s->vr->info.id, &state);
	if (r != ZK_OK || state == CHUNKDB_DURABLE)
		return r;
	memcpy(s->names[s->names_n], name, CHUNK_HASH_LEN);
	s->of[s->names_n++] = s->items_n - 1;
	return s->names_n == ASK ? ask(s) : ZK_OK;
}

/* A manifest_fetch_fn: a part is a blob, too. */
static enum zk_err
part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct supply *s = arg;
	struct chunk_ctx ctx = { vault_id(s->rd->v), level };
	enum zk_err r = blob(s, ref->name);

	return r == ZK_OK ? blobget_open(s->rd->v->db, s->from, s->from_n,
	    s->z, &ctx, ref, plain) : r;
}

/* Whether a failure is about one content alone. */
static bool
its_own(enum zk_err r)
{
	return r == ZK_EGAP || r == ZK_ETAMPER || r == ZK_EFORMAT ||
	    r == ZK_ELIMIT;
}

/*
 * The content that a row has, until segcache is asked again.  ZK_ENOENT: it
 * has none in blobs.
 */
static enum zk_err
content_of(struct supply *s, int64_t row, struct base_entry *e,
    struct content *c)
{
	struct vault *v = s->rd->v;
	uint64_t at = 0;
	enum zk_err r = base_get(v->db, row, e);

	if (r == ZK_OK && (e->kind == NODE_FILE || e->kind == NODE_TREE) &&
	    e->nodes_n > 0)
		at = refs_locator(e->refs, e->refs_len);
	if (r == ZK_OK && at == 0)
		r = ZK_ENOENT;
	if (r == ZK_OK)
		r = segcache_content(v, at, c);
	if (r == ZK_OK && (c->form != CONTENT_MANIFEST ||
	    c->size != e->size ||
	    memcmp(c->hash, e->hash, sizeof(e->hash)) != 0))
		r = ZK_ENOENT;
	return r;
}

/* Finds out what is not known of one file. */
static enum zk_err
look(struct supply *s, int64_t row)
{
	struct manifest_reader *m = NULL;
	struct manifest_entry me;
	struct base_entry e;
	struct content c;
	enum zk_err r = content_of(s, row, &e, &c);

	/* its next content is listed anew */
	s->items[s->items_n++] = (struct item){ .row = row,
		.drop = r == ZK_ENOENT };
	if (r != ZK_OK)
		return r == ZK_ENOENT || its_own(r) ? ZK_OK : r;
	memset(&me, 0, sizeof(me));
	r = manifest_reader_new(c.data, c.data_len, part, s, &m);
	while (r == ZK_OK) {
		r = manifest_next(m, &me);
		if (r == ZK_OK)
			r = blob(s, me.ref.name);
	}
	manifest_reader_free(m);
	chunk_ref_wipe(&me.ref);
	return r == ZK_ENOENT || its_own(r) ? ZK_OK : r;
}

/* Gives what lacks of one file. */
static enum zk_err
give(struct supply *s, struct item *it)
{
	struct vault *v = s->rd->v;
	struct upload_source src = { .fd = -1, .spare = true, .later = true,
		.dead = UPLOAD_DEAD_SKIP };
	struct base_entry e;
	struct content c;
	uint64_t sent = 0;
	enum zk_err r = content_of(s, it->row, &e, &c);
	enum zk_err shown = ZK_ENOENT;

	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	/* what is to go is needed here only while others see it, too */
	if (it->dead)
		shown = list_path(v->tree, &e.nodes[0], &s->path);
	if (shown == ZK_OK || shown == ZK_ELIMIT)
		src.dead = UPLOAD_DEAD_ANEW;
	else if (shown != ZK_ENOENT)
		return shown;
	buf_reset(&s->path);
	r = base_path(v->db, it->row, &s->path);
	if (r == ZK_OK && e.kind != NODE_TREE)
		src.fd = root_open(v->root, buf_cstr(&s->path),
		    O_RDONLY | O_NONBLOCK, 0);
	if (r == ZK_OK)
		r = publish_copy(s->rd, s->vr, &c, &src,
		    e.kind == NODE_TREE ? buf_cstr(&s->path) : NULL, &sent);
	s->given += r == ZK_OK && it->lacks;
	/* perhaps it can be the next time */
	it->again = r == ZK_EGAP && (src.fd < 0 || src.unread);
	if (src.fd >= 0)
		(void)env_close(v->env, src.fd);
	if (its_own(r) && r != ZK_EGAP)
		round_note(s->rd, r);
	return its_own(r) ? ZK_OK : r;
}

/* Notes that all up to place at was given, or cannot be. */
static enum zk_err
note(struct supply *s, int64_t at)
{
	struct db *db = s->rd->v->db;
	enum zk_err r = db_begin(db);

	for (size_t i = 0; r == ZK_OK && i < s->items_n; i++) {
		if (s->items[i].drop)
			r = largedb_drop(db, s->items[i].row);
		else if (s->items[i].again)
			r = largedb_again(db, s->items[i].row);
	}
	if (r == ZK_OK)
		r = largedb_mark_set(db, s->vr->info.id, at);
	return db_end(db, r);
}

/* Ends the batch, which goes up to place at. */
static enum zk_err
give_all(struct supply *s, int64_t at, bool *told)
{
	struct upload *u = NULL;
	bool any = false;
	enum zk_err r = ask(s);

	for (size_t i = 0; r == ZK_OK && i < s->items_n; i++) {
		if (round_stopped(s->rd))
			r = ZK_ESIGNAL;
		else if (s->items[i].lacks || s->items[i].dead)
			r = give(s, &s->items[i]);
		any |= s->items[i].lacks || s->items[i].dead;
	}
	if (r == ZK_OK && any)
		r = cuts_upload(s->rd, s->vr, &u);
	if (r == ZK_OK && any)
		r = upload_flush(u);
	if (r == ZK_OK)
		r = publish_aliases(s->rd, told);
	if (r == ZK_OK)
		r = note(s, at);
	s->items_n = 0;
	return r;
}

/* All files after place at. */
static enum zk_err
supply(struct supply *s, int64_t at, int64_t last, bool *told)
{
	int64_t row = 0;
	enum zk_err r = compress_new(&s->z);

	if (r == ZK_OK)
		r = gcdb_any(s->rd->v->db, &s->any_dead);
	for (size_t i = 0; i < s->rd->remotes_n; i++)
		if (s->rd->remotes[i]->err == ZK_OK)
			s->from[s->from_n++] = s->rd->remotes[i]->t;
	while (r == ZK_OK && at < last) {
		if (round_stopped(s->rd))
			return ZK_ESIGNAL;
		r = largedb_next(s->rd->v->db, &at, &row);
		if (r == ZK_OK)
			r = look(s, row);
		if (r == ZK_OK && (s->items_n == ROWS || at >= last))
			r = give_all(s, at, told);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
publish_supply(struct round *rd, struct vremote *vr, bool *told)
{
	struct supply *s = NULL;
	int64_t at = 0, last = 0;
	enum zk_err r = ZK_OK;

	/* a transit relay keeps nothing */
	if (!rd->early || vr->transit)
		return ZK_OK;
	r = largedb_mark(rd->v->db, vr->info.id, &at);
	if (r == ZK_OK)
		r = largedb_last(rd->v->db, &last);
	if (r != ZK_OK || at >= last)
		return r;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ZK_ENOMEM;
	s->rd = rd;
	s->vr = vr;
	buf_init(&s->path, 1 << 20);
	r = supply(s, at, last, told);
	if (s->given > 0)
		log_info("'%s' lacked content of %llu large file%s: it was "
		    "sent", transport_url(vr->t),
		    (unsigned long long)s->given, s->given == 1 ? "" : "s");
	buf_release(&s->path);
	compress_free(s->z);
	free(s);
	return r;
}

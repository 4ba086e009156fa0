/* Blobs of what is recorded already, to another remote.  See upload.h. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "format/compress.h"
#include "format/manifest.h"
#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "sync/blobget.h"
#include "sync/upload_int.h"
#include "transport/transport.h"
#include "util/io.h"

/* A chunk that is to be brought. */
struct todo {
	struct manifest_entry e;
	bool anew;		/* under a name of its own */
};

struct copy {
	struct upload *u;
	struct upload_source *src;
	struct todo todo[64];	/* on the remote, or not? */
	size_t todo_n;
	struct buf plain;
	struct buf stored;
};

/* Lets references go: here they are all known before. */
static enum zk_err
copy_drain(struct upload *u)
{
	struct chunk_ref ref;
	uint64_t count;
	enum zk_err r;

	do
		r = sealer_take(u->sealer, &ref, &count);
	while (r == ZK_OK);
	chunk_ref_wipe(&ref);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
copy_room(struct upload *u, size_t n)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && !sealer_room(u->sealer, n)) {
		r = copy_drain(u);
		if (r == ZK_OK)
			r = sealer_step(u->sealer, true);
	}
	return r;
}

/* *yes if the local file has the chunk at its place: then c->plain is it. */
static enum zk_err
have_local(struct copy *c, const struct manifest_entry *e, bool *yes)
{
	uint8_t h[CHUNK_HASH_LEN];
	enum zk_err r = ZK_OK;

	*yes = false;
	if (c->src->fd < 0)
		return ZK_OK;
	buf_release(&c->plain);
	r = buf_reserve(&c->plain, e->ref.plain_len);
	if (r != ZK_OK)
		return r;
	r = io_pread_full(c->u->o.env, c->src->fd, c->plain.data,
	    e->ref.plain_len, e->off);
	if (r != ZK_OK) {
		/* a file that has become shorter is another one */
		c->src->unread |= r != ZK_EFORMAT;
		return ZK_OK;
	}
	c->plain.len = e->ref.plain_len;
	chunk_hash(0, c->plain.data, c->plain.len, h);
	*yes = memcmp(h, e->ref.hash, sizeof(h)) == 0;
	return ZK_OK;
}

/* The plain bytes of a dead blob that is still somewhere, into c->plain. */
static enum zk_err
open_dead(struct copy *c, const struct chunk_ref *ref)
{
	struct chunk_ctx ctx = { c->u->o.vault, 0 };
	enum zk_err r = blobget(&c->u->o.remote, 1, ref, true, &c->stored);

	if (r != ZK_OK)
		r = blobget(c->src->from, c->src->from_n, ref, c->src->spare,
		    &c->stored);
	buf_release(&c->plain);
	buf_init_secret(&c->plain, CHUNK_PLAIN_MAX);
	return r == ZK_OK ? chunk_open(c->u->z, &ctx, ref, c->stored.data,
	    c->stored.len, &c->plain) : r;
}

static enum zk_err
copy_chunk(struct copy *c, const struct todo *t)
{
	struct sealer_in in = { t->anew ? SEALER_ANEW : SEALER_AGAIN, 1,
		&t->e.ref };
	bool local = false;
	enum zk_err r;

	r = copy_room(c->u, t->e.ref.plain_len);
	if (r == ZK_OK)
		r = have_local(c, &t->e, &local);
	if (r != ZK_OK)
		return r;
	if (local)
		return sealer_put(c->u->sealer, &in, &c->plain);
	if (t->anew) {
		r = open_dead(c, &t->e.ref);
		return r == ZK_OK ? sealer_put(c->u->sealer, &in, &c->plain) :
		    r;
	}
	r = blobget(c->src->from, c->src->from_n, &t->e.ref,
	    c->src->spare, &c->stored);
	if (r == ZK_OK)
		r = sealer_pass(c->u->sealer, &t->e.ref, 0, &c->stored);
	return r;
}

/* Brings what of todo is not on the remote. */
static enum zk_err
copy_todo(struct copy *c)
{
	uint8_t names[64][CHUNK_HASH_LEN];
	bool missing[64];
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < c->todo_n; i++) {
		memcpy(names[i], c->todo[i].e.ref.name, CHUNK_HASH_LEN);
		missing[i] = true;
	}
	if (c->src->ask && c->todo_n > 0)
		r = transport_missing(c->u->o.remote,
		    (const uint8_t (*)[CHUNK_HASH_LEN])names, c->todo_n,
		    missing);
	for (size_t i = 0; i < c->todo_n && r == ZK_OK; i++)
		if (missing[i] || c->todo[i].anew)
			r = copy_chunk(c, &c->todo[i]);
	c->todo_n = 0;
	return r;
}

/*
 * Whether a blob is to be brought, unless asking shows that it is there.  A
 * dead one is another location of its plaintext, or *anew.
 */
static enum zk_err
copy_wanted(struct copy *c, struct chunk_ref *ref, bool *want, bool *anew)
{
	const struct upload_opts *o = &c->u->o;
	enum chunkdb_state state = CHUNKDB_ABSENT;
	struct chunk_ref other;
	bool dead = false;
	enum zk_err r = ZK_OK;

	*want = *anew = false;
	if (c->src->dead != UPLOAD_DEAD_COPY)
		r = gcdb_dead(o->db, ref->name, &dead);
	if (r != ZK_OK || (dead && c->src->dead == UPLOAD_DEAD_SKIP))
		return r;
	if (dead) {
		r = chunkdb_find(o->db, ref->hash, o->remote_id, &other,
		    &state);
		*anew = r == ZK_ENOENT;
		/* others may know of that one by no op of theirs */
		if (r == ZK_OK && o->alias != NULL)
			r = o->alias(o->arg, &other);
		if (r == ZK_OK)
			*ref = other;
		chunk_ref_wipe(&other);
		if (*anew)
			r = ZK_OK;
	} else if (c->src->dead == UPLOAD_DEAD_ONLY) {
		return ZK_OK;
	} else {
		r = chunkdb_state(o->db, ref->name, o->remote_id, &state);
	}
	*want = *anew || (c->src->ask && !dead) || state == CHUNKDB_ABSENT;
	return r;
}

static enum zk_err
copy_part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct copy *c = arg;
	struct chunk_ctx ctx = { c->u->o.vault, level };
	struct chunk_ref at = *ref;
	struct buf twice;
	bool want, anew;
	enum zk_err r;

	buf_init(&twice, CHUNK_STORED_MAX);
	r = copy_wanted(c, &at, &want, &anew);
	if (r == ZK_OK && want && !anew && c->src->ask)
		r = transport_missing(c->u->o.remote,
		    (const uint8_t (*)[CHUNK_HASH_LEN])&at.name, 1, &want);
	buf_release(&c->stored);
	if (r == ZK_OK)
		r = blobget_part(c->u->o.db, c->src->from, c->src->from_n,
		    &at, c->src->spare, &c->stored);
	if (r == ZK_OK)
		r = buf_put(&twice, c->stored.data, c->stored.len);
	if (r == ZK_OK)
		r = chunk_open(c->u->z, &ctx, &at, twice.data, twice.len,
		    plain);
	if (r == ZK_OK && want)
		r = copy_room(c->u, c->stored.len);
	if (r == ZK_OK && anew)
		r = sealer_part_anew(c->u->sealer, level, plain->data,
		    plain->len, &at);
	else if (r == ZK_OK && want)
		r = sealer_pass(c->u->sealer, &at, level, &c->stored);
	chunk_ref_wipe(&at);
	buf_release(&twice);
	return r;
}

static enum zk_err
copy_all(struct copy *c, struct manifest_reader *m)
{
	struct todo *t;
	enum zk_err r;
	bool want;

	for (;;) {
		t = &c->todo[c->todo_n];
		r = manifest_next(m, &t->e);
		if (r != ZK_OK)
			break;
		r = copy_wanted(c, &t->e.ref, &want, &t->anew);
		if (r == ZK_OK && want && ++c->todo_n == 64)
			r = copy_todo(c);
		if (r != ZK_OK)
			break;
	}
	if (r == ZK_ENOENT)
		r = copy_todo(c);
	while (r == ZK_OK) {
		r = copy_drain(c->u);
		if (r != ZK_OK || sealer_out(c->u->sealer) == 0)
			break;
		r = sealer_step(c->u->sealer, true);
	}
	if (r != ZK_OK || c->src->later)
		return r;
	return sealer_flush(c->u->sealer);
}

enum zk_err
upload_copy(struct upload *u, const struct content *c,
    struct upload_source *src, uint64_t *sent)
{
	struct manifest_reader *m = NULL;
	struct upload_stats before, after;
	struct content none;
	struct copy *k;
	enum zk_err r;

	*sent = 0;
	if (c->form != CONTENT_MANIFEST)
		return ZK_OK;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return ZK_ENOMEM;
	k->u = u;
	k->src = src;
	buf_init_secret(&k->plain, CHUNK_PLAIN_MAX);
	buf_init(&k->stored, CHUNK_STORED_MAX);
	upload_stats(u, &before);
	r = manifest_reader_new(c->data, c->data_len, copy_part, k, &m);
	if (r == ZK_OK)
		r = copy_all(k, m);
	upload_stats(u, &after);
	*sent = after.sent - before.sent;
	manifest_reader_free(m);
	buf_release(&k->plain);
	buf_release(&k->stored);
	crypto_wipe(k->todo, sizeof(k->todo));
	free(k);
	return upload_finish(u, r, &u->small, &none);
}

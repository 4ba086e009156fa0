#include <stdlib.h>
#include <string.h>

#include "format/compress.h"
#include "store/chunkdb.h"
#include "sync/sealer.h"
#include "sync/sender.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/pool.h"

#define POOL_DEPTH 8u		/* chunks with the workers */
#define ORDER_MAX 256u		/* references not taken */
/* Beside these: the reader's stage, and a chunk that waits for room. */
#define HELD_MAX (UPLOAD_FLIGHT - 2 * CUT_MAX)

enum stage {
	ST_HASH,	/* with the pool */
	ST_SEAL,	/* with the pool */
	ST_TWIN,	/* waits for the reference of another */
	ST_DONE		/* the reference is known */
};

/* One chunk, in the order list until its reference is taken. */
struct job {
	struct sealer *s;
	struct job *next;
	struct job *twin;	/* ST_TWIN: has the same plaintext */
	enum stage stage;
	enum sealer_mode mode;
	bool again;		/* ref was noted before this run... */
	bool renamed;		/* ...and came out differently */
	unsigned level;
	uint64_t count;
	size_t held;		/* bytes counted in s->held */
	struct buf plain;
	struct buf out;
	struct chunk_ref ref;
	struct chunk_ref spare;	/* a fresh key and nonce, should ref not do */
	enum zk_err err;	/* of the worker */
};

struct sealer {
	const struct upload_opts *o;
	struct sender *sender;
	struct pool *pool;
	struct compress_set *z;	/* of the workers */
	struct job *order, **end;
	size_t order_n;
	size_t held;
	struct upload_stats stats;
	enum zk_err err;
};

static void work(void *job);

enum zk_err
sealer_new(const struct upload_opts *o, struct sealer **out)
{
	struct sealer *s = calloc(1, sizeof(*s));
	enum zk_err r;

	*out = NULL;
	if (s == NULL)
		return ZK_ENOMEM;
	s->o = o;
	s->end = &s->order;
	r = sender_new(o, &s->sender);
	if (r == ZK_OK)
		r = pool_new(o->env, 0, POOL_DEPTH, work, &s->pool);
	if (r == ZK_OK)
		r = compress_set_new(&s->z);
	if (r != ZK_OK) {
		sealer_free(s);
		return r;
	}
	*out = s;
	return ZK_OK;
}

/* j counts for n bytes from now on. */
static void
hold(struct job *j, size_t n)
{
	struct sealer *s = j->s;
	size_t all;

	s->held = s->held - j->held + n;
	j->held = n;
	all = s->held + sender_held(s->sender);
	if (all > s->stats.max_held)
		s->stats.max_held = all;
}

static void
job_free(struct job *j)
{
	buf_release(&j->plain);
	buf_release(&j->out);
	chunk_ref_wipe(&j->ref);
	chunk_ref_wipe(&j->spare);
	free(j);
}

void
sealer_free(struct sealer *s)
{
	struct job *j;

	if (s == NULL)
		return;
	/* its jobs are all in the order list too */
	if (s->pool != NULL)
		pool_free(s->pool, NULL);
	while (s->order != NULL) {
		j = s->order;
		s->order = j->next;
		job_free(j);
	}
	sender_free(s->sender);
	compress_set_free(s->z);
	free(s);
}

bool
sealer_room(const struct sealer *s, size_t n)
{
	size_t all = s->held + sender_held(s->sender);

	if (s->order_n >= ORDER_MAX || pool_out(s->pool) >= POOL_DEPTH ||
	    sender_count(s->sender) + pool_out(s->pool) >= SENDER_MAX)
		return false;
	return all == 0 || all + 2 * n <= HELD_MAX;
}

size_t
sealer_out(const struct sealer *s)
{
	return s->order_n;
}

static enum zk_err
job_new(struct sealer *s, unsigned level, struct job **out)
{
	struct job *j = calloc(1, sizeof(*j));

	*out = j;
	if (j == NULL)
		return ZK_ENOMEM;
	j->s = s;
	j->level = level;
	buf_init_secret(&j->plain, CHUNK_PLAIN_MAX);
	buf_init(&j->out, CHUNK_STORED_MAX);
	return ZK_OK;
}

/* With the workers ------------------------------------------------------- */

/*
 * Under the key and nonce of ref; if those sealed other bytes before (the
 * name tells), under fresh ones, so that no nonce serves two messages.
 */
static enum zk_err
seal(struct job *j)
{
	struct chunk_ctx ctx = { j->s->o->vault, j->level };
	struct chunk_ref was = j->ref;
	struct compress *z = compress_set_take(j->s->z);
	enum zk_err r;

	if (z == NULL)
		return ZK_ENOMEM;
	r = chunk_seal(z, &ctx, j->plain.data, j->plain.len, &j->ref,
	    &j->out);
	if (r == ZK_OK && j->again &&
	    memcmp(was.name, j->ref.name, sizeof(was.name)) != 0) {
		j->renamed = true;
		memcpy(j->spare.hash, was.hash, sizeof(was.hash));
		j->ref = j->spare;
		r = chunk_seal(z, &ctx, j->plain.data, j->plain.len, &j->ref,
		    &j->out);
	}
	compress_set_give(j->s->z, z);
	chunk_ref_wipe(&was);
	return r;
}

/* Gives back what the stored bytes do not need: they may wait for long. */
static void
shrink(struct job *j)
{
	struct buf small;

	if (j->out.len >= j->plain.len - j->plain.len / 4)
		return;
	buf_init(&small, CHUNK_STORED_MAX);
	if (buf_put(&small, j->out.data, j->out.len) == ZK_OK)
		buf_swap(&small, &j->out);
	buf_release(&small);
}

static void
work(void *arg)
{
	struct job *j = arg;

	if (j->stage == ST_HASH) {
		chunk_hash(j->level, j->plain.data, j->plain.len,
		    j->ref.hash);
		j->ref.plain_len = (uint32_t)j->plain.len;
	} else {
		j->err = seal(j);
		shrink(j);
	}
}

static void
to_pool(struct job *j, enum stage stage)
{
	struct sealer *s = j->s;

	j->stage = stage;
	if (stage == ST_SEAL)
		chunk_ref_fresh(s->o->env, &j->spare);
	if (!pool_put(s->pool, j))
		BUG("more work than the pool was asked for");
}

/* Finding ---------------------------------------------------------------- */

/* The bytes that j stands for are on the remote, or another brings them. */
static void
tell(const struct job *j)
{
	const struct upload_opts *o = j->s->o;

	if (o->moved != NULL && j->mode == SEALER_SEND && j->level == 0)
		o->moved(o->arg, j->count * j->ref.plain_len);
}

/* j has its reference and holds no bytes any more; so have its twins. */
static void
done(struct job *j)
{
	j->stage = ST_DONE;
	buf_release(&j->plain);
	hold(j, 0);
	for (struct job *o = j->s->order; o != NULL; o = o->next)
		if (o->stage == ST_TWIN && o->twin == j) {
			o->ref = j->ref;
			o->stage = ST_DONE;
			tell(o);
		}
}

static struct job *
find_twin(const struct job *j)
{
	struct job *o;

	for (o = j->s->order; o != NULL; o = o->next)
		if (o != j && o->stage == ST_SEAL &&
		    memcmp(o->ref.hash, j->ref.hash, CHUNK_HASH_LEN) == 0)
			return o;
	return NULL;
}

/*
 * What is known of the plaintext: *have if its blob is where it belongs or
 * on its way there; else j->ref holds the key to seal with.
 */
static enum zk_err
look_up(struct job *j, bool *have)
{
	const struct upload_opts *o = j->s->o;
	enum chunkdb_state state;
	struct chunk_ref ref;
	enum zk_err r;

	*have = sender_find(j->s->sender, j->ref.hash, &j->ref);
	if (*have)
		return ZK_OK;
	r = chunkdb_find(o->db, j->ref.hash, o->remote_id, &ref, &state);
	if (r == ZK_ENOENT) {
		chunk_ref_fresh(o->env, &j->ref);
		return ZK_OK;
	}
	if (r != ZK_OK)
		return r;
	j->ref = ref;
	j->again = true;
	*have = state != CHUNKDB_ABSENT || o->remote == NULL;
	chunk_ref_wipe(&ref);
	return ZK_OK;
}

/* The plaintext hash of j is known. */
static enum zk_err
hashed(struct job *j)
{
	bool have = true;
	enum zk_err r = ZK_OK;

	j->s->stats.plain_bytes += j->plain.len * j->count;
	if (j->mode != SEALER_HASH) {
		j->s->stats.chunks++;
		j->twin = find_twin(j);
		if (j->twin != NULL) {
			j->stage = ST_TWIN;
			buf_release(&j->plain);
			hold(j, 0);
			return ZK_OK;
		}
		r = look_up(j, &have);
	}
	if (r == ZK_OK && !have) {
		to_pool(j, ST_SEAL);
		return r;
	}
	if (have)
		tell(j);
	done(j);
	return r;
}

/*
 * The blob of j goes to the sender, unless it would be one more alias of
 * what the remote has.
 */
static enum zk_err
sealed(struct job *j)
{
	struct sender_in in = { &j->ref, j->level, 0, j->renamed };
	struct chunk_ref made = j->ref;
	bool have = false;
	enum zk_err r = ZK_OK;

	if (j->renamed) {
		r = look_up(j, &have);
		if (!have)
			j->ref = made;
	}
	if (j->mode == SEALER_SEND && j->level == 0)
		in.bytes = j->count * j->ref.plain_len;
	if (have)
		tell(j);
	/* an interrupted run may have sent it, and not told where it is */
	if (r == ZK_OK && have && j->renamed && j->s->o->alias != NULL)
		r = j->s->o->alias(j->s->o->arg, &j->ref);
	if (r == ZK_OK && !have)
		r = sender_put(j->s->sender, &in, &j->out);
	chunk_ref_wipe(&made);
	done(j);
	return r;
}

/* The pool gives j back. */
static void
worked(struct job *j)
{
	struct sealer *s = j->s;
	enum zk_err r = j->err;

	if (r == ZK_OK)
		r = j->stage == ST_HASH ? hashed(j) : sealed(j);
	if (s->err == ZK_OK)
		s->err = r;
}

enum zk_err
sealer_put(struct sealer *s, const struct sealer_in *in, struct buf *plain)
{
	struct job *j;
	enum zk_err r;

	r = job_new(s, 0, &j);
	if (r != ZK_OK)
		return r;
	buf_swap(&j->plain, plain);
	buf_init(&j->out, chunk_stored_max(j->plain.len));
	j->mode = in->mode;
	j->count = in->count;
	*s->end = j;
	s->end = &j->next;
	s->order_n++;
	hold(j, 2 * j->plain.len);
	if (in->mode == SEALER_AGAIN) {
		j->ref = *in->ref;
		j->again = true;
		s->stats.chunks++;
		to_pool(j, ST_SEAL);
	} else if (in->mode == SEALER_ANEW) {
		j->ref = *in->ref;
		j->renamed = true;
		chunk_ref_fresh(s->o->env, &j->ref);
		s->stats.chunks++;
		to_pool(j, ST_SEAL);
	} else {
		to_pool(j, ST_HASH);
	}
	return ZK_OK;
}

enum zk_err
sealer_take(struct sealer *s, struct chunk_ref *ref, uint64_t *count)
{
	struct job *j = s->order;

	if (s->err != ZK_OK)
		return s->err;
	if (j == NULL || j->stage != ST_DONE)
		return ZK_ENOENT;
	*ref = j->ref;
	*count = j->count;
	s->order = j->next;
	if (s->order == NULL)
		s->end = &s->order;
	s->order_n--;
	job_free(j);
	return ZK_OK;
}

/* Driving ---------------------------------------------------------------- */

static bool
collect(struct sealer *s, bool wait)
{
	struct job *j = pool_take(s->pool, wait);
	bool any = j != NULL;

	while (j != NULL) {
		worked(j);
		j = pool_take(s->pool, false);
	}
	return any;
}

/* Nothing could be done at once: wait for what comes first. */
static enum zk_err
wait_any(struct sealer *s)
{
	if (pool_out(s->pool) == 0)
		return sender_wait(s->sender, 1000);
	collect(s, true);
	return s->err;
}

enum zk_err
sealer_step(struct sealer *s, bool wait)
{
	enum zk_err r;
	bool any, sent;

	if (s->err == ZK_OK && s->o->stop != NULL && s->o->stop(s->o->arg))
		s->err = ZK_ESIGNAL;
	if (s->err != ZK_OK)
		return s->err;
	any = collect(s, false);
	if (s->err != ZK_OK)
		return s->err;
	/* with nothing else to do, a few are worth a commit too */
	r = sender_step(s->sender, wait && !any && pool_out(s->pool) == 0,
	    &sent);
	if (r == ZK_OK && wait && !any && !sent)
		r = wait_any(s);
	if (s->err == ZK_OK)
		s->err = r;
	return s->err;
}

enum zk_err
sealer_flush(struct sealer *s)
{
	enum zk_err r = s->err;

	while (r == ZK_OK && (pool_out(s->pool) > 0 ||
	    sender_count(s->sender) > 0))
		r = sealer_step(s, true);
	if (r == ZK_OK)
		r = sender_note(s->sender);
	if (s->err == ZK_OK)
		s->err = r;
	return s->err;
}

/* Parts, and blobs as they are ------------------------------------------- */

static enum zk_err
part(struct sealer *s, unsigned level, const uint8_t *plain, size_t n,
    bool anew, struct chunk_ref *ref)
{
	bool have = false;
	struct job *j;
	enum zk_err r;

	r = job_new(s, level, &j);
	if (r != ZK_OK)
		return r;
	memcpy(j->ref.hash, ref->hash, sizeof(ref->hash));
	s->stats.chunks++;
	r = look_up(j, &have);
	if (r == ZK_OK && !have) {
		chunk_ref_fresh(s->o->env, &j->spare);
		r = buf_put(&j->plain, plain, n);
		if (r == ZK_OK)
			r = seal(j);
		j->renamed |= anew;
		if (r == ZK_OK)
			r = sealed(j);
	}
	if (r == ZK_OK)
		*ref = j->ref;
	job_free(j);
	return r;
}

enum zk_err
sealer_part(struct sealer *s, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	return part(s, level, plain, n, false, ref);
}

enum zk_err
sealer_part_anew(struct sealer *s, unsigned level, const uint8_t *plain,
    size_t n, struct chunk_ref *ref)
{
	return part(s, level, plain, n, true, ref);
}

enum zk_err
sealer_pass(struct sealer *s, const struct chunk_ref *ref, unsigned level,
    struct buf *stored)
{
	struct sender_in in = { ref, level, 0, false };

	s->stats.chunks++;
	return sender_put(s->sender, &in, stored);
}

bool
sealer_ended(const struct sealer *s)
{
	return s->err != ZK_OK;
}

void
sealer_stats(const struct sealer *s, struct upload_stats *out)
{
	*out = s->stats;
	sender_stats(s->sender, out);
}

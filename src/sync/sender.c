#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "store/chunkdb.h"
#include "sync/sender.h"
#include "transport/transport.h"
#include "util/buf.h"
#include "util/env.h"

#define BATCH 4u		/* blobs that are worth a commit, while... */
#define BUSY 4u			/* ...fewer than these are in flight... */
#define BATCH_BUSY 16u		/* ...and when more are */
#define LANDED_MAX (2 * SENDER_MAX)
#define TELL_MS 100	/* of one wait: progress is told between two */
#define IDLE_MS 3600000	/* the transport gives up long before */

/* In the list until committed, then with the transport and in the air. */
struct blob {
	struct sender *s;
	struct blob *next;
	uint64_t bytes;		/* of content... */
	uint64_t told;		/* ...and those of them told as moved */
	unsigned level;
	bool alias;
	struct buf out;
	struct chunk_ref ref;
	struct txfer x;
};

struct sender {
	const struct upload_opts *o;
	struct blob *list, **end;	/* not committed */
	size_t listed;
	struct blob *air;	/* in flight */
	size_t flying;
	size_t held;
	uint8_t landed[LANDED_MAX][CHUNK_HASH_LEN];	/* not noted */
	size_t landed_n;
	int64_t idle_ms;		/* waited since a blob last landed */
	uint64_t sent, sent_bytes;
	unsigned max_inflight;
	enum zk_err err;
};

enum zk_err
sender_new(const struct upload_opts *o, struct sender **out)
{
	struct sender *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return ZK_ENOMEM;
	s->o = o;
	s->end = &s->list;
	return ZK_OK;
}

static void
blob_free(struct blob *b)
{
	b->s->held -= b->out.len;
	buf_release(&b->out);
	chunk_ref_wipe(&b->ref);
	free(b);
}

void
sender_free(struct sender *s)
{
	struct blob *b;

	if (s == NULL)
		return;
	if (s->flying > 0)
		transport_cancel(s->o->remote);
	while (s->list != NULL) {
		b = s->list;
		s->list = b->next;
		blob_free(b);
	}
	free(s);
}

enum zk_err
sender_put(struct sender *s, const struct sender_in *in, struct buf *stored)
{
	struct blob *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return ZK_ENOMEM;
	b->s = s;
	b->ref = *in->ref;
	b->level = in->level;
	b->alias = in->alias;
	b->bytes = in->bytes;
	buf_init(&b->out, CHUNK_STORED_MAX);
	buf_swap(&b->out, stored);
	s->held += b->out.len;
	*s->end = b;
	s->end = &b->next;
	s->listed++;
	return ZK_OK;
}

bool
sender_find(const struct sender *s,
    const uint8_t hash[static CHUNK_HASH_LEN], struct chunk_ref *ref)
{
	for (const struct blob *b = s->list; b != NULL; b = b->next)
		if (memcmp(b->ref.hash, hash, CHUNK_HASH_LEN) == 0) {
			*ref = b->ref;
			return true;
		}
	return false;
}

size_t
sender_count(const struct sender *s)
{
	return s->listed + s->flying;
}

size_t
sender_flying(const struct sender *s)
{
	return s->flying;
}

size_t
sender_held(const struct sender *s)
{
	return s->held;
}

/* One blob's rows: where it will be, before any of it is sent. */
static enum zk_err
note_blob(const struct blob *b)
{
	const struct upload_opts *o = b->s->o;
	enum zk_err r;

	r = chunkdb_add(o->db, &b->ref);
	if (r == ZK_OK && o->remote != NULL)
		r = chunkdb_set_state(o->db, b->ref.name, o->remote_id,
		    CHUNKDB_SENDING);
	if (r == ZK_OK && b->level > 0)
		r = chunkdb_part_put(o->db, b->ref.name, b->out.data,
		    b->out.len);
	return r;
}

enum zk_err
sender_note(struct sender *s)
{
	struct db *db = s->o->db;
	enum zk_err r;

	if (s->landed_n == 0 && s->list == NULL)
		return ZK_OK;
	r = db_begin(db);
	if (r != ZK_OK)
		return r;
	for (size_t i = 0; i < s->landed_n && r == ZK_OK; i++)
		r = chunkdb_set_state(db, s->landed[i], s->o->remote_id,
		    CHUNKDB_DURABLE);
	for (struct blob *b = s->list; b != NULL && r == ZK_OK; b = b->next)
		r = note_blob(b);
	r = db_end(db, r);
	if (r != ZK_OK)
		return r;
	s->landed_n = 0;
	return ZK_OK;
}

static void
tell(const struct sender *s, uint64_t bytes)
{
	if (s->o->moved != NULL)
		s->o->moved(s->o->arg, bytes);
}

/* What of b has not been told, if so many of its bytes have passed. */
static uint64_t
untold(struct blob *b, size_t passed)
{
	uint64_t n = 0;

	/* what is sent again was told before */
	if (passed <= b->out.len && b->out.len > 0)
		n = (uint64_t)((double)b->bytes * (double)passed /
		    (double)b->out.len);
	if (passed == b->out.len)
		n = b->bytes;
	n = n > b->told ? n - b->told : 0;
	b->told += n;
	return n;
}

/* Tells what passed since the last time, if only that nothing did. */
static void
tell_air(struct sender *s)
{
	uint64_t n = 0;

	for (struct blob *b = s->air; b != NULL; b = b->next)
		n += untold(b, b->x.moved);
	tell(s, n);
}

static void
landed(struct txfer *x, enum zk_err r)
{
	struct blob *b = x->arg;
	struct sender *s = b->s;
	struct blob **at = &s->air;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	s->flying--;
	s->idle_ms = 0;
	if (r == ZK_OK) {
		tell(s, untold(b, b->out.len));
		if (s->landed_n == LANDED_MAX)
			BUG("more blobs landed than may be sent");
		memcpy(s->landed[s->landed_n++], b->ref.name,
		    CHUNK_HASH_LEN);
	} else if (s->err == ZK_OK) {
		s->err = r;
	}
	blob_free(b);
}

static enum zk_err
submit(struct blob *b)
{
	struct sender *s = b->s;
	enum zk_err r;

	b->x.put = true;
	memcpy(b->x.name, b->ref.name, sizeof(b->x.name));
	b->x.data = b->out.data;
	b->x.len = b->out.len;
	b->x.done = landed;
	b->x.arg = b;
	s->sent++;
	s->sent_bytes += b->out.len;
	s->flying++;
	b->next = s->air;
	s->air = b;
	if (s->flying > s->max_inflight)
		s->max_inflight = (unsigned)s->flying;
	r = transport_submit(s->o->remote, &b->x);
	if (r != ZK_OK) {
		s->flying--;
		s->air = b->next;
		blob_free(b);
	}
	return r;
}

/* A committed blob leaves; without a remote it is done. */
static enum zk_err
dispatch(struct blob *b)
{
	const struct upload_opts *o = b->s->o;
	enum zk_err r = ZK_OK;

	if (b->alias && o->alias != NULL)
		r = o->alias(o->arg, &b->ref);
	if (r == ZK_OK && o->remote != NULL)
		return submit(b);
	tell(b->s, b->bytes);
	blob_free(b);
	return r;
}

static enum zk_err
commit(struct sender *s)
{
	struct blob *list, *b;
	enum zk_err r;

	r = sender_note(s);
	if (r != ZK_OK)
		return r;
	list = s->list;
	s->list = NULL;
	s->end = &s->list;
	s->listed = 0;
	while (list != NULL) {
		b = list;
		list = b->next;
		if (r == ZK_OK)
			r = dispatch(b);
		else
			blob_free(b);
	}
	return r;
}

static enum zk_err
drive(struct sender *s, size_t left, int ms)
{
	enum zk_err r;

	if (s->flying == 0)
		return s->err;
	r = transport_wait(s->o->remote, left, ms);
	tell_air(s);
	if (r == ZK_ETIMEDOUT)
		r = ZK_OK;
	if (s->err == ZK_OK)
		s->err = r;
	return s->err;
}

static bool
worth_commit(const struct sender *s, bool last)
{
	return s->listed >= (s->flying < BUSY ? BATCH : BATCH_BUSY) ||
	    s->landed_n >= LANDED_MAX - SENDER_MAX ||
	    (last && s->listed > 0);
}

enum zk_err
sender_step(struct sender *s, bool last, bool *any)
{
	size_t before;

	*any = false;
	if (s->err == ZK_OK && worth_commit(s, last)) {
		*any = true;
		s->err = commit(s);
	}
	before = s->flying;
	if (s->err == ZK_OK)
		s->err = drive(s, SIZE_MAX - 1, 0);
	*any |= s->flying != before;
	return s->err;
}

enum zk_err
sender_wait(struct sender *s, int ms)
{
	int64_t start = env_mono_ms(s->o->env);
	size_t before = s->flying;
	enum zk_err r;

	if (s->err != ZK_OK || before == 0)
		return s->err;
	r = drive(s, before - 1, ms < TELL_MS ? ms : TELL_MS);
	if (s->flying == before)
		s->idle_ms += env_mono_ms(s->o->env) - start;
	if (r == ZK_OK && s->idle_ms > IDLE_MS)
		s->err = r = ZK_ETIMEDOUT;
	return r;
}

void
sender_stats(const struct sender *s, struct upload_stats *out)
{
	out->sent += s->sent;
	out->sent_bytes += s->sent_bytes;
	if (s->max_inflight > out->max_inflight)
		out->max_inflight = s->max_inflight;
}

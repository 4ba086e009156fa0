#include "sync/stream.h"

#include <stdlib.h>
#include <string.h>

#include "format/filehash.h"
#include "format/manifest.h"
#include "sync/fetcher.h"
#include "util/buf.h"

#define AHEAD 4u		/* chunks in flight or waiting for their turn */

/* One chunk, so many times in a row. */
struct slot {
	struct buf b;
	uint64_t count;
	bool here;
	enum zk_err r;
};

struct stream {
	const struct download_opts *o;
	const struct content *c;
	stream_fn *take;
	void *arg;
	struct fetcher *f;
	struct manifest_reader *m;
	struct manifest_entry e;	/* read and not yet put */
	bool has_e;
	bool read;			/* all entries were put */
	struct slot slot[AHEAD];	/* n of them, the oldest at first */
	size_t first, n;
};

static enum zk_err
part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct stream *s = arg;

	return fetcher_part(s->f, 0, level, ref, plain);
}

static enum zk_err
open_list(struct stream *s)
{
	manifest_reader_free(s->m);
	s->m = NULL;
	return manifest_reader_new(s->c->data, s->c->data_len, part, s,
	    &s->m);
}

/* The whole list against the content's hash, before any byte goes out. */
static enum zk_err
check_list(struct stream *s)
{
	struct manifest_head head;
	struct manifest_entry e;
	struct filehash h;
	uint8_t is[CONTENT_HASH_LEN];
	enum zk_err r = ZK_ETAMPER;

	if (s->c->form == CONTENT_MANIFEST && s->c->size > FILEHASH_WHOLE)
		r = manifest_peek(s->c->data, s->c->data_len, &head);
	if (r == ZK_OK && head.size != s->c->size)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = open_list(s);
	filehash_init(&h);
	while (r == ZK_OK) {
		r = manifest_next(s->m, &e);
		if (r == ZK_OK)
			filehash_add(&h, e.ref.hash, e.ref.plain_len,
			    e.count);
	}
	chunk_ref_wipe(&e.ref);
	filehash_final(&h, is);
	if (r != ZK_ENOENT)
		return r;
	return memcmp(is, s->c->hash, sizeof(is)) == 0 ? ZK_OK : ZK_ETAMPER;
}

/* The entry at hand leaves, into the next slot. */
static enum zk_err
put(struct stream *s)
{
	struct slot *at = &s->slot[(s->first + s->n) % AHEAD];
	struct fetcher_in in = { .ref = &s->e.ref, .tag = at };
	enum zk_err r = ZK_OK;

	buf_reset(&at->b);
	r = buf_zero(&at->b, s->e.ref.plain_len);
	if (r != ZK_OK)
		return r;
	at->count = s->e.count;
	at->here = false;
	at->r = ZK_OK;
	in.to = (struct place){ -1, at->b.data, 0, 1, true };
	s->has_e = false;
	s->n++;
	return fetcher_put(s->f, &in);
}

static enum zk_err
issue(struct stream *s)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && !s->read && s->n < AHEAD) {
		if (!s->has_e) {
			r = manifest_next(s->m, &s->e);
			s->read = r == ZK_ENOENT;
			if (r != ZK_OK)
				return s->read ? ZK_OK : r;
			s->has_e = true;
		}
		if (!fetcher_room(s->f, &s->e.ref))
			break;
		r = put(s);
	}
	return r;
}

static void
settle(struct stream *s)
{
	struct fetcher_end end;

	while (fetcher_take(s->f, &end)) {
		struct slot *at = end.tag;

		at->here = true;
		at->r = end.r;
		if (end.r == ZK_OK && s->o->moved != NULL)
			s->o->moved(s->o->arg, end.bytes - end.told);
	}
	if (s->o->moved != NULL)
		s->o->moved(s->o->arg, fetcher_fresh(s->f));
}

/* Hands over what is here and next. */
static enum zk_err
hand_over(struct stream *s)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && s->n > 0 && s->slot[s->first].here) {
		struct slot *at = &s->slot[s->first];

		r = at->r;
		for (uint64_t i = 0; r == ZK_OK && i < at->count; i++) {
			if (s->o->stop != NULL && s->o->stop(s->o->arg))
				r = ZK_ESIGNAL;
			else
				r = s->take(s->arg, at->b.data, at->b.len);
		}
		s->first = (s->first + 1) % AHEAD;
		s->n--;
	}
	return r;
}

static enum zk_err
run(struct stream *s)
{
	enum zk_err r = check_list(s), e = ZK_OK;

	if (r == ZK_OK)
		r = open_list(s);
	while (r == ZK_OK && (!s->read || s->n > 0)) {
		r = issue(s);
		if (r == ZK_OK && fetcher_out(s->f) > 0)
			r = fetcher_step(s->f, true);
		settle(s);
		/* who takes it may be slow, and no transfer waits so long */
		if (r == ZK_OK && fetcher_out(s->f) == 0)
			r = hand_over(s);
	}
	/* nothing may be left that writes into a slot */
	if (r != ZK_OK)
		fetcher_quit(s->f);
	settle(s);
	e = fetcher_note(s->f);
	if (r == ZK_OK)
		r = e;
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_ETAMPER : r;
}

enum zk_err
stream_content(const struct download_opts *o, const struct content *c,
    stream_fn *take, void *arg)
{
	struct stream s = { .o = o, .c = c, .take = take, .arg = arg };
	enum zk_err r = fetcher_new(o, &s.f);

	for (size_t i = 0; i < AHEAD; i++)
		buf_init_secret(&s.slot[i].b, CHUNK_PLAIN_MAX);
	if (r == ZK_OK)
		r = run(&s);
	fetcher_free(s.f);
	manifest_reader_free(s.m);
	chunk_ref_wipe(&s.e.ref);
	for (size_t i = 0; i < AHEAD; i++)
		buf_release(&s.slot[i].b);
	return r;
}

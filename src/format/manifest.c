#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "format/manifest.h"
#include "util/buf.h"
#include "util/rd.h"

#define MANIFEST_VERSION 1
#define REF_LEN (2u * CHUNK_HASH_LEN + CHUNK_KEY_LEN + CHUNK_NONCE_LEN)
#define ENTRY_MAX (REF_LEN + 4 + 4 + 7)	/* three varints at their longest */
#define ROOT_HEAD_MAX (2u + CUT_ID_LEN + 7 + 2)
#define PART_HEAD_MAX (2u + 2)
#define MARKS (MANIFEST_ROOT_N / MANIFEST_PART_MIN + 2)

_Static_assert(ROOT_HEAD_MAX + MANIFEST_ROOT_N * ENTRY_MAX <=
    MANIFEST_ROOT_MAX, "a full root fits its limit");
_Static_assert(PART_HEAD_MAX + MANIFEST_PART_N * ENTRY_MAX <=
    MANIFEST_PART_MAX, "a full part fits its limit");
_Static_assert(MANIFEST_PART_MAX <= CHUNK_PLAIN_MAX, "a part is a blob");

/* What both levels write: a reference and how many bytes it stands for. */
static void
put_entry(struct buf *b, const struct chunk_ref *ref, uint64_t span)
{
	buf_put(b, ref->hash, sizeof(ref->hash));
	buf_put(b, ref->name, sizeof(ref->name));
	buf_put(b, ref->key, sizeof(ref->key));
	buf_put(b, ref->nonce, sizeof(ref->nonce));
	buf_varint(b, ref->plain_len);
	buf_varint(b, ref->stored_len);
	buf_varint(b, span);
}

static void
get_entry(struct rd *r, struct chunk_ref *ref, uint64_t *span)
{
	rd_copy(r, ref->hash, sizeof(ref->hash));
	rd_copy(r, ref->name, sizeof(ref->name));
	rd_copy(r, ref->key, sizeof(ref->key));
	rd_copy(r, ref->nonce, sizeof(ref->nonce));
	ref->plain_len = (uint32_t)rd_varint(r, CHUNK_PLAIN_MAX);
	ref->stored_len = (uint32_t)rd_varint(r, CHUNK_STORED_MAX);
	*span = rd_varint(r, MANIFEST_SIZE_MAX);
}

/* Writing ---------------------------------------------------------------- */

/* A place behind an entry where the list may be divided. */
struct mark {
	size_t len;		/* encoded bytes before it */
	size_t n;		/* entries before it */
	uint64_t span;		/* bytes of the file before it */
};

/*
 * The entries of one level that are not yet in a part.  While all there are
 * would fit a root they are kept, with the marks found; then parts leave as
 * soon as they are marked.
 */
struct level {
	struct buf enc;
	struct mark mark[MARKS];
	size_t marks;
	struct mark all;	/* totals of enc */
	bool parted;		/* too many for a root */
};

struct manifest_writer {
	const struct key *cut;
	uint8_t cut_id[CUT_ID_LEN];
	manifest_emit_fn *emit;
	void *arg;
	struct level level[MANIFEST_LEVELS + 1];
	struct chunk_ref run;	/* chunk not yet in level 0... */
	uint64_t run_n;		/* ...and how often it came */
	uint64_t size;
	struct buf part;	/* of emit */
};

enum zk_err
manifest_writer_new(const struct key *cut,
    const uint8_t cut_id[static CUT_ID_LEN], manifest_emit_fn *emit,
    void *arg, struct manifest_writer **out)
{
	struct manifest_writer *w = calloc(1, sizeof(*w));

	*out = w;
	if (w == NULL)
		return ZK_ENOMEM;
	w->cut = cut;
	memcpy(w->cut_id, cut_id, CUT_ID_LEN);
	w->emit = emit;
	w->arg = arg;
	for (unsigned i = 0; i <= MANIFEST_LEVELS; i++)
		buf_init_secret(&w->level[i].enc,
		    (MANIFEST_PART_N + MANIFEST_ROOT_N) * ENTRY_MAX);
	buf_init_secret(&w->part, MANIFEST_PART_MAX);
	return ZK_OK;
}

void
manifest_writer_free(struct manifest_writer *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i <= MANIFEST_LEVELS; i++)
		buf_release(&w->level[i].enc);
	buf_release(&w->part);
	crypto_wipe(w, sizeof(*w));
	free(w);
}

/* Removes the entries before m from l. */
static void
drop_front(struct level *l, const struct mark *m)
{
	struct mark gone = *m;

	memmove(l->enc.data, l->enc.data + gone.len, l->enc.len - gone.len);
	buf_truncate(&l->enc, l->enc.len - gone.len);
	l->all.len -= gone.len;
	l->all.n -= gone.n;
	l->all.span -= gone.span;
	if (l->marks > 0) {
		l->marks--;
		memmove(l->mark, l->mark + 1, l->marks * sizeof(l->mark[0]));
	}
	for (size_t i = 0; i < l->marks; i++) {
		l->mark[i].len -= gone.len;
		l->mark[i].n -= gone.n;
		l->mark[i].span -= gone.span;
	}
}

/* The entries of level k before m become a part: ref and span are its. */
static enum zk_err
emit_part(struct manifest_writer *w, unsigned k, const struct mark *m,
    struct chunk_ref *ref)
{
	struct buf *b = &w->part;

	buf_reset(b);
	buf_u8(b, MANIFEST_VERSION);
	buf_u8(b, (uint8_t)(k + 1));
	buf_varint(b, m->n);
	buf_put(b, w->level[k].enc.data, m->len);
	if (buf_err(b) != ZK_OK)
		return buf_err(b);
	chunk_hash(k + 1, b->data, b->len, ref->hash);
	return w->emit(w->arg, k + 1, b->data, b->len, ref);
}

/* Appends an entry to level k; true in *cut if it may be divided behind. */
static enum zk_err
append(struct manifest_writer *w, unsigned k, const struct chunk_ref *ref,
    uint64_t span)
{
	struct level *l = &w->level[k];
	size_t last = l->marks > 0 ? l->mark[l->marks - 1].n : 0;
	size_t since;

	put_entry(&l->enc, ref, span);
	if (buf_err(&l->enc) != ZK_OK)
		return buf_err(&l->enc);
	l->all.len = l->enc.len;
	l->all.n++;
	l->all.span += span;
	since = l->all.n - last;
	if (since == MANIFEST_PART_N || (since >= MANIFEST_PART_MIN &&
	    cut_entry(w->cut, ref->hash)))
		l->mark[l->marks++] = l->all;
	if (l->all.n > MANIFEST_ROOT_N)
		l->parted = true;
	return ZK_OK;
}

/* Moves the marked parts of level k up, and of the levels above it. */
static enum zk_err
move_up(struct manifest_writer *w, unsigned k)
{
	struct chunk_ref ref;
	enum zk_err r = ZK_OK;

	for (; k <= MANIFEST_LEVELS && r == ZK_OK; k++) {
		struct level *l = &w->level[k];

		if (!l->parted || l->marks == 0)
			break;
		if (k == MANIFEST_LEVELS)
			return ZK_ELIMIT;
		while (l->marks > 0 && r == ZK_OK) {
			uint64_t span = l->mark[0].span;

			memset(&ref, 0, sizeof(ref));
			r = emit_part(w, k, &l->mark[0], &ref);
			if (r == ZK_OK)
				r = append(w, k + 1, &ref, span);
			drop_front(l, &l->mark[0]);
		}
	}
	chunk_ref_wipe(&ref);
	return r;
}

static enum zk_err
end_run(struct manifest_writer *w)
{
	enum zk_err r;

	if (w->run_n == 0)
		return ZK_OK;
	r = append(w, 0, &w->run, w->run_n * w->run.plain_len);
	w->run_n = 0;
	return r == ZK_OK ? move_up(w, 0) : r;
}

enum zk_err
manifest_add(struct manifest_writer *w, const struct chunk_ref *ref,
    uint64_t count)
{
	enum zk_err r;

	if (count == 0 || !chunk_ref_ok(ref))
		BUG("an impossible chunk in a manifest");
	if (count > (MANIFEST_SIZE_MAX - w->size) / ref->plain_len)
		return ZK_ELIMIT;
	w->size += count * ref->plain_len;
	if (w->run_n > 0 && w->run.plain_len == ref->plain_len &&
	    memcmp(w->run.hash, ref->hash, sizeof(ref->hash)) == 0) {
		w->run_n += count;
		return ZK_OK;
	}
	r = end_run(w);
	w->run = *ref;
	w->run_n = count;
	return r;
}

/* What is left at a parted level k is its last part. */
static enum zk_err
close_level(struct manifest_writer *w, unsigned k)
{
	struct level *l = &w->level[k];
	enum zk_err r = move_up(w, k);

	if (r != ZK_OK || l->all.n == 0)
		return r;
	l->mark[0] = l->all;
	l->marks = 1;
	return move_up(w, k);
}

static void
put_root(const struct manifest_writer *w, unsigned k, struct buf *b)
{
	const struct level *l = &w->level[k];

	buf_reset(b);
	buf_u8(b, MANIFEST_VERSION);
	buf_u8(b, (uint8_t)k);
	buf_put(b, w->cut_id, CUT_ID_LEN);
	buf_varint(b, w->size);
	buf_varint(b, l->all.n);
	buf_put(b, l->enc.data, l->enc.len);
}

enum zk_err
manifest_finish(struct manifest_writer *w, struct buf *root, uint64_t *size)
{
	enum zk_err r;
	unsigned k = 0;

	if (w->size == 0)
		return ZK_EFORMAT;
	r = end_run(w);
	for (; r == ZK_OK && w->level[k].parted; k++) {
		if (k == MANIFEST_LEVELS)
			return ZK_ELIMIT;
		r = close_level(w, k);
	}
	if (r != ZK_OK)
		return r;
	put_root(w, k, root);
	*size = w->size;
	return buf_err(root);
}

/* Reading ---------------------------------------------------------------- */

/* A list being read: its bytes, and what its parent promised of it. */
struct list {
	struct buf enc;
	struct rd rd;
	uint64_t n;		/* entries left */
	uint64_t span;		/* bytes of the file left */
};

struct manifest_reader {
	struct manifest_head head;
	manifest_fetch_fn *fetch;
	void *arg;
	/* list[k] holds entries of level k; k from the root's level down */
	struct list list[MANIFEST_LEVELS + 1];
	unsigned k;		/* the list being read */
	uint64_t off;
	enum zk_err err;
};

static enum zk_err
read_root(struct rd *r, struct manifest_head *head, uint64_t *n)
{
	if (rd_u8(r) != MANIFEST_VERSION)
		rd_fail(r, ZK_EVERSION);
	head->level = rd_u8(r);
	rd_copy(r, head->cut_id, CUT_ID_LEN);
	head->size = rd_varint(r, MANIFEST_SIZE_MAX);
	*n = rd_varint(r, MANIFEST_ROOT_N);
	if (r->err == ZK_OK && (head->level > MANIFEST_LEVELS ||
	    head->size == 0 || *n == 0))
		rd_fail(r, ZK_EFORMAT);
	return r->err;
}

enum zk_err
manifest_peek(const void *root, size_t n, struct manifest_head *head)
{
	uint64_t entries;
	enum zk_err e;
	struct rd r;

	if (n > MANIFEST_ROOT_MAX)
		return ZK_ELIMIT;
	rd_init(&r, root, n);
	e = read_root(&r, head, &entries);
	if (e != ZK_OK)
		memset(head, 0, sizeof(*head));
	return e;
}

enum zk_err
manifest_reader_new(const void *root, size_t n, manifest_fetch_fn *fetch,
    void *arg, struct manifest_reader **out)
{
	struct manifest_reader *m = NULL;
	struct list *l;
	enum zk_err r;

	*out = NULL;
	if (n > MANIFEST_ROOT_MAX)
		return ZK_ELIMIT;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return ZK_ENOMEM;
	for (unsigned i = 0; i <= MANIFEST_LEVELS; i++)
		buf_init_secret(&m->list[i].enc, MANIFEST_PART_MAX);
	m->fetch = fetch;
	m->arg = arg;
	r = manifest_peek(root, n, &m->head);
	if (r == ZK_OK && m->head.level > 0 && fetch == NULL)
		r = ZK_EFORMAT;
	if (r != ZK_OK)
		goto out;
	m->k = m->head.level;
	l = &m->list[m->k];
	r = buf_put(&l->enc, root, n);
	if (r != ZK_OK)
		goto out;
	rd_init(&l->rd, l->enc.data, l->enc.len);
	r = read_root(&l->rd, &m->head, &l->n);
	l->span = m->head.size;
	if (r != ZK_OK)
		goto out;
	*out = m;
	m = NULL;
out:
	manifest_reader_free(m);
	return r;
}

void
manifest_reader_free(struct manifest_reader *m)
{
	if (m == NULL)
		return;
	for (unsigned i = 0; i <= MANIFEST_LEVELS; i++)
		buf_release(&m->list[i].enc);
	free(m);
}

/* Opens the part ref, of level k, whose entries span that many bytes. */
static enum zk_err
open_part(struct manifest_reader *m, unsigned k, const struct chunk_ref *ref,
    uint64_t span)
{
	struct list *l = &m->list[k - 1];
	enum zk_err r;

	if (ref->plain_len > MANIFEST_PART_MAX)
		return ZK_EFORMAT;
	r = m->fetch(m->arg, k, ref, &l->enc);
	if (r != ZK_OK)
		return r;
	rd_init(&l->rd, l->enc.data, l->enc.len);
	if (rd_u8(&l->rd) != MANIFEST_VERSION)
		rd_fail(&l->rd, ZK_EVERSION);
	if (rd_u8(&l->rd) != k)
		rd_fail(&l->rd, ZK_EFORMAT);
	l->n = rd_varint(&l->rd, MANIFEST_PART_N);
	if (l->n == 0)
		rd_fail(&l->rd, ZK_EFORMAT);
	l->span = span;
	m->k = k - 1;
	return l->rd.err;
}

/* The next entry of list k; ZK_ENOENT behind its last. */
static enum zk_err
next_entry(struct manifest_reader *m, struct chunk_ref *ref, uint64_t *span)
{
	struct list *l = &m->list[m->k];

	if (l->n == 0) {
		if (l->span != 0 || rd_end(&l->rd) != ZK_OK)
			return ZK_EFORMAT;
		return ZK_ENOENT;
	}
	get_entry(&l->rd, ref, span);
	if (l->rd.err != ZK_OK)
		return l->rd.err;
	if (!chunk_ref_ok(ref) || *span == 0 || *span > l->span)
		return ZK_EFORMAT;
	l->n--;
	l->span -= *span;
	return ZK_OK;
}

/* One step: an entry, a part opened or a list left; *got tells of the first. */
static enum zk_err
step(struct manifest_reader *m, struct manifest_entry *e, bool *got)
{
	enum zk_err r;
	uint64_t span;

	*got = false;
	r = next_entry(m, &e->ref, &span);
	if (r == ZK_ENOENT && m->k < m->head.level) {
		buf_reset(&m->list[m->k].enc);
		m->k++;
		return ZK_OK;
	}
	if (r != ZK_OK)
		return r;
	if (m->k > 0)
		return open_part(m, m->k, &e->ref, span);
	if (span % e->ref.plain_len != 0)
		return ZK_EFORMAT;
	e->count = span / e->ref.plain_len;
	e->off = m->off;
	m->off += span;
	*got = true;
	return ZK_OK;
}

enum zk_err
manifest_next(struct manifest_reader *m, struct manifest_entry *e)
{
	bool got = false;

	while (m->err == ZK_OK && !got)
		m->err = step(m, e, &got);
	if (!got)
		crypto_wipe(e, sizeof(*e));
	return m->err;
}

#include "transport/folder_seg.h"

#include <errno.h>
#include <string.h>

#include "transport/folder_begin.h"
#include "transport/folder_list.h"
#include "transport/folder_pace.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"
#include "util/rd.h"

#define POLL_MS 250		/* between two listings while waiting */
#define READ_BYTES (1u << 20)	/* of a page when the caller names none */

/* Kinds of mark; any other first byte is an unknown mark. */
enum { MARK_DONE = 1, MARK_WITHIN = 2 };

/* A mark taken apart. */
struct snap {
	uint8_t kind;		/* 0: from the start */
	uint64_t sum;		/* of the hints when the pass began; 0: look
				 * again whatever they say */
	uint8_t log[TRANSPORT_NAME_LEN]; /* MARK_WITHIN: all up to here... */
	uint64_t seq;		/* ...and up to this seq in it were given */
};

/* One walk over what is there. */
struct pass {
	struct folder *f;
	const struct tread *how;
	struct folder_list hints;
	struct folder_list begun;
	struct snap at;
	size_t bytes;		/* given so far */
	bool stopped;		/* the page is full: at says where */
	struct buf data;
};

static void
mark_get(const struct folder *f, const struct tmark *m, struct snap *s)
{
	struct rd r;
	const uint8_t *gen;

	memset(s, 0, sizeof(*s));
	rd_init(&r, m->b, m->len);
	s->kind = rd_u8(&r);
	gen = rd_bytes(&r, FOLDER_GEN_LEN);
	s->sum = rd_u64(&r);
	if (s->kind == MARK_WITHIN) {
		rd_copy(&r, s->log, sizeof(s->log));
		s->seq = rd_u64(&r);
	}
	if (rd_end(&r) != ZK_OK || gen == NULL ||
	    (s->kind != MARK_DONE && s->kind != MARK_WITHIN) ||
	    memcmp(gen, f->gen, FOLDER_GEN_LEN) != 0)
		memset(s, 0, sizeof(*s));
}

static void
mark_put(const struct folder *f, const struct snap *s, struct tmark *m)
{
	struct buf b;

	buf_init(&b, TRANSPORT_MARK_MAX);
	(void)buf_u8(&b, s->kind);
	(void)buf_put(&b, f->gen, FOLDER_GEN_LEN);
	(void)buf_u64(&b, s->sum);
	if (s->kind == MARK_WITHIN) {
		(void)buf_put(&b, s->log, sizeof(s->log));
		(void)buf_u64(&b, s->seq);
	}
	/* without memory the mark is the start, which is always right */
	m->len = buf_err(&b) == ZK_OK ? b.len : 0;
	if (m->len > 0)
		memcpy(m->b, b.data, b.len);
	buf_release(&b);
}

static bool
have(const struct tread *how, const struct folder_name *n)
{
	return how->have != NULL &&
	    how->have(how->arg, n->log, n->seq, n->hash);
}

/* Opens seg/LOG; -errno. */
static int
open_log(struct folder *f, const uint8_t *log, bool make)
{
	char path[NAMES_CAP] = "seg/";
	int seg;
	int fd;

	hex_text(log, TRANSPORT_NAME_LEN, path + 4);
	seg = folder_dir_sub(f, f->dir, "seg", make);
	if (seg < 0)
		return seg;
	fd = folder_dir_sub(f, seg, path + 4, make);
	(void)env_close(f->t.opts.env, seg);
	return fd;
}

/* Reads one segment and gives it to each(). */
static enum zk_err
give(struct folder *f, int fd, const struct folder_name *n, struct buf *data,
    enum zk_err (*each)(void *, const struct tseg *), void *arg)
{
	struct tseg s = { .seq = n->seq };
	char name[NAMES_CAP];
	enum zk_err r;

	names_seg(n->seq, n->hash, name);
	buf_reset(data);
	r = folder_dir_get(f, fd, name, TRANSPORT_OBJ_MAX, data);
	if (r == ZK_ENOENT)
		return ZK_OK;	/* deleted since it was listed */
	/* what is too long goes on as nothing, which no hash fits */
	if (r == ZK_OK)
		r = folder_pace(f, false, data->len);
	if (r != ZK_OK && r != ZK_ELIMIT)
		return r;
	memcpy(s.log, n->log, sizeof(s.log));
	memcpy(s.hash, n->hash, sizeof(s.hash));
	s.data = data->len > 0 ? data->data : (const uint8_t *)"";
	s.len = data->len;
	return each(arg, &s);
}

/*
 * True if all that the hints of log name is in segs or held by the caller;
 * *any tells whether it has a hint.  Once segs is listed also what is not
 * there and will not come will do.
 */
static bool
hints_met(struct pass *p, const uint8_t *log, const struct folder_list *segs,
    bool *any)
{
	const struct folder_name *gone = segs == NULL ? NULL :
	    folder_list_last(&p->begun, log);
	size_t i = folder_list_find(&p->hints, log, 0);

	*any = false;
	for (; i < p->hints.n; i++) {
		const struct folder_name *h = &p->hints.v[i];
		bool met = gone != NULL && h->seq <= gone->seq;

		if (memcmp(h->log, log, TRANSPORT_NAME_LEN) != 0)
			break;
		*any = true;
		if (segs != NULL)
			met |= folder_list_holds(segs, log, h->seq, h->hash,
			    NULL);
		if (!met && !have(p->how, h))
			return false;
	}
	return true;
}

/*
 * Whether a listed log has a segment that the caller lacks, and not the one
 * before it: what copies the folder may bring that later, with no new hint.
 */
static bool
has_hole(const struct pass *p, const uint8_t *log,
    const struct folder_list *segs)
{
	const struct folder_name *gone = folder_list_last(&p->begun, log);

	for (size_t i = 0; i < segs->n; i++) {
		const struct folder_name *n = &segs->v[i];
		size_t at = n->seq < 2 ? i :
		    folder_list_find(segs, log, n->seq - 1);

		if (n->seq < 2 || segs->v[at].seq == n->seq - 1 ||
		    (gone != NULL && n->seq - 1 <= gone->seq))
			continue;
		if (!have(p->how, n))
			return true;
	}
	return false;
}

/* Gives the segments of a listed log from index i on, to the page's end. */
static enum zk_err
walk_segs(struct pass *p, int fd, const struct folder_list *segs, size_t i)
{
	size_t max = p->how->max_bytes > 0 ? p->how->max_bytes : READ_BYTES;
	enum zk_err r = ZK_OK;

	while (i < segs->n && r == ZK_OK) {
		const struct folder_name *n = &segs->v[i++];
		bool last = i == segs->n || segs->v[i].seq != n->seq;

		if (!have(p->how, n)) {
			r = give(p->f, fd, n, &p->data, p->how->each,
			    p->how->arg);
			p->bytes += p->data.len + 1;
		}
		/* branches at one place stay in one page */
		if (r != ZK_OK || !last || p->bytes < max)
			continue;
		p->at.kind = MARK_WITHIN;
		p->at.seq = n->seq;
		memcpy(p->at.log, n->log, sizeof(p->at.log));
		p->stopped = true;
		break;
	}
	return r;
}

static enum zk_err
walk_log(struct pass *p, const uint8_t *log, uint64_t from)
{
	struct folder_list segs = { 0 };
	enum zk_err r;
	bool any;
	int fd;

	if (p->how->have != NULL && hints_met(p, log, NULL, &any) && any)
		return ZK_OK;
	r = folder_list_segs(p->f, log, &segs);
	if (r != ZK_OK)
		return r;
	/* what came before what it is about: look again next time */
	if (!hints_met(p, log, &segs, &any) || has_hole(p, log, &segs))
		p->at.sum = 0;
	fd = open_log(p->f, log, false);
	if (fd < 0) {
		r = folder_dir_fail(p->f, fd, "open", "seg");
		r = r == ZK_ENOENT ? ZK_OK : r;
		goto out;
	}
	r = walk_segs(p, fd, &segs, folder_list_find(&segs, log, from));
	(void)env_close(p->f->t.opts.env, fd);
out:
	folder_list_release(&segs);
	return r;
}

/* A hint of a log that has no directory yet. */
static void
check_hints(struct pass *p, const struct folder_list *logs)
{
	for (size_t i = 0; i < p->hints.n; i++) {
		const uint8_t *log = p->hints.v[i].log;
		size_t at = folder_list_find(logs, log, 0);

		if (at == logs->n || memcmp(logs->v[at].log, log,
		    TRANSPORT_NAME_LEN) != 0)
			p->at.sum = 0;
	}
}

static enum zk_err
walk(struct pass *p)
{
	struct folder_list logs = { 0 };
	struct snap from = p->at;
	enum zk_err r = folder_list_logs(p->f, &logs);

	folder_list_release(&p->begun);
	if (r == ZK_OK)
		r = folder_list_begun(p->f, &p->begun);
	if (r != ZK_OK)
		goto out;
	if (from.kind != MARK_WITHIN)
		p->at.sum = folder_list_sum(&p->hints);
	check_hints(p, &logs);
	for (size_t i = 0; i < logs.n && r == ZK_OK && !p->stopped; i++) {
		const uint8_t *log = logs.v[i].log;
		int c = from.kind != MARK_WITHIN ? 1 :
		    memcmp(log, from.log, TRANSPORT_NAME_LEN);

		if (c >= 0)
			r = walk_log(p, log, c == 0 ? from.seq + 1 : 0);
	}
	if (!p->stopped)
		p->at.kind = MARK_DONE;
out:
	folder_list_release(&logs);
	return r;
}

/* Lists the hints; *same when they are those of the mark. */
static enum zk_err
look(struct pass *p, bool *same)
{
	enum zk_err r;

	folder_list_release(&p->hints);
	r = folder_list_hints(p->f, &p->hints);
	*same = r == ZK_OK && p->at.kind == MARK_DONE && p->at.sum != 0 &&
	    p->at.sum == folder_list_sum(&p->hints);
	return r;
}

static enum zk_err
read_pass(struct pass *p)
{
	struct env *env = p->f->t.opts.env;
	int64_t end = env_mono_ms(env) + p->how->wait_ms;
	enum zk_err r;
	bool same;

	for (;;) {
		int64_t left;

		r = look(p, &same);
		if (r == ZK_OK && !same)
			r = walk(p);
		left = end - env_mono_ms(env);
		if (r != ZK_OK || p->bytes > 0 || p->stopped || left <= 0)
			return r;
		if (transport_stopped(&p->f->t.opts))
			return ZK_ESIGNAL;
		env_sleep_ms(env, left < POLL_MS ? (unsigned)left : POLL_MS);
	}
}

enum zk_err
folder_seg_read(struct transport *t, const struct tread *how,
    struct tmark *mark, bool *more)
{
	struct pass p = { .f = (struct folder *)t, .how = how };
	enum zk_err r = folder_dir_open(p.f);

	if (r != ZK_OK)
		return r;
	folder_pace_begin(p.f, how->wait_ms);
	buf_init(&p.data, TRANSPORT_OBJ_MAX);
	mark_get(p.f, mark, &p.at);
	r = read_pass(&p);
	if (r == ZK_OK) {
		mark_put(p.f, &p.at, mark);
		*more = p.stopped;
	}
	folder_list_release(&p.hints);
	folder_list_release(&p.begun);
	buf_release(&p.data);
	return r;
}

enum zk_err
folder_seg_read_at(struct transport *t, const uint8_t *log, uint64_t seq,
    enum zk_err (*each)(void *, const struct tseg *), void *arg)
{
	struct folder *f = (struct folder *)t;
	struct folder_list segs = { 0 };
	struct buf data;
	enum zk_err r = folder_dir_open(f);
	size_t i;
	int fd = -1;

	folder_pace_begin(f, 0);
	buf_init(&data, TRANSPORT_OBJ_MAX);
	if (r == ZK_OK)
		r = folder_list_segs(f, log, &segs);
	if (r != ZK_OK)
		goto out;
	i = folder_list_find(&segs, log, seq);
	if (i == segs.n || segs.v[i].seq != seq) {
		r = ZK_ENOENT;
		goto out;
	}
	fd = open_log(f, log, false);
	if (fd < 0) {
		r = folder_dir_fail(f, fd, "open", "seg");
		goto out;
	}
	for (; r == ZK_OK && i < segs.n && segs.v[i].seq == seq; i++)
		r = give(f, fd, &segs.v[i], &data, each, arg);
out:
	if (fd >= 0)
		(void)env_close(f->t.opts.env, fd);
	folder_list_release(&segs);
	buf_release(&data);
	return r;
}

enum zk_err
folder_seg_head(struct transport *t, const uint8_t *log, uint64_t *seq,
    uint8_t *hash)
{
	struct folder *f = (struct folder *)t;
	struct folder_list segs = { 0 };
	struct folder_list begun = { 0 };
	const struct folder_name *end = NULL;
	const struct folder_name *gone;
	enum zk_err r = folder_dir_open(f);

	if (r == ZK_OK)
		r = folder_list_segs(f, log, &segs);
	if (r == ZK_OK)
		r = folder_list_begun(f, &begun);
	if (r != ZK_OK)
		goto out;
	end = folder_list_last(&segs, log);
	gone = folder_list_last(&begun, log);
	if (end == NULL || (gone != NULL && gone->seq > end->seq))
		end = gone;
	if (end == NULL) {
		r = ZK_ENOENT;
		goto out;
	}
	*seq = end->seq;
	memcpy(hash, end->hash, TRANSPORT_NAME_LEN);
out:
	folder_list_release(&segs);
	folder_list_release(&begun);
	return r;
}

enum zk_err
folder_seg_delete(struct transport *t, const uint8_t *log, uint64_t seq)
{
	struct folder *f = (struct folder *)t;
	struct folder_list segs = { 0 };
	char name[NAMES_CAP];
	enum zk_err r = folder_dir_open(f);
	int fd = -1;

	if (r == ZK_OK)
		r = folder_list_segs(f, log, &segs);
	if (r != ZK_OK || segs.n == 0)
		goto out;
	fd = open_log(f, log, false);
	if (fd < 0) {
		r = folder_dir_fail(f, fd, "open", "seg");
		goto out;
	}
	for (size_t i = folder_list_find(&segs, log, seq);
	    r == ZK_OK && i < segs.n && segs.v[i].seq == seq; i++) {
		int e;

		/* the log ends where it did, and goes on there */
		if (seq == segs.v[segs.n - 1].seq)
			r = folder_begin_at(f, log, seq, segs.v[i].hash);
		if (r != ZK_OK)
			break;
		names_seg(seq, segs.v[i].hash, name);
		e = env_unlinkat(f->t.opts.env, fd, name, 0);
		if (e < 0 && e != -ENOENT)
			r = folder_dir_fail(f, e, "delete", name);
	}
	if (r == ZK_OK)
		r = folder_dir_sync(f, fd);
out:
	if (fd >= 0)
		(void)env_close(f->t.opts.env, fd);
	folder_list_release(&segs);
	return r;
}

#include "transport/folder_append.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "proto/seghdr.h"
#include "transport/folder_list.h"
#include "transport/folder_pace.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"

/* The log that is being appended to. */
struct placing {
	struct folder *f;
	uint8_t log[TRANSPORT_NAME_LEN];
	struct folder_list segs;	/* what is there, kept up to date */
	struct folder_list hints;	/* of all logs */
	struct folder_list begun;	/* of all logs */
	int fd;				/* seg/LOG, or -1: no log begun */
	bool wrote;
	bool there;			/* one was, perhaps not durably */
	const struct tseg *top;		/* newest of ours that is there now */
};

static void
placing_end(struct placing *p)
{
	if (p->fd >= 0)
		(void)env_close(p->f->t.opts.env, p->fd);
	p->fd = -1;
	folder_list_release(&p->segs);
	folder_list_release(&p->hints);
	folder_list_release(&p->begun);
}

static enum zk_err
placing_begin(struct placing *p, const uint8_t *log)
{
	struct folder *f = p->f;
	char name[NAMES_CAP];
	enum zk_err r = ZK_OK;
	int seg;

	memcpy(p->log, log, TRANSPORT_NAME_LEN);
	p->wrote = p->there = false;
	p->top = NULL;
	hex_text(log, TRANSPORT_NAME_LEN, name);
	seg = folder_dir_sub(f, f->dir, "seg", true);
	if (seg < 0)
		return folder_dir_fail(f, seg, "open", "seg");
	p->fd = folder_dir_sub(f, seg, name, true);
	(void)env_close(f->t.opts.env, seg);
	if (p->fd < 0) {
		r = folder_dir_fail(f, p->fd, "open", name);
		p->fd = -1;
		return r;
	}
	r = folder_list_segs(f, log, &p->segs);
	if (r == ZK_OK)
		r = folder_list_hints(f, &p->hints);
	if (r == ZK_OK)
		r = folder_list_begun(f, &p->begun);
	return r;
}

static bool
same_log(const struct placing *p, const struct folder_name *n)
{
	return memcmp(n->log, p->log, TRANSPORT_NAME_LEN) == 0;
}

/* True if a hint of this log stands above seq. */
static bool
hint_above(const struct placing *p, uint64_t seq)
{
	size_t i = folder_list_find(&p->hints, p->log, seq + 1);

	return i < p->hints.n && same_log(p, &p->hints.v[i]);
}

/* True if the stored file has these very bytes. */
static bool
same_bytes(struct placing *p, const char *name, const struct tseg *s)
{
	struct buf b;
	bool same;

	buf_init(&b, s->len);
	same = folder_dir_get(p->f, p->fd, name, s->len, &b) == ZK_OK &&
	    b.len == s->len && (s->len == 0 ||
	    memcmp(b.data, s->data, s->len) == 0);
	buf_release(&b);
	return same;
}

static bool
holds(const struct placing *p, const struct folder_list *l, uint64_t seq,
    const uint8_t *hash, bool *other)
{
	return folder_list_holds(l, p->log, seq, hash, other);
}

/* True if the log was begun at or behind seq. */
static bool
begun(const struct placing *p, uint64_t seq)
{
	const struct folder_name *end = folder_list_last(&p->begun, p->log);

	return end != NULL && seq <= end->seq;
}

/*
 * What the listing says of s: STORED means that it can be; *there tells
 * whether it is.
 */
static enum tseg_result
judge(const struct placing *p, const struct tseg *s, bool *there)
{
	struct seghdr h;
	bool other = false;

	*there = holds(p, &p->segs, s->seq, s->hash, &other);
	if (*there)
		return TSEG_HAVE;
	if (other)
		return TSEG_TAKEN;
	/* nothing needs it any more; of the end alone the hash is known */
	if (begun(p, s->seq))
		return !holds(p, &p->begun, s->seq, s->hash, &other) && other ?
		    TSEG_TAKEN : TSEG_HAVE;
	if (s->seq == 1)
		return TSEG_STORED;
	if (seghdr_decode(s->data, s->len, &h) != ZK_OK)
		return TSEG_GAP;
	/* a hint stays where old segments were deleted */
	if (holds(p, &p->segs, s->seq - 1, h.prev, &other) ||
	    holds(p, &p->begun, s->seq - 1, h.prev, NULL) ||
	    holds(p, &p->hints, s->seq - 1, h.prev, &other))
		return TSEG_STORED;
	return other ? TSEG_TAKEN : TSEG_GAP;
}

static enum zk_err
place(struct placing *p, const struct tseg *s, enum tseg_result *res)
{
	struct folder_name n = { .seq = s->seq };
	char name[NAMES_CAP];
	char tmp[NAMES_CAP];
	bool there;
	enum zk_err r;

	*res = judge(p, s, &there);
	if (*res != TSEG_STORED && !there)
		return ZK_OK;
	names_seg(s->seq, s->hash, name);
	/* a damaged copy is healed by the bytes that belong there */
	if (there && same_bytes(p, name, s)) {
		p->there = true;
		p->top = s;
		return ZK_OK;
	}
	r = folder_pace(p->f, true, s->len);
	if (r == ZK_OK)
		r = folder_dir_stage(p->f, s->data, s->len, true, tmp);
	if (r == ZK_OK)
		r = folder_dir_place(p->f, tmp, p->fd, name);
	memcpy(n.log, s->log, sizeof(n.log));
	memcpy(n.hash, s->hash, sizeof(n.hash));
	if (r == ZK_OK && !there)
		r = folder_list_add(&p->segs, &n);
	if (r != ZK_OK)
		return r;
	p->wrote = true;
	p->top = s;
	return ZK_OK;
}

/*
 * Removes the hints that top replaces: those below it at whose place stands
 * one segment alone, so that the other branch of a fork keeps its own, or none
 * where the log was begun behind it.
 */
static void
drop_hints(struct placing *p, int head)
{
	size_t h = folder_list_find(&p->hints, p->log, 0);

	for (; h < p->hints.n; h++) {
		const struct folder_name *n = &p->hints.v[h];
		char name[NAMES_CAP];
		bool other = false;

		if (!same_log(p, n) || n->seq >= p->top->seq)
			break;
		if ((!holds(p, &p->segs, n->seq, n->hash, &other) &&
		    !begun(p, n->seq)) || other)
			continue;
		names_hint(n->log, n->seq, n->hash, name);
		(void)env_unlinkat(p->f->t.opts.env, head, name, 0);
	}
}

/* Makes what was placed durable, then says so in head/. */
static enum zk_err
finish(struct placing *p)
{
	struct folder *f = p->f;
	struct env *env = f->t.opts.env;
	char name[NAMES_CAP];
	enum zk_err r = p->wrote || p->there ? folder_dir_sync(f, p->fd) :
	    ZK_OK;
	int head;
	int fd;

	if (r != ZK_OK || p->top == NULL ||
	    (!p->wrote && hint_above(p, p->top->seq)))
		return r;
	head = folder_dir_sub(f, f->dir, "head", true);
	if (head < 0)
		return folder_dir_fail(f, head, "open", "head");
	names_hint(p->log, p->top->seq, p->top->hash, name);
	fd = env_openat(env, head, name, O_WRONLY | O_CREAT | O_NOFOLLOW,
	    0666);
	if (fd < 0) {
		r = folder_dir_fail(f, fd, "create", name);
		goto out;
	}
	(void)env_close(env, fd);
	drop_hints(p, head);
	r = folder_dir_sync(f, head);
out:
	(void)env_close(env, head);
	return r;
}

enum zk_err
folder_append(struct transport *t, const struct tseg *segs, size_t n,
    enum tseg_result *res)
{
	struct placing p = { .f = (struct folder *)t, .fd = -1 };
	enum zk_err r = folder_dir_open(p.f);

	folder_pace_begin(p.f, 0);
	for (size_t i = 0; i < n && r == ZK_OK; i++) {
		bool next = p.fd < 0 || memcmp(p.log, segs[i].log,
		    TRANSPORT_NAME_LEN) != 0;

		if (next && p.fd >= 0) {
			r = finish(&p);
			placing_end(&p);
		}
		if (r == ZK_OK && next)
			r = placing_begin(&p, segs[i].log);
		if (r == ZK_OK)
			r = place(&p, &segs[i], &res[i]);
	}
	if (r == ZK_OK && p.fd >= 0)
		r = finish(&p);
	placing_end(&p);
	return r;
}

/* Intents, and what an earlier run was killed in. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "tree/scan_int.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"
#include "util/rd.h"

#define LAG_MS 10	/* times of files may be so far behind the clock */
#define GOAL_MAX ((size_t)1 << 24)	/* nodes and refs of one */
#define REST_MAX ((size_t)1 << 20)	/* paths, and what has a length */
#define INTENT_MAX (2 * GOAL_MAX + REST_MAX + IGNORE_BYTES_MAX)

static void
put_string(struct buf *b, const char *s)
{
	buf_lp(b, s != NULL ? s : "", s != NULL ? strlen(s) : 0);
}

static void
put_goal(struct buf *b, const struct plan_goal *g)
{
	buf_u8(b, g != NULL);
	if (g == NULL)
		return;
	buf_put(b, g->key.b, OPID_LEN);
	buf_u8(b, g->kind);
	buf_u16(b, g->mode);
	buf_u8(b, (uint8_t)(g->has_mode | g->has_mtime << 1));
	buf_u64(b, (uint64_t)g->mtime.sec);
	buf_u32(b, g->mtime.nsec);
	buf_u64(b, g->size);
	buf_put(b, g->hash, BASE_HASH_LEN);
	buf_varint(b, g->nodes_n);
	if (g->nodes_n > 0)
		buf_put(b, g->nodes, g->nodes_n * sizeof(*g->nodes));
	buf_lp(b, g->refs, g->refs_len);
}

bool
apply_goal_fits(const struct plan_goal *g)
{
	return g == NULL || (g->refs_len <= GOAL_MAX &&
	    g->nodes_n <= (GOAL_MAX - g->refs_len) / sizeof(*g->nodes));
}

enum zk_err
apply_intent(struct apply *a, const struct act *t)
{
	struct buf b;
	enum zk_err r;

	buf_init(&b, INTENT_MAX);
	buf_u8(&b, t->op);
	buf_u64(&b, (uint64_t)t->row);
	buf_u64(&b, (uint64_t)t->other);
	buf_u64(&b, t->ino);
	buf_u64(&b, t->ino2);
	put_string(&b, t->path);
	put_string(&b, t->from);
	put_string(&b, t->tmp);
	put_goal(&b, t->g);
	put_goal(&b, t->g2);
	buf_u64(&b, (uint64_t)env_now_ms(a->env));
	if (t->rules != NULL) {
		buf_u64(&b, (uint64_t)t->rules_for);
		buf_lp(&b, t->rules, t->rules_len);
	}
	r = buf_err(&b);
	if (r == ZK_OK)
		r = base_intent_add(a->db, a->boot, b.data, b.len);
	buf_release(&b);
	return r;
}

static enum zk_err
get_string(struct rd *r, char **out)
{
	size_t n;
	const uint8_t *p = rd_lp(r, 4 * PATH_LEN_MAX, &n);

	*out = NULL;
	if (p == NULL || n == 0)
		return ZK_OK;
	if (memchr(p, 0, n) != NULL) {
		rd_fail(r, ZK_EFORMAT);
		return ZK_OK;
	}
	*out = malloc(n + 1);
	if (*out == NULL)
		return ZK_ENOMEM;
	memcpy(*out, p, n);
	(*out)[n] = '\0';
	return ZK_OK;
}

/* Lends from the body; nodes are aligned as bytes are. */
static const struct plan_goal *
get_goal(struct rd *r, struct plan_goal *g)
{
	uint64_t n;
	uint8_t flags;

	memset(g, 0, sizeof(*g));
	if (rd_u8(r) == 0)
		return NULL;
	rd_copy(r, g->key.b, OPID_LEN);
	g->kind = rd_u8(r);
	g->mode = rd_u16(r);
	flags = rd_u8(r);
	g->has_mode = flags & 1;
	g->has_mtime = flags >> 1 & 1;
	g->mtime.sec = (int64_t)rd_u64(r);
	g->mtime.nsec = rd_u32(r);
	g->size = rd_u64(r);
	rd_copy(r, g->hash, BASE_HASH_LEN);
	n = rd_varint(r, r->left / sizeof(struct opid));
	g->nodes_n = (size_t)n;
	g->nodes = (const struct opid *)(const void *)rd_bytes(r,
	    (size_t)n * sizeof(struct opid));
	g->refs = rd_lp(r, GOAL_MAX, &g->refs_len);
	return g;
}

/* What an ignore file said that the step removes. */
static enum zk_err
get_rules(struct rd *r, struct act *t)
{
	const uint8_t *p;

	t->rules_for = (int64_t)rd_u64(r);
	p = rd_lp(r, IGNORE_BYTES_MAX, &t->rules_len);
	t->rules = p != NULL ? malloc(t->rules_len + 1) : NULL;
	if (p != NULL && t->rules == NULL)
		return ZK_ENOMEM;
	if (p != NULL)
		memcpy(t->rules, p, t->rules_len);
	return ZK_OK;
}

static enum zk_err
decode(const struct buf *body, struct act *t, struct plan_goal *g,
    struct plan_goal *g2)
{
	struct rd r;
	enum zk_err e;

	memset(t, 0, sizeof(*t));
	rd_init(&r, body->data, body->len);
	t->op = rd_u8(&r);
	t->row = (int64_t)rd_u64(&r);
	t->other = (int64_t)rd_u64(&r);
	t->ino = rd_u64(&r);
	t->ino2 = rd_u64(&r);
	e = get_string(&r, &t->path);
	if (e == ZK_OK)
		e = get_string(&r, &t->from);
	if (e == ZK_OK)
		e = get_string(&r, &t->tmp);
	t->g = get_goal(&r, g);
	t->g2 = get_goal(&r, g2);
	/* one of an earlier version has none */
	if (rd_more(&r))
		t->when = (int64_t)rd_u64(&r);
	if (e == ZK_OK && rd_more(&r))
		e = get_rules(&r, t);
	if (e == ZK_OK)
		e = rd_end(&r);
	return e == ZK_EFORMAT ? ZK_ETAMPER : e;
}

/*
 * What is at path; *there false: nothing.  An error where that cannot be told.
 */
static enum zk_err
look(struct apply *a, const char *path, struct env_stat *st, bool *there)
{
	int e = -ENOENT;

	memset(st, 0, sizeof(*st));
	if (path != NULL)
		e = apply_stat(a, path, st);
	*there = e == 0;
	/* or nothing of zk's, behind something else by now */
	return e == 0 || apply_absent(e) ? ZK_OK : err_from_errno(-e);
}

/*
 * What cannot be told is not done: base stays as it is, and the next scan sees
 * what is true.  Not where two things have changed places, which it would take
 * for edits of both: there the run ends, and the intents stay, as they do
 * without memory.  A permission that is missing would end each run so.
 */
static enum zk_err
unsure(struct act *t, enum zk_err r)
{
	bool two = t->op == PLAN_SWAP || t->op == PLAN_TAKE ||
	    t->op == PLAN_TAKE_NEW || t->op == PLAN_REPLACE;

	t->done = false;
	if (r == ZK_OK || r == ZK_EPERM || (!two && r != ZK_ENOMEM))
		return ZK_OK;
	if (r != ZK_ENOMEM)
		log_error(r, &(struct log_where){ .path = t->path },
		    "cannot tell what became of '%s': %s", t->path,
		    err_text(r));
	return r;
}

/*
 * Renames if the target is free; what fails stays for the next scan.
 * ZK_ENOMEM.
 */
static enum zk_err
give_back(struct apply *a, const char *from, const char *to)
{
	const char *n1, *n2;
	int f1, f2, own, e = 0;
	enum zk_err r = apply_at(a, from, &f1, &n1);

	if (r != ZK_OK)
		return r == ZK_ENOMEM ? r : ZK_OK;
	own = env_openat(a->env, f1, ".", O_RDONLY | O_DIRECTORY, 0);
	if (own < 0)
		return own == -ENOMEM ? ZK_ENOMEM : ZK_OK;
	r = apply_at(a, to, &f2, &n2);
	if (r == ZK_OK)
		e = apply_rename_free(a->env, own, n1, f2, n2);
	(void)env_close(a->env, own);
	root_forget(a->root);
	return r == ZK_ENOMEM || e == -ENOMEM ? ZK_ENOMEM : ZK_OK;
}

static int64_t
in_ms(const struct env_time *t)
{
	return t->sec * 1000 + t->nsec / 1000000;
}

/*
 * Whether somebody wrote to it since.  What zk writes has its time from before
 * the intent, or that of the goal, as well as the file system can say it; who
 * writes at that moment may have one from a tick of the clock before it.
 */
static bool
written_since(const struct act *t)
{
	int64_t m = in_ms(&t->st.mtime);
	int64_t grain = t->st.mtime.nsec == 0 ? 2000 : 1;
	int64_t goal = in_ms(&t->g->mtime);

	if (t->when == 0 || m < t->when - LAG_MS)
		return false;
	return !t->g->has_mtime || m > goal + grain || m < goal - grain;
}

/*
 * After a crash of the machine: is the content not what was written?  What
 * somebody changes right now, or took away, or may not be read, is none of a
 * crash's damages.
 */
static enum zk_err
is_damaged(struct apply *a, const struct act *t, bool *yes)
{
	struct read_result res;
	struct base_entry like;
	enum zk_err r = ZK_OK;

	*yes = false;
	if (t->g->kind == NODE_DIR)
		return ZK_OK;
	memset(&like, 0, sizeof(like));
	like.kind = t->g->kind;
	like.refs = t->g->refs;
	like.refs_len = t->g->refs_len;
	r = read_entry(a->root, a->hasher, t->path, &like, NULL, &res);
	if (r == ZK_ECHANGED || r == ZK_ENOENT || r == ZK_EPERM)
		return ZK_OK;
	*yes = r == ZK_EIO || (r == ZK_OK && (res.kind != t->g->kind ||
	    memcmp(res.hash, t->g->hash, BASE_HASH_LEN) != 0));
	if (*yes)
		log_warn("'%s' was damaged by a crash: it is fetched again",
		    t->path);
	return *yes ? ZK_OK : r;
}

/*
 * To the trash, if that takes it: a file that cannot be read, or a directory
 * that cannot be moved, is not to end each run.  *there: it is where it was.
 */
static enum zk_err
try_trash(struct apply *a, const char *at, const char *layout, bool *there)
{
	enum zk_err r = apply_to_trash(a, at, layout);

	*there = r != ZK_OK;
	if (r == ZK_OK || r == ZK_ENOMEM || r == ZK_EDISKFULL)
		return r;
	log_warn("what was at '%s' cannot go to the trash: %s", layout,
	    err_text(r));
	return ZK_OK;
}

/* New content is at path, by its inode. */
static enum zk_err
arrived(struct apply *a, struct act *t, bool crashed)
{
	struct env_stat old;
	bool there = false, damaged = false;
	enum zk_err r = ZK_OK;

	/* the old content, if it did not get as far as the trash */
	if (t->op == PLAN_REPLACE)
		r = look(a, t->tmp, &old, &there);
	if (r != ZK_OK)
		return unsure(t, r);
	if (there)
		r = try_trash(a, t->tmp, t->path, &there);
	/* an edit after the crash is none of its damages: the scan takes it */
	if (r == ZK_OK && crashed && !written_since(t))
		r = is_damaged(a, t, &damaged);
	if (r == ZK_OK && damaged) {
		r = try_trash(a, t->path, t->path, &there);
		if (r != ZK_OK || there || t->op != PLAN_REPLACE)
			return r;
		return base_remove(a->db, t->row);
	}
	t->done = r == ZK_OK;
	/* nobody watched since: hash again */
	t->trust = false;
	return r;
}

static bool
has_attr(const struct env_stat *st, const struct plan_goal *g)
{
	if (g->has_mode && !S_ISLNK(st->mode) &&
	    (st->mode & 0777) != (g->mode & 0777))
		return false;
	return !g->has_mtime || (st->mtime.sec == g->mtime.sec &&
	    st->mtime.nsec == g->mtime.nsec);
}

/* Mode and mtime may be half set: what is not yet, is set now. */
static enum zk_err
set_attr(struct apply *a, const struct act *t)
{
	const char *name;
	int fd, own;
	enum zk_err r = apply_at(a, t->path, &fd, &name);

	if (r != ZK_OK)
		return r;
	own = t->g->has_mode && !S_ISLNK(t->st.mode) ?
	    env_open_beneath(a->env, fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0) : -1;
	if (own >= 0) {
		(void)env_fchmod(a->env, own, t->g->mode & 0777);
		(void)env_close(a->env, own);
	}
	if (t->g->has_mtime)
		(void)env_utimeat(a->env, fd, name, t->g->mtime);
	return ZK_OK;
}

static enum zk_err
finish_attr(struct apply *a, struct act *t)
{
	struct base_entry e;
	bool there = true;
	enum zk_err r = base_get(a->db, t->row, &e);

	/* the size of a directory is that of its list of names */
	if (r != ZK_OK || e.st.ino != t->st.ino || (e.kind != NODE_TREE &&
	    e.kind != NODE_DIR && e.st.size != t->st.size))
		return r;
	if (!has_attr(&t->st, t->g)) {
		r = set_attr(a, t);
		if (r == ZK_OK)
			r = look(a, t->path, &t->st, &there);
	}
	if (r != ZK_OK || !there)
		return unsure(t, r);
	t->done = has_attr(&t->st, t->g);
	/* what base knows of a tree is not what one stat says */
	if (t->done && e.kind == NODE_TREE) {
		t->st.size = e.st.size;
		t->st.mtime = e.st.mtime;
		t->st.ctime = e.st.ctime;
	}
	return ZK_OK;
}

static enum zk_err
judge_take(struct apply *a, struct act *t, struct env_stat *st)
{
	struct env_stat tmp;
	bool at_tmp = false;
	enum zk_err r = look(a, t->tmp, &tmp, &at_tmp);

	if (r != ZK_OK)
		return unsure(t, r);
	if (st->ino == t->ino && at_tmp && tmp.ino == t->ino2) {
		t->done = true;
		t->st2 = tmp;
	} else if (at_tmp && tmp.ino == t->ino) {
		r = give_back(a, t->tmp, t->from);
	}
	return r;
}

static enum zk_err
judge_swap(struct apply *a, struct act *t, struct env_stat *st)
{
	struct env_stat at, tmp;
	bool here = false, at_tmp = false;
	enum zk_err r = look(a, t->from, &at, &here);

	if (r == ZK_OK)
		r = look(a, t->tmp, &tmp, &at_tmp);
	if (r != ZK_OK)
		return unsure(t, r);
	if (st->ino == t->ino && here && at.ino == t->ino2) {
		t->done = true;
		t->st2 = at;
		return ZK_OK;
	}
	/* the way round by staging, killed in between */
	if (!at_tmp || tmp.ino != t->ino)
		return ZK_OK;
	if (here && at.ino == t->ino2)
		r = give_back(a, t->from, t->path);
	return r == ZK_OK ? give_back(a, t->tmp, t->from) : r;
}

/* Finds out what became of one intent, and ends it one way or the other. */
static enum zk_err
judge(struct apply *a, struct act *t, bool crashed)
{
	struct env_stat st, from;
	bool there = false, both = false;
	enum zk_err r = look(a, t->path, &st, &there);

	if (r != ZK_OK)
		return unsure(t, r);
	t->st = st;
	switch (t->op) {
	case PLAN_CREATE:
	case PLAN_REPLACE:
		if (there && st.ino == t->ino)
			return arrived(a, t, crashed);
		return ZK_OK;
	case PLAN_MKDIR:
		/* not what the disk merely takes for it */
		t->done = there && S_ISDIR(st.mode) && !apply_folded(a, t);
		t->trust = true;
		return ZK_OK;
	case PLAN_ATTR:
		return there ? finish_attr(a, t) : ZK_OK;
	case PLAN_MOVE:
		t->done = there && st.ino == t->ino;
		/* under both names: has it moved? */
		if (t->done)
			r = look(a, t->from, &from, &both);
		if (r == ZK_OK && both && from.ino == t->ino)
			t->done = !apply_folded(a, t);
		return r == ZK_OK ? ZK_OK : unsure(t, r);
	case PLAN_SWAP:
		return judge_swap(a, t, &st);
	case PLAN_TAKE:
	case PLAN_TAKE_NEW:
		return judge_take(a, t, &st);
	default:
		t->done = !there;
		return ZK_OK;
	}
}

static enum zk_err
recover_one(struct apply *a, const struct buf *body, bool crashed)
{
	struct plan_goal g, g2;
	struct act t;
	enum zk_err r = decode(body, &t, &g, &g2);

	if (r == ZK_OK && t.path != NULL)
		r = judge(a, &t, crashed);
	/* where it lies may be under another name than was asked for */
	if (r == ZK_OK && t.done && (t.op == PLAN_CREATE ||
	    t.op == PLAN_MKDIR || t.op == PLAN_MOVE))
		r = apply_came_out(a, &t);
	if (r == ZK_OK && t.done)
		r = apply_note(a, &t);
	/* base knew otherwise: the scan will see what is true */
	if (r == ZK_EEXIST || r == ZK_ENOENT || r == ZK_ECHANGED)
		r = ZK_OK;
	act_release(&t);
	return r;
}

static enum zk_err
recover_intents(struct apply *a, bool *any)
{
	uint8_t boot[16];
	struct buf body;
	int64_t seq = 0;
	enum zk_err r = ZK_OK;

	buf_init(&body, INTENT_MAX);
	while (r == ZK_OK) {
		r = base_intent_next(a->db, &seq, boot, &body);
		if (r != ZK_OK)
			break;
		*any = true;
		r = recover_one(a, &body, memcmp(boot, a->boot, 16) != 0);
		root_forget(a->root);
	}
	buf_release(&body);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
apply_recover(struct root *root, struct db *db, const struct read_hasher *h)
{
	struct apply a = {
		.root = root, .env = root_env(root), .db = db, .hasher = h
	};
	bool any = false;
	enum zk_err r;

	env_boot_id(a.env, a.boot);
	r = trash_new(root, &a.trash);
	if (r == ZK_OK)
		r = rules_new(root, db, &a.rules);
	if (r == ZK_OK)
		r = base_begin(db);
	if (r == ZK_OK)
		r = recover_intents(&a, &any);
	if (r == ZK_OK && any && env_syncfs(a.env, root_fd(root)) < 0)
		r = ZK_EIO;
	if (r == ZK_OK && any)
		r = base_intent_clear(db);
	if (r == ZK_OK)
		r = base_commit(db);
	base_rollback(db);
	/* apart: what it does an intent could not be judged by any more */
	if (r == ZK_OK)
		r = apply_put_back(&a);
	if (r == ZK_OK)
		r = apply_clear_tmp(&a, false);
	trash_free(a.trash);
	rules_free(a.rules);
	root_forget(root);
	return r;
}

/*
 * Telling what a scan found, as a push would record it: the plan of a dry
 * run and the status.  Changes nothing.  See round.h.
 */
#include <string.h>

#include "store/diffdb.h"
#include "sync/aside.h"
#include "sync/cuts.h"
#include "sync/round.h"
#include "tree/read.h"

/* what was taken over shows where it is now */
#define TOLD (ROUND_CHANGES | 1u << DIFF_VANISHED)

static enum sync_change_kind
change_kind(uint8_t what)
{
	switch (what) {
	case DIFF_MOVED:
		return SYNC_MOVED;
	case DIFF_CHANGED:
	case DIFF_KIND:
		return SYNC_CHANGED;
	case DIFF_ATTR:
		return SYNC_ATTR;
	case DIFF_VANISHED:
		return SYNC_DELETED;
	default:
		return SYNC_NEW;
	}
}

/*
 * What differs in a file whose stat data do: it is read if its size is that
 * in base, since it may only have been touched, or written in the same tick
 * of the clock as the last scan.  *same: nothing at all.
 */
static enum zk_err
look_closer(struct round *rd, const struct diff *d,
    enum sync_change_kind *kind, bool *same)
{
	struct read_hasher h = cuts_hasher(rd);
	struct read_result res;
	struct base_entry e;
	uint8_t hash[BASE_HASH_LEN];
	enum zk_err r = base_get(rd->v->db, d->row, &e);

	*same = false;
	if (r != ZK_OK || e.kind != d->kind ||
	    (e.kind != NODE_TREE && e.size != d->st.size))
		return r;
	memcpy(hash, e.hash, sizeof(hash));
	r = read_entry(rd->v->root, &h, d->path, &e, NULL, &res);
	/* different it is, in whatever */
	if (r == ZK_ECHANGED || r == ZK_ENOENT)
		return ZK_OK;
	if (r == ZK_EPERM || r == ZK_EIO) {
		(void)round_skip(rd, d->path, r);
		return ZK_OK;
	}
	if (r != ZK_OK || memcmp(hash, res.hash, sizeof(hash)) != 0)
		return r;
	*kind = SYNC_ATTR;
	*same = e.kind == NODE_SYMLINK || (e.kind == NODE_TREE ?
	    e.mode == ((res.st.mode & 0777) | 0700) :
	    e.mode == (res.st.mode & 0777) &&
	    e.mtime.sec == res.st.mtime.sec &&
	    e.mtime.nsec == res.st.mtime.nsec);
	return ZK_OK;
}

static enum zk_err
tell_one(struct round *rd, const struct diff *d, enum sync_change_kind kind)
{
	struct sync_change c = { .kind = kind };
	struct buf path, from, at;
	enum zk_err r = ZK_OK;

	c.type = round_type(d->kind);
	c.bytes = d->kind == NODE_FILE ? d->st.size : 0;
	buf_init(&path, 1 << 16);
	buf_init(&from, 1 << 16);
	buf_init(&at, 1 << 16);
	r = aside_path(rd->v, d->path, &path);
	c.path = buf_cstr(&path);
	if (r == ZK_OK && d->what == DIFF_MOVED) {
		r = base_path(rd->v->db, d->row, &at);
		if (r == ZK_OK)
			r = aside_path(rd->v, buf_cstr(&at), &from);
		c.from = buf_cstr(&from);
	}
	if (r == ZK_OK)
		rd->o->ui.change(rd->o->ui.arg, &c);
	buf_release(&path);
	buf_release(&from);
	buf_release(&at);
	return r;
}

enum zk_err
tell_changes(struct round *rd, uint64_t *changes)
{
	int64_t after = 0;
	struct diff d;
	enum zk_err r = ZK_OK;

	*changes = 0;
	while (r == ZK_OK) {
		enum sync_change_kind kind;
		bool same = false;

		if (round_stopped(rd))
			return ZK_ESIGNAL;
		r = diff_next(rd->v->db, TOLD, &after, &d);
		if (r != ZK_OK)
			break;
		kind = change_kind(d.what);
		if (d.what == DIFF_CHANGED)
			r = look_closer(rd, &d, &kind, &same);
		if (r != ZK_OK || same)
			continue;
		(*changes)++;
		if (rd->o->ui.change != NULL)
			r = tell_one(rd, &d, kind);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

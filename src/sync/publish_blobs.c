/* The blobs that segments name, before these are sent.  See publish_int.h. */
#include "sync/publish_int.h"

#include <errno.h>
#include <fcntl.h>

#include "format/segment.h"
#include "format/thin.h"
#include "store/gcdb.h"
#include "store/msgdb.h"
#include "sync/checkpoint.h"
#include "sync/cuts.h"
#include "sync/segcache.h"
#include "sync/sync.h"
#include "tree/whole.h"
#include "util/path.h"

/* Other remotes of this run, which may hold a blob. */
static size_t
others(struct round *rd, const struct vremote *vr, struct transport **out)
{
	size_t n = 0;

	for (size_t i = 0; i < rd->remotes_n; i++)
		if (rd->remotes[i] != vr && rd->remotes[i]->err == ZK_OK)
			out[n++] = rd->remotes[i]->t;
	return n;
}

/* The row that has this content now: the node's, or that of a copy. */
static enum zk_err
local_row(struct db *db, const struct op *op, bool past, int64_t *row)
{
	struct base_entry e;
	const struct opid *node = op->type == OP_CREATE ? &op->id : &op->node;
	enum zk_err r = base_by_node(db, node, row);

	if (r == ZK_OK)
		r = base_get(db, *row, &e);
	if (r == ZK_OK && (e.size != op->content.size ||
	    memcmp(e.hash, op->content.hash, sizeof(e.hash)) != 0))
		r = ZK_ENOENT;
	return r == ZK_ENOENT && !past ? base_by_content(db,
	    op->content.size, op->content.hash, row) : r;
}

/*
 * The local file that has this content now in src, fd -1 if there is none;
 * *none: no row has it, so that no scan will find it either.  *tree: a
 * directory kept as one at path has it, which is yet to be read.
 */
static enum zk_err
local_file(struct round *rd, const struct op *op, bool past,
    struct buf *path, struct upload_source *src, bool *none, bool *tree)
{
	struct base_entry e;
	int64_t row = 0;
	int fd = -1;
	enum zk_err r = local_row(rd->v->db, op, past, &row);

	src->fd = -1;
	*none = r == ZK_ENOENT;
	if (r != ZK_OK)
		return *none ? ZK_OK : r;
	buf_reset(path);
	r = base_get(rd->v->db, row, &e);
	if (r == ZK_OK)
		r = base_path(rd->v->db, row, path);
	*tree = r == ZK_OK && e.kind == NODE_TREE;
	if (r != ZK_OK || *tree)
		return r;
	fd = root_open(rd->v->root, buf_cstr(path), O_RDONLY | O_NONBLOCK, 0);
	/* what fails for want of these is there all the same */
	if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE)
		return err_from_errno(-fd);
	src->unread = fd == -EACCES || fd == -EPERM || fd == -EIO;
	src->fd = fd < 0 ? -1 : fd;
	return ZK_OK;
}

enum zk_err
publish_past(struct round *rd, const struct op *op, bool *past)
{
	bool shows = true;
	enum zk_err r = tree_shows(rd->v->tree, &op->id, &shows);

	*past = r == ZK_OK && !shows;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * Whether what is nowhere may be passed over: a remote that is not in reach
 * may have it, and only the one that this push needs cannot wait for that.
 */
static bool
may_pass(const struct round *rd, const struct vremote *vr)
{
	bool all = true;

	for (size_t i = 0; i < rd->remotes_n; i++)
		all &= rd->remotes[i] == vr || rd->remotes[i]->err == ZK_OK;
	return all || vr == rd->first;
}

/* upload_copy without the tree at path: all may be there without reading it. */
static enum zk_err
copy_unread(struct round *rd, struct upload *u, const struct content *c,
    struct upload_source *src, const char *path, uint64_t *sent)
{
	bool spare = src->spare;
	struct whole w;
	enum zk_err r;

	src->spare = true;
	r = upload_copy(u, c, src, sent);
	src->spare = spare;
	if (r != ZK_EGAP)
		return r;
	/* what of it has changed since is another version's */
	r = whole_read(rd->v->root, path, &src->fd, &w);
	if (r != ZK_OK) {
		src->fd = -1;
		src->unread = r == ZK_EPERM || r == ZK_EIO;
	}
	return upload_copy(u, c, src, sent);
}

enum zk_err
publish_copy(struct round *rd, struct vremote *vr, const struct content *c,
    struct upload_source *src, const char *tree, uint64_t *sent)
{
	struct transport *from[SYNC_REMOTES_MAX];
	struct upload *u = NULL;
	enum zk_err r = cuts_upload(rd, vr, &u);

	*sent = 0;
	if (r != ZK_OK)
		return r;
	src->from = from;
	src->from_n = others(rd, vr, from);
	return tree == NULL ? upload_copy(u, c, src, sent) :
	    copy_unread(rd, u, c, src, tree, sent);
}

/*
 * The same of an op's content, from the file that has it.  passes: where there
 * is none, or none that can be read, src->spare is set.
 */
static enum zk_err
bring(struct round *rd, struct vremote *vr, const struct op *op,
    struct upload_source *src, bool passes)
{
	struct buf path;
	bool none = false, tree = false;
	uint64_t sent = 0;
	enum zk_err r = ZK_OK;

	buf_init(&path, PATH_LEN_MAX + 1);
	src->fd = -1;
	/* a message is in no file */
	if (op->type != OP_MSG)
		r = local_file(rd, op, src->dead == UPLOAD_DEAD_SKIP, &path,
		    src, &none, &tree);
	src->spare |= passes && (none || src->unread);
	if (r == ZK_OK)
		r = publish_copy(rd, vr, &op->content, src,
		    tree ? buf_cstr(&path) : NULL, &sent);
	src->spare |= passes && src->unread;
	if (src->fd >= 0)
		(void)env_close(rd->v->env, src->fd);
	buf_release(&path);
	return r;
}

/* Whether a message expired a window ago: gc may have removed it by now. */
static enum zk_err
expired(struct vault *v, const struct op *op, bool *yes)
{
	struct msgdb_channel ch = { .c = 0 };
	struct msg_op msg;
	unsigned days = 0;
	int64_t old = 0;
	enum zk_err r = msgop_decode(op, &msg);

	*yes = false;
	if (r == ZK_OK)
		r = msgdb_find(v->db, msg.channel, msg.channel_len, &ch);
	if (r == ZK_OK)
		r = sync_history_days(v, &days);
	if (r == ZK_OK && ch.expiry > 0) {
		old = (int64_t)(ch.expiry * 1000) + days * SYNC_DAY_MS;
		*yes = op->wall_ms < env_now_ms(v->env) - old;
	}
	return r == ZK_ENOENT || r == ZK_EREFUSED ? ZK_OK : r;
}

/*
 * Brings the blobs of one content op to the remote.  What is nowhere is
 * passed over, so that it keeps back nothing else for good: content whose
 * place something has taken since (a push was cut off and the file changed,
 * a remote is no more), a message, which is in no file, and what is in no
 * file here, since another device wrote it or brought back what was removed
 * here: a device that has it gives it when it comes to this remote
 * (publish_supply); so does this one once it can read a file again that it
 * cannot read now, which a scan has told.  What is in a file that has changed
 * since it was scanned, or has been moved, waits for the next scan.
 */
static enum zk_err
send_content(struct round *rd, struct vremote *vr, const struct op *op,
    bool own, bool known)
{
	struct upload_source src = { .ask = known };
	bool past = false, dead = false, message = op->type == OP_MSG;
	bool passes = false;
	enum zk_err r = message ? expired(rd->v, op, &past) :
	    publish_past(rd, op, &past);

	/* nobody waits for a message that has expired */
	if (r != ZK_OK || (message && past))
		return r;
	passes = may_pass(rd, vr);
	src.spare = (past || message || !own) && passes;
	src.dead = past ? UPLOAD_DEAD_SKIP :
	    own && !message ? UPLOAD_DEAD_ANEW : UPLOAD_DEAD_COPY;
	r = bring(rd, vr, op, &src, passes);
	if (r != ZK_EGAP || !src.spare)
		return r;
	/* where blobs were deleted, this is no news */
	r = past ? gcdb_any(rd->v->db, &dead) : ZK_OK;
	if (message)
		vr->unsent++;
	else if (past)
		vr->passed += !dead;
	else
		vr->awaited++;
	return r;
}

static bool
keeps(const struct op *op)
{
	return op->type == OP_MOVE || op->type == OP_ATTR ||
	    op->type == OP_KEEP || (op->type == OP_EDIT &&
	    op->content.form == CONTENT_NONE);
}

enum zk_err
publish_kept(struct vault *v, const struct buf *stored, bool *kept)
{
	struct seg_keys keys = { records_find_epoch, v };
	struct seg *s = NULL;
	struct op op;
	enum zk_err r = seg_open_held(stored->data, stored->len, vault_id(v),
	    &keys, &s);

	*kept = false;
	while (!*kept && (r == ZK_OK || r == ZK_EREFUSED)) {
		r = seg_next(s, &op);
		*kept = r == ZK_OK && keeps(&op);
	}
	seg_free(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * An op of ours without content on a file that is here: it may have brought
 * back what others deleted, whose blobs then went.
 */
static enum zk_err
send_kept(struct round *rd, struct vremote *vr, const struct op *op)
{
	struct vault *v = rd->v;
	struct op with = { .type = OP_EDIT, .node = op->node };
	struct upload_source src = { .spare = true,
		.dead = UPLOAD_DEAD_ONLY };
	struct base_entry e = { .refs_len = 0 };
	bool any = false;
	int64_t row = 0;
	uint64_t at = 0;
	enum zk_err r = ZK_OK;

	if (!keeps(op))
		return ZK_OK;
	r = gcdb_any(v->db, &any);
	if (r == ZK_OK && any)
		r = base_by_node(v->db, &op->node, &row);
	if (r == ZK_OK && any)
		r = base_get(v->db, row, &e);
	if (r == ZK_OK && any && (e.kind == NODE_FILE ||
	    e.kind == NODE_TREE))
		at = refs_locator(e.refs, e.refs_len);
	if (r != ZK_OK || at == 0)
		return r == ZK_ENOENT ? ZK_OK : r;
	r = segcache_content(v, at, &with.content);
	if (r == ZK_OK && with.content.form == CONTENT_MANIFEST)
		r = bring(rd, vr, &with, &src, true);
	return r == ZK_EGAP ? ZK_OK : r;
}

enum zk_err
publish_blobs(struct round *rd, struct vremote *vr, const struct buf *stored,
    bool own, bool known)
{
	struct seg_keys keys = { records_find_epoch, rd->v };
	struct seg *s = NULL;
	struct op op;
	enum zk_err r = seg_open_held(stored->data, stored->len,
	    vault_id(rd->v), &keys, &s);

	while (r == ZK_OK) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED) {
			r = ZK_OK;
			continue;
		}
		if (r == ZK_OK && op.type == OP_CHECKPOINT)
			r = checkpoint_send(rd, vr, &op, known);
		else if (r == ZK_OK && op_has_content(op.type) &&
		    op.content.form == CONTENT_MANIFEST)
			r = send_content(rd, vr, &op, own, known);
		else if (r == ZK_OK && own)
			r = send_kept(rd, vr, &op);
	}
	seg_free(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

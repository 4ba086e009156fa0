/* zk restore: what was comes back, as a change like any other.  See sync.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sync/opname.h"
#include "sync/restore_int.h"
#include "tree/read.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

#define SETTLE_ROUNDS 4		/* scans while files change meanwhile */

/* The path alone is what the round is about. */
static enum zk_err
begin(struct round *rd, const char *path)
{
	rd->own_paths = calloc(1, sizeof(*rd->own_paths));
	if (rd->own_paths == NULL)
		return ZK_ENOMEM;
	rd->own_paths[0] = strdup(path);
	if (rd->own_paths[0] == NULL)
		return ZK_ENOMEM;
	rd->paths_n = 1;
	if (path[0] != '\0')
		rd->paths = (const char *const *)rd->own_paths;
	return ZK_OK;
}

/* Records what is there, whatever it is; none of it counts as restored. */
static enum zk_err
record_now(struct round *rd)
{
	const struct sync_report was = *rd->rep;
	enum zk_err r = capture_scan(rd);

	if (r == ZK_OK)
		r = capture_brake(rd);
	if (r == ZK_OK)
		r = capture_record(rd, NULL);
	rd->rep->files = was.files;
	rd->rep->dirs = was.dirs;
	rd->rep->bytes = was.bytes;
	rd->rep->deleted = was.deleted;
	return r;
}

/* Looks at all of it, and brings what it needs. */
static enum zk_err
look(struct restore *rs)
{
	struct restore_fetch *f = NULL;
	enum zk_err r = rs->rd->o->dry_run ? ZK_OK :
	    restore_fetch_new(rs->rd, &f);

	rs->fetch = f;
	rs->record = NULL;
	rs->there = 0;
	*rs->out = (struct sync_restored){ 0 };
	if (r == ZK_OK)
		r = restore_walk(rs);
	if (r == ZK_OK && f != NULL)
		r = restore_fetch_end(f);
	restore_fetch_free(f);
	rs->fetch = NULL;
	return r;
}

static enum zk_err
record(struct restore *rs)
{
	struct restore_record *rec = NULL;
	enum zk_err r = restore_record_new(rs->rd, &rec);

	rs->record = rec;
	if (r == ZK_OK)
		r = restore_walk(rs);
	if (r == ZK_OK)
		r = restore_record_end(rec);
	restore_record_free(rec);
	rs->record = NULL;
	return r;
}

/* Brings the disk to what was recorded; what changed meanwhile is kept. */
static enum zk_err
land(struct round *rd)
{
	enum zk_err r = ZK_OK;

	rd->staged = true;
	for (int i = 0; r == ZK_OK && i < SETTLE_ROUNDS; i++) {
		rd->wide |= i > 0;
		if (i > 0)
			r = record_now(rd);
		if (r == ZK_OK)
			r = land_run(rd);
		if (!rd->again)
			return r;
	}
	return r == ZK_OK ? ZK_EPARTIAL : r;
}

static enum zk_err
in_place(struct restore *rs, const struct sync_at *at)
{
	struct round *rd = rs->rd;
	enum zk_err r = remotes_alone(rd->v);

	if (r == ZK_OK)
		r = remotes_open_any(rd);
	if (r == ZK_OK)
		r = record_now(rd);
	if (r == ZK_OK)
		r = version_find(rd->v, &rd->o->ui, rs->path, rs->typed, at,
		    false, rs->ver);
	if (r == ZK_OK)
		r = rules_new(rd->v->root, rd->v->db, &rs->rules);
	if (r == ZK_OK)
		r = look(rs);
	if (r == ZK_OK && !rd->o->dry_run && rs->out->brought > 0) {
		r = record(rs);
		if (r == ZK_OK)
			r = land(rd);
	}
	if (r == ZK_OK && !rd->o->dry_run)
		r = restore_fetch_clear(rd);
	if (r == ZK_OK && rd->rep->conflicts > 0)
		round_note(rd, ZK_ECONFLICT);
	rules_free(rs->rules);
	version_release(rs->ver);
	return r;
}

/* What cannot be written to a file, or compared as a text; NULL: it can. */
static const char *
unfit(const struct version *ver, bool file)
{
	if (ver->dir)
		return "was a directory: name one file in it";
	if (ver->file.kind == NODE_TREE && !file)
		return "is a directory that is kept as one: write versions "
		    "of it out with 'zk restore -o' and compare them";
	if (ver->file.kind == NODE_SYMLINK && file)
		return "was a symlink, which no file can hold";
	return NULL;
}

/* The content of the one file that is meant, into fd or out. */
static enum zk_err
content(struct restore *rs, const struct sync_at *at, int fd,
    struct buf *out)
{
	struct round *rd = rs->rd;
	const char *path = rs->path, *typed = rs->typed, *why = NULL;
	struct log_where w = { .path = typed };
	struct version ver = { .past = NULL };
	enum zk_err r = remotes_open_any(rd);

	if (r == ZK_OK)
		r = version_find(rd->v, &rd->o->ui, path, typed, at, true,
		    &ver);
	why = r == ZK_OK ? unfit(&ver, out == NULL) : NULL;
	if (why != NULL) {
		r = ZK_EUSAGE;
		log_error(r, &w, "'%s' %s", typed, why);
	}
	if (r == ZK_OK)
		r = restore_fetch_one(rd, path, &ver.file.content, fd, out);
	if (r == ZK_OK) {
		rd->rep->files = 1;
		rd->rep->bytes = ver.file.content.size;
		rs->out->tree = ver.file.kind == NODE_TREE;
		rs->out->tree_mode = ver.file.has_mode ? ver.file.mode : 0755;
	}
	version_release(&ver);
	return r;
}

enum zk_err
sync_restore(struct vault *v, const struct sync_opts *o,
    const struct sync_restore_opts *ro, struct sync_report *rep,
    struct sync_restored *out)
{
	struct round rd = { .v = v, .o = o, .rep = rep };
	struct version ver = { .past = NULL };
	struct restore rs = { .rd = &rd, .ver = &ver, .typed = ro->path,
		.out = out };
	char *path = NULL;
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	r = round_dry_begin(v, o, rep);
	if (r == ZK_OK)
		r = round_inside(v, o->dir, ro->path, &path);
	if (r == ZK_OK)
		r = begin(&rd, path);
	rs.path = path;
	if (r == ZK_OK && ro->fd >= 0)
		r = content(&rs, &ro->at, ro->fd, NULL);
	else if (r == ZK_OK)
		r = in_place(&rs, &ro->at);
	round_release(&rd);
	free(path);
	db_dry_end(v->db);
	return err_worse(r, rd.worst);
}

enum zk_err
sync_version_bytes(struct vault *v, const struct sync_opts *o,
    const char *path, const struct sync_at *at, struct buf *out)
{
	struct sync_report rep = { 0 };
	struct round rd = { .v = v, .o = o, .rep = &rep };
	struct sync_restored got;
	struct restore rs = { .rd = &rd, .typed = path, .out = &got };
	char *rel = NULL;
	enum zk_err r = round_inside(v, o->dir, path, &rel);

	rs.path = rel;
	if (r == ZK_OK)
		r = content(&rs, at, -1, out);
	round_release(&rd);
	free(rel);
	return err_worse(r, rd.worst);
}

/* The bytes of a file; it may change while it is read. */
static enum zk_err
read_file(struct vault *v, const char *path, struct buf *out)
{
	struct env_stat st;
	struct env_time seen;
	int fd = -1;
	size_t got = 0;
	enum zk_err r = read_open(v->root, path, &fd, &st, &seen);

	if (r != ZK_OK)
		return r;
	if (st.size > out->max)
		r = ZK_ELIMIT;
	if (r == ZK_OK)
		r = buf_zero(out, (size_t)st.size);
	if (r == ZK_OK)
		r = io_read_some(v->env, fd, out->data, (size_t)st.size, &got);
	if (r == ZK_OK)
		r = got == st.size ? read_same(v->env, fd, &st) : ZK_ECHANGED;
	(void)env_close(v->env, fd);
	return r;
}

static enum zk_err
read_disk(struct vault *v, const char *path, struct buf *out)
{
	char link[PATH_LEN_MAX + 1];
	const char *name = NULL;
	struct env_stat st;
	ssize_t n = 0;
	int dir = root_parent(v->root, path, &name);
	int e = dir < 0 ? dir : env_statat(v->env, dir, name, &st);

	if (e == -ENOENT || e == -ENOTDIR || e == -ELOOP || e == -EXDEV)
		return ZK_ENOENT;
	if (e < 0)
		return err_from_errno(-e);
	if (S_ISREG(st.mode))
		return read_file(v, path, out);
	if (!S_ISLNK(st.mode))
		return ZK_EUSAGE;
	n = env_readlinkat(v->env, dir, name, link, sizeof(link));
	return n < 0 ? err_from_errno((int)-n) : buf_put(out, link,
	    (size_t)n);
}

enum zk_err
sync_disk_bytes(struct vault *v, const struct sync_opts *o, const char *path,
    struct buf *out)
{
	struct log_where w = { .path = path };
	char *rel = NULL;
	enum zk_err r = round_inside(v, o->dir, path, &rel);

	if (r != ZK_OK)
		return r;
	buf_reset(out);
	r = rel[0] == '\0' ? ZK_EUSAGE : read_disk(v, rel, out);
	free(rel);
	if (r == ZK_EUSAGE)
		log_error(r, &w, "'%s' is neither a file nor a symlink",
		    path);
	else if (r != ZK_OK && r != ZK_ENOENT && r != ZK_ELIMIT)
		log_error(r, &w, "cannot read '%s': %s", path, err_text(r));
	return r;
}

bool
sync_at_is_id(const char *s)
{
	struct opname name;

	return opname_parse(s, &name) == ZK_OK;
}

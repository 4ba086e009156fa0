/* Making a difference ready to be recorded.  See prepare.h. */
#include "sync/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "sync/cuts.h"
#include "tree/read.h"
#include "util/log.h"
#include "util/path.h"

void
prepared_free(struct prepared *p)
{
	if (p == NULL)
		return;
	buf_release(&p->data);
	buf_release(&p->seen);
	free(p->path);
	free(p);
}

/* True for failures of one path, which is then left out of the run. */
static bool
of_path(enum zk_err r)
{
	return r == ZK_ECHANGED || r == ZK_EPERM || r == ZK_EIO ||
	    r == ZK_ENOENT || r == ZK_EUSAGE;
}

/* Leaves a path out, and says so. */
static enum zk_err
skip(struct round *rd, const char *path, enum zk_err r)
{
	if (r == ZK_ENOENT)
		return ZK_ENOENT;
	log_error(ZK_EPARTIAL, &(struct log_where){ .path = path },
	    "skipped '%s': %s", path, r == ZK_ECHANGED ?
	    "it kept changing while it was read" : err_text(r));
	rd->rep->skipped++;
	round_note(rd, ZK_EPARTIAL);
	return ZK_EPARTIAL;
}

static enum zk_err
read_file(struct round *rd, struct upload *u, struct prepared *p,
    const struct content *prev)
{
	struct env_stat st;
	struct env_time seen;
	int fd = -1;
	enum zk_err r = read_open(rd->v->root, p->path, &fd, &st, &seen);

	if (r != ZK_OK)
		return r;
	r = upload_file(u, fd, prev, &p->data, &p->content);
	if (r == ZK_OK)
		r = read_same(rd->v->env, fd, &st);
	(void)env_close(rd->v->env, fd);
	base_stat_from(&st, &p->st);
	p->racy = base_racy(&st, seen, false);
	return r;
}

static enum zk_err
read_link(struct round *rd, struct upload *u, struct prepared *p)
{
	struct read_hasher h = cuts_hasher(rd);
	struct read_result res;
	struct buf target;
	enum zk_err r = ZK_EBUG;

	buf_init(&target, PATH_LEN_MAX);
	r = read_entry(rd->v->root, &h, p->path, NULL, &target, &res);
	if (r == ZK_OK && res.kind != NODE_SYMLINK)
		r = ZK_ECHANGED;
	if (r == ZK_OK)
		r = upload_bytes(u, target.data, target.len, &p->data,
		    &p->content);
	if (r == ZK_OK) {
		base_stat_from(&res.st, &p->st);
		p->racy = base_racy(&res.st, res.seen, false);
	}
	buf_release(&target);
	return r;
}

/* The content of the version that base has, for its cutting key. */
static enum zk_err
previous(struct round *rd, const struct diff *d, struct content *out,
    bool *has)
{
	struct base_entry e;
	uint64_t loc = 0;
	enum zk_err r = ZK_OK;

	*has = false;
	if (d->row == 0)
		return ZK_OK;
	r = base_get(rd->v->db, d->row, &e);
	if (r != ZK_OK)
		return r;
	loc = refs_locator(e.refs, e.refs_len);
	if (loc == 0 || e.kind != NODE_FILE)
		return ZK_OK;
	r = segcache_content(rd->v, loc, out);
	*has = r == ZK_OK;
	return r;
}

static enum zk_err
read_content(struct round *rd, struct upload *u, struct prepared *p)
{
	struct content prev = { 0 };
	struct buf copy;
	bool has = false;
	enum zk_err r = previous(rd, &p->d, &prev, &has);

	/* the cache may drop what prev lends while the file is read */
	buf_init(&copy, 1 << 20);
	if (r == ZK_OK && has)
		r = buf_put(&copy, prev.data, prev.data_len);
	prev.data = copy.data;
	if (r == ZK_OK)
		r = p->d.kind == NODE_SYMLINK ? read_link(rd, u, p) :
		    read_file(rd, u, p, has ? &prev : NULL);
	p->read = r == ZK_OK;
	p->content.merge = MERGE_COPY;
	buf_release(&copy);
	return r;
}

/* Whether what was found can be taken for the tree's entry. */
static bool
equal(const struct prepared *p, const struct list_entry *e)
{
	if (e->kind != p->d.kind || (e->flags & LIST_COPY) != 0)
		return false;
	return e->kind == NODE_DIR || (e->content.size == p->content.size &&
	    memcmp(e->content.hash, p->content.hash,
	    sizeof(p->content.hash)) == 0);
}

/* Looks the path up in the merged tree, for what base does not have. */
static enum zk_err
try_adopt(struct round *rd, struct prepared *p)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	int64_t row = 0;
	enum zk_err r = list_lookup(rd->v->tree, (const uint8_t *)p->path,
	    strlen(p->path), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	if (r == ZK_OK && equal(p, e)) {
		r = base_by_node(rd->v->db, &e->nodes[0], &row);
		if (r == ZK_ENOENT) {
			p->adopt = true;
			p->locator = e->content.locator;
			r = buf_put(&p->seen, e->seen, e->seen_len);
		}
	}
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Content is read for what is new or may have changed. */
static bool
wants_content(const struct diff *d)
{
	if (d->kind != NODE_FILE && d->kind != NODE_SYMLINK)
		return false;
	return d->what == DIFF_NEW || d->what == DIFF_KIND ||
	    d->what == DIFF_CHANGED || d->what == DIFF_KEPT ||
	    d->what == DIFF_MOVED;
}

enum zk_err
prepare(struct round *rd, struct upload *u, const struct diff *d, bool adopt,
    struct prepared **out)
{
	enum zk_err r = ZK_OK;
	struct prepared *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (p == NULL)
		return ZK_ENOMEM;
	buf_init(&p->data, UPLOAD_DATA_MAX);
	buf_init(&p->seen, 1 << 24);
	p->d = *d;
	p->st = d->st;
	p->path = malloc(d->path_len + 1);
	if (p->path == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	memcpy(p->path, d->path, d->path_len);
	p->path[d->path_len] = '\0';
	p->d.path = p->path;
	if (wants_content(d))
		r = read_content(rd, u, p);
	if (r != ZK_OK && of_path(r)) {
		r = skip(rd, p->path, r);
		goto out;
	}
	if (r == ZK_OK && adopt && d->what == DIFF_NEW)
		r = try_adopt(rd, p);
	if (r == ZK_OK) {
		*out = p;
		p = NULL;
	}
out:
	prepared_free(p);
	return r;
}

/*
 * Local differences: finding them, and what is to be known before they are
 * recorded, as whether too much is gone.  Recording is sync/capture.c, telling
 * sync/tell.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "store/aliasdb.h"
#include "store/diffdb.h"
#include "store/store.h"
#include "sync/cuts.h"
#include "sync/gather.h"
#include "sync/round.h"
#include "tree/apply.h"
#include "tree/brake.h"
#include "tree/moves.h"
#include "util/log.h"
#include "util/path.h"

#define REPORTS (1u << DIFF_UNKNOWN | 1u << DIFF_SPECIAL | \
    1u << DIFF_BADNAME | 1u << DIFF_DEEP | 1u << DIFF_HELD)

static void
scanned(void *ctx, uint64_t entries)
{
	struct round *rd = ctx;

	rd->progress.files = entries;
	round_progress(rd, SYNC_SCAN);
}

static void
report_one(struct round *rd, const struct diff *d)
{
	struct log_where where = { .path = d->path };
	struct sync_change c = { .kind = SYNC_SKIPPED, .type = 'f',
		.path = d->path };

	round_note(rd, ZK_EPARTIAL);
	/* not skipped: it went with a directory above, as its changes do */
	if (d->what == DIFF_DEEP) {
		if (round_says(rd, d->path, "deep"))
			log_error(ZK_EPARTIAL, &where, "'%s' is nested more "
			    "than %d deep: devices that have not got it "
			    "leave it out", d->path, PATH_DEPTH_MAX);
		return;
	}
	c.type = d->what == DIFF_HELD ? 't' : 'f';
	c.why = d->what == DIFF_UNKNOWN ? "it cannot be read" :
	    d->what == DIFF_HELD ? "it is kept as one, and not all that is in "
	    "it can be" :
	    d->what == DIFF_SPECIAL ? "neither file, directory nor symlink" :
	    "a name or path that other devices cannot have";
	if (!round_says(rd, d->path, c.why))
		return;
	if (rd->o->ui.change != NULL)
		rd->o->ui.change(rd->o->ui.arg, &c);
	log_error(ZK_EPARTIAL, &where, "skipped '%s': %s", d->path, c.why);
	rd->rep->skipped++;
}

/* Says what a scan could not read or will not take. */
static enum zk_err
report(struct round *rd)
{
	int64_t after = 0;
	struct diff d;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = diff_next(rd->v->db, REPORTS, &after, &d);
		if (r == ZK_OK)
			report_one(rd, &d);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * Whether the merged tree has a directory kept as one at path
 * (scan_opts.is_tree).
 */
static enum zk_err
has_tree(void *ctx, const char *path, bool *yes)
{
	struct round *rd = ctx;
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	enum zk_err r = list_lookup(rd->v->tree, (const uint8_t *)path,
	    strlen(path), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	*yes = r == ZK_OK && e->kind == NODE_TREE;
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
capture_misread(struct round *rd, bool *yes)
{
	struct diff d;
	int64_t after = 0;
	enum zk_err r = ZK_OK;

	*yes = false;
	/* without news the scan knew */
	while (r == ZK_OK && !*yes && rd->took > 0) {
		r = diff_next(rd->v->db, 1u << DIFF_NEW, &after, &d);
		if (r == ZK_OK && d.kind == NODE_DIR)
			r = has_tree(rd, d.path, yes);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
capture_hold(struct round *rd, const char *path)
{
	char **p = realloc(rd->held, (rd->held_n + 1) * sizeof(*p));

	if (p == NULL)
		return ZK_ENOMEM;
	rd->held = p;
	p[rd->held_n] = strdup(path);
	if (p[rd->held_n] == NULL)
		return ZK_ENOMEM;
	rd->held_n++;
	return ZK_OK;
}

void
capture_release(struct round *rd)
{
	while (rd->held_n > 0)
		free(rd->held[--rd->held_n]);
	free(rd->held);
	rd->held = NULL;
}

bool
capture_holds(const struct round *rd, const char *path)
{
	for (size_t i = 0; i < rd->held_n; i++) {
		size_t n = strlen(rd->held[i]);

		if (strncmp(path, rd->held[i], n) == 0 &&
		    (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

enum zk_err
capture_recover(struct round *rd)
{
	struct read_hasher h = cuts_hasher(rd);

	return apply_recover(rd->v->root, rd->v->db, &h);
}

enum zk_err
capture_scan(struct round *rd)
{
	struct read_hasher h = cuts_hasher(rd);
	struct scan_opts so = { .paths = rd->paths,
		.paths_n = rd->paths == NULL || rd->wide ? 0 : rd->paths_n,
		.is_tree = has_tree, .progress = scanned, .ctx = rd };
	/* a dry run has done so, for good */
	enum zk_err r = rd->o->dry_run ? ZK_OK : capture_recover(rd);

	round_phase(rd, SYNC_SCAN, &(struct sync_progress){ 0 });
	if (r == ZK_OK)
		r = scan_run(rd->v->root, rd->v->db, &so, &rd->scan);
	if (r == ZK_OK)
		r = moves_find(rd->v->root, rd->v->db, &h);
	if (r == ZK_OK)
		r = report(rd);
	return r;
}

static void
limits(const struct round *rd, struct brake *b, uint64_t *override)
{
	brake_default(b);
	*override = 0;
	if (!rd->o->max_delete_set)
		return;
	b->percent = rd->o->max_delete_percent;
	b->count = rd->o->max_delete;
	*override = rd->o->max_delete;
}

enum zk_err
capture_over(struct round *rd, enum base_side side, uint64_t now_n,
    uint64_t tree, bool *over)
{
	struct brake b, usual;
	uint64_t before = 0, largest = 0, override = 0;
	enum zk_err r = base_brake_get(rd->v->db, side,
	    env_now_ms(rd->v->env), &before, &largest);

	limits(rd, &b, &override);
	brake_default(&usual);
	if (tree > largest)
		largest = tree;
	*over = r == ZK_OK && brake_over(&b, before, now_n, largest, override);
	/* what the user approved is not counted against the next ones */
	rd->approved[side] = r == ZK_OK && !*over && rd->o->max_delete_set &&
	    brake_over(&usual, before, now_n, largest, 0);
	return r;
}

enum zk_err
capture_brake(struct round *rd)
{
	uint64_t gone = 0, tree = 0;
	char what[64];
	bool over = false;
	/* what was taken over is still there */
	enum zk_err r = diff_count(rd->v->db, 1u << DIFF_VANISHED, &gone);

	if (r == ZK_OK)
		r = base_count(rd->v->db, &tree);
	if (r == ZK_OK)
		r = capture_over(rd, BASE_SENT, gone, tree, &over);
	if (r != ZK_OK || !over)
		return r;
	snprintf(what, sizeof(what), "brake %llu of %llu",
	    (unsigned long long)gone, (unsigned long long)tree);
	if (!round_says(rd, "", what))
		return ZK_EBRAKE;
	log_error(ZK_EBRAKE, NULL, "%llu of %llu entries are gone from this "
	    "folder; nothing was recorded: if they are to be deleted "
	    "everywhere, run again with --max-delete %llu",
	    (unsigned long long)gone, (unsigned long long)tree,
	    (unsigned long long)gone);
	return ZK_EBRAKE;
}

/* Clean -------------------------------------------------------------------- */

static enum zk_err
conflict(void *arg, const struct buf *path, const struct list_entry *e)
{
	(void)path;
	(void)e;
	*(bool *)arg = true;
	return ZK_ENOENT;	/* one is enough */
}

enum zk_err
capture_is_clean(struct round *rd, bool *clean)
{
	struct opid dirty;
	int64_t cursor = -1;
	size_t n = 0;
	bool conflicts = false, left = false, aliases = false;
	int64_t relook = 0;
	enum zk_err r = tree_dirty(rd->v->tree, &cursor, &dirty, 1, &n);

	*clean = false;
	if (r == ZK_OK)
		r = store_get_int(rd->v->db, "relook", 0, &relook);
	/* what was left out is waited for, too */
	if (r == ZK_OK)
		r = gather_any_left(rd->v->db, &left);
	if (r == ZK_OK)
		r = aliasdb_any(rd->v->db, &aliases);
	if (r != ZK_OK || n > 0 || relook != 0 || left || aliases)
		return r;
	r = list_conflicts(rd->v->tree, conflict, &conflicts);
	*clean = !conflicts;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
capture_all_clean(struct round *rd)
{
	struct vault *v = rd->v;
	uint64_t upto = 0;
	enum zk_err r = tree_change(v->tree, &upto);

	if (r == ZK_OK)
		r = db_begin(v->db);
	if (r == ZK_OK)
		r = tree_dirty_clear(v->tree, upto);
	return db_end(v->db, r);
}

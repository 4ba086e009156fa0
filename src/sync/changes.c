/*
 * Local differences: finding them, and holding too many removals back.
 * Recording is sync/capture.c, telling sync/tell.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/diffdb.h"
#include "sync/cuts.h"
#include "sync/round.h"
#include "tree/apply.h"
#include "tree/brake.h"
#include "tree/moves.h"
#include "util/log.h"
#include "util/path.h"

#define REPORTS (1u << DIFF_UNKNOWN | 1u << DIFF_SPECIAL | \
    1u << DIFF_BADNAME | 1u << DIFF_DEEP)

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
	c.why = d->what == DIFF_UNKNOWN ? "it cannot be read" :
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
		.progress = scanned, .ctx = rd };
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
	enum zk_err r = diff_count(rd->v->db, ROUND_GONE, &gone);

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

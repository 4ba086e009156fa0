/* Rounds: push, pull, both.  See sync.h and round.h. */
#include "sync/round.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "store/logdb.h"
#include "store/store.h"
#include "sync/checkpoint.h"
#include "sync/cuts.h"
#include "sync/gc.h"
#include "sync/keyset.h"
#include "sync/merge.h"
#include "sync/park.h"
#include "sync/segw.h"
#include "sync/transit.h"
#include "util/log.h"
#include "util/path.h"

#define SETTLE_ROUNDS 4		/* scans in one pull while files change */

void
round_release(struct round *rd)
{
	remotes_close(rd);
	upload_free(rd->local_up);
	rd->local_up = NULL;
	cuts_free(rd->cuts);
	rd->cuts = NULL;
	for (size_t i = 0; i < rd->aliases_n; i++)
		chunk_ref_wipe(&rd->aliases[i]);
	free(rd->aliases);
	rd->aliases = NULL;
	capture_release(rd);
	for (size_t i = 0; i < rd->paths_n; i++)
		free(rd->own_paths[i]);
	free(rd->own_paths);
	rd->own_paths = NULL;
	rd->paths_n = 0;
}

enum zk_err
round_inside(const struct vault *v, const char *from, const char *path,
    char **out)
{
	const char *root = root_path(v->root);
	size_t n = strlen(root);
	char *abs = NULL;
	struct buf b;
	enum zk_err r = ZK_OK;

	*out = NULL;
	buf_init(&b, 1 << 16);
	if (path[0] != '/') {
		/* the last part may be gone: a deletion can be named, too */
		r = vault_abs(from == NULL ? "." : from, &abs);
		if (r == ZK_OK)
			r = buf_printf(&b, "%s/%s", abs,
			    strncmp(path, "./", 2) == 0 ? path + 2 : path);
	} else {
		r = buf_str(&b, path);
	}
	free(abs);
	while (r == ZK_OK && b.len > 1 && (b.data[b.len - 1] == '/' ||
	    (b.len > 2 && memcmp(b.data + b.len - 2, "/.", 2) == 0)))
		buf_truncate(&b, b.len - 1);
	if (r == ZK_OK) {
		const char *s = buf_cstr(&b);

		if (strncmp(s, root, n) == 0 && s[n] == '\0')
			*out = strdup("");
		else if (strncmp(s, root, n) == 0 && s[n] == '/' &&
		    path_ok(s + n + 1))
			*out = strdup(s + n + 1);
		else
			r = ZK_EUSAGE;
	}
	if (r == ZK_EUSAGE)
		log_error(r, &(struct log_where){ .path = path },
		    "'%s' does not lie in the vault '%s'", path, root);
	buf_release(&b);
	return r == ZK_OK && *out == NULL ? ZK_ENOMEM : r;
}

enum zk_err
round_begin(struct round *rd, struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	enum zk_err r = ZK_EBUG;
	bool all = false;

	memset(rd, 0, sizeof(*rd));
	memset(rep, 0, sizeof(*rep));
	rd->v = v;
	rd->o = o;
	rd->rep = rep;
	r = ingest_own_forked(rd);
	if (r != ZK_OK || o->paths_n == 0)
		return r;
	rd->own_paths = calloc(o->paths_n, sizeof(*rd->own_paths));
	if (rd->own_paths == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < o->paths_n; i++) {
		r = round_inside(v, o->dir, o->paths[i], &rd->own_paths[i]);
		if (r != ZK_OK)
			break;
		rd->paths_n++;
		/* the root itself means everything */
		all |= rd->own_paths[i][0] == '\0';
	}
	if (!all)
		rd->paths = (const char *const *)rd->own_paths;
	return r;
}

/* Failures of a remote that end the run; others leave that remote out. */
static bool
fatal(enum zk_err r)
{
	return r == ZK_ESIGNAL || r == ZK_ENOMEM || r == ZK_EDISKFULL ||
	    r == ZK_EBUG || r == ZK_EFORK || r == ZK_EREMOVED;
}

/* All remotes failed: the run has, too.  Of one all has been said. */
static enum zk_err
none_reached(const struct round *rd)
{
	enum zk_err r = ZK_ENET;

	for (size_t i = 0; i < rd->remotes_n; i++)
		if (rd->remotes[i]->err != ZK_OK)
			r = i == 0 ? rd->remotes[i]->err :
			    err_worse(r, rd->remotes[i]->err);
	if (rd->remotes_n > 1)
		log_error(r, NULL, "no remote could be used: %s",
		    err_text(r));
	return r;
}

/* Our own log went on without us: catch up, then a new incarnation. */
static enum zk_err
catch_up(struct round *rd, struct vremote *vr)
{
	enum zk_err r = remotes_fetch(rd, vr);

	if (r == ZK_OK && rd->own_ahead)
		r = ingest_new_incarnation(rd);
	return r;
}

enum zk_err
round_primary(struct round *rd, struct vremote **out)
{
	*out = NULL;
	for (size_t i = 0; i < rd->remotes_n; i++) {
		struct vremote *vr = rd->remotes[i];
		enum zk_err r = ZK_EBUG;

		if (vr->err != ZK_OK)
			continue;
		r = remotes_greet(rd, vr);
		if (r == ZK_OK)
			r = remotes_heads(rd, vr, true);
		if (r == ZK_OK && rd->own_ahead)
			r = catch_up(rd, vr);
		if (r == ZK_OK) {
			*out = vr;
			return ZK_OK;
		}
		if (fatal(r))
			return r;
		round_left_out(rd, vr, r);
	}
	return none_reached(rd);
}

enum zk_err
round_publish_others(struct round *rd, const struct vremote *first)
{
	for (size_t i = 0; i < rd->remotes_n; i++) {
		struct vremote *vr = rd->remotes[i];
		enum zk_err r = ZK_OK;

		if (vr == first || vr->err != ZK_OK)
			continue;
		r = remotes_greet(rd, vr);
		if (r == ZK_OK)
			r = remotes_heads(rd, vr, true);
		if (r == ZK_OK)
			r = remotes_publish(rd, vr);
		if (fatal(r))
			return r;
		if (r != ZK_OK)
			round_left_out(rd, vr, r);
	}
	return ZK_OK;
}

/*
 * The push of a sync does not go to a remote that its pull could not reach
 * or that showed another key: that has been said, and the wait was had.
 */
static bool
leave_out(enum zk_err r)
{
	return r == ZK_ENET || r == ZK_ETIMEDOUT || r == ZK_EBUSY ||
	    r == ZK_EPIN;
}

static bool
all_left_out(const struct sync_report *pulled)
{
	size_t n = 0;

	while (n < pulled->remotes_n && leave_out(pulled->remotes[n].err))
		n++;
	return n > 0 && n == pulled->remotes_n;
}

/* pulled: what the pull of the same sync found, or NULL. */
static void
leave_those(struct round *rd, const struct sync_report *pulled)
{
	size_t n = pulled == NULL ? 0 : pulled->remotes_n;

	for (size_t i = 0; i < n && i < rd->remotes_n; i++)
		if (leave_out(pulled->remotes[i].err))
			rd->remotes[i]->err = pulled->remotes[i].err;
}

/* Tells what is about to be recorded, if anybody wants to know. */
static enum zk_err
tell_local(struct round *rd)
{
	uint64_t changes = 0;
	enum zk_err r = rd->o->dry_run || rd->o->ui.change != NULL ?
	    tell_changes(rd, &changes) : ZK_OK;

	if (rd->o->dry_run)
		rd->rep->to_push += changes;
	return r;
}

static enum zk_err
push_steps(struct round *rd, const struct sync_report *pulled)
{
	struct vremote *first = NULL;
	enum zk_err r = remotes_alone(rd->v);

	if (r == ZK_OK)
		r = remotes_open(rd);
	if (r == ZK_OK) {
		leave_those(rd, pulled);
		r = capture_scan(rd);
	}
	if (r == ZK_OK)
		r = named_check(rd, false);
	if (r == ZK_OK)
		r = capture_brake(rd);
	if (r == ZK_OK)
		r = tell_local(rd);
	if (r == ZK_OK)
		r = round_primary(rd, &first);
	if (r == ZK_OK)
		r = park_return(rd, first);
	if (r == ZK_OK)
		r = logdb_next_id(rd->v->db, &rd->first_new);
	rd->first = rd->count_older ? first : NULL;
	rd->early = true;
	if (r == ZK_OK)
		r = capture_record(rd, first);
	if (r == ZK_OK)
		r = remotes_publish(rd, first);
	if (r == ZK_OK)
		r = round_publish_others(rd, first);
	if (first != NULL && first->err == ZK_OK && err_status(r) == 5)
		first->err = r;
	return r == ZK_OK ? transit_end(rd) : r;
}

/* What was recorded and is not what was asked for. */
static void
forget_counts(struct sync_report *rep)
{
	rep->files = rep->dirs = rep->bytes = rep->deleted = 0;
}

enum zk_err
round_finish(struct round *rd, enum zk_err r)
{
	enum zk_err e = err_worse(round_report_all(rd), gc_tick(rd));

	if (r == ZK_OK)
		r = e;
	/* what a dry run recorded was not done */
	if (rd->o->dry_run)
		forget_counts(rd->rep);
	r = err_worse(r, rd->worst);
	round_progress(rd, SYNC_DONE);
	round_release(rd);
	return r;
}

/*
 * pulled: the report of the pull before it in a sync, which has counted what
 * it recorded; NULL: what an earlier run could not send counts here.
 */
static enum zk_err
push(struct vault *v, const struct sync_opts *o, struct sync_report *rep,
    const struct sync_report *pulled, struct keyset *said)
{
	struct round rd;
	enum zk_err r = round_begin(&rd, v, o, rep);

	rd.said = said;
	rd.count_older = pulled == NULL;
	if (r == ZK_OK)
		r = push_steps(&rd, pulled);
	return round_finish(&rd, r);
}

enum zk_err
round_dry_begin(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct round rd = { .v = v, .o = o, .rep = rep };
	enum zk_err r = ZK_EBUG;

	memset(rep, 0, sizeof(*rep));
	if (v->dry)
		BUG("a vault in use after a dry run");
	if (!o->dry_run)
		return ZK_OK;
	r = capture_recover(&rd);
	round_release(&rd);
	if (r != ZK_OK)
		return r;
	v->dry = true;
	return db_dry_begin(v->db);
}

enum zk_err
sync_push(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct keyset said;
	enum zk_err r = round_dry_begin(v, o, rep);

	keyset_init(&said);
	if (r == ZK_OK)
		r = push(v, o, rep, NULL, &said);
	keyset_release(&said);
	db_dry_end(v->db);
	return r;
}

enum zk_err
round_read_all(struct round *rd, struct vremote **first)
{
	enum zk_err r = ZK_OK;

	*first = NULL;
	for (size_t i = 0; i < rd->remotes_n; i++) {
		struct vremote *vr = rd->remotes[i];

		r = remotes_greet(rd, vr);
		/* what is full can still be read; the push part tells */
		if (r == ZK_EREMOTEFULL) {
			vr->err = ZK_OK;
			r = ZK_OK;
		}
		if (r == ZK_OK)
			r = remotes_heads(rd, vr, false);
		if (r == ZK_OK)
			r = remotes_fetch(rd, vr);
		if (fatal(r))
			return r;
		if (r == ZK_EROLLBACK)
			vr->err = r;	/* named by remotes_heads */
		else if (r != ZK_OK)
			round_left_out(rd, vr, r);
		if (r == ZK_OK && *first == NULL)
			*first = vr;
	}
	if (*first == NULL)
		return none_reached(rd);
	r = checkpoint_load(rd);
	return r == ZK_OK && rd->own_ahead ? ingest_new_incarnation(rd) : r;
}

static enum zk_err
tell_gap(void *arg, const uint8_t *log, uint64_t seq, const uint8_t *hash)
{
	struct round *rd = arg;

	(void)hash;
	log_error(ZK_EGAP, NULL, "segment %llu of log %02x%02x%02x%02x has not "
	    "arrived: what builds on it waits", (unsigned long long)seq,
	    log[0], log[1], log[2], log[3]);
	round_note(rd, ZK_EGAP);
	return ZK_OK;
}

enum zk_err
round_gaps(struct round *rd)
{
	return logdb_gaps(rd->v->db, tell_gap, rd);
}

/*
 * The acknowledgement, and what this pull merged: only when nothing else of
 * ours is waiting to be pushed, since the log cannot be published past that.
 * What an earlier run wrote of these and could not send goes first.
 */
static enum zk_err
acknowledge(struct round *rd, struct vremote *first)
{
	struct db *db = rd->v->db;
	int64_t need = 0;
	uint64_t behind = 0, own = 0;
	enum zk_err r = store_get_int(db, "need_ack", 0, &need);

	if (r == ZK_OK)
		r = remotedb_behind(db, first->info.id, &behind);
	if (r == ZK_OK && behind > 0)
		r = remotedb_behind_pulled(db, first->info.id, &own);
	if (r != ZK_OK || own != behind)
		return r;
	if (need != 0)
		r = segw_ack(rd->v);
	if (r == ZK_OK && (need != 0 || own > 0))
		r = remotes_publish(rd, first);
	if (err_status(r) == 5)
		first->err = r;
	return r;
}

/* Records; a pull alone counts only what comes in. */
static enum zk_err
record(struct round *rd, struct vremote *first)
{
	const struct sync_report was = *rd->rep;
	enum zk_err r = capture_record(rd, first);

	if (!rd->both) {
		rd->rep->files = was.files;
		rd->rep->dirs = was.dirs;
		rd->rep->bytes = was.bytes;
		rd->rep->deleted = was.deleted;
	}
	return r;
}

/* Records and lands until the disk holds still. */
static enum zk_err
settle(struct round *rd, struct vremote *first)
{
	bool misread = false;
	enum zk_err r = capture_misread(rd, &misread);

	for (int i = 0; r == ZK_OK && i < SETTLE_ROUNDS; i++) {
		/* what lies outside of the paths may have changed, too */
		rd->wide |= i > 0;
		if (i > 0 || misread)
			r = capture_scan(rd);
		if (r == ZK_OK)
			r = capture_brake(rd);
		/* a pull alone tells only what comes in */
		if (r == ZK_OK && rd->both)
			r = tell_local(rd);
		if (r == ZK_OK)
			r = record(rd, first);
		if (r == ZK_OK)
			r = merge_run(rd, first);
		if (r == ZK_OK)
			r = land_run(rd);
		if (!rd->again)
			return r;
	}
	return r == ZK_OK ? ZK_EPARTIAL : r;
}

static enum zk_err
pull_steps(struct round *rd)
{
	struct vremote *first = NULL;
	enum zk_err r = remotes_open(rd);

	if (r == ZK_OK)
		r = capture_scan(rd);
	if (r == ZK_OK)
		r = round_read_all(rd, &first);
	if (r == ZK_OK)
		r = named_check(rd, true);
	if (r == ZK_OK)
		r = round_gaps(rd);
	if (r == ZK_OK)
		r = park_return(rd, first);
	if (r == ZK_OK)
		r = settle(rd, first);
	if (r == ZK_OK && !rd->o->dry_run)
		r = acknowledge(rd, first);
	if (r == ZK_OK)
		r = transit_end(rd);
	if (r == ZK_OK && rd->rep->conflicts > 0)
		round_note(rd, ZK_ECONFLICT);
	return r;
}

static enum zk_err
pull(struct vault *v, const struct sync_opts *o, struct sync_report *rep,
    bool both, struct keyset *said)
{
	struct round rd;
	enum zk_err r = round_begin(&rd, v, o, rep);

	rd.said = said;
	rd.both = both;
	if (r == ZK_OK)
		r = pull_steps(&rd);
	return round_finish(&rd, r);
}

enum zk_err
sync_pull(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct keyset said;
	enum zk_err r = round_dry_begin(v, o, rep);

	keyset_init(&said);
	if (r == ZK_OK)
		r = pull(v, o, rep, false, &said);
	keyset_release(&said);
	db_dry_end(v->db);
	return r;
}

static enum zk_err
pull_push(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep, struct keyset *said)
{
	struct sync_report pushed;
	enum zk_err r = pull(v, o, rep, true, said);
	enum zk_err e = ZK_OK;

	/*
	 * What a pull could not do does not keep local changes here, and what
	 * a remote withholds least of all.
	 */
	if (r == ZK_ESIGNAL || r == ZK_EROOT || r == ZK_EFORK ||
	    r == ZK_EUSAGE || (err_status(r) == 5 && r != ZK_EGAP) ||
	    all_left_out(rep))
		return r;
	e = push(v, o, &pushed, rep, said);
	rep->files += pushed.files;
	rep->dirs += pushed.dirs;
	rep->bytes += pushed.bytes;
	rep->deleted += pushed.deleted;
	rep->skipped += pushed.skipped;
	rep->to_push += pushed.to_push;
	rep->remotes_n = pushed.remotes_n;
	memcpy(rep->remotes, pushed.remotes, sizeof(rep->remotes));
	return err_worse(r, e);
}

enum zk_err
sync_both(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct keyset said;
	enum zk_err r = round_dry_begin(v, o, rep);

	keyset_init(&said);
	if (r == ZK_OK)
		r = pull_push(v, o, rep, &said);
	keyset_release(&said);
	db_dry_end(v->db);
	return r;
}

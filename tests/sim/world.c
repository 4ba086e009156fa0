#include "tests/sim/world_int.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "sync/sync.h"
#include "tests/sim/messages.h"
#include "tests/sim/values.h"

#define TEN_YEARS_MS (UINT64_C(3653) * 86400 * 1000)
#define YEAR_1990_MS (INT64_C(7305) * 86400 * 1000)

/* Rounds ------------------------------------------------------------------- */

static bool
stop(void *arg)
{
	struct world *w = arg;

	if (w->asks > 1)
		w->asks--;
	return w->asks == 1;
}

static enum zk_err
run(struct world *w, unsigned i, bool push, const char *const *paths,
    size_t n)
{
	const struct sync_opts o = { .paths = paths, .paths_n = n,
		.ui = { .stop = stop, .arg = w } };
	struct sync_report rep;
	enum zk_err r = push ? sync_push(w->d[i].v, &o, &rep) :
	    sync_pull(w->d[i].v, &o, &rep);

	w->d[i].cut = false;
	world_operation();
	if (w->loud)
		printf("# %s %s %s %s: %s, files %" PRIu64 "\n",
		    world_names[i], push ? "push" : "pull",
		    n > 0 ? paths[0] : "", n > 1 ? paths[1] : "",
		    err_text(r), rep.files);
	return r;
}

static enum zk_err
collect(struct world *w, unsigned i)
{
	const struct sync_opts o = { .ui = { .arg = w } };
	struct sync_report rep;
	struct sync_gc out = { .more = false };
	enum zk_err r = sync_gc(w->d[i].v, &o, NULL, &rep, &out);

	world_operation();
	if (w->loud)
		printf("# %s collects: %s, condemned %" PRIu64 ", deleted %"
		    PRIu64 ", waiting %" PRIu64 "\n", world_names[i],
		    err_text(r), out.condemned, out.deleted, out.waiting);
	return r;
}

/* Up to two days pass for all. */
static void
wait_hours(struct world *w)
{
	uint64_t ms = fake_below(w->dice, 48) * 3600000;

	for (unsigned i = 0; i < w->o->devices; i++)
		fake_advance(w->d[i].fake, ms);
}

/* A path that some device has, most of the time. */
static void
pick_there(struct world *w, char *out, size_t cap)
{
	struct env_stat st;
	bool there = false;

	for (int tries = 0; !there && tries < 16; tries++) {
		world_pick(w, out, cap, fake_below(w->dice, 2) == 0);
		for (unsigned i = 0; i < w->o->devices; i++)
			there |= env_statat(w->d[i].env, ENV_CWD, out,
			    &st) == 0;
	}
}

/* A round that may name paths; one that is not there is nothing. */
static enum zk_err
run_some(struct world *w, unsigned i, bool push)
{
	char p[2][256];
	const char *paths[2] = { p[0], p[1] };
	size_t n = w->o->paths ? fake_below(w->dice, 3) : 0;
	enum zk_err r = ZK_OK;

	for (size_t k = 0; k < n; k++)
		pick_there(w, p[k], sizeof(p[k]));
	if (w->o->stops && fake_below(w->dice, 2) == 0)
		w->asks = 2 + fake_below(w->dice, 12);
	r = run(w, i, push, paths, n);
	if (w->asks == 1 && r == ZK_ESIGNAL)
		r = ZK_OK;
	w->asks = 0;
	return n > 0 && r == ZK_EUSAGE ? ZK_OK : r;
}

/* What a round may answer while the remote misbehaves. */
static bool
fair(enum zk_err r)
{
	return r == ZK_OK || r == ZK_ECONFLICT || err_status(r) == 5;
}

/* Storms ------------------------------------------------------------------- */

/* A remote is lost with all that it had; an empty one takes its place. */
static bool
lose_remote(struct world *w)
{
	unsigned k = (unsigned)fake_below(w->dice, w->o->remotes);

	world_count(remote_fake_calls(w->remote[k]));
	remote_fake_free(w->remote[k]);
	w->life[k]++;
	w->remote[k] = remote_fake_new(w->seed + 1 + k +
	    (uint64_t)w->life[k] * 1000003);
	if (w->loud)
		printf("# remote %u is lost\n", k);
	return w->remote[k] != NULL;
}

/* The user of device i hears of it, and sets the new one. */
static bool
replace_remotes(struct world *w, unsigned i)
{
	const struct remote_fake_faults none = { .lose = 0 };
	const struct sync_opts o = { .offline = false };
	struct device *d = &w->d[i];
	char own[32];

	for (unsigned k = 0; k < w->o->remotes; k++) {
		if (d->life[k] == w->life[k])
			continue;
		remote_fake_faults(w->remote[k], &none);
		if (!world_ok(w, sync_remote_rm(d->v, world_url(k, d->life[k], own)),
		    "remote rm") || !world_ok(w, sync_remote_add(d->v,
		    world_url(k, w->life[k], own), &o), "remote add"))
			return false;
		d->life[k] = w->life[k];
	}
	return true;
}

enum blow { CALM, STOP, KILL, FAIL, FULL };

/* What this round meets: some remotes away or full. */
static void
weather(struct world *w)
{
	for (unsigned i = 0; i < w->o->remotes; i++) {
		struct remote_fake_faults f = w->faults;

		f.down = fake_below(w->dice, 5) == 0;
		f.full = fake_below(w->dice, 16) == 0;
		remote_fake_faults(w->remote[i], &f);
	}
}

/*
 * What this device's round meets.  What its user wrote is on the disk for
 * good before: to lose that would be the system's doing.
 */
static enum blow
strike(struct world *w, struct device *d)
{
	enum blow b = (enum blow)fake_below(w->dice, 7);
	int64_t at = fake_calls(d->fake) +
	    (int64_t)fake_below(w->dice, fake_below(w->dice, 2) == 0 ? 60 :
	    400);
	int fd = env_openat(d->env, ENV_CWD, "/v", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 || env_syncfs(d->env, fd) != 0)
		return CALM;
	(void)env_close(d->env, fd);
	if (b > FULL)
		b = CALM;
	if (b == STOP || b == KILL || b == FAIL)
		fake_fail_at(d->fake, at, EIO, b != FAIL);
	if (b == FULL)
		fake_set_space(d->fake, fake_below(w->dice, 4000));
	return b;
}

/* The storm is over: the machine starts again if it stopped. */
static bool
recover(struct world *w, unsigned i, enum blow b)
{
	struct device *d = &w->d[i];
	struct db *db;

	fake_fail_at(d->fake, -1, 0, false);
	fake_set_space(d->fake, UINT64_MAX);
	if (b != STOP && b != KILL)
		return true;
	world_close(d, &db);
	d->cut = b == STOP;
	if (b == STOP)
		fake_crash(d->fake);
	if (w->loud)
		printf("# %s starts again\n", world_names[i]);
	return world_open(w, i, NULL, db);
}

/* What a round may answer when it was struck. */
static bool
fair_struck(enum zk_err r, enum blow b)
{
	int status = err_status(r);

	return fair(r) || (b != CALM && r != ZK_EBUG &&
	    (status == 1 || status == 3 || status == 21));
}

static bool
stormy_round(struct world *w, unsigned i, bool push, bool gc)
{
	enum blow b;
	enum zk_err r;

	if (fake_below(w->dice, 40) == 0 && !lose_remote(w))
		return false;
	if (!replace_remotes(w, i))
		return false;
	weather(w);
	b = strike(w, &w->d[i]);
	r = gc ? collect(w, i) : run_some(w, i, push);
	if (!fair_struck(r, b)) {
		printf("# struck by %d\n", b);
		return world_ok(w, r, "a stormy round");
	}
	return recover(w, i, b);
}

/* A message, or a look at those that came; in storms, struck as a round. */
static bool
message(struct world *w, unsigned i)
{
	enum blow b = CALM;
	enum zk_err r;

	if (w->o->storms) {
		if (!replace_remotes(w, i))
			return false;
		weather(w);
		b = strike(w, &w->d[i]);
	}
	/* what a lost remote had of blobs is nowhere */
	r = messages_step(w->d[i].v, w->dice, i, !w->o->storms, &w->sent[i]);
	if (w->loud)
		printf("# %s messages: %s, sent %u\n", world_names[i],
		    err_text(r), w->sent[i]);
	if (!fair_struck(r, b))
		return world_ok(w, r, "a message");
	return recover(w, i, b);
}

/*
 * Sets the wall clock of bob by up to ten years, either way, from where it
 * is; never to before 1990, where a file system would not go either.
 */
static void
jump(struct world *w)
{
	struct device *d = &w->d[1];
	int64_t now = env_now_ms(d->env);

	now += (int64_t)fake_below(w->dice, 2 * TEN_YEARS_MS + 1) -
	    (int64_t)TEN_YEARS_MS;
	/*
	 * Not twice to one moment: a file of the same size written at the
	 * very nanosecond of its old times cannot be told by stat.
	 */
	if (now < YEAR_1990_MS)
		now = YEAR_1990_MS + (int64_t)fake_below(w->dice,
		    TEN_YEARS_MS);
	if (w->loud)
		printf("# bob's clock: %" PRId64 "\n", now);
	fake_set_wall(d->fake, now);
}

static void
fair_weather(struct world *w)
{
	for (unsigned i = 0; i < w->o->remotes; i++)
		remote_fake_faults(w->remote[i], &w->faults);
}

static bool
play(struct world *w)
{
	const struct remote_fake_faults f = { .lose = 40, .late = 40,
		.delay = 100, .twice = 60, .reorder = 200, .cut = 60 };
	const struct remote_fake_faults none = { .lose = 0 };

	if (fake_below(w->dice, 2) == 0)
		w->faults = f;
	fair_weather(w);
	if (w->o->gc && !world_ok(w, sync_history_set(w->d[0].v, 1),
	    "the window"))
		return false;
	for (uint64_t s = w->o->steps; s > 0; s--) {
		unsigned i = (unsigned)fake_below(w->dice, w->o->devices);
		uint64_t what = fake_below(w->dice, 3);
		bool gc = false;
		enum zk_err r = ZK_OK;

		if (w->o->stops && fake_below(w->dice, 3) == 0)
			world_trade(w, w->d[i].env);
		for (uint64_t n = fake_below(w->dice, 4); n > 0; n--) {
			if (w->o->jumps && fake_below(w->dice, 2) == 0)
				jump(w);
			world_edit(w, &w->d[i]);
		}
		if (w->o->jumps)
			jump(w);
		if (w->o->values && w->o->storms && !replace_remotes(w, i))
			return false;
		if (w->o->values)
			r = values_write(w->d[i].v, w->dice, &w->sum);
		if (r != ZK_ENOENT && !fair(r))
			return world_ok(w, r, "values");
		if (w->o->messages && !message(w, i))
			return false;
		r = ZK_OK;
		if (w->o->gc)
			wait_hours(w);
		gc = w->o->gc && fake_below(w->dice, 3) == 0;
		if ((what > 0 || gc) && w->o->storms) {
			if (!stormy_round(w, i, what == 1, gc))
				return false;
		} else if (gc) {
			r = collect(w, i);
		} else if (what > 0) {
			r = run_some(w, i, what == 1);
		}
		if (!fair(r))
			return world_ok(w, r, "a round");
	}
	w->faults = none;
	fair_weather(w);
	for (unsigned i = 0; i < w->o->devices; i++)
		if (!replace_remotes(w, i))
			return false;
	return true;
}

static bool
rest(struct world *w, int rounds)
{
	for (int k = 0; k < rounds; k++)
		for (unsigned i = 0; i < w->o->devices; i++) {
			enum zk_err a = run(w, i, false, NULL, 0);
			enum zk_err b = run(w, i, true, NULL, 0);
			/* what a lost remote had comes with who has it */
			bool early = k + 1 < rounds && w->o->storms;

			if (a != ZK_OK && a != ZK_ECONFLICT &&
			    !(a == ZK_EGAP && (early || world_gap(w, i))))
				return world_ok(w, a, "a pull to come to rest");
			w->gap |= a == ZK_EGAP && !early;
			if (b != ZK_OK && b != ZK_ECONFLICT)
				return world_ok(w, b, "a push to come to rest");
		}
	return true;
}

/* Judging ------------------------------------------------------------------ */

/*
 * Where disks fold, or something is nowhere: the merged trees are the same;
 * each disk has the contents that the first one has, but what is nowhere.
 */
static bool
same_merged(struct world *w, bool *seen)
{
	struct buf first, t, disk;
	bool good = true;

	buf_init(&first, 1 << 20);
	for (unsigned i = 0; good && i < w->o->devices; i++) {
		bool here[WORLD_CONTENTS] = { false };

		buf_init(&disk, 1 << 20);
		buf_init(&t, 1 << 20);
		world_dump(w->d[i].env, "/v", &disk,
		    i == 0 || w->gap ? seen : here);
		good = world_ok(w, list_dump(w->d[i].v->tree,
		    i == 0 ? &first : &t), "dump");
		if (good && i > 0)
			good = strcmp(buf_cstr(&first), buf_cstr(&t)) == 0 &&
			    (w->gap || memcmp(here, seen, sizeof(here)) == 0);
		if (!good || w->loud)
			printf("# seed %" PRIu64 ": %s\n%s---\n%s",
			    w->seed, world_names[i], buf_cstr(&disk),
			    buf_cstr(i == 0 ? &first : &t));
		buf_release(&disk);
		buf_release(&t);
	}
	buf_release(&first);
	return good;
}

static bool
same_trees(struct world *w, bool *seen)
{
	struct buf first, t;
	bool good = true;

	buf_init(&first, 1 << 20);
	world_dump(w->d[0].env, "/v", &first, seen);
	for (unsigned i = 1; good && i < w->o->devices; i++) {
		buf_init(&t, 1 << 20);
		world_dump(w->d[i].env, "/v", &t, seen);
		good = t.len == first.len && (t.len == 0 ||
		    memcmp(t.data, first.data, t.len) == 0);
		if (!good)
			printf("# seed %" PRIu64 ": trees differ:\n%s---"
			    " %s\n%s", w->seed, buf_cstr(&first),
			    world_names[i], buf_cstr(&t));
		buf_release(&t);
	}
	buf_release(&first);
	for (unsigned i = 0; !good && w->loud && i < w->o->devices; i++) {
		buf_init(&t, 1 << 20);
		(void)world_ok(w, list_dump(w->d[i].v->tree, &t), "dump");
		printf("merged tree of %s:\n%s", world_names[i],
		    buf_cstr(&t));
		buf_release(&t);
	}
	return good;
}

static bool
same_values(struct world *w)
{
	const struct sync_opts o = { .paths = NULL };
	struct sync_report rep;
	struct buf first, t;
	bool good = true;

	buf_init(&first, 1 << 20);
	for (unsigned i = 0; good && i < w->o->devices; i++) {
		int64_t sum = 0;

		buf_init(&t, 1 << 20);
		good = world_ok(w, values_dump(w->d[i].v, i == 0 ? &first : &t,
		    &sum), "reading values");
		/* which costs as much as all the rest */
		if (good && w->seed % 8 == 0)
			good = world_ok(w, sync_verify(w->d[i].v, &o, &rep),
			    "verify");
		if (good && sum != w->sum) {
			printf("# seed %" PRIu64 ": the sum is %" PRId64
			    ", not %" PRId64 "\n", w->seed, sum, w->sum);
			good = false;
		}
		if (good && i > 0 && strcmp(buf_cstr(&first), buf_cstr(&t))
		    != 0) {
			printf("# seed %" PRIu64 ": values differ:\n%s---\n"
			    "%s", w->seed, buf_cstr(&first), buf_cstr(&t));
			good = false;
		}
		buf_release(&t);
	}
	buf_release(&first);
	return good;
}

static bool
all_messages(struct world *w)
{
	bool good = true;

	for (unsigned i = 0; good && i < w->o->devices; i++)
		good = messages_check(w->d[i].v, w->d[i].env, i, w->sent,
		    w->o->devices);
	if (!good)
		printf("# seed %" PRIu64 ": messages\n", w->seed);
	return good;
}

/*
 * A file that has the time of a stop of the machine is one that the stop may
 * have damaged: in place of what was being written there it goes to the
 * trash.
 */
static bool
in_trash(struct world *w, unsigned c)
{
	bool seen[WORLD_CONTENTS] = { false };

	for (unsigned i = 0; i < w->o->devices; i++) {
		struct buf b;

		buf_init(&b, 1 << 20);
		world_dump(w->d[i].env, "/v/.zk/trash", &b, seen);
		buf_release(&b);
	}
	return seen[c];
}

static bool
judge(struct world *w)
{
	bool seen[WORLD_CONTENTS] = { false };
	bool good = w->o->folds > 0 || w->gap ? same_merged(w, seen) :
	    same_trees(w, seen);
	size_t held;

	for (unsigned c = 0; c < w->contents; c++) {
		if (seen[c] || w->retired[c] ||
		    (w->cut[c] && in_trash(w, c)))
			continue;
		printf("# seed %" PRIu64 ": content %u is lost\n", w->seed,
		    c);
		good = false;
	}
	held = remote_fake_segs(w->remote[0]);
	good = good && rest(w, 1);
	if (good && remote_fake_segs(w->remote[0]) != held) {
		printf("# seed %" PRIu64 ": a round at rest wrote\n",
		    w->seed);
		good = false;
	}
	/* with checkpoints they hold more or less, which newcomers judge */
	if (w->o->gc)
		return good;
	/* a blob may be missing that was nowhere when it was to be sent */
	held += remote_fake_recs(w->remote[0]);
	for (unsigned i = 1; good && i < w->o->remotes; i++) {
		size_t n = remote_fake_segs(w->remote[i]) +
		    remote_fake_recs(w->remote[i]);

		good = n == held;
		if (!good)
			printf("# seed %" PRIu64 ": %zu segments and records "
			    "on one remote, %zu on another\n", w->seed, held,
			    n);
	}
	return good;
}

/* Each remote alone has all of it. */
static bool
newcomers(struct world *w)
{
	bool good = true;

	for (unsigned i = 0; good && i < w->o->remotes; i++)
		good = world_newcomer(w, i);
	return good;
}

bool
world_run(uint64_t seed, const struct world_opts *o, uint64_t *trace)
{
	struct world w = { .seed = seed, .o = o,
		.loud = getenv("SIM_LOUD") != NULL };
	bool good = world_make(&w) && play(&w) &&
	    rest(&w, (o->devices == 2 ? 2 : 3) + o->gc + o->trees) &&
	    judge(&w) &&
	    (!o->values || same_values(&w)) &&
	    (!o->messages || all_messages(&w)) &&
	    (!o->gc || o->folds > 0 || newcomers(&w));

	*trace = 0;
	for (unsigned i = 0; i < o->devices; i++)
		if (w.d[i].fake != NULL)
			*trace = *trace * 31 + fake_trace(w.d[i].fake);
	world_free(&w);
	return good;
}

/* Remotes in a run: opening, reading.  See round.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "crypto/sign.h"
#include "store/chunkdb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "store/transitdb.h"
#include "sync/round.h"
#include "sync/transit.h"
#include "sync/upload.h"
#include "transport/url.h"
#include "util/log.h"

#define FETCH_BYTES (8u << 20)	/* asked for in one read */
#define WAIT_MS 250		/* between two looks at what is held */
/*
 * Segments in a row that are not taken in: once each of those held, again if
 * the remote began anew meanwhile, and so many that are refused.
 */
#define REFUSED_MAX 65536u

/* The request key for a URL: bound to the authority, for a folder the URL. */
static enum zk_err
request_key(struct vault *v, const char *url, struct signkey **out)
{
	const struct key *E = NULL;
	const char *why = "";
	uint8_t epoch_id[32];
	struct url *u = malloc(sizeof(*u));
	struct buf auth;
	enum zk_err r = u == NULL ? ZK_ENOMEM : url_parse(url, u, &why);

	buf_init(&auth, URL_MAX + 16);
	if (r == ZK_EUSAGE)
		log_error(r, NULL, "not a remote URL: %s", why);
	if (r == ZK_OK)
		r = records_epoch(v, &E, epoch_id);
	if (r == ZK_OK)
		r = u->kind == URL_FILE ? buf_str(&auth, url) :
		    url_authority(u, &auth);
	if (r == ZK_OK)
		r = epoch_request_key(E, buf_cstr(&auth), out);
	buf_release(&auth);
	free(u);
	return r;
}

enum zk_err
remotes_open_url(struct vault *v, const struct sync_opts *o,
    const char *url, struct transport **out, struct signkey **request)
{
	struct transport_opts to = { .env = v->env, .locator = v->locator,
		.space = v->space };
	enum zk_err r = request_key(v, url, request);

	*out = NULL;
	if (r != ZK_OK)
		return r;
	if (o != NULL) {
		to.timeout_ms = o->timeout_ms;
		to.up_rate = o->up_rate;
		to.down_rate = o->down_rate;
		to.proxy = o->proxy;
		to.invite = o->invite;
		to.stop = o->ui.stop;
		to.stop_arg = o->ui.arg;
	}
	to.request = *request;
	r = v->opener(v->opener_arg, url, &to, out);
	if (r != ZK_OK) {
		signkey_free(*request);
		*request = NULL;
	}
	return r;
}

enum zk_err
remotes_open_any(struct round *rd)
{
	enum zk_err r = ZK_OK;

	while (rd->remotes_n < SYNC_REMOTES_MAX) {
		struct vremote *vr = calloc(1, sizeof(*vr));

		if (vr == NULL)
			return ZK_ENOMEM;
		r = remotedb_at(rd->v->db, (unsigned)rd->remotes_n,
		    &vr->info);
		if (r == ZK_OK)
			r = remotes_open_url(rd->v, rd->o, vr->info.url,
			    &vr->t, &vr->request);
		if (r != ZK_OK) {
			free(vr);
			break;
		}
		r = transitdb_is(rd->v->db, vr->info.id, &vr->transit);
		transport_watch(vr->t, round_passed, rd);
		rd->remotes[rd->remotes_n++] = vr;
		if (r != ZK_OK)
			break;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
remotes_open(struct round *rd)
{
	enum zk_err r = remotes_open_any(rd);

	if (r != ZK_OK || rd->remotes_n > 0)
		return r;
	log_error(ZK_EUSAGE, NULL,
	    "this vault has no remote: add one with 'zk remote add URL'");
	return ZK_EUSAGE;
}

void
remotes_close(struct round *rd)
{
	while (rd->remotes_n > 0) {
		struct vremote *vr = rd->remotes[--rd->remotes_n];

		upload_free(vr->up);
		publish_early_free(vr);
		transport_free(vr->t);
		signkey_free(vr->request);
		free(vr);
	}
}

/* Says why a remote is left alone in this run. */
static enum zk_err
gave_up(struct vremote *vr, enum zk_err r)
{
	vr->err = r;
	return r;
}

enum zk_err
remotes_goes_round(const struct vremote *vr, const char *what)
{
	log_error(ZK_ETAMPER, &(struct log_where){ .remote =
	    transport_url(vr->t) }, "%s lists the same %s over and over",
	    transport_url(vr->t), what);
	return ZK_ETAMPER;
}

/* Reading ----------------------------------------------------------------- */

struct reading {
	struct round *rd;
	struct page *page;
};

static enum zk_err
read_one(void *arg, const struct tseg *s)
{
	struct reading *a = arg;

	if (round_stopped(a->rd))
		return ZK_ESIGNAL;
	return page_add(a->page, s);
}

/* Applied, not merely held: only then is all that is before it here, too. */
static bool
read_have(void *arg, const uint8_t log[static TRANSPORT_NAME_LEN],
    uint64_t seq, const uint8_t hash[static TRANSPORT_NAME_LEN])
{
	struct reading *a = arg;
	struct logdb_seg g = { 0 };

	(void)log;
	(void)seq;
	return logdb_by_hash(a->rd->v->db, hash, &g) == ZK_OK &&
	    g.state == LOGDB_APPLIED;
}

enum zk_err
remotes_alone(struct vault *v)
{
	int64_t cloned = 0;
	enum zk_err r = store_get_int(v->db, "cloned", 0, &cloned);

	if (r != ZK_OK || cloned == 0)
		return r;
	log_error(ZK_EFORK, NULL, "another copy of this device is at "
	    "work (a cloned disk or a restored backup): keep one, and "
	    "join the other as a new device with 'zk pair --join'");
	return ZK_EFORK;
}

/*
 * Whether a remote may go on that says that there is more: *idle counts the
 * segments since the last that was not held, of which stored is the number.
 */
static enum zk_err
check_idle(struct round *rd, const struct vremote *vr, uint64_t stored,
    size_t n, uint64_t *idle)
{
	uint64_t held = 0;
	enum zk_err r;

	*idle = rd->stored != stored ? 0 : *idle + (n > 0 ? n : 1);
	if (*idle <= REFUSED_MAX)
		return ZK_OK;
	r = logdb_count(rd->v->db, &held);
	return r == ZK_OK && *idle > REFUSED_MAX + 2 * held ?
	    remotes_goes_round(vr, "segments") : r;
}

enum zk_err
remotes_fetch(struct round *rd, struct vremote *vr)
{
	struct vault *v = rd->v;
	struct tmark mark = { .len = 0 };
	uint64_t idle = 0;
	bool more = true;
	enum zk_err r = remotedb_mark(v->db, vr->info.id, 0, mark.b,
	    &mark.len);

	/* of several remotes, one goes on where the other ended */
	if (rd->progress.phase != SYNC_FETCH)
		round_phase(rd, SYNC_FETCH, &(struct sync_progress){ 0 });
	while (r == ZK_OK && more) {
		struct reading a = { .rd = rd };
		struct tread how = { .max_bytes = FETCH_BYTES,
			.each = read_one, .have = read_have, .arg = &a };
		uint64_t stored = rd->stored;

		more = false;
		r = page_new(&a.page);
		if (r == ZK_OK)
			r = transport_read(vr->t, &how, &mark, &more);
		if (r == ZK_OK)
			r = ingest_page(rd, vr, a.page, &mark);
		if (r == ZK_OK) {
			rd->progress.segments += page_count(a.page);
			round_progress(rd, SYNC_FETCH);
		}
		if (r == ZK_OK && more)
			r = check_idle(rd, vr, stored, page_count(a.page),
			    &idle);
		page_free(a.page);
	}
	return r != ZK_OK ? gave_up(vr, r) : remotes_alone(v);
}

/* Ends the read at the first one that is not held. */
static enum zk_err
wait_one(void *arg, const struct tseg *s)
{
	struct reading *a = arg;
	bool have = false;
	enum zk_err r = logdb_have(a->rd->v->db, s->hash, &have);

	return r == ZK_OK && !have ? ZK_ECHANGED : r;
}

enum zk_err
remotes_wait(struct round *rd, struct vremote *vr, unsigned ms, bool *news)
{
	struct env *env = rd->v->env;
	struct reading a = { .rd = rd };
	struct tread how = { .wait_ms = ms, .each = wait_one,
		.have = read_have, .arg = &a };
	int64_t end = env_mono_ms(env) + ms, left = ms;
	struct tmark mark = { .len = 0 };
	bool more = false;
	enum zk_err r = remotedb_mark(rd->v->db, vr->info.id, 0, mark.b,
	    &mark.len);

	for (bool first = true; r == ZK_OK && !more && (first || left > 0);
	    first = false) {
		how.wait_ms = (unsigned)(left > 0 ? left : 0);
		r = transport_read(vr->t, &how, &mark, &more);
		left = end - env_mono_ms(env);
		/* what waits for something else is shown each time */
		if (r == ZK_OK && !more && left > 0)
			env_sleep_ms(env, left < WAIT_MS ? (unsigned)left :
			    WAIT_MS);
		if (r == ZK_OK && round_stopped(rd))
			r = ZK_ESIGNAL;
	}
	*news = r == ZK_ECHANGED || (r == ZK_OK && more);
	return r == ZK_ECHANGED ? ZK_OK : r;
}

/* Heads ------------------------------------------------------------------- */

struct heads {
	struct round *rd;
	struct vremote *vr;
	uint64_t own;		/* where our own log ends there; 0: nowhere */
	bool behind;		/* our own log is shorter there */
	enum zk_err r;
};

/* The newest segment of a log that the remote is known to hold. */
static enum zk_err
newest_there(struct heads *a, const uint8_t *log, struct logdb_seg *out)
{
	struct logdb_seg g = { 0 };
	bool has = false;
	enum zk_err r = logdb_tip(a->rd->v->db, log, &g);

	while (r == ZK_OK) {
		r = remotedb_has(a->rd->v->db, a->vr->info.id, g.hash, &has);
		if (r != ZK_OK || has)
			break;
		r = g.seq <= 1 ? ZK_ENOENT :
		    logdb_by_hash(a->rd->v->db, g.prev, &g);
	}
	if (r == ZK_OK)
		*out = g;
	return r;
}

static enum zk_err
check_head(void *arg, const struct logdb_log *l)
{
	struct heads *a = arg;
	struct vault *v = a->rd->v;
	bool own = memcmp(l->log, v->log_id, VAULT_ID_LEN) == 0;
	struct logdb_seg mine = { 0 };
	uint8_t hash[32];
	uint64_t seq = 0;
	enum zk_err r = newest_there(a, l->log, &mine);

	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r != ZK_OK)
		return r;
	if (own)
		seq = a->own;
	else
		r = transport_head(a->vr->t, l->log, &seq, hash);
	if (r != ZK_OK && r != ZK_ENOENT)
		return r;
	if (r == ZK_OK && seq >= mine.seq)
		return ZK_OK;
	a->behind = true;
	if (own) {
		log_warn("%s lost segments %llu to %llu of this device: they "
		    "are sent again", transport_url(a->vr->t),
		    (unsigned long long)seq + 1,
		    (unsigned long long)mine.seq);
		return ZK_OK;
	}
	a->r = ZK_EROLLBACK;
	log_error(ZK_EROLLBACK, &(struct log_where){ .remote =
	    transport_url(a->vr->t) }, "%s was rolled back: it held log "
	    "%02x%02x%02x%02x up to segment %llu and now shows %llu; nothing "
	    "here was changed", transport_url(a->vr->t), l->log[0], l->log[1],
	    l->log[2], l->log[3], (unsigned long long)mine.seq,
	    (unsigned long long)seq);
	return ZK_OK;
}

struct log_list {
	struct logdb_log *p;
	size_t n, cap;
};

static enum zk_err
add_log(void *arg, const struct logdb_log *l)
{
	struct log_list *a = arg;

	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 16 : a->cap * 2;
		void *p = realloc(a->p, cap * sizeof(*a->p));

		if (p == NULL)
			return ZK_ENOMEM;
		a->p = p;
		a->cap = cap;
	}
	a->p[a->n++] = *l;
	return ZK_OK;
}

/* Our own log: longer there than here means that it went on without us. */
static enum zk_err
check_own(struct heads *a)
{
	struct vault *v = a->rd->v;
	uint8_t hash[32];
	bool have = false;
	enum zk_err r = transport_head(a->vr->t, v->log_id, &a->own, hash);

	if (r == ZK_ENOENT) {
		a->own = 0;
		return ZK_OK;
	}
	if (r == ZK_OK)
		r = logdb_have(v->db, hash, &have);
	if (r == ZK_OK && !have)
		a->rd->own_ahead = true;
	return r;
}

enum zk_err
remotes_heads(struct round *rd, struct vremote *vr, bool only_own)
{
	struct vault *v = rd->v;
	struct heads a = { .rd = rd, .vr = vr };
	struct log_list logs = { 0 };
	enum zk_err r = check_own(&a);

	/* requests may take long: the list is read first */
	if (r == ZK_OK)
		r = logdb_logs(v->db, add_log, &logs);
	for (size_t i = 0; r == ZK_OK && i < logs.n; i++)
		if (!only_own ||
		    memcmp(logs.p[i].log, v->log_id, VAULT_ID_LEN) == 0)
			r = check_head(&a, &logs.p[i]);
	free(logs.p);
	if (r == ZK_OK && a.behind) {
		/* what it lost is not known: everything is asked for again */
		r = db_begin(v->db);
		if (r == ZK_OK)
			r = remotedb_forget(v->db, vr->info.id);
		if (r == ZK_OK)
			r = transitdb_reset(v->db, vr->info.id);
		if (r == ZK_OK)
			r = chunkdb_drop_remote(v->db, vr->info.id);
		r = db_end(v->db, r);
	}
	if (r != ZK_OK)
		return gave_up(vr, r);
	if (a.r != ZK_OK)
		round_note(rd, a.r);
	return a.r == ZK_OK ? transit_begin(rd, vr) : a.r;
}

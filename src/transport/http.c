#include "transport/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "transport/http_opts.h"
#include "transport/impl.h"
#include "transport/libcurl.h"
#include "util/env.h"
#include "util/log.h"

#define BACKOFF_MS 250		/* first; doubled, with full jitter */
#define BACKOFF_CAP_MS 60000
#define POLL_MS 1000		/* longest sleep without looking around */

int64_t
http_now(struct http *h)
{
	return env_mono_ms(h->env);
}

/* Life. */

/* When the first request begins, as most commands make none. */
static enum zk_err
start_curl(struct http *h, const char **why)
{
	enum zk_err r;

	if (h->multi != NULL)
		return ZK_OK;
	r = libcurl_load(why);
	if (r != ZK_OK)
		return r;
	*why = "libcurl does not start";
	if (!h->started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ZK_ENOMEM;
	h->started = true;
	if (h->share == NULL)
		h->share = curl_share_init();
	if (h->share == NULL || curl_share_setopt(h->share, CURLSHOPT_SHARE,
	    CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
		return ZK_ENOMEM;
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		return ZK_ENOMEM;
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	    (long)HTTP_POOL_MAX);
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
	    (long)HTTP_POOL_MAX);
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_NOTHING);
	return ZK_OK;
}

enum zk_err
http_new(const struct url *u, const struct transport_opts *opts,
    const char *name, struct http **out)
{
	struct http *h = calloc(1, sizeof(*h));
	enum zk_err r;

	*out = NULL;
	if (h == NULL)
		return ZK_ENOMEM;
	h->env = opts->env;
	h->opts = opts;
	h->name = name;
	h->url = *u;
	h->slots = HTTP_BULK_MAX;
	h->stall_ms = opts->timeout_ms > 0 && opts->timeout_ms <
	    HTTP_STALL_MS ? opts->timeout_ms : HTTP_STALL_MS;
	rate_init(&h->up, opts->up_rate, http_now(h));
	rate_init(&h->down, opts->down_rate, http_now(h));
	r = http_opts_check(h);
	if (r == ZK_OK)
		r = http_opts_names(h);
	if (r != ZK_OK) {
		http_free(h);
		return r;
	}
	if (u->kind == URL_HTTP && !u->loopback)
		log_warn("'%s' is not TLS: who listens on the way sees sizes, "
		    "times and the address of your vault there", name);
	*out = h;
	return ZK_OK;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	if (h->active != NULL || h->queue != NULL)
		BUG("requests under way in an engine that is freed");
	while (h->idle_n > 0)
		curl_easy_cleanup(h->idle[--h->idle_n]);
	if (h->multi != NULL)
		(void)curl_multi_cleanup(h->multi);
	if (h->share != NULL)
		(void)curl_share_cleanup(h->share);
	if (h->started)
		curl_global_cleanup();
	free(h);
}

/* The two lists. */

static void
unlink_call(struct http_call **list, struct http_call *c)
{
	while (*list != c)
		list = &(*list)->next;
	*list = c->next;
	c->next = NULL;
}

static void
enqueue(struct http *h, struct http_call *c)
{
	struct http_call **at = &h->queue;

	/* what someone waits for goes before what is on its way in bulk */
	while (*at != NULL && (c->bulk || !(*at)->bulk))
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

static CURL *
take_handle(struct http *h)
{
	if (h->idle_n > 0)
		return h->idle[--h->idle_n];
	return curl_easy_init();
}

/*
 * Takes c off its handle.  A handle that failed is not used again: some of
 * its buffers may still be set up, and options are then refused.
 */
static void
detach(struct http *h, struct http_call *c, bool keep)
{
	(void)curl_multi_remove_handle(h->multi, c->easy);
	if (keep && h->idle_n < HTTP_POOL_MAX)
		h->idle[h->idle_n++] = c->easy;
	else
		curl_easy_cleanup(c->easy);
	c->easy = NULL;
	if (c->bulk)
		h->bulk--;
	unlink_call(&h->active, c);
}

/*
 * Tells of a failure once; the same again stays quiet until something
 * succeeded.  What is an answer rather than a failure is the caller's.
 */
static void
report(struct http *h, const struct http_call *c, enum zk_err r)
{
	struct log_where w = { .remote = h->name };

	if (r == ZK_OK) {
		h->reported = ZK_OK;
		return;
	}
	if (r == ZK_ENOENT || r == ZK_EEXIST || r == ZK_EEXPIRED ||
	    r == ZK_ESIGNAL || r == h->reported)
		return;
	h->reported = r;
	log_error(r, &w, "'%s': %s: %s", h->name, err_text(r),
	    c->text[0] != '\0' ? c->text : "no answer in time");
}

static void
finish(struct http *h, struct http_call *c, enum zk_err r)
{
	if (r != ZK_OK && c->reply != NULL)
		buf_truncate(c->reply, c->reply_start);
	report(h, c, r);
	http_call_release(c);
	c->result = r;
	c->finished = true;
	if (c->done != NULL)
		c->done(c, r);
}

/* Trying again. */

/* The relay's clock, once a run, from a relay that proved its key. */
static bool
take_clock(struct http *h, const struct http_call *c)
{
	if (c->error.code != ERROR_CLOCK || c->status != 401 ||
	    c->error.time <= 0 || h->clock_set || h->url.kind != URL_HTTPS)
		return false;
	h->clock_s = c->error.time - env_now_ms(h->env) / 1000;
	h->clock_set = true;
	log_info("this clock is %lld s off that of '%s'",
	    (long long)h->clock_s, h->name);
	return true;
}

static int64_t
backoff(struct http *h, const struct http_call *c)
{
	int64_t span = BACKOFF_MS;
	curl_off_t after = 0;

	for (unsigned i = 1; i < c->tries && span < BACKOFF_CAP_MS; i++)
		span *= 2;
	if (span > BACKOFF_CAP_MS)
		span = BACKOFF_CAP_MS;
	span = (int64_t)rand_below(h->env, (uint64_t)span + 1);
	(void)curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > BACKOFF_CAP_MS / 1000)
		after = BACKOFF_CAP_MS / 1000;
	return span > after * 1000 ? span : (int64_t)after * 1000;
}

static void
see_pin(struct http *h, const struct http_call *c)
{
	struct curl_certinfo *info = NULL;

	if (h->pin[0] != '\0' || curl_easy_getinfo(c->easy,
	    CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
	    info->num_of_certs < 1)
		return;
	for (struct curl_slist *l = info->certinfo[0]; l != NULL; l = l->next)
		if (strncmp(l->data, "Cert:", 5) == 0 &&
		    spki_pin(l->data + 5, h->pin) != ZK_OK)
			h->pin[0] = '\0';
}

/* Slows down when the relay says so, and speeds up step by step. */
static void
adapt(struct http *h, int status)
{
	if (status == 429 || status == 503)
		h->slots = h->slots > 1 ? h->slots / 2 : 1;
	else if (h->slots < HTTP_BULK_MAX)
		h->slots++;
}

/* One try of c has ended. */
static void
ended(struct http *h, struct http_call *c, CURLcode code)
{
	int64_t now = http_now(h);
	int64_t pause = 0;
	bool retry;
	enum zk_err r = http_call_outcome(c, code, &retry);

	see_pin(h, c);
	adapt(h, c->status);
	if (take_clock(h, c))
		retry = true;
	else if (retry)
		pause = backoff(h, c);
	detach(h, c, code == CURLE_OK);
	if (!retry || c->tries >= HTTP_TRIES ||
	    (c->deadline > 0 && now + pause >= c->deadline)) {
		finish(h, c, r);
		return;
	}
	c->not_before = now + pause;
	enqueue(h, c);
}

/* Starting. */

static void
begin(struct http *h, struct http_call *c)
{
	const char *why = "";
	enum zk_err r = start_curl(h, &why);
	CURL *easy;

	if (r != ZK_OK) {
		(void)snprintf(c->text, sizeof(c->text), "%s", why);
		finish(h, c, r);
		return;
	}
	easy = take_handle(h);
	if (easy == NULL) {
		finish(h, c, ZK_ENOMEM);
		return;
	}
	c->tries++;
	c->stall_at = http_now(h) + h->stall_ms;
	r = http_call_prepare(c, easy);
	if (r == ZK_OK && curl_multi_add_handle(h->multi, easy) != CURLM_OK)
		r = ZK_ENOMEM;
	if (r != ZK_OK) {
		curl_easy_cleanup(easy);
		c->easy = NULL;
		finish(h, c, r);
		return;
	}
	c->next = h->active;
	h->active = c;
	if (c->bulk)
		h->bulk++;
}

/* Starts what may be; the next moment something will, or -1. */
static int64_t
begin_ready(struct http *h)
{
	int64_t now = http_now(h);
	int64_t next = -1;
	struct http_call **at = &h->queue;

	while (*at != NULL) {
		struct http_call *c = *at;

		if (c->not_before > now) {
			if (next < 0 || c->not_before < next)
				next = c->not_before;
			at = &c->next;
			continue;
		}
		if (c->bulk && h->bulk >= h->slots)
			break;
		*at = c->next;
		c->next = NULL;
		begin(h, c);
		at = &h->queue;
	}
	return next;
}

void
http_start(struct http *h, struct http_call *c)
{
	int64_t timeout = h->opts->timeout_ms > 0 ? h->opts->timeout_ms :
	    HTTP_TIMEOUT_MS;
	int64_t now = http_now(h);

	c->h = h;
	c->tries = 0;
	c->finished = false;
	c->not_before = now;
	c->deadline = c->bulk ? 0 : now + timeout + c->target.wait_ms;
	c->reply_start = c->reply != NULL ? c->reply->len : 0;
	c->text[0] = '\0';
	buf_init(&c->error_text, ERROR_BODY_MAX);
	enqueue(h, c);
}

/* Looking after what is under way. */

/*
 * The bytes that a transfer must move between two looks: 1 KiB/s, or, under
 * a rate limit, a quarter of its share.
 */
static uint64_t
least(const struct http *h, const struct http_call *c)
{
	const struct rate *r = c->body_len > 0 ? &h->up : &h->down;
	uint64_t per_s = HTTP_STALL_RATE;

	if (r->per_s > 0 && r->per_s / (h->bulk + 1) / 4 < per_s)
		per_s = r->per_s / (h->bulk + 1) / 4;
	return per_s * (uint64_t)h->stall_ms / 1000 + 1;
}

static bool
too_slow(struct http *h, struct http_call *c, int64_t now)
{
	if (!c->bulk || now < c->stall_at)
		return false;
	if (c->moved < least(h, c) && !c->paused)
		return true;
	c->moved = 0;
	c->stall_at = now + h->stall_ms;
	return false;
}

/*
 * Whether the deadline of a call has passed.  One that the caller did not
 * set moves on while bytes do: a page takes its time on a slow line.
 */
static bool
overdue(struct http *h, struct http_call *c, int64_t now)
{
	if (c->deadline == 0 || now < c->deadline)
		return false;
	if (h->opts->timeout_ms > 0 || c->moved < least(h, c))
		return true;
	c->moved = 0;
	c->deadline = now + h->stall_ms;
	return false;
}

/* Ends what is late; the next moment to look again, or -1. */
static int64_t
end_late(struct http *h)
{
	int64_t now = http_now(h);
	int64_t next = -1;
	struct http_call *following;

	for (struct http_call *c = h->active; c != NULL; c = following) {
		int64_t at;

		following = c->next;
		if (overdue(h, c, now) || too_slow(h, c, now)) {
			(void)snprintf(c->text, sizeof(c->text),
			    "no answer in time");
			detach(h, c, false);
			finish(h, c, ZK_ETIMEDOUT);
			next = now;
			continue;
		}
		at = c->bulk ? c->stall_at : c->deadline;
		if (next < 0 || at < next)
			next = at;
	}
	return next;
}

/* Lets those that wait for the rate limit go on; ms until others may, -1. */
static int
resume(struct http *h)
{
	int64_t now = http_now(h);
	unsigned up = rate_wait(&h->up, now);
	unsigned down = rate_wait(&h->down, now);
	unsigned wait = up > down ? up : down;
	bool any = false;

	for (struct http_call *c = h->active; c != NULL; c = c->next) {
		if (!c->paused)
			continue;
		any = true;
		if (wait > 0)
			continue;
		c->paused = false;
		(void)curl_easy_pause(c->easy, CURLPAUSE_CONT);
	}
	return any ? (int)wait : -1;
}

/* Takes in what has ended; how many. */
static unsigned
collect(struct http *h)
{
	unsigned n = 0;
	CURLMsg *m;
	int left;

	for (;;) {
		struct http_call *c = NULL;
		CURLcode code;

		m = curl_multi_info_read(h->multi, &left);
		if (m == NULL)
			return n;
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		ended(h, c, code);
		n++;
	}
}

static int
sooner(int wait, int64_t at, int64_t now)
{
	if (at < 0 || at - now >= wait)
		return wait;
	return at > now ? (int)(at - now) : 0;
}

void
http_drive(struct http *h, int timeout_ms)
{
	int wait = timeout_ms < POLL_MS ? timeout_ms : POLL_MS;
	int64_t now;
	int limit;
	int running;

	wait = sooner(wait, begin_ready(h), http_now(h));
	if (h->multi == NULL)
		return;		/* nothing was asked, or nothing can be */
	(void)curl_multi_perform(h->multi, &running);
	if (collect(h) > 0) {
		(void)begin_ready(h);
		return;
	}
	now = http_now(h);
	wait = sooner(wait, end_late(h), now);
	limit = resume(h);
	if (limit >= 0 && limit < wait)
		wait = limit;
	if (wait > 0)
		(void)curl_multi_poll(h->multi, NULL, 0, wait, NULL);
}

/* One call that someone waits for. */

/* Ends c, wherever it stands. */
static void
end_call(struct http *h, struct http_call *c, enum zk_err r)
{
	if (c->easy != NULL)
		detach(h, c, false);
	else
		unlink_call(&h->queue, c);
	finish(h, c, r);
}

void
http_end(struct http *h, struct http_call *c)
{
	if (!c->finished)
		end_call(h, c, ZK_ESIGNAL);
}

enum zk_err
http_finish(struct http *h, struct http_call *c)
{
	while (!c->finished) {
		if (transport_stopped(h->opts))
			end_call(h, c, ZK_ESIGNAL);
		else
			http_drive(h, POLL_MS);
	}
	return c->result;
}

enum zk_err
http_run(struct http *h, struct http_call *c)
{
	http_start(h, c);
	return http_finish(h, c);
}

void
http_abort(struct http *h, enum zk_err r)
{
	struct http_call *following;

	for (struct http_call *c = h->queue; c != NULL; c = following) {
		following = c->next;
		if (c->bulk)
			end_call(h, c, r);
	}
	for (struct http_call *c = h->active; c != NULL; c = following) {
		following = c->next;
		if (c->bulk)
			end_call(h, c, r);
	}
}

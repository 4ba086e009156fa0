/* zk kv watch: waits for values and prints them as they come.  See kv.h. */
#include <inttypes.h>
#include <string.h>

#include "cli/kv.h"
#include "cli/out.h"
#include "sync/sync.h"
#include "util/env.h"
#include "util/log.h"

#define WAIT_MS 30000u		/* one wait: renewed for ever */
#define LOCK_MS 2000		/* for another zk, before going on without */
#define PAUSE_MS 1000		/* after an offer that brought nothing */
#define BACK_OFF_MAX_MS 60000	/* between two tries of remotes that fail */
#define SHOW_MAX 200		/* bytes of a value for people */

struct watching {
	struct cmd_ctx *c;
	const char *only;	/* a key, or NULL */
	int64_t since;		/* change number printed last */
	int64_t back_off_ms;	/* 0 while remotes answer */
};

/* Sleeps, but not through a signal. */
static void
pause_ms(struct watching *w, int64_t ms)
{
	int64_t end = env_mono_ms(w->c->env) + ms;

	while (!cmd_stopped(w->c) && env_mono_ms(w->c->env) < end)
		env_sleep_ms(w->c->env, 100);
}

/* What is done beside the waiting is not worth a line of progress. */
static void
opts_of(struct watching *w, struct sync_opts *o)
{
	cmd_sync_opts(w->c, o);
	o->ui.progress = NULL;
}

/* Showing ------------------------------------------------------------------ */

struct register_show {
	struct watching *w;
	const struct kv_seen *seen;
	bool shown;
};

static enum zk_err
show_register(void *arg, const struct kv_value *val)
{
	struct register_show *s = arg;
	struct out *out = s->w->c->out;
	const void *p = val->value_len == 0 ? "" : (const char *)val->value;
	size_t n = val->value_len < SHOW_MAX ? val->value_len : SHOW_MAX;

	if (s->shown)
		return ZK_OK;
	s->shown = true;
	if (out_json(out)) {
		struct jsonw *w = out_begin(out, "kv");

		kv_json_key(w, &s->seen->key);
		jsonw_bool(w, "present", true);
		jsonw_bytes(w, "value", p, val->value_len);
		jsonw_int(w, "count", (int64_t)s->seen->count);
		kv_json_by(w, val);
		out_end(out);
		return ZK_OK;
	}
	out_name(out, p, n);
	out_printf(out, "%s (", n < val->value_len ? "..." : "");
	out_name_str(out, val->name);
	out_printf(out, ")\n");
	return ZK_OK;
}

static void
show_head(struct out *out, const struct kv_key *key)
{
	out_printf(out, "%s ", kv_kind_name(key->kind));
	out_name(out, key->name, key->name_len);
	if (key->ns_len > 0) {
		out_printf(out, " in ");
		out_name(out, key->ns, key->ns_len);
	}
	out_printf(out, ": ");
}

/* Anything but the value of a register. */
static void
show_state(struct out *out, const struct kv_seen *seen, int64_t total)
{
	struct jsonw *w = NULL;
	bool counter = seen->key.kind == KV_COUNTER;

	if (out_json(out)) {
		w = out_begin(out, "kv");
		kv_json_key(w, &seen->key);
		jsonw_bool(w, "present", seen->present);
		if (seen->present && counter)
			jsonw_int(w, "total", total);
		else
			jsonw_int(w, "count", (int64_t)seen->count);
		out_end(out);
	} else if (!seen->present) {
		out_printf(out, "removed\n");
	} else if (counter) {
		out_printf(out, "%" PRId64 "\n", total);
	} else {
		out_printf(out, "%" PRIu64 " %s%s\n", seen->count,
		    seen->key.kind == KV_SET ? "member" : "item",
		    seen->count == 1 ? "" : "s");
	}
}

static bool
wanted(const struct watching *w, const struct kv_key *key)
{
	const struct kv_opts *own = w->c->opts;

	if (own->ns != NULL && (strlen(own->ns) != key->ns_len ||
	    memcmp(own->ns, key->ns, key->ns_len) != 0))
		return false;
	return w->only == NULL || (strlen(w->only) == key->name_len &&
	    memcmp(w->only, key->name, key->name_len) == 0);
}

static enum zk_err
show_change_of(void *arg, const struct kv_seen *seen)
{
	struct watching *w = arg;
	struct out *out = w->c->out;
	struct register_show rs = { w, seen, false };
	int64_t total = 0;
	enum zk_err r = ZK_OK;

	w->since = seen->changed;
	if (!wanted(w, &seen->key))
		return ZK_OK;
	show_head(out, &seen->key);
	if (seen->present && seen->key.kind == KV_REGISTER)
		return sync_kv_values(w->c->vault, &seen->key, show_register,
		    &rs);
	if (seen->present && seen->key.kind == KV_COUNTER)
		r = sync_kv_sum(w->c->vault, &seen->key, &total);
	if (r == ZK_OK)
		show_state(out, seen, total);
	return r;
}

/* Prints what is new in the open vault, at once. */
static enum zk_err
show_new(struct watching *w)
{
	enum zk_err r = sync_kv_changes(w->c->vault, w->since,
	    show_change_of, w);

	out_release_now(w->c->out);
	return r == ZK_OK ? out_error(w->c->out) : r;
}

/* The loop ----------------------------------------------------------------- */

static void
close_vault(struct cmd_ctx *c)
{
	vault_close(c->vault);
	c->vault = NULL;
}

static void
count_remote(void *arg, const struct sync_remote *rm)
{
	size_t *n = arg;

	(void)rm;
	(*n)++;
}

/* Reads the remotes, if the vault has any. */
static enum zk_err
fetch_all(struct watching *w)
{
	struct cmd_ctx *c = w->c;
	size_t n = 0;
	struct sync_ui ui = { .arg = &n, .remote = count_remote };
	struct sync_opts o;
	enum zk_err r = sync_remote_ls(c->vault, &ui);

	if (r != ZK_OK || n == 0)
		return r;
	opts_of(w, &o);
	r = sync_kv_fetch(c->vault, &o, c->rep);
	/* what is missing says so itself, and the remotes answered */
	w->back_off_ms = err_status(r) != 5 || r == ZK_EGAP ? 0 :
	    w->back_off_ms == 0 ? PAUSE_MS : 2 * w->back_off_ms;
	if (w->back_off_ms > BACK_OFF_MAX_MS)
		w->back_off_ms = BACK_OFF_MAX_MS;
	return err_status(r) == 5 ? ZK_OK : r;
}

/*
 * Fetches, if no other zk is at work on this device: what that brings is
 * seen, too.  A network that fails is tried again, less and less often.
 */
static enum zk_err
fetch(struct watching *w)
{
	struct cmd_ctx *c = w->c;
	enum zk_err r = cmd_try_vault(c, LOCK_MS);

	if (r == ZK_OK)
		r = fetch_all(w);
	if (r == ZK_OK)
		r = show_new(w);
	close_vault(c);
	return r == ZK_ELOCKED ? ZK_OK : r;
}

/* Waits without the lock, so that other runs are free to work. */
static enum zk_err
wait_for(struct watching *w, bool *news)
{
	struct cmd_ctx *c = w->c;
	struct sync_opts o;
	enum zk_err r = cmd_peek_vault(c);

	*news = false;
	if (r == ZK_OK)
		r = show_new(w);
	if (r == ZK_OK) {
		opts_of(w, &o);
		r = sync_kv_wait(c->vault, &o, w->since, WAIT_MS, news);
	}
	if (r == ZK_OK)
		r = show_new(w);
	close_vault(c);
	return r;
}

static enum zk_err
watch_loop(struct watching *w)
{
	enum zk_err r = ZK_OK;
	bool news = false;

	while (r == ZK_OK && !cmd_stopped(w->c)) {
		int64_t was = w->since;

		r = fetch(w);
		if (r != ZK_OK || cmd_stopped(w->c))
			break;
		/* an offer that brings nothing would come at once again */
		if (news && w->since == was)
			pause_ms(w, PAUSE_MS);
		if (w->back_off_ms > 0) {
			pause_ms(w, w->back_off_ms);
			news = false;
			continue;
		}
		r = wait_for(w, &news);
		if (err_status(r) == 5) {
			w->back_off_ms = PAUSE_MS;
			r = ZK_OK;
		}
	}
	return cmd_stopped(w->c) ? ZK_ESIGNAL : r;
}

static enum zk_err
watch_run(struct cmd_ctx *c)
{
	const struct kv_opts *own = c->opts;
	struct watching w = { .c = c };
	struct kv_key key;
	enum zk_err r = kv_key_of(own, c->argc > 0 ? c->argv[0] : "k",
	    KV_REGISTER, &key);

	c->until_closed = true;
	w.only = c->argc > 0 ? c->argv[0] : NULL;
	if (r == ZK_OK)
		r = cmd_peek_vault(c);
	if (r == ZK_OK && !own->all)
		r = sync_kv_now(c->vault, &w.since);
	close_vault(c);
	return r == ZK_OK ? watch_loop(&w) : r;
}

static const struct opt watch_opts[] = {
	{ .letter = 'N', .name = "namespace", .kind = OPT_STR,
	    .off = KV_OPT(ns), .arg = "NS",
	    .help = "only keys of the namespace NS" },
	{ .name = "all", .kind = OPT_FLAG, .off = KV_OPT(all),
	    .help = "first what is there now" },
	{ .kind = OPT_END } };

const struct cmd kv_watch = {
	.name = "watch", .args = "[KEY]",
	.summary = "print changes as they arrive",
	.opts = watch_opts, .opts_size = sizeof(struct kv_opts),
	.globals = G_VAULT | G_NET, .max_args = 1, .run = watch_run,
};

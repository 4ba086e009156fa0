#include "transport/folder_pace.h"

#include "util/env.h"
#include "util/log.h"

/* ms of one sleep: stop is asked between two, and no burst goes unused */
#define SLEEP_MIN 20
#define SLEEP_MAX 100

void
folder_pace_init(struct folder *f)
{
	const struct transport_opts *o = &f->t.opts;

	rate_init(&f->up, o->up_rate, env_mono_ms(o->env));
	rate_init(&f->down, o->down_rate, env_mono_ms(o->env));
}

void
folder_pace_begin(struct folder *f, unsigned wait_ms)
{
	const struct transport_opts *o = &f->t.opts;

	f->deadline = o->timeout_ms > 0 ?
	    env_mono_ms(o->env) + o->timeout_ms + wait_ms : INT64_MAX;
}

size_t
folder_pace_some(struct folder *f, bool up, size_t n)
{
	n = rate_take(up ? &f->up : &f->down, env_mono_ms(f->t.opts.env), n);
	transport_moved(&f->t.opts, up, n);
	return n;
}

enum zk_err
folder_pace_wait(struct folder *f, bool up, int64_t end)
{
	struct env *env = f->t.opts.env;
	int64_t now = env_mono_ms(env);
	int64_t ms = rate_wait(up ? &f->up : &f->down, now);

	if (transport_stopped(&f->t.opts))
		return ZK_ESIGNAL;
	if (now >= end)
		return ZK_ETIMEDOUT;
	if (ms < SLEEP_MIN)
		ms = SLEEP_MIN;
	if (ms > SLEEP_MAX)
		ms = SLEEP_MAX;
	if (ms > end - now)
		ms = end - now;
	env_sleep_ms(env, (unsigned)ms);
	return ZK_OK;
}

enum zk_err
folder_pace(struct folder *f, bool up, size_t n)
{
	struct log_where w = { .remote = f->t.url };
	enum zk_err r = ZK_OK;

	while (n > 0 && r == ZK_OK) {
		n -= folder_pace_some(f, up, n);
		if (n > 0)
			r = folder_pace_wait(f, up, f->deadline);
	}
	if (r == ZK_ETIMEDOUT)
		log_error(r, &w, "'%s': the rate limit lets no more pass in "
		    "time", f->t.url);
	return r;
}

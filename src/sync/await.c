#include "sync/await.h"

#include <stdlib.h>

#include "sync/round.h"

#define LOOK_MS 200		/* between two looks at the database */

struct waiting {
	struct vault *v;
	const struct sync_opts *o;	/* the caller's */
	await_look_fn *look;
	void *arg;
	int64_t look_at;	/* monotonic ms of the next look */
	bool changed;
	enum zk_err r;		/* of a look */
};

/* Ends the wait on the caller's stop, and when something changed here. */
static bool
wait_stop(void *arg)
{
	struct waiting *w = arg;
	int64_t at = env_mono_ms(w->v->env);

	if (w->o->ui.stop != NULL && w->o->ui.stop(w->o->ui.arg))
		return true;
	if (at >= w->look_at && !w->changed && w->r == ZK_OK) {
		w->look_at = at + LOOK_MS;
		w->r = w->look(w->arg, &w->changed);
	}
	return w->changed || w->r != ZK_OK;
}

/* On the first remote that answers; of none all has been said. */
static enum zk_err
wait_remote(struct round *rd, unsigned ms, bool *news)
{
	enum zk_err r = ZK_ENET;

	for (size_t i = 0; i < rd->remotes_n; i++) {
		r = remotes_wait(rd, rd->remotes[i], ms, news);
		if (r == ZK_OK || r == ZK_ESIGNAL || r == ZK_ENOMEM)
			break;
	}
	return r;
}

enum zk_err
await_news(struct vault *v, const struct sync_opts *o, unsigned ms,
    await_look_fn *look, void *arg, bool *news)
{
	struct waiting w = { .v = v, .o = o, .look = look, .arg = arg };
	struct sync_opts mine = *o;
	struct sync_report *rep = calloc(1, sizeof(*rep));
	int64_t end = env_mono_ms(v->env) + ms;
	struct round rd;
	enum zk_err r = ZK_ENOMEM;

	*news = false;
	if (rep == NULL)
		return r;
	mine.ui = (struct sync_ui){ .arg = &w, .stop = wait_stop };
	r = round_begin(&rd, v, &mine, rep);
	if (r == ZK_OK)
		r = remotes_open_any(&rd);
	if (r == ZK_OK && rd.remotes_n > 0)
		r = wait_remote(&rd, ms, news);
	else
		while (r == ZK_OK && env_mono_ms(v->env) < end)
			if (wait_stop(&w))
				r = ZK_ESIGNAL;
			else
				env_sleep_ms(v->env, LOOK_MS);
	if (w.r != ZK_OK)
		r = w.r;
	else if (w.changed) {
		*news = true;
		r = ZK_OK;
	}
	round_release(&rd);
	free(rep);
	return r;
}

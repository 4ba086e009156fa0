/* zk gc: free the space of what is past the window, zk-gc(1). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "sync/sync.h"

static void
waits(void *arg, const struct sync_device *d)
{
	struct cmd_ctx *c = arg;

	if (out_json(c->out)) {
		jsonw_bytes(out_begin(c->out, "waits"), "device", d->name,
		    strlen(d->name));
		out_end(c->out);
	} else {
		out_printf(c->out, "waiting for device ");
		out_name_str(c->out, d->name);
		out_printf(c->out, "%s\n", d->silent ? ", silent: 'zk device "
		    "park' if it stays away" : "");
	}
}

static void
line(struct cmd_ctx *c, const char *what, uint64_t n, uint64_t bytes)
{
	char size[16];

	if (n > 0)
		out_printf(c->out, "%s %" PRIu64 " blob%s (%s)\n", what, n,
		    n == 1 ? "" : "s", progress_size(size, (double)bytes));
}

/* What became of the history itself. */
static void
history(struct cmd_ctx *c, const struct sync_gc *gc)
{
	bool dry = c->g->dry_run;

	if (gc->segments > 0)
		out_printf(c->out, "%s %" PRIu64 " segment%s of history that "
		    "a checkpoint covers\n", dry ? "would delete" :
		    "deleted", gc->segments, gc->segments == 1 ? "" : "s");
	if (gc->checkpoint)
		out_printf(c->out, "%s a checkpoint of the history\n",
		    dry ? "would write" : "wrote");
}

static void
show(struct cmd_ctx *c, const struct sync_gc *gc)
{
	bool dry = c->g->dry_run;

	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "gc");

		jsonw_int(w, "condemned", (int64_t)gc->condemned);
		jsonw_int(w, "condemned_bytes", (int64_t)gc->condemned_bytes);
		jsonw_int(w, "deleted", (int64_t)gc->deleted);
		jsonw_int(w, "deleted_bytes", (int64_t)gc->deleted_bytes);
		jsonw_int(w, "waiting", (int64_t)gc->waiting);
		jsonw_int(w, "waiting_bytes", (int64_t)gc->waiting_bytes);
		jsonw_int(w, "segments", (int64_t)gc->segments);
		jsonw_bool(w, "checkpoint", gc->checkpoint);
		jsonw_bool(w, "more", gc->more);
		out_end(c->out);
		return;
	}
	line(c, dry ? "would condemn" : "condemned", gc->condemned,
	    gc->condemned_bytes);
	line(c, dry ? "would delete" : "deleted", gc->deleted,
	    gc->deleted_bytes);
	line(c, "waiting:", gc->waiting, gc->waiting_bytes);
	history(c, gc);
}

static enum zk_err
gc_run(struct cmd_ctx *c)
{
	struct sync_gc gc;
	struct sync_opts o;
	enum zk_err r;

	cmd_sync_opts(c, &o);
	r = sync_gc(c->vault, &o, c->g->verbosity >= 0 || c->g->json ? waits :
	    NULL, c->rep, &gc);
	show(c, &gc);
	if (r == ZK_OK && gc.condemned + gc.deleted + gc.waiting +
	    gc.segments + gc.checkpoint == 0)
		snprintf(c->say, sizeof(c->say), "nothing to free");
	else if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), c->g->dry_run ?
		    "dry run: nothing was done" : gc.more ?
		    "done for this run; another one finds more" : "done");
	return r;
}

const struct cmd cmd_gc = {
	.name = "gc",
	.args = "",
	.summary = "free the space of what is past the history window",
	.flags = CMD_VAULT,
	.globals = G_VAULT | G_DRY_RUN | G_NET | G_PROGRESS,
	.run = gc_run,
};

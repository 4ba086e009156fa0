/* zk status: what differs, and how far everybody is, zk-status(1). */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/show.h"
#include "sync/sync.h"

struct status_opts {
	bool check;
	bool offline;
	int64_t max_age_ms;
};

#define AT(member) offsetof(struct status_opts, member)

static const struct opt status_opts[] = {
	{ .name = "check", .kind = OPT_FLAG, .off = AT(check),
	    .help = "tell the state by the exit status" },
	{ .name = "offline", .kind = OPT_FLAG, .off = AT(offline),
	    .help = "ask no remote" },
	{ .name = "max-age", .kind = OPT_DURATION, .off = AT(max_age_ms),
	    .arg = "DUR", .help = "with --check: 8 if one was not seen for "
	    "DUR" },
	{ .kind = OPT_END }
};

/* The answer of --check, in the order of zk-status(1). */
static enum zk_err
verdict(const struct sync_report *rep)
{
	if (rep->open_conflicts > 0)
		return ZK_ECONFLICT;
	if (rep->to_push > 0)
		return ZK_ETOPUSH;
	if (rep->to_pull > 0)
		return ZK_ETOPULL;
	return rep->stale > 0 ? ZK_ESTALE : ZK_OK;
}

static void
say(struct cmd_ctx *c)
{
	const struct sync_report *rep = c->rep;

	if (rep->open_conflicts + rep->to_push + rep->to_pull == 0)
		snprintf(c->say, sizeof(c->say), "in sync");
	else
		snprintf(c->say, sizeof(c->say), "%" PRIu64 " to push, %"
		    PRIu64 " to pull, %" PRIu64 " conflict%s", rep->to_push,
		    rep->to_pull, rep->open_conflicts,
		    rep->open_conflicts == 1 ? "" : "s");
}

static enum zk_err
status_run(struct cmd_ctx *c)
{
	const struct status_opts *own = c->opts;
	struct sync_opts o;

	cmd_sync_opts(c, &o);
	/* quiet, the exit status alone tells */
	if (c->g->verbosity >= 0 || c->g->json) {
		o.ui.change = show_change;
		o.ui.conflict = show_conflict;
		o.ui.alias = show_alias;
		o.ui.remote = show_remote;
		o.ui.device = show_device;
	}
	o.offline = own->offline;
	o.max_age_ms = own->max_age_ms;
	enum zk_err r = sync_status(c->vault, &o, c->rep);
	int status = err_status(r);
	if (status != 0 && status != 3 && status != 4)
		return r;
	say(c);
	if (own->check)
		return err_worse(r == ZK_ECONFLICT ? ZK_OK : r,
		    verdict(c->rep));
	return r == ZK_ECONFLICT ? ZK_OK : r;
}

const struct cmd cmd_status = {
	.name = "status",
	.args = "[--check]",
	.summary = "show what differs and how far each device and remote is",
	.opts = status_opts,
	.opts_size = sizeof(struct status_opts),
	.flags = CMD_VAULT | CMD_FRONT,
	.globals = G_READER | G_NET | G_PROGRESS,
	.run = status_run,
};

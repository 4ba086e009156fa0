/* zk push, zk pull, zk sync: one round. */
#include "cli/cmd.h"
#include "cli/show.h"
#include "sync/sync.h"

/*
 * Changes are listed when asked for (-n, -v), conflicts always: they are
 * what the user has to look at.
 */
static void
round_opts(struct cmd_ctx *c, struct sync_opts *o)
{
	cmd_sync_opts(c, o);
	if (c->g->dry_run || c->g->verbosity > 0)
		o->ui.change = show_change;
	o->ui.conflict = show_conflict;
	o->ui.merged = show_merged;
	o->dir = c->g->dir;
	o->paths = (const char *const *)c->argv;
	o->paths_n = (size_t)c->argc;
}

/* Something was done that is worth a summary, also beside an error. */
static bool
worth_saying(const struct cmd_ctx *c, enum zk_err r)
{
	int status = err_status(r);

	return status == 0 || status == 3 || status == 4 ||
	    c->rep->files + c->rep->dirs + c->rep->deleted > 0;
}

static enum zk_err
push_run(struct cmd_ctx *c)
{
	struct sync_opts o;

	round_opts(c, &o);
	enum zk_err r = sync_push(c->vault, &o, c->rep);
	if (worth_saying(c, r))
		show_summary(c, "pushed", "to");
	return r;
}

static enum zk_err
pull_run(struct cmd_ctx *c)
{
	struct sync_opts o;

	round_opts(c, &o);
	enum zk_err r = sync_pull(c->vault, &o, c->rep);
	if (worth_saying(c, r))
		show_summary(c, "pulled", "from");
	return r;
}

static enum zk_err
sync_run(struct cmd_ctx *c)
{
	struct sync_opts o;

	round_opts(c, &o);
	enum zk_err r = sync_both(c->vault, &o, c->rep);
	if (worth_saying(c, r))
		show_summary(c, "synced", "with");
	return r;
}

#define G_ROUND (G_VAULT | G_DRY_RUN | G_NET | G_MAX_DELETE | G_PROGRESS)

const struct cmd cmd_push = {
	.name = "push",
	.args = "[PATH...]",
	.summary = "record local changes and put them on the remotes",
	.flags = CMD_VAULT | CMD_FRONT,
	.globals = G_ROUND,
	.max_args = -1,
	.operand = OPERAND_PATH,
	.run = push_run,
};

const struct cmd cmd_pull = {
	.name = "pull",
	.args = "[PATH...]",
	.summary = "fetch what other devices did and apply it here",
	.flags = CMD_VAULT | CMD_FRONT,
	.globals = G_ROUND,
	.max_args = -1,
	.operand = OPERAND_PATH,
	.run = pull_run,
};

const struct cmd cmd_sync = {
	.name = "sync",
	.args = "",
	.summary = "pull, then push",
	.flags = CMD_VAULT,
	.globals = G_ROUND,
	.run = sync_run,
};

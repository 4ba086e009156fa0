/*
 * zk complete: what completions ask for, one word a line, a tab, what it is
 * (zk(1), COMPLETIONS).  Says nothing where there is nothing to say.
 */
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "sync/sync.h"
#include "util/log.h"

static void
one_cmd(struct out *o, const struct cmd *c)
{
	if (!(c->flags & CMD_HELPER))
		out_printf(o, "%s\t%s\n", c->name, c->summary);
}

static void
complete_commands(struct out *o, const struct cmd *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		one_cmd(o, *list);
}

/* Options of one table: a trailing '=' says that a value follows. */
static void
table(struct out *o, const struct opt *t, unsigned mask)
{
	for (; t != NULL && t->kind != OPT_END; t++) {
		if (t->mask != 0 && !(t->mask & mask))
			continue;
		out_printf(o, "--%s%s\t%s\n", t->name, t->arg == NULL ? "" :
		    "=", t->help);
	}
}

/* What may follow `zk ARGS...`: the command, the subcommand, or neither. */
static const struct cmd *
named(int argc, char **argv)
{
	const struct cmd *c = argc > 0 ? cmd_find(argv[0]) : NULL;

	if (c != NULL && c->subs != NULL && argc > 1) {
		const struct cmd *sub = cmd_find_sub(c, argv[1]);

		return sub != NULL ? sub : c;
	}
	return c;
}

static void
complete_options(struct out *o, int argc, char **argv)
{
	const struct cmd *c = named(argc, argv);

	if (c != NULL)
		table(o, c->opts, ~0u);
	table(o, global_opts, c == NULL ? ~0u : c->globals | G_ANY);
}

/* What an operand of the named command is: dir, path, remote, device... */
static void
complete_operand(struct out *o, int argc, char **argv)
{
	static const char *const kinds[] = { "none", "path", "dir", "remote",
		"device", "command" };
	const struct cmd *c = named(argc, argv);

	out_printf(o, "%s\n", c == NULL ? "command" : c->subs != NULL ?
	    "subcommand" : kinds[c->operand]);
}

static void
one_remote(void *arg, const struct sync_remote *rm)
{
	struct cmd_ctx *c = arg;

	out_name_str(c->out, rm->url);
	out_printf(c->out, "\tremote\n");
}

static void
one_device(void *arg, const struct sync_device *d)
{
	struct cmd_ctx *c = arg;

	out_name_str(c->out, d->name);
	out_printf(c->out, "\tdevice\n");
}

/* From the vault around, if there is one that opens. */
static void
complete_vault(struct cmd_ctx *c, bool remotes)
{
	struct sync_ui ui = { .arg = c, .remote = one_remote,
		.device = one_device };
	struct vault_opts o = { .env = c->env, .dir = c->g->dir,
		.state_home = c->state_home, .no_lock = true };
	struct vault *v = NULL;

	log_set_level(LOG_QUIET);
	enum zk_err r = vault_open(&o, &v);
	if (r == ZK_OK)
		r = remotes ? sync_remote_ls(v, &ui)
			    : sync_device_ls(v, &ui);
	log_debug("completion: %s", err_text(r));
	vault_close(v);
}

static enum zk_err
complete_run(struct cmd_ctx *c)
{
	const char *what = c->argv[0];
	const struct cmd *of = named(c->argc - 1, c->argv + 1);

	if (strcmp(what, "commands") == 0)
		complete_commands(c->out, c->argc == 1 ? commands :
		    of == NULL ? NULL : of->subs);
	else if (strcmp(what, "options") == 0)
		complete_options(c->out, c->argc - 1, c->argv + 1);
	else if (strcmp(what, "operand") == 0)
		complete_operand(c->out, c->argc - 1, c->argv + 1);
	else if (strcmp(what, "remotes") == 0)
		complete_vault(c, true);
	else if (strcmp(what, "devices") == 0)
		complete_vault(c, false);
	else
		return ZK_EUSAGE;
	return ZK_OK;
}

const struct cmd cmd_complete = {
	.name = "complete",
	.args = "commands|options|operand|remotes|devices [COMMAND [SUB]]",
	.summary = "list words for completions",
	.flags = CMD_HELPER,
	.globals = G_DIR,
	.min_args = 1,
	.max_args = 3,
	.run = complete_run,
};

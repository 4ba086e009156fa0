/* zk help: texts made from the tables. */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/out.h"
#include "util/log.h"

static enum zk_err
help_run(struct cmd_ctx *c)
{
	out_set_json(c->out, false);
	if (c->argc == 0) {
		help_all(c->out);
		return ZK_OK;
	}
	const struct cmd *about = cmd_find(c->argv[0]);
	const struct cmd *sub = NULL;
	if (about != NULL && c->argc > 1)
		sub = cmd_find_sub(about, c->argv[1]);
	if (about == NULL || (c->argc > 1 && sub == NULL)) {
		log_error(ZK_EUSAGE, NULL, "no help for '%s', see 'zk help'",
		    c->argv[about == NULL ? 0 : 1]);
		return ZK_EUSAGE;
	}
	if (sub != NULL)
		help_cmd(c->out, about, sub);
	else
		help_cmd(c->out, NULL, about);
	return ZK_OK;
}

const struct cmd cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.summary = "show help",
	.max_args = 2,
	.operand = OPERAND_COMMAND,
	.run = help_run,
};

/* zk device: the members of the vault, zk-device(1). */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/show.h"
#include "sync/sync.h"

static enum zk_err
ls_run(struct cmd_ctx *c)
{
	struct sync_ui ui = { .arg = c, .device = show_device };

	return sync_device_ls(c->vault, &ui);
}

static enum zk_err
rename_run(struct cmd_ctx *c)
{
	enum zk_err r = sync_device_rename(c->vault, c->argv[0], c->argv[1]);

	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say),
		    "device renamed; the next push tells the others");
	return r;
}

static const struct cmd device_ls = {
	.name = "ls",
	.args = "",
	.summary = "list the devices of this vault",
	.flags = CMD_VAULT,
	.globals = G_READER,
	.run = ls_run,
};

static const struct cmd device_rename = {
	.name = "rename",
	.args = "OLD NEW",
	.summary = "give this device another name",
	.flags = CMD_VAULT,
	.globals = G_VAULT,
	.min_args = 2,
	.max_args = 2,
	.operand = OPERAND_DEVICE,
	.run = rename_run,
};

static const struct cmd *const device_subs[] = { &device_ls, &device_rename,
	NULL };

const struct cmd cmd_device = {
	.name = "device",
	.args = "[ls | rename OLD NEW]",
	.summary = "list and rename devices",
	.subs = device_subs,
};

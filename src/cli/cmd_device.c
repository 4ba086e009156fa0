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

static enum zk_err
park_run(struct cmd_ctx *c)
{
	bool was = false;
	enum zk_err r = sync_device_park(c->vault, c->argv[0], &was);

	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), was ? "the device is parked "
		    "already" : "device parked; the next push tells the "
		    "others");
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

static const struct cmd device_park = {
	.name = "park",
	.args = "NAME",
	.summary = "wait no more for a silent device",
	.flags = CMD_VAULT,
	.globals = G_VAULT,
	.min_args = 1,
	.max_args = 1,
	.operand = OPERAND_DEVICE,
	.run = park_run,
};

static const struct cmd *const device_subs[] = { &device_ls, &device_rename,
	&device_park, NULL };

const struct cmd cmd_device = {
	.name = "device",
	.args = "[ls | rename OLD NEW | park NAME]",
	.summary = "list, rename and park devices",
	.subs = device_subs,
};

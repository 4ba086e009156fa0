/* zk verify: check everything this device holds, zk-verify(1). */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "sync/sync.h"

static enum zk_err
verify_run(struct cmd_ctx *c)
{
	struct sync_opts o;

	cmd_sync_opts(c, &o);
	enum zk_err r = sync_verify(c->vault, &o, c->rep);
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), "verified: everything that "
		    "this device holds is whole");
	return r;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "",
	.summary = "check every signature, hash and object held here",
	.flags = CMD_VAULT,
	.globals = G_READER | G_NET | G_PROGRESS,
	.run = verify_run,
};

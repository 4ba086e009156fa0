/* zk remote: the places where ciphertext is put, zk-remote(1). */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/show.h"
#include "sync/sync.h"

struct remote_opts {
	const char *invite;
	bool transit;
};

static const struct opt add_opts[] = {
	{ .name = "invite", .kind = OPT_STR,
	    .off = offsetof(struct remote_opts, invite), .arg = "TOKEN",
	    .help = "what a relay with --invite asks for" },
	{ .name = "transit", .kind = OPT_FLAG,
	    .off = offsetof(struct remote_opts, transit),
	    .help = "a relay that passes on and keeps nothing" },
	{ .kind = OPT_END }
};

static enum zk_err
ls_run(struct cmd_ctx *c)
{
	struct sync_ui ui = { .arg = c, .remote = show_remote };

	return sync_remote_ls(c->vault, &ui);
}

static enum zk_err
add_run(struct cmd_ctx *c)
{
	const struct remote_opts *own = c->opts;
	struct sync_opts o;
	enum zk_err r;

	cmd_sync_opts(c, &o);
	o.invite = own->invite;
	o.transit = own->transit;
	r = sync_remote_add(c->vault, c->argv[0], &o);
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), own->transit ?
		    "transit relay added; add it so on each device" :
		    "remote added; the next push fills it");
	return r;
}

static enum zk_err
rm_run(struct cmd_ctx *c)
{
	enum zk_err r = sync_remote_rm(c->vault, c->argv[0]);

	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), "remote forgotten; what it "
		    "holds stays there");
	return r;
}

static const struct cmd remote_ls = {
	.name = "ls",
	.args = "",
	.summary = "list the remotes, the primary first",
	.flags = CMD_VAULT,
	.globals = G_READER,
	.run = ls_run,
};

static const struct cmd remote_add = {
	.name = "add",
	.args = "URL",
	.summary = "put ciphertext on URL too",
	.opts = add_opts,
	.opts_size = sizeof(struct remote_opts),
	.flags = CMD_VAULT,
	.globals = G_VAULT | G_NET,
	.min_args = 1,
	.max_args = 1,
	.run = add_run,
};

static const struct cmd remote_rm = {
	.name = "rm",
	.args = "URL",
	.summary = "forget URL; nothing is deleted there",
	.flags = CMD_VAULT,
	.globals = G_VAULT,
	.min_args = 1,
	.max_args = 1,
	.operand = OPERAND_REMOTE,
	.run = rm_run,
};

static const struct cmd *const remote_subs[] = { &remote_ls, &remote_add,
	&remote_rm, NULL };

const struct cmd cmd_remote = {
	.name = "remote",
	.args = "[ls | add URL | rm URL]",
	.summary = "list, add and forget remotes",
	.subs = remote_subs,
};

/* zk init: make a folder a vault, zk-init(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "sync/sync.h"
#include "util/log.h"

struct init_opts {
	struct opt_list remotes;
	const char *name;
	const char *invite;
	bool reattach;
};

#define AT(member) offsetof(struct init_opts, member)

static const struct opt init_opts[] = {
	{ .name = "remote", .kind = OPT_LIST, .off = AT(remotes),
	    .arg = "URL", .help = "where ciphertext goes; repeatable" },
	{ .name = "name", .kind = OPT_STR, .off = AT(name), .arg = "NAME",
	    .help = "what other devices call this one" },
	{ .name = "invite", .kind = OPT_STR, .off = AT(invite),
	    .arg = "TOKEN", .help = "what a relay with --invite asks for" },
	{ .name = "reattach", .kind = OPT_FLAG, .off = AT(reattach),
	    .help = "accept a moved, restored or replaced folder" },
	{ .kind = OPT_END }
};

static enum zk_err
reattach(struct cmd_ctx *c, const char *dir)
{
	const struct init_opts *o = c->opts;
	struct vault_opts v = { .env = c->env, .dir = dir,
		.state_home = c->state_home,
		.lock_wait_ms = c->g->lock_wait_ms };
	enum zk_err r;

	if (o->remotes.n > 0 || o->name != NULL || o->invite != NULL) {
		log_error(ZK_EUSAGE, NULL, "'--reattach' goes with no other "
		    "option of 'zk init'");
		return ZK_EUSAGE;
	}
	r = vault_reattach(&v);
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), "reattached; the next pull "
		    "compares every file and deletes none");
	return r;
}

static enum zk_err
init_run(struct cmd_ctx *c)
{
	const struct init_opts *o = c->opts;
	const char *dir = c->argc > 0 ? c->argv[0] : c->g->dir;
	struct sync_opts net;
	enum zk_err r;

	if (o->reattach)
		return reattach(c, dir);
	cmd_sync_opts(c, &net);
	net.invite = o->invite;
	struct vault_init_opts v = { .env = c->env, .dir = dir,
		.state_home = c->state_home,
		.name = o->name != NULL ? o->name : c->g->name,
		.urls = o->remotes.v, .urls_n = o->remotes.n, .net = &net };
	r = vault_init(&v);
	if (r != ZK_OK)
		return r;
	if (out_json(c->out)) {
		char *path = realpath(dir, NULL);

		jsonw_bytes(out_begin(c->out, "vault"), "path",
		    path == NULL ? dir : path,
		    strlen(path == NULL ? dir : path));
		out_end(c->out);
		free(path);
	}
	snprintf(c->say, sizeof(c->say), "%s", o->remotes.n > 0 ?
	    "vault ready; 'zk push' uploads it, 'zk pair' adds a device" :
	    "vault ready; add a remote with 'zk remote add URL'");
	return ZK_OK;
}

const struct cmd cmd_init = {
	.name = "init",
	.args = "[DIR] [--remote URL]...",
	.summary = "make DIR a vault and this device its first member",
	.opts = init_opts,
	.opts_size = sizeof(struct init_opts),
	.globals = G_DIR | G_NET | G_LOCK,
	.max_args = 1,
	.operand = OPERAND_DIR,
	.run = init_run,
};

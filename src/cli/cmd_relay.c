/* zk relay: be the relay, zk-relay(1). */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/show.h"
#include "relay/relay.h"
#include "util/env.h"
#include "util/log.h"

#define DATA_MAX 4096	/* bytes of the default data directory's path */

struct relay_cmd_opts {
	const char *listen;
	const char *data;
	struct opt_list urls;
	const char *invite;
	bool plain;
	uint64_t quota;
};

#define AT(member) offsetof(struct relay_cmd_opts, member)

static const struct opt relay_opts[] = {
	{ .name = "listen", .kind = OPT_STR, .off = AT(listen),
	    .arg = "ADDR:PORT", .optional = true, .def = "0.0.0.0:8440",
	    .help = "where to listen; alone: port 8440, all addresses" },
	{ .name = "data", .kind = OPT_STR, .off = AT(data), .arg = "DIR",
	    .help = "keep everything in DIR", .complete = OPT_C_DIR },
	{ .name = "url", .kind = OPT_LIST, .off = AT(urls), .arg = "URL",
	    .help = "public address, as a proxy passes it; repeatable" },
	{ .name = "plain", .kind = OPT_FLAG, .off = AT(plain),
	    .help = "speak HTTP without TLS, for loopback or a proxy" },
	{ .name = "invite", .kind = OPT_STR, .off = AT(invite),
	    .arg = "TOKEN", .help = "ask TOKEN of whoever makes a space" },
	{ .name = "quota", .kind = OPT_SIZE, .off = AT(quota), .arg = "SIZE",
	    .help = "most bytes one space may hold" },
	{ .kind = OPT_END }
};

static enum zk_err
on_announce(void *arg, const char *url)
{
	struct cmd_ctx *c = arg;

	show_line(c, "relay", "url", url);
	out_release_now(c->out);
	return out_error(c->out);
}

static enum zk_err
relay_cmd_run(struct cmd_ctx *c)
{
	const struct relay_cmd_opts *o = c->opts;
	char data[DATA_MAX];
	struct relay_opts run = { .env = c->env, .listen = o->listen,
		.data = o->data, .urls = o->urls.v, .n_urls = o->urls.n,
		.invite = o->invite, .plain = o->plain, .quota = o->quota,
		.announce = on_announce, .announce_arg = c };

	if (o->listen == NULL) {
		log_error(ZK_EUSAGE, NULL, "missing '--listen', see "
		    "'zk relay --help'");
		return ZK_EUSAGE;
	}
	if (run.data == NULL) {
		int n = snprintf(data, sizeof(data), "%s-relay",
		    c->state_home);
		if (n < 0 || (size_t)n >= sizeof(data))
			return ZK_ELIMIT;
		run.data = data;
	}
	return relay_run(&run);
}

const struct cmd cmd_relay = {
	.name = "relay",
	.args = "--listen [ADDR:PORT] [--data DIR] [--plain]",
	.summary = "be the relay that carries what devices exchange",
	.opts = relay_opts,
	.opts_size = sizeof(struct relay_cmd_opts),
	.flags = CMD_FRONT | CMD_NO_SUMMARY,
	.run = relay_cmd_run,
};

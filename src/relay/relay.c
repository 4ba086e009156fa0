#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "http/httpd.h"
#include "http/tls.h"
#include "relay/api.h"
#include "relay/box.h"
#include "relay/core.h"
#include "relay/identity.h"
#include "relay/lane.h"
#include "relay/names.h"
#include "relay/nonces.h"
#include "relay/relay.h"
#include "relay/depot.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define DRAIN_MS 10000		/* to finish after SIGTERM */
#define FILES_SPARE 128		/* descriptors that are not connections */

static const struct relay_limits defaults = {
	.head_ms = 10000,
	.idle_ms = 125000,
	.body_ms = 30000,
	.body_min = 8192,
	.reply_min = 1024,
	.stall_ms = 60000,
	.wait_ms = 55000,
	.conns = 16384,
	.conns_addr = 1024,
	.conns_new = 2048,
	.body_mem = 64u * 1024 * 1024,
	.page_mem = 256u * 1024 * 1024,
	.fails_addr = 60,
	.lookups_addr = 20,
	.boxes = 1024,
	.boxes_addr = 8,
	.box_ms = 300000
};

#define OR(field) (given->field != 0 ? given->field : defaults.field)

static struct relay_limits
fill_limits(const struct relay_limits *given)
{
	struct relay_limits l = {
		.head_ms = OR(head_ms),
		.idle_ms = OR(idle_ms),
		.body_ms = OR(body_ms),
		.body_min = OR(body_min),
		.reply_min = OR(reply_min),
		.stall_ms = OR(stall_ms),
		.wait_ms = OR(wait_ms),
		.conns = OR(conns),
		.conns_addr = OR(conns_addr),
		.conns_new = OR(conns_new),
		.body_mem = OR(body_mem),
		.page_mem = OR(page_mem),
		.fails_addr = OR(fails_addr),
		.lookups_addr = OR(lookups_addr),
		.boxes = OR(boxes),
		.boxes_addr = OR(boxes_addr),
		.box_ms = OR(box_ms)
	};

	return l;
}

/* What relay_run owns. */
struct run {
	struct core core;
	struct tls_ident *ident;
	sigset_t signals, before;
	bool blocked;
	int sigfd;
};

struct lane *
core_lane(struct core *core, const struct httpd_conn *c)
{
	return core->lane[httpd_worker_index(httpd_worker_of(c))];
}

int64_t
core_now_s(struct core *core)
{
	return env_now_ms(core->env) / 1000;
}

static void
spaces_changed(void *arg, const int64_t *spaces, size_t n)
{
	lane_wake(arg, LANE_SPACE, spaces, n);
}

/*
 * Lets the process hold a descriptor for each connection allowed, and for the
 * files of pages, each of which is larger than BODY_SMALL.
 */
static void
raise_files(struct relay_limits *lim)
{
	struct rlimit rl;
	rlim_t spare;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur == RLIM_INFINITY)
		return;
	if (lim->page_mem / BODY_SMALL > rl.rlim_cur / 4)
		lim->page_mem = (uint64_t)rl.rlim_cur / 4 * BODY_SMALL;
	spare = FILES_SPARE + lim->page_mem / BODY_SMALL;
	if (lim->conns + spare > rl.rlim_cur)
		lim->conns = rl.rlim_cur > spare + FILES_SPARE ?
		    (unsigned)(rl.rlim_cur - spare) : FILES_SPARE;
}

static unsigned
count_threads(const struct relay_opts *opts)
{
	long n = opts->threads > 0 ? (long)opts->threads :
	    sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		n = 1;
	return n > HTTPD_THREADS_MAX ? HTTPD_THREADS_MAX : (unsigned)n;
}

static enum zk_err
open_parts(struct core *core)
{
	struct box_limits boxes = { core->lim.boxes, core->lim.boxes_addr,
	    core->lim.box_ms };
	struct depot_opts depot = { core->env, core->opts->data,
	    core->opts->quota, core->lim.body_mem, spaces_changed, core };
	enum zk_err r = io_mkdirs(core->env, core->opts->data, 0700);

	if (r != ZK_OK) {
		struct log_where where = { core->opts->data, NULL };

		log_error(r, &where, "cannot make '%s': %s",
		    core->opts->data, err_text(r));
		return r;
	}
	r = depot_open(&depot, &core->depot);
	if (r == ZK_OK)
		r = addr_new(core->env, &core->addrs);
	if (r == ZK_OK)
		r = nonces_new(core->env, &core->nonces);
	if (r == ZK_OK)
		r = boxes_new(core->env, &boxes, &core->boxes);
	return r;
}

static enum zk_err
open_http(struct run *run, const char *addr, uint16_t port)
{
	struct core *core = &run->core;
	struct relay_limits *lim = &core->lim;
	unsigned given = core->opts->limits.conns_addr;
	struct httpd_opts http = {
		.env = core->env,
		.addr = addr,
		.port = port,
		.threads = count_threads(core->opts),
		.ident = run->ident,
		.addrs = core->addrs,
		.limits = {
			.head_ms = lim->head_ms,
			.idle_ms = lim->idle_ms,
			.body_ms = lim->body_ms,
			.body_min = lim->body_min,
			.reply_min = lim->reply_min,
			.stall_ms = lim->stall_ms,
			.drain_ms = DRAIN_MS,
			.conns = lim->conns,
			.conns_addr = lim->conns_addr,
			.conns_loopback = given > 0 ? given : lim->conns,
			.conns_new = lim->conns_new
		},
		.app = api_app(core)
	};
	enum zk_err r = httpd_new(&http, &core->http);

	while (r == ZK_OK && core->lanes < http.threads) {
		r = lane_new(core, core->lanes, &core->lane[core->lanes]);
		if (r == ZK_OK)
			core->lanes++;
	}
	if (r == ZK_OK)
		r = names_new(core->opts, addr, httpd_port(core->http),
		    &core->names);
	return r;
}

static enum zk_err
announce(struct run *run)
{
	const char *pin = run->ident != NULL ? tls_ident_pin(run->ident) :
	    NULL;
	const struct relay_opts *o = run->core.opts;
	struct buf url;
	enum zk_err r;

	buf_init(&url, 8192);
	r = names_url(run->core.names, pin, &url);
	if (r == ZK_OK && o->announce != NULL)
		r = o->announce(o->announce_arg, buf_cstr(&url));
	else if (r == ZK_OK && (printf("%s\n", buf_cstr(&url)) < 0 ||
	    fflush(stdout) != 0))
		r = ZK_EIO;
	buf_release(&url);
	return r;
}

static enum zk_err
block_signals(struct run *run)
{
	sigemptyset(&run->signals);
	sigaddset(&run->signals, SIGTERM);
	sigaddset(&run->signals, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &run->signals, &run->before) != 0)
		return ZK_EIO;
	run->blocked = true;
	run->sigfd = signalfd(-1, &run->signals, SFD_CLOEXEC);
	return run->sigfd >= 0 ? ZK_OK : ZK_EIO;
}

static void
wait_signal(struct run *run)
{
	struct signalfd_siginfo si;
	ssize_t n;

	do {
		n = read(run->sigfd, &si, sizeof(si));
	} while (n < 0 && errno == EINTR);
}

static void
close_all(struct run *run)
{
	struct core *core = &run->core;

	if (core->http != NULL)
		httpd_stop(core->http);
	depot_stop(core->depot);
	/* answers to clients that left before the store was done */
	if (core->http != NULL)
		httpd_stop(core->http);
	depot_close(core->depot);
	for (unsigned i = 0; i < core->lanes; i++)
		lane_free(core->lane[i]);
	httpd_free(core->http);
	names_free(core->names);
	boxes_free(core->boxes);
	nonces_free(core->nonces);
	addr_free(core->addrs);
	tls_ident_free(run->ident);
	if (run->sigfd >= 0)
		(void)close(run->sigfd);
	if (run->blocked)
		(void)pthread_sigmask(SIG_SETMASK, &run->before, NULL);
}

enum zk_err
relay_run(const struct relay_opts *opts)
{
	struct run run;
	char addr[NAMES_ADDR_MAX];
	uint16_t port;
	enum zk_err r;

	memset(&run, 0, sizeof(run));
	run.sigfd = -1;
	run.core.env = opts->env;
	run.core.opts = opts;
	run.core.lim = fill_limits(&opts->limits);
	raise_files(&run.core.lim);
	budget_init(&run.core.pages, run.core.lim.page_mem);
	r = names_listen(opts->listen, addr, &port);
	if (r != ZK_OK) {
		log_error(r, NULL, "not an address to listen on: '%s'",
		    opts->listen);
		return r;
	}
	r = block_signals(&run);
	if (r == ZK_OK)
		r = open_parts(&run.core);
	if (r == ZK_OK && !opts->plain)
		r = identity_load(opts->env, opts->data, &run.ident);
	if (r == ZK_OK)
		r = open_http(&run, addr, port);
	run.core.start_s = core_now_s(&run.core);
	if (r == ZK_OK)
		r = httpd_start(run.core.http);
	if (r == ZK_OK)
		r = announce(&run);
	if (r == ZK_OK)
		wait_signal(&run);
	close_all(&run);
	return r;
}

/*
 * The dispatcher: reads the command line, settles the global options, opens
 * what the command's flags ask for, runs it, and turns its code into the
 * summary, the last JSON line and the exit status.
 */
#include "cli/cmd.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/help.h"
#include "cli/home.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "cli/sig.h"
#include "cli/table.h"
#include "cli/version.h"
#include "sync/sync.h"
#include "util/env.h"
#include "util/log.h"

#define HOME_MAX 4096	/* bytes of a path to the user's files */

/* One run of the program. */
struct run {
	struct env *env;
	struct out *out;
	struct opt_parser parser;
	struct global_src src;
	struct global g;
	struct buf state_home;		/* NUL-ended */
	const struct cmd *parent;	/* of a subcommand, else NULL */
	const struct cmd *cmd;		/* NULL until one is known */
	bool group;			/* cmd is meant, parent was named */
	void *opts;
	char **operands;		/* owned array of lent strings */
	int operands_n;
	struct sync_report *rep;
	struct cmd_ctx ctx;
	int64_t start_ms;
};

const struct cmd *
cmd_find(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const struct cmd *
cmd_find_sub(const struct cmd *c, const char *name)
{
	for (size_t i = 0; c->subs != NULL && c->subs[i] != NULL; i++)
		if (strcmp(c->subs[i]->name, name) == 0)
			return c->subs[i];
	return NULL;
}

/* value_nearest over a NULL-ended list of commands; helpers stay hidden */
static const char *
name_at(const void *arg, size_t i)
{
	const struct cmd *const *list = arg;

	return list[i]->flags & CMD_HELPER ? "" : list[i]->name;
}

static enum zk_err
unknown_cmd(const char *what, const char *name, const struct cmd *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	const char *near = value_nearest(name, n, name_at, list);
	if (near != NULL)
		log_error(ZK_EUSAGE, NULL,
		    "unknown %scommand '%s', did you mean '%s'?", what, name,
		    near);
	else
		log_error(ZK_EUSAGE, NULL, "unknown %scommand '%s', see "
		    "'zk help'", what, name);
	return ZK_EUSAGE;
}

/* An operand: the command, its subcommand, or one of its arguments. */
static enum zk_err
take_operand(struct run *r, const char *s)
{
	if (r->cmd == NULL) {
		r->cmd = cmd_find(s);
		if (r->cmd == NULL)
			return unknown_cmd("", s, commands);
		r->parser.cmd = r->cmd->name;
		/* unless another is named the first is meant */
		r->parser.tables[1] = r->cmd->subs != NULL ?
		    r->cmd->subs[0]->opts : r->cmd->opts;
		return ZK_OK;
	}
	if (r->cmd->subs != NULL) {
		const struct cmd *sub = cmd_find_sub(r->cmd, s);

		if (sub == NULL)
			return unknown_cmd("sub", s, r->cmd->subs);
		r->parent = r->cmd;
		r->cmd = sub;
		r->parser.tables[1] = sub->opts;
		return ZK_OK;
	}
	r->operands[r->operands_n++] = (char *)(uintptr_t)s;
	return ZK_OK;
}

static enum zk_err
read_args(struct run *r, int argc, char **argv)
{
	const char *s;
	enum zk_err e = opt_init(&r->parser, argc, argv, global_opts);

	r->operands = calloc((size_t)argc + 1, sizeof(*r->operands));
	if (e != ZK_OK || r->operands == NULL)
		return ZK_ENOMEM;
	for (;;) {
		e = opt_next(&r->parser, &s);
		if (e != ZK_OK)
			break;
		e = take_operand(r, s);
		if (e != ZK_OK)
			return e;
	}
	if (e != ZK_ENOENT)
		return e;
	if (r->cmd != NULL && r->cmd->subs != NULL) {
		r->parent = r->cmd;
		r->cmd = r->cmd->subs[0];
		r->group = true;
	}
	return ZK_OK;
}

/* What stands before the name of a subcommand, and the space between. */
static const char *
before_of(const struct run *r)
{
	return r->parent == NULL ? "" : r->parent->name;
}

static const char *
gap_of(const struct run *r)
{
	return r->parent == NULL ? "" : " ";
}

/* A given option that the command cannot honour is refused, not ignored. */
static enum zk_err
check_globals(const struct run *r)
{
	const struct opt *own = r->cmd->opts;
	unsigned takes = r->cmd->globals | G_ANY;
	size_t n = opt_count(global_opts), own_n = opt_count(own);

	for (size_t i = 0; i < r->parser.given_n; i++) {
		const struct opt *o = r->parser.given[i].opt;
		bool global = o >= global_opts && o < global_opts + n;

		if (global ? (o->mask & takes) != 0 :
		    own != NULL && o >= own && o < own + own_n)
			continue;
		if (!global) {
			log_error(ZK_EUSAGE, NULL, "'--%s' stands before '%s', "
			    "put it behind", o->name, r->cmd->name);
			return ZK_EUSAGE;
		}
		log_error(ZK_EUSAGE, NULL, "'zk %s%s%s' takes no '--%s'",
		    before_of(r), gap_of(r), r->cmd->name, o->name);
		return ZK_EUSAGE;
	}
	if (r->g.dry_run && !(takes & G_DRY_RUN)) {
		log_error(ZK_EUSAGE, NULL, "'zk %s%s%s' has no dry run, unset "
		    "ZK_DRY_RUN", before_of(r), gap_of(r), r->cmd->name);
		return ZK_EUSAGE;
	}
	return ZK_OK;
}

static enum zk_err
check_operands(const struct run *r)
{
	const struct cmd *c = r->cmd;
	const char *trouble = NULL;

	if (r->operands_n < c->min_args)
		trouble = "missing argument";
	else if (c->max_args >= 0 && r->operands_n > c->max_args)
		trouble = "too many arguments";
	if (trouble == NULL)
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "%s, usage: zk %s%s%s%s%s", trouble,
	    before_of(r), gap_of(r), c->name,
	    c->args[0] == '\0' ? "" : " ", c->args);
	return ZK_EUSAGE;
}

/* Levels of the log and the form of output follow the settled options. */
static void
set_talk(struct run *r)
{
	static const enum log_level levels[] = { LOG_ERROR, LOG_WARN,
		LOG_INFO, LOG_DEBUG };
	int i = r->g.verbosity < 2 ? r->g.verbosity + 1 : 3;

	log_set_level(levels[i]);
	log_set_json(r->g.json);
	out_set_json(r->out, r->g.json);
}

static enum zk_err
settle(struct run *r)
{
	enum zk_err e = global_settle(&r->src, &r->parser, &r->g);

	if (e == ZK_OK)
		set_talk(r);
	return e;
}

/*
 * The threads of a device take buffers of some MiB by turns, and what one has
 * given back serves the next: with an arena for each they would be held more
 * than once.  A relay's threads, which work at the same time on small ones, do
 * better with their own.
 */
static void
share_memory(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
}

static enum zk_err
open_vault(struct cmd_ctx *c, const struct vault_opts *how)
{
	struct run *r = c->r;
	struct vault_opts o = *how;
	enum zk_err e = ZK_EBUG;

	share_memory();
	o.env = c->env;
	o.dir = c->g->dir;
	o.state_home = c->state_home;
	o.stop = sig_stopped;
	e = vault_open(&o, &c->vault);
	if (e == ZK_OK)
		e = global_src_vault(&r->src, c->vault);
	return e == ZK_OK ? settle(r) : e;
}

enum zk_err
cmd_open_vault(struct cmd_ctx *c)
{
	return open_vault(c, &(struct vault_opts){
		.lock_wait_ms = c->g->lock_wait_ms });
}

enum zk_err
cmd_peek_vault(struct cmd_ctx *c)
{
	return open_vault(c, &(struct vault_opts){ .no_lock = true });
}

enum zk_err
cmd_try_vault(struct cmd_ctx *c, int64_t wait_ms)
{
	return open_vault(c, &(struct vault_opts){ .try_lock = true,
		.lock_wait_ms = wait_ms });
}

static enum zk_err
run_cmd(struct run *r)
{
	struct cmd_ctx *c = &r->ctx;
	enum zk_err e;

	r->rep = calloc(1, sizeof(*r->rep));
	r->opts = calloc(1, r->cmd->opts_size + 1);
	if (r->opts == NULL || r->rep == NULL)
		return ZK_ENOMEM;
	c->env = r->env;
	c->cmd = r->cmd;
	c->g = &r->g;
	c->opts = r->opts;
	c->argc = r->operands_n;
	c->argv = r->operands;
	c->state_home = buf_cstr(&r->state_home);
	c->out = r->out;
	c->rep = r->rep;
	c->r = r;
	e = opt_apply_given(&r->parser, r->cmd->opts, r->opts);
	if (e == ZK_OK && r->cmd->flags & CMD_VAULT)
		e = cmd_open_vault(c);
	if (e != ZK_OK)
		return e;
	if (r->cmd->globals & G_PROGRESS)
		e = progress_start(r->env, progress_wanted(r->g.progress,
		    r->g.verbosity < 0), r->g.json ? r->out : NULL);
	if (e == ZK_OK)
		e = r->cmd->run(c);
	enum zk_err t = show_table(c, 0);
	return err_worse(e, t);
}

/* --version and --help, before anything that could fail. */
static bool
answered(struct run *r)
{
	if (r->g.version) {
		if (r->g.json) {
			jsonw_str(out_begin(r->out, "version"), "version",
			    ZK_VERSION);
			out_end(r->out);
		}
		out_printf(r->out, "zk %s\n", ZK_VERSION);
		return true;
	}
	if (!r->g.help)
		return false;
	/* help is text, whatever the form of results */
	out_set_json(r->out, false);
	if (r->cmd == NULL)
		help_all(r->out);
	else if (r->group)
		help_cmd(r->out, NULL, r->parent);
	else
		help_cmd(r->out, r->parent, r->cmd);
	return true;
}

/* So that trouble with the command line has the right form already. */
static void
peek_json(struct run *r, int argc, char **argv)
{
	const char *var = env_var("ZK_JSON");
	bool on = false;

	if (var != NULL && value_bool(var, &on) != ZK_OK)
		on = false;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			on = true;
	r->g.json = on;
	log_set_json(on);
	out_set_json(r->out, on);
}

static enum zk_err
find_home(struct run *r)
{
	struct buf config;
	enum zk_err e;

	buf_init(&config, HOME_MAX);
	e = home_config(&config);
	if (e == ZK_OK)
		e = home_state(&r->state_home);
	if (e == ZK_OK)
		e = buf_str(&r->state_home, "/zk");
	if (e == ZK_ENOENT)
		log_error(e, NULL, "no home directory: set HOME");
	if (e == ZK_OK)
		e = global_src_init(&r->src, r->env, buf_cstr(&config));
	buf_release(&config);
	return e;
}

static enum zk_err
run_all(struct run *r, int argc, char **argv)
{
	enum zk_err e;

	peek_json(r, argc, argv);
	e = read_args(r, argc, argv);
	if (e == ZK_OK)
		e = find_home(r);
	if (e == ZK_OK)
		e = settle(r);
	if (e != ZK_OK || answered(r))
		return e;
	if (r->cmd == NULL) {
		log_error(ZK_EUSAGE, NULL, "no command, see 'zk help'");
		return ZK_EUSAGE;
	}
	e = check_globals(r);
	if (e == ZK_OK)
		e = check_operands(r);
	return e == ZK_OK ? run_cmd(r) : e;
}

static int
status_of(enum zk_err e)
{
	return e == ZK_ESIGNAL ? 128 + sig_number() : err_status(e);
}

/* The last words; returns the exit status. */
static int
finish(struct run *r, enum zk_err e)
{
	/* then no signal has stopped it */
	if (e == ZK_ESIGNAL && !sig_stopped() && r->ctx.until_closed)
		e = ZK_ECLOSED;
	int status = status_of(e);
	/* these are answers, told by the summary, and no trouble */
	bool answer = status == 0 || status == 3 || status == 4 ||
	    (status >= 6 && status <= 8);

	progress_stop();
	if (!answer && e != ZK_ECLOSED && log_error_count() == 0)
		log_error(e, NULL, "%s", err_text(e));
	if (r->g.json && !r->g.help && !r->g.version)
		out_summary(r->out, r->cmd == NULL ? "" : r->parent == NULL ?
		    r->cmd->name : r->parent->name, status, r->rep,
		    env_mono_ms(r->env) - r->start_ms);
	enum zk_err w = out_finish(r->out, status);
	if (w != ZK_OK && w != ZK_ECLOSED)
		log_error(w, NULL, "cannot write to standard output: %s",
		    err_text(w));
	if (w != ZK_OK)
		return status_of(err_worse(e, w));
	if (r->ctx.say[0] != '\0' && !r->g.json && r->g.verbosity >= 0) {
		log_set_level(LOG_INFO);
		log_info("%s", r->ctx.say);
	}
	return status;
}

int
cmd_main(struct env *env, int argc, char **argv)
{
	struct run r = { .env = env };
	enum zk_err e;
	int status = 1;

	r.start_ms = env_mono_ms(env);
	buf_init(&r.state_home, HOME_MAX);
	e = out_new(env, &r.out);
	if (e == ZK_OK) {
		e = run_all(&r, argc, argv);
		vault_close(r.ctx.vault);
		status = finish(&r, e);
	} else {
		log_error(e, NULL, "%s", err_text(e));
	}
	table_free(r.ctx.table);
	out_free(r.out);
	opt_release(&r.parser);
	global_src_release(&r.src);
	buf_release(&r.state_home);
	free(r.operands);
	free(r.opts);
	free(r.rep);
	return status;
}

bool
cmd_stopped(struct cmd_ctx *c)
{
	return sig_stopped() || (c->until_closed && out_closed(c->out));
}

static bool
on_stop(void *arg)
{
	progress_tick();
	return cmd_stopped(arg);
}

static void
on_progress(void *arg, const struct sync_progress *p)
{
	(void)arg;
	progress_update(p);
}

void
cmd_sync_opts(struct cmd_ctx *c, struct sync_opts *o)
{
	memset(o, 0, sizeof(*o));
	o->ui.arg = c;
	o->ui.stop = on_stop;
	o->ui.progress = on_progress;
	o->dry_run = c->g->dry_run;
	o->max_delete_set = c->g->max_delete.set;
	if (c->g->max_delete.percent)
		o->max_delete_percent = (unsigned)c->g->max_delete.n;
	else
		o->max_delete = c->g->max_delete.n;
	o->timeout_ms = c->g->timeout_ms;
	o->up_rate = c->g->bwlimit.up;
	o->down_rate = c->g->bwlimit.down;
	o->proxy = c->g->proxy;
}

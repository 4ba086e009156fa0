/*
 * Commands.  A command is one const record in its own file; commands.c is
 * only the list of them.
 *
 * To add a command "foo":
 *  1. Write cmd_foo.c with `const struct cmd cmd_foo`.  Its options are a
 *     struct foo_opts and a table of struct opt that stores into it; the
 *     dispatcher hands run a zeroed one, filled, as c->opts.
 *  2. Declare it below and name it in commands.c, in the order of help.
 *  3. Choose the flags: with CMD_VAULT the vault is open and locked before
 *     run and closed after it.  .globals names the global options that mean
 *     something to it; the others are refused when given.
 *  4. run parses, calls one function of sync, relay or the like, prints
 *     through c->out, fills c->sum and returns that function's code.  The
 *     dispatcher makes the exit status, the summary line and the last word
 *     on stdout of it.
 *  5. Write man/zk-foo.1; tests compare its SYNOPSIS, and the completions,
 *     with the record.
 */
#ifndef ZK_CLI_CMD_H
#define ZK_CLI_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/global.h"
#include "cli/opt.h"
#include "util/err.h"

struct cmd;
struct env;
struct out;
struct run;
struct sync_opts;
struct sync_report;
struct table;
struct vault;

enum cmd_flags {
	CMD_VAULT = 1,		/* open the vault and take its lock */
	CMD_FRONT = 2,		/* front door: shown first */
	CMD_HELPER = 4,		/* not listed: an interface for completions */
	CMD_NO_SUMMARY = 8	/* prints no summary line for people */
};

/* What completions offer for operands. */
enum cmd_operand { OPERAND_NONE, OPERAND_PATH, OPERAND_DIR, OPERAND_REMOTE,
	OPERAND_DEVICE, OPERAND_COMMAND };

/* What run gets. */
struct cmd_ctx {
	struct env *env;
	const struct cmd *cmd;
	const struct global *g;
	void *opts;		/* the command's own options */
	int argc;		/* operands */
	char **argv;
	struct vault *vault;	/* with CMD_VAULT */
	const char *state_home;	/* $XDG_STATE_HOME/zk, absolute */
	struct out *out;
	struct table *table;	/* lines of show.h, yet to be printed */
	char table_of;		/* which ones they are */
	bool until_closed;	/* it ends once nobody reads its output */
	struct sync_report *rep; /* zeroed; shown in the summary */
	uint64_t changes;	/* lines of changes shown */
	struct run *r;		/* the dispatcher's */
	char say[256];		/* summary for people, without "zk: " */
};

struct cmd {
	const char *name;
	const char *args;	/* operands and own options, for the usage */
	const char *summary;	/* one line, lower case */
	const struct opt *opts;	/* NULL: none */
	size_t opts_size;
	unsigned flags;		/* enum cmd_flags */
	unsigned globals;	/* enum cmd_globals, beside G_ANY */
	int min_args, max_args;	/* operands; max_args -1: any number */
	enum cmd_operand operand;
	/* NULL-ended; the first is meant when none is named */
	const struct cmd *const *subs;
	enum zk_err (*run)(struct cmd_ctx *c);
};

/* The commands in the order of help, NULL at the end (commands.c). */
extern const struct cmd *const commands[];

extern const struct cmd cmd_pair, cmd_push, cmd_pull, cmd_relay, cmd_status;
extern const struct cmd cmd_init, cmd_sync, cmd_log, cmd_restore,
    cmd_diff, cmd_remote, cmd_device, cmd_config, cmd_kv, cmd_send, cmd_recv,
    cmd_verify, cmd_gc,
    cmd_help, cmd_complete;

/* The command called name, NULL if there is none. */
const struct cmd *cmd_find(const char *name);

/* The subcommand of c called name, NULL if there is none. */
const struct cmd *cmd_find_sub(const struct cmd *c, const char *name);

/* What a round is run with, from the global options; stop and progress
 * hooks are the dispatcher's. */
void cmd_sync_opts(struct cmd_ctx *c, struct sync_opts *o);

/* A signal was caught, or nobody reads what until_closed is there for. */
bool cmd_stopped(struct cmd_ctx *c);

/*
 * For a command that opens the vault only in some cases: what CMD_VAULT
 * does before run.  Fills c->vault; the dispatcher closes it.
 */
ZK_CHECKED enum zk_err cmd_open_vault(struct cmd_ctx *c);

/*
 * The same without the lock, only to read, whatever else is at work there.
 * try: with it after all, if that can be had in wait_ms; ZK_ELOCKED is not
 * logged then.
 */
ZK_CHECKED enum zk_err cmd_peek_vault(struct cmd_ctx *c);
ZK_CHECKED enum zk_err cmd_try_vault(struct cmd_ctx *c, int64_t wait_ms);

/* Runs the program and returns its exit status. */
int cmd_main(struct env *env, int argc, char **argv);

#endif

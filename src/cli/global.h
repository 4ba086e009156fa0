/*
 * The global options and where their values come from.  Precedence: option,
 * ZK_* variable, vault setting, $XDG_CONFIG_HOME/zk/config (zk(1), FILES).
 */
#ifndef ZK_CLI_GLOBAL_H
#define ZK_CLI_GLOBAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/opt.h"
#include "cli/value.h"
#include "util/buf.h"
#include "util/err.h"

struct env;
struct vault;

enum global_progress { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

/* Bits of struct opt.mask and of struct cmd.globals. */
enum global_mask {
	G_ANY = 1,		/* every command takes it */
	G_DIR = 2,
	G_DRY_RUN = 4,
	G_NET = 8,		/* --timeout, --bwlimit */
	G_MAX_DELETE = 16,
	G_YES = 32,
	G_LOCK = 64,
	G_PROGRESS = 128,
	G_SETTING = 256,	/* may stand in the vault and the config file */
	/* what every command on a vault takes */
	G_VAULT = G_DIR | G_LOCK,
	/* commands that change nothing: a dry run is what they do anyway */
	G_READER = G_VAULT | G_DRY_RUN
};

/* The values, settled.  Strings live as long as the struct global_src. */
struct global {
	const char *dir;	/* -C: where the search for the vault starts */
	bool dry_run;
	int verbosity;		/* -1 quiet, 0, 1 verbose, 2 debug */
	bool json;
	int progress;		/* enum global_progress */
	int64_t timeout_ms;	/* 0: the default */
	struct value_rates bwlimit;
	struct value_limit max_delete;
	bool yes;
	int64_t lock_wait_ms;
	const char *proxy;	/* variable and settings only; may be NULL */
	const char *name;	/* variable and settings only; may be NULL */
	bool help;
	bool version;
};

/* The options of the command line, and those that are settings only. */
extern const struct opt global_opts[];
extern const struct opt global_extra[];

#define GLOBAL_TEXTS 16	/* settings that a vault may hold */

#define GLOBAL_LINES 64	/* settings in the config file */

/* One setting of the config file. */
struct global_line {
	const struct opt *opt;
	const char *value;	/* in the file's text */
	unsigned no;		/* line, from 1 */
};

/* The sources below the command line. */
struct global_src {
	struct buf config;	/* the file, cut into strings */
	char *config_path;
	struct global_line lines[GLOBAL_LINES];
	size_t lines_n;
	char vault[GLOBAL_TEXTS][128];	/* "" where not set */
	bool have_vault;
};

/*
 * Reads the config file of config_home ($XDG_CONFIG_HOME, absolute), which
 * need not exist: lines of NAME = VALUE, blank, or beginning with '#'.
 * ZK_EUSAGE, ZK_EIO, logged.
 */
ZK_CHECKED enum zk_err global_src_init(struct global_src *s, struct env *env,
    const char *config_home);
void global_src_release(struct global_src *s);

/* Takes the settings that the open vault holds. */
ZK_CHECKED enum zk_err global_src_vault(struct global_src *s,
    struct vault *v);

/*
 * Settles *out from defaults, config file, vault, variables and what p was
 * given.  ZK_EUSAGE names the source of a bad value.
 */
ZK_CHECKED enum zk_err global_settle(const struct global_src *s,
    const struct opt_parser *p, struct global *out);

#endif

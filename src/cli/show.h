/*
 * How changes, conflicts, remotes and devices look on stdout, for people and
 * as JSON lines (zk(1), OUTPUT).  Each fits a callback of struct sync_ui
 * whose arg is the struct cmd_ctx.
 */
#ifndef ZK_CLI_SHOW_H
#define ZK_CLI_SHOW_H

#include <stddef.h>

#include "cli/cmd.h"

struct sync_alias;
struct sync_change;
struct sync_conflict;
struct sync_device;
struct sync_remote;
struct sync_report;

void show_change(void *arg, const struct sync_change *ch);
void show_conflict(void *arg, const struct sync_conflict *cf);
/* A file whose versions became one. */
void show_merged(void *arg, const char *path);
void show_alias(void *arg, const struct sync_alias *al);
/*
 * These two line up in columns, so they are printed with the first of another
 * kind, or when the command ends: show_table.
 */
void show_remote(void *arg, const struct sync_remote *rm);
void show_device(void *arg, const struct sync_device *d);

/*
 * Prints the lines that are held unless they are of the kind to come; 0: none
 * is to come.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err show_table(struct cmd_ctx *c, char kind);

/* "3 days ago" of a moment in ms since 1970; "never" for 0. */
const char *show_ago(struct cmd_ctx *c, int64_t at_ms, char out[static 32]);

/*
 * The summary of a round for people, into c->say: verb is "pushed",
 * "pulled" or "synced", towards "to" or "from".
 */
void show_summary(struct cmd_ctx *c, const char *verb, const char *towards);

/*
 * A line of type `type` with one string member, or for people the string
 * alone (escaped).
 */
void show_line(struct cmd_ctx *c, const char *type, const char *member,
    const char *value);

#endif

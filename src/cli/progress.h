/*
 * The progress line on stderr: phase, files or segments, bytes, rate, time
 * left.  On a terminal it is drawn at most 10 times a second over itself,
 * cleared and redrawn around log messages, and as wide as the terminal (or
 * COLUMNS) allows.  Elsewhere, if asked for, it is a line of its own, at
 * most one a second.  With --json it is lines of type "progress" on stdout
 * instead, at most one a second.  SIGUSR1 prints one line anywhere, even
 * while the work waits.
 */
#ifndef ZK_CLI_PROGRESS_H
#define ZK_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"

struct env;
struct out;
struct sync_progress;

/*
 * Starts the one progress of the process; show is false for none but what
 * SIGUSR1 asks for.  json: NULL, or where lines go.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err progress_start(struct env *env, bool show,
    struct out *json);

/* Whether a line should be shown in mode (enum global_progress). */
bool progress_wanted(int mode, bool quiet);

/* Takes the state of the work, draws if it is time. */
void progress_update(const struct sync_progress *p);

/* Nothing has changed, but time has passed: to be called while waiting. */
void progress_tick(void);

/* Clears the line; nothing is drawn after it. */
void progress_stop(void);

/*
 * Appends the text of the line to out: what p says, at rate bytes a second.
 */
ZK_CHECKED enum zk_err progress_text(struct buf *out,
    const struct sync_progress *p, double rate);

/* "3.4 MiB": n bytes for people, in at most 10 characters. */
const char *progress_size(char out[static 16], double n);

#endif

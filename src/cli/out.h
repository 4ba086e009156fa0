/*
 * Results on stdout.
 *
 * Text for people is held back until the exit status is known, since stdout
 * stays empty unless it is 0, 3 or 4; out_release_now lets it go earlier
 * (a relay's URL, a pairing code).  What is held lies in memory up to 1 MiB
 * and beyond that in an unnamed temporary file.  With --json each line goes
 * out as it is made.  A failure to write sticks and is reported by
 * out_finish: nothing is a success that stdout did not take.  That nobody
 * reads it any more is ZK_ECLOSED.
 */
#ifndef ZK_CLI_OUT_H
#define ZK_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/jsonw.h"

struct env;
struct out;
struct sync_report;

ZK_CHECKED enum zk_err out_new(struct env *env, struct out **out);
void out_free(struct out *o);

/* Lines are JSON objects from now on. */
void out_set_json(struct out *o, bool on);
bool out_json(const struct out *o);

/* Text for people; does nothing with --json.  Escape names first. */
void out_printf(struct out *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* n raw bytes with everything escaped that a terminal could act on. */
void out_name(struct out *o, const void *p, size_t n);
void out_name_str(struct out *o, const char *s);

/* n bytes as they are: only for what was made here. */
void out_raw(struct out *o, const void *p, size_t n);

/* What was and will be printed goes out now, whatever the status. */
void out_release_now(struct out *o);

/* Something that was to be printed is lost. */
void out_fail(struct out *o, enum zk_err r);

/* The first failure of a write so far; out_finish returns it again. */
ZK_CHECKED enum zk_err out_error(const struct out *o);

/*
 * Whether nobody will read what is still to come, as far as can be told
 * without writing; it is then a failure of out_error, too.
 */
bool out_closed(struct out *o);

/*
 * One JSON line: begin writes {"type":type and lends the writer for its
 * members, end sends it.  Only with --json.
 */
struct jsonw *out_begin(struct out *o, const char *type);
void out_end(struct out *o);
/* The writer of the line that was begun and not ended. */
struct jsonw *out_line(struct out *o);

/*
 * The last line with --json: the summary of command with its exit status.
 * rep may be NULL: zeroes.
 */
void out_summary(struct out *o, const char *command, int status,
    const struct sync_report *rep, int64_t ms);

/*
 * Sends or drops what is held, by the exit status, and closes stdout.
 * Returns the first failure of any write or of the close (not logged).
 */
ZK_CHECKED enum zk_err out_finish(struct out *o, int status);

#endif

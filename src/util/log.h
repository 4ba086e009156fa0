/*
 * The only way to stderr.
 *
 * A message is one line, lower case, the trouble first, the subject quoted,
 * no full stop: "zk: cannot open 'x': no such file".  Control bytes,
 * invalid UTF-8 and bidi overrides in the result are escaped (\x1b, \n as
 * \x0a), so text from others cannot move the cursor.  With log_set_json an
 * error becomes one JSON object (zk(1), JSON).  Thread-safe.
 */
#ifndef ZK_UTIL_LOG_H
#define ZK_UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

struct buf;

enum log_level { LOG_QUIET, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is printed: messages up to level; default LOG_WARN. */
void log_set_level(enum log_level level);

/* Errors as JSON objects on stderr; other levels are then not printed. */
void log_set_json(bool on);

/*
 * Called (if set) before a line is written to stderr and after it, so that
 * a progress line can be cleared and drawn again.
 */
void log_set_hook(void (*hook)(bool before));

/* Where an error happened; NULL members are left out. Raw bytes allowed. */
struct log_where {
	const char *path;
	const char *remote;
};

/*
 * Reports error e once, at the edge where path or peer are known.  w may be
 * NULL.  Remembers the worst error reported (log_worst) for the exit status
 * of callers that went on.
 */
void log_error(enum zk_err e, const struct log_where *w, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Number of log_error calls so far in this process. */
unsigned long log_error_count(void);

/*
 * Appends len bytes at s to b with everything escaped that a terminal could
 * act on or that is not UTF-8: as \xHH.
 */
enum zk_err log_escape(struct buf *b, const void *s, size_t len);

#endif

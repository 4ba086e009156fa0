/*
 * Questions on the terminal.  They go to /dev/tty, so that they work while
 * stdin and stdout are something else, and every wait ends when a stop
 * signal comes.
 */
#ifndef ZK_CLI_PROMPT_H
#define ZK_CLI_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct env;
struct prompt;

/* ZK_ENOENT: there is no terminal. */
ZK_CHECKED enum zk_err prompt_open(struct env *env, struct prompt **out);
void prompt_close(struct prompt *p);

/*
 * Asks question (a space is added) and appends the line typed, without its
 * end and without white space around it, to out (wipe flag set).  ZK_ENOENT:
 * end of input.  ZK_ESIGNAL.  ZK_ELIMIT: longer than out may be.
 */
ZK_CHECKED enum zk_err prompt_line(struct prompt *p, const char *question,
    struct buf *out);

/* Shows text, as it is; a failure to do so changes nothing. */
void prompt_tell(struct prompt *p, const char *text);

/*
 * "question [y/N]": ZK_OK for yes, ZK_EREFUSED for all else, ZK_ESIGNAL.
 * ZK_EEXPIRED: no answer by until (env_mono_ms); the line is ended.
 */
ZK_CHECKED enum zk_err prompt_yes(struct prompt *p, const char *question,
    int64_t until);

/*
 * Appends the first line of descriptor fd (stdin) to out, as prompt_line
 * does.  ZK_ENOENT: nothing there.
 */
ZK_CHECKED enum zk_err prompt_read_fd(struct env *env, int fd,
    struct buf *out);

/*
 * Opens what an operand names as input, "-": standard input, which stays
 * open in prompt_input_close.  ZK_EUSAGE: a directory.  Logged.
 */
ZK_CHECKED enum zk_err prompt_input(struct env *env, const char *file,
    int *fd);
/* fd may be negative: nothing was opened. */
void prompt_input_close(struct env *env, int fd);

/*
 * Appends all that descriptor fd (stdin) has, until its end, to out.
 * ZK_ESIGNAL.  ZK_ELIMIT: more than out may be.
 */
ZK_CHECKED enum zk_err prompt_read_all(struct env *env, int fd,
    struct buf *out);

/* The same, but stops, with ZK_OK, when out is as long as it may be. */
ZK_CHECKED enum zk_err prompt_read_some(struct env *env, int fd,
    struct buf *out);

/*
 * Appends what fd has at hand, at least a byte, or sets *end where it ends.
 * ZK_EEXPIRED: nothing until then (env_mono_ms; INT64_MAX: for ever).
 * ZK_ESIGNAL.
 */
ZK_CHECKED enum zk_err prompt_read_more(struct env *env, int fd,
    int64_t until, struct buf *out, bool *end);

/*
 * Writes all that descriptor fd has, until its end, to the file to.
 * ZK_ESIGNAL.  Errors of either.
 */
ZK_CHECKED enum zk_err prompt_copy(struct env *env, int fd, int to);

/*
 * Moves the value of the variable `name` of this process into out (wipe
 * flag set) and overwrites it where it stood, so that nobody reads it from
 * /proc.  ZK_ENOENT: not set or empty.
 */
ZK_CHECKED enum zk_err prompt_take_var(const char *name, struct buf *out);

#endif

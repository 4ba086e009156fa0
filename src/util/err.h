/*
 * The one list of error codes.
 *
 * Every function that can fail returns enum zk_err; ZK_OK is 0.  A code
 * exists only if a caller branches on it or its exit status differs from
 * the others.  The exit statuses are those of zk(1), EXIT STATUS; the names
 * in the third column are the stable "code" member of --json errors.
 */
#ifndef ZK_UTIL_ERR_H
#define ZK_UTIL_ERR_H

#define ZK_CHECKED __attribute__((warn_unused_result))

/* X(code, exit status, json name, sentence) */
#define ZK_ERR_LIST(X)                                                       \
	X(ZK_OK, 0, "ok", "success")                                         \
	X(ZK_EBUG, 1, "internal", "internal error")                          \
	X(ZK_ENOMEM, 1, "out_of_memory", "out of memory")                    \
	X(ZK_EIO, 1, "io", "input/output error")                             \
	X(ZK_EDISKFULL, 1, "disk_full", "no space left on this disk")        \
	X(ZK_EPERM, 1, "permission", "permission denied")                    \
	X(ZK_ENOENT, 1, "not_found", "not found")                            \
	X(ZK_EEXIST, 1, "exists", "already exists")                          \
	X(ZK_ECHANGED, 1, "changed", "changed while it was used")            \
	X(ZK_EUSAGE, 2, "usage", "usage error")                              \
	X(ZK_EPARTIAL, 3, "partial", "some paths were skipped")              \
	X(ZK_ECONFLICT, 4, "conflicts", "new conflicts")                     \
	X(ZK_ENET, 5, "network", "network error")                            \
	X(ZK_ETIMEDOUT, 5, "timeout", "timed out")                           \
	X(ZK_EBUSY, 5, "busy", "temporarily unavailable")                    \
	X(ZK_EREMOTEFULL, 5, "remote_full", "the remote is full")            \
	X(ZK_EGAP, 5, "gap", "something needed has not arrived yet")         \
	X(ZK_ETOPUSH, 6, "to_push", "there are changes to push")             \
	X(ZK_ETOPULL, 7, "to_pull", "there are changes to pull")             \
	X(ZK_ESTALE, 8, "stale", "a device or remote was not seen for long") \
	X(ZK_ENOVAULT, 10, "no_vault", "no vault here")                      \
	X(ZK_ELOCKED, 11, "locked", "another zk is at work here")            \
	X(ZK_EAUTH, 12, "auth", "not authorised")                            \
	X(ZK_EREFUSED, 12, "refused", "refused")                             \
	X(ZK_EEXPIRED, 12, "expired", "expired")                             \
	X(ZK_EBRAKE, 20, "brake", "too many deletions")                      \
	X(ZK_EROOT, 21, "root_changed", "the vault root changed or is gone") \
	X(ZK_ETAMPER, 22, "tampered", "data was tampered with")              \
	X(ZK_EFORMAT, 22, "malformed", "malformed data")                     \
	X(ZK_ELIMIT, 22, "limit", "over a limit")                            \
	X(ZK_EROLLBACK, 22, "rollback", "the remote was rolled back")        \
	X(ZK_EFORK, 22, "fork", "two histories of one device")               \
	X(ZK_EPIN, 22, "pin_mismatch",                                       \
	    "the relay's key is not a trusted one")                          \
	X(ZK_EVERSION, 23, "newer_format", "written by a newer version of zk") \
	X(ZK_EREMOVED, 24, "removed", "this device was removed")             \
	X(ZK_ECLOSED, 141, "closed", "nobody reads standard output")         \
	X(ZK_ESIGNAL, 128, "signal", "interrupted")

enum zk_err {
#define X(code, status, name, text) code,
	ZK_ERR_LIST(X)
#undef X
	ZK_ERR_COUNT
};

/* Exit status of code e, zk(1) EXIT STATUS. */
int err_status(enum zk_err e);

/* Stable name of e for --json; static storage. */
const char *err_name(enum zk_err e);

/* A lower-case sentence without a full stop; static storage. */
const char *err_text(enum zk_err e);

/*
 * Of two outcomes the one that a run reports: the first of the exit statuses
 * 22 24 23 21 20 11 12 10 2 5 1 141 3 4 6 7 8, then ZK_OK; a when they rank
 * equal.
 */
enum zk_err err_worse(enum zk_err a, enum zk_err b);

/* The code for a positive errno value; ZK_EIO for those without their own. */
enum zk_err err_from_errno(int e);

/*
 * A broken invariant of our own, never a reaction to input: prints file,
 * line and the sentence, then aborts, in release builds too.
 */
#define BUG(text) err_bug(__FILE__, __LINE__, (text))
_Noreturn void err_bug(const char *file, int line, const char *text);

#endif

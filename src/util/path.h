/*
 * Names and paths as zk-format(5), NAMES has them: raw bytes, components
 * split by '/', no component empty, "." or "..", none with NUL.
 */
#ifndef ZK_UTIL_PATH_H
#define ZK_UTIL_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

#define PATH_NAME_MAX 255	/* bytes in one component */
#define PATH_LEN_MAX 4096	/* bytes in a path */
#define PATH_DEPTH_MAX 128	/* components in a path */

/*
 * True for a name that a node may have: 1..255 bytes, no '/' or NUL, not
 * "." or "..", and not ".zk" or ".zk-tmp-*" under any case, Unicode
 * normal form or with ignorable characters (design of zk-format(5), NAMES).
 */
bool path_name_ok(const void *name, size_t len);

/* True for a relative path all of whose components are as above. */
bool path_ok(const char *path);

/* The last component; lent from path. */
const char *path_last(const char *path);

/* Appends "/" (unless b is empty) and the name. */
enum zk_err path_join(struct buf *b, const void *name, size_t len);

#endif

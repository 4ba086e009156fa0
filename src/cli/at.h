/*
 * PATH@TIME and PATH@ID as they are typed (zk-restore(1), VERSIONS).
 */
#ifndef ZK_CLI_AT_H
#define ZK_CLI_AT_H

#include <stdint.h>

#include "sync/sync.h"
#include "util/err.h"

/*
 * Cuts s, which is changed, into the path and the version behind its last
 * '@'.  Where that is none, the '@' belongs to the path; an empty one says
 * that no version is named.  now_ms is the time that durations count back
 * from.  ZK_EUSAGE (logged): there is no path.
 */
ZK_CHECKED enum zk_err at_parse(char *s, int64_t now_ms,
    const char **path, struct sync_at *at);

/*
 * A moment: YYYY-MM-DD, with hh:mm or hh:mm:ss behind 'T' or ' ', and 'Z' for
 * UTC in place of local time behind that; or a duration with units, that ago.
 * A date alone is the end of that day.  ZK_EUSAGE: none of these.
 */
ZK_CHECKED enum zk_err at_time(const char *s, int64_t now_ms, int64_t *ms);

#endif

/* What zk send and zk recv share. */
#ifndef ZK_CLI_CHANNEL_H
#define ZK_CLI_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct jsonw;

/*
 * The channel that -c names; "" where it was not given (NULL).  ZK_EUSAGE,
 * logged: too long.
 */
ZK_CHECKED enum zk_err channel_of(const char *given, const char **out);

/* Members "id", "channel", "size". */
void channel_json(struct jsonw *w, const char *id, const char *channel,
    uint64_t size);

#define CHANNEL_OPT(off_) { .letter = 'c', .name = "channel", \
	.kind = OPT_STR, .off = (off_), .arg = "CHANNEL", \
	.help = "the channel; there is one without a name" }

#endif

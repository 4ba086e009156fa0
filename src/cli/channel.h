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

/*
 * Sends each piece of what file ("-": standard input) has, ended by the byte
 * end or by the end of it all, as a message (cli/send_lines.c).  Logged; the
 * summary says how many it was.
 */
struct cmd_ctx;
ZK_CHECKED enum zk_err channel_send_lines(struct cmd_ctx *c,
    const char *channel, const char *file, uint8_t end);

#define CHANNEL_OPT(off_) { .letter = 'c', .name = "channel", \
	.kind = OPT_STR, .off = (off_), .arg = "CHANNEL", \
	.help = "the channel; there is one without a name" }

#endif

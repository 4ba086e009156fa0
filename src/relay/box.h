/*
 * Mailboxes for pairing: zk-protocol(7), RENDEZVOUS.  In memory, short-lived,
 * bounded; not listable.  Each side is held by the token of whoever claimed
 * it first, so that one short code gives one guess.  Safe for several
 * threads.
 */
#ifndef ZK_RELAY_BOX_H
#define ZK_RELAY_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "http/addr.h"
#include "util/err.h"

#define BOX_TOKEN_LEN 16

struct boxes;
struct buf;
struct env;

struct box_limits {
	unsigned boxes;		/* in all */
	unsigned boxes_addr;	/* made by one address */
	unsigned life_ms;
};

ZK_CHECKED enum zk_err boxes_new(struct env *env,
    const struct box_limits *limits, struct boxes **out);
void boxes_free(struct boxes *b);

/*
 * Claims a side of mailbox *plate for token; claiming again with the same
 * token is fine.  Side 0 with *plate = 0: a new mailbox, its number in
 * *plate.  ZK_EBUSY: too many mailboxes.  ZK_ENOENT: no such mailbox.
 * ZK_EREFUSED: another token holds the side.
 */
ZK_CHECKED enum zk_err boxes_claim(struct boxes *b,
    const uint8_t peer[static ADDR_LEN], unsigned side,
    const uint8_t token[static BOX_TOKEN_LEN], uint32_t *plate);

/* ZK_OK if token holds this side.  Else ZK_EEXPIRED. */
ZK_CHECKED enum zk_err boxes_holds(struct boxes *b, uint32_t plate,
    unsigned side, const uint8_t token[static BOX_TOKEN_LEN]);

/*
 * Message n of this side; the same bytes again are fine.  ZK_EEXPIRED: no
 * such mailbox, or not token's.  ZK_EREFUSED: other bytes are there.
 * ZK_ELIMIT: the mailbox is full.
 */
ZK_CHECKED enum zk_err boxes_put(struct boxes *b, uint32_t plate,
    unsigned side, const uint8_t token[static BOX_TOKEN_LEN], unsigned n,
    const void *p, size_t len);

/*
 * Appends message n of the other side to out.  ZK_ENOENT: not yet.
 * ZK_EEXPIRED: never, since the other side closed, or as boxes_put.
 */
ZK_CHECKED enum zk_err boxes_get(struct boxes *b, uint32_t plate,
    unsigned side, const uint8_t token[static BOX_TOKEN_LEN], unsigned n,
    struct buf *out);

/*
 * The side that token holds is done; with both done the mailbox goes.  Not
 * there is fine.
 */
void boxes_close(struct boxes *b, uint32_t plate,
    const uint8_t token[static BOX_TOKEN_LEN]);

#endif

/*
 * The secure channel of pairing (zk-protocol(7), PAIRING), message by
 * message and without a network: pair.c carries the messages, tests and the
 * fuzz target give them by hand.
 *
 *	hello    show -> join   sid, a CPace share for the words and one for
 *	                        the link, hash of a nonce, relay key seen
 *	answer   join -> show   which of the two, CPace share, relay key seen,
 *	                        ephemeral KEM key, confirmation
 *	confirm  show -> join   the nonce, sealed random bytes, confirmation
 *
 * Everything after is sealed, each direction under its own key.  The check
 * words depend on what both sides had fixed before either could know the
 * other's part, so one who knows the code and stands between cannot search
 * for equal words.
 */
#ifndef ZK_SYNC_PAIRTALK_H
#define ZK_SYNC_PAIRTALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/pair.h"
#include "util/err.h"

struct buf;
struct env;
struct pairtalk;

#define PAIRTALK_MSG_MAX (60u * 1024)	/* bytes of any message */
#define PAIRTALK_PLAIN_MAX (PAIRTALK_MSG_MAX - 64)
#define PAIRTALK_SEEN_MAX 256		/* bytes of a relay key */

/*
 * The side that shows: words (PAIR_WORDS of them) may be NULL when only the
 * link may be used.  seen is the pin of the relay as this side saw it, ""
 * for none.  The code is copied.
 */
ZK_CHECKED enum zk_err pairtalk_show(struct env *env, uint64_t plate,
    const uint16_t *words, const uint8_t secret[static PAIR_SECRET_LEN],
    const char *seen, struct pairtalk **out);

/* The side that joins. */
ZK_CHECKED enum zk_err pairtalk_join(struct env *env,
    const struct pair_code *code, const char *seen, struct pairtalk **out);

void pairtalk_free(struct pairtalk *t);

/* show: appends the first message. */
ZK_CHECKED enum zk_err pairtalk_hello(struct pairtalk *t, struct buf *out);

/*
 * join: takes the first message, appends the answer.  ZK_EUSAGE: the other
 * side enters a code, too.  ZK_EREFUSED: it does not accept words now.
 * ZK_EFORMAT, ZK_EVERSION.
 */
ZK_CHECKED enum zk_err pairtalk_answer(struct pairtalk *t, const void *in,
    size_t n, struct buf *out);

/*
 * show: takes the answer, appends the confirmation.  ZK_EAUTH: the guess was
 * wrong.  ZK_EPIN: the joiner saw another relay key.  ZK_EUSAGE, ZK_EFORMAT,
 * ZK_EVERSION.
 */
ZK_CHECKED enum zk_err pairtalk_confirm(struct pairtalk *t, const void *in,
    size_t n, struct buf *out);

/* join: takes the confirmation.  ZK_EAUTH: the other side lacks the code. */
ZK_CHECKED enum zk_err pairtalk_finish(struct pairtalk *t, const void *in,
    size_t n);

/* The three words that both sides show. */
void pairtalk_check(const struct pairtalk *t,
    char out[static PAIR_CHECK_MAX]);

/* Seals n <= PAIRTALK_PLAIN_MAX bytes as the next message of this side. */
ZK_CHECKED enum zk_err pairtalk_seal(struct pairtalk *t, const void *in,
    size_t n, struct buf *out);

/* Opens the next message of the other side; out wipes.  ZK_ETAMPER. */
ZK_CHECKED enum zk_err pairtalk_open(struct pairtalk *t, const void *in,
    size_t n, struct buf *out);

#endif

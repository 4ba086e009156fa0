/*
 * The first two messages of pairing as bytes (zk-protocol(7), PAIRING), for
 * pairtalk.c.  Each begins with "zkP", format (1), side of its writer.
 */
#ifndef ZK_SYNC_PAIRMSG_H
#define ZK_SYNC_PAIRMSG_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;

#define PAIRMSG_KINDS 2		/* 0 words, 1 link */
#define PAIRMSG_SID_LEN 16

/* What both say; lends from the messages.  Zeroed by the caller at first. */
struct pairmsg {
	/* hello */
	unsigned offered;		/* 1: words may be used */
	const uint8_t *sid;		/* PAIRMSG_SID_LEN bytes */
	const uint8_t *share[PAIRMSG_KINDS];	/* CPACE_LEN bytes each */
	const uint8_t *commit;		/* HASH_LEN bytes */
	const uint8_t *seen_show;	/* relay key */
	size_t seen_show_n;
	/* answer */
	unsigned kind;
	const uint8_t *share_join;
	const uint8_t *seen_join;
	size_t seen_join_n;
	unsigned kem;
	const uint8_t *kem_pk;
	size_t kem_pk_n;
	size_t signed_n;		/* bytes before its tag */
	const uint8_t *tag;		/* CPACE_TAG_LEN bytes */
};

/* Appends the beginning of a message of side. */
void pairmsg_head(unsigned side, struct buf *out);

/*
 * Decode the message of the side that shows, and of the one that joins.
 * ZK_EUSAGE: the other side wrote it.  ZK_EVERSION, ZK_EFORMAT.  answer
 * needs p as hello filled it.
 */
ZK_CHECKED enum zk_err pairmsg_hello(const void *in, size_t n,
    struct pairmsg *p);
ZK_CHECKED enum zk_err pairmsg_answer(const void *in, size_t n,
    struct pairmsg *p);

#endif

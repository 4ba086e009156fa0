/*
 * CPace (draft-irtf-cfrg-cpace) over ristretto255 with SHA-512, initiator
 * and responder: two sides that know the same password string get the same
 * key; whoever does not gets one guess a run and learns nothing else.
 *
 * The key is good only after both have shown that they hold it: the caller
 * exchanges tags of cpace_tag.
 */
#ifndef ZK_CRYPTO_CPACE_H
#define ZK_CRYPTO_CPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define CPACE_LEN 32		/* bytes of a public share */
#define CPACE_ISK_LEN 64	/* bytes of its result, before derivation */
#define CPACE_TAG_LEN 32	/* bytes of a confirmation */
#define CPACE_AD_MAX 4096	/* bytes of each party's associated data */

struct buf;
struct cpace;
struct env;
struct key;

struct cpace_opts {
	const uint8_t *prs;	/* password related string, a secret */
	size_t prs_len;
	const uint8_t *ci;	/* channel identifier: names of both sides */
	size_t ci_len;
	const uint8_t *sid;	/* names the run, the same on both sides */
	size_t sid_len;
};

/*
 * One run with a fresh scalar; copies what it needs of o.  Each of the
 * lengths is at most CPACE_AD_MAX (ZK_ELIMIT).
 */
ZK_CHECKED enum zk_err cpace_new(struct env *env, const struct cpace_opts *o,
    struct cpace **out);
void cpace_free(struct cpace *c);

/* The share to send; lives as long as c. */
const uint8_t *cpace_share(const struct cpace *c);

/*
 * Both shares and associated data, in the order initiator, responder; own
 * says which is ours.  *out is a KEY_SEED, the caller's.  ZK_EREFUSED: the
 * peer's share is not a valid element.
 */
struct cpace_run {
	const uint8_t *ya;	/* CPACE_LEN */
	const void *ada;
	size_t ada_len;
	const uint8_t *yb;	/* CPACE_LEN */
	const void *adb;
	size_t adb_len;
};
ZK_CHECKED enum zk_err cpace_finish(struct cpace *c, bool initiator,
    const struct cpace_run *run, struct key **out);

/* The confirmation of key k (KEY_SEED) under label over the transcript. */
ZK_CHECKED enum zk_err cpace_tag(const struct key *k, const char *label,
    const void *transcript, size_t n, uint8_t tag[static CPACE_TAG_LEN]);

/*
 * The steps by themselves, for the known answers of the draft's appendix.
 * cpace_lv appends prepend_len(p); cpace_transcript appends transcript_ir.
 */
enum zk_err cpace_lv(struct buf *b, const void *p, size_t n);
enum zk_err cpace_transcript(struct buf *b, const struct cpace_run *run);
ZK_CHECKED enum zk_err cpace_generator(const struct cpace_opts *o,
    uint8_t g[static CPACE_LEN]);
ZK_CHECKED enum zk_err cpace_mult(const uint8_t y[static CPACE_LEN],
    const uint8_t x[static CPACE_LEN], uint8_t out[static CPACE_LEN]);
ZK_CHECKED enum zk_err cpace_isk(const struct cpace_opts *o,
    const uint8_t k[static CPACE_LEN], const struct cpace_run *run,
    uint8_t isk[static CPACE_ISK_LEN]);

#endif

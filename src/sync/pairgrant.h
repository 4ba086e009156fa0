/*
 * The messages inside the pairing channel (zk-protocol(7), PAIRING): who the
 * member is, who the joiner is, and what a new member gets.
 */
#ifndef ZK_SYNC_PAIRGRANT_H
#define ZK_SYNC_PAIRGRANT_H

#include <stddef.h>
#include <stdint.h>

#include "sync/pair.h"
#include "util/err.h"

struct buf;

#define PAIRGRANT_MAX (600u * 1024)	/* bytes of an encoded grant */

/* show -> join: vault (32), member's device id (32), its name. */
struct pairgrant_intro {
	uint8_t vault[32];
	uint8_t member[KEYS_ID_LEN];
	char name[PAIR_NAME_MAX + 1];
};
ZK_CHECKED enum zk_err pairgrant_intro_put(struct buf *out,
    const uint8_t vault[static 32], const uint8_t member[static KEYS_ID_LEN],
    const char *name);
ZK_CHECKED enum zk_err pairgrant_intro_get(const void *in, size_t n,
    struct pairgrant_intro *out);

/* join -> show: public keys, consent to be added (64), name. */
struct pairgrant_ask {
	struct device_pub dev;
	uint8_t consent[64];
	char name[PAIR_NAME_MAX + 1];
};
ZK_CHECKED enum zk_err pairgrant_ask_put(struct buf *out,
    const struct device_keys *self, const uint8_t consent[static 64],
    const char *name);
/* ZK_EREFUSED: a key of low order. */
ZK_CHECKED enum zk_err pairgrant_ask_get(const void *in, size_t n,
    struct pairgrant_ask *out);

/* The grant; out wipes.  ZK_ELIMIT beyond PAIRGRANT_MAX. */
ZK_CHECKED enum zk_err pairgrant_put(struct buf *out,
    const struct pair_grant *g);

/* A decoded grant: g lends from in and from this. */
struct pairgrant {
	struct pair_grant g;
	struct key *space;
	struct key *record;
	char *urls[PAIR_URLS_MAX];
};
ZK_CHECKED enum zk_err pairgrant_get(const void *in, size_t n,
    struct pairgrant *out);
void pairgrant_release(struct pairgrant *p);

#endif

/*
 * The keys file: what makes this device this device (zk-format(5), KEYS
 * FILE).  Mode 0600, replaced atomically.  Nothing but this module reads or
 * writes it.
 */
#ifndef ZK_STORE_KEYS_H
#define ZK_STORE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct env;
struct key;
struct keys;

#define KEYS_FILE "keys"
#define KEYS_EPOCHS_MAX 4096

/* A new device in no vault yet: fresh seed, fresh log key, incarnation 1. */
ZK_CHECKED enum zk_err keys_new(struct env *env, struct keys **out);
void keys_free(struct keys *k);

/*
 * Reads KEYS_FILE in the directory dirfd.  ZK_ENOENT.  ZK_EPERM: not a
 * regular file, of another user, or open to group or others (logged).
 * ZK_ETAMPER: damaged.  ZK_EVERSION.  ZK_EAUTH: it needs a passphrase.
 */
ZK_CHECKED enum zk_err keys_load(struct env *env, int dirfd,
    struct keys **out);
/* Writes it, atomically and durably, 0600. */
ZK_CHECKED enum zk_err keys_save(struct env *env, int dirfd,
    const struct keys *k);

/* Each lends; a member not set is NULL. */
const struct key *keys_device_seed(const struct keys *k);	/* KEY_SEED */
const uint8_t *keys_vault(const struct keys *k);	/* 32 bytes, or NULL */
const struct key *keys_space(const struct keys *k);	/* KEY_SIGN */
const struct key *keys_record(const struct keys *k);	/* R, KEY_SEED */
/* The current log: seed of its pair (KEY_SIGN), number of incarnation. */
const struct key *keys_log(const struct keys *k);
uint64_t keys_incarnation(const struct keys *k);

/* Joins a vault; takes copies.  BUG if it is in one. */
ZK_CHECKED enum zk_err keys_set_vault(struct keys *k,
    const uint8_t vault[static 32], const struct key *space,
    const struct key *R);
/* A fresh log key and the next incarnation. */
ZK_CHECKED enum zk_err keys_new_log(struct keys *k, struct env *env);

/* Epoch keys by id; adding one that is there does nothing. */
size_t keys_epoch_count(const struct keys *k);
const struct key *keys_epoch_at(const struct keys *k, size_t i,
    uint8_t id[static 32]);
/* NULL: not held. */
const struct key *keys_epoch(const struct keys *k,
    const uint8_t id[static 32]);
ZK_CHECKED enum zk_err keys_epoch_add(struct keys *k,
    const uint8_t id[static 32], const struct key *E);

/*
 * Encoding, for keys_load, keys_save and the fuzz target.  out has its wipe
 * flag set.
 */
struct buf;
ZK_CHECKED enum zk_err keys_encode(const struct keys *k, struct buf *out);
ZK_CHECKED enum zk_err keys_decode(const void *p, size_t n,
    struct keys **out);

#endif

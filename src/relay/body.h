/*
 * The body of an object while it comes in: in memory up to BODY_SMALL, then
 * in a temporary file, so that memory does not grow with what is sent.  All
 * bodies in memory together stay below a budget.
 */
#ifndef ZK_RELAY_BODY_H
#define ZK_RELAY_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct body;
struct env;
struct files;

#define BODY_SMALL (64u * 1024)	/* bytes kept in memory and in rows */

/* What all bodies share. */
struct body_shop {
	struct env *env;
	struct files *files;
	uint64_t mem_max;	/* bytes in memory, of all bodies */
	atomic_uint_fast64_t mem;
};

/*
 * An empty body that may grow to max bytes.  expect: the length if it is
 * known, else 0 (a hint).  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err body_new(struct body_shop *shop, size_t max,
    size_t expect, struct body **out);

/* Frees it, and its file unless that was placed and kept. */
void body_free(struct body *b);

/*
 * Appends n bytes.  ZK_ELIMIT: over max.  ZK_EBUSY: over the budget.
 * ZK_EDISKFULL, ZK_EIO.
 */
ZK_CHECKED enum zk_err body_put(struct body *b, const void *p, size_t n);

size_t body_len(const struct body *b);

/* The bytes, if they are in memory; else NULL. */
const uint8_t *body_mem(const struct body *b);

/* The file's bytes are durable afterwards.  Nothing to do in memory. */
ZK_CHECKED enum zk_err body_sync(struct body *b);

/*
 * Puts the file, synced before, in place as number no (files_place); done
 * once, later calls do nothing.
 */
ZK_CHECKED enum zk_err body_place(struct body *b, uint64_t no);

/* Its number, 0 if it is in memory or not placed. */
uint64_t body_file(const struct body *b);

/* A committed row names the file: body_free leaves it. */
void body_keep(struct body *b);
/* It is placed, and would be left. */
bool body_kept(const struct body *b);

#endif

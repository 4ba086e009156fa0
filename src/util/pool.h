/*
 * Worker threads with a bounded queue: as many as there is work for, up to a
 * number.
 *
 * Jobs run in any order; results come back through pool_take in the order
 * the jobs were put (so a pipeline keeps its order).  With env->single no
 * thread exists and pool_put runs the job at once.
 */
#ifndef ZK_UTIL_POOL_H
#define ZK_UTIL_POOL_H

#include "util/env.h"

struct pool;

/*
 * threads: how many at most, 0 for one a core.  depth: jobs that may be put
 * and not yet taken.  work is called once a job, on any thread.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err pool_new(struct env *env, unsigned threads,
    unsigned depth, void (*work)(void *job), struct pool **out);

/* Waits for running jobs; jobs not taken are handed to drop (may be NULL). */
void pool_free(struct pool *p, void (*drop)(void *job));

/* False if depth jobs are out: take one first. */
bool pool_put(struct pool *p, void *job);

/*
 * The oldest job put, once it is done: waits when wait is set, else NULL if
 * it is not done.  NULL when nothing is out.
 */
void *pool_take(struct pool *p, bool wait);

/* Jobs put and not yet taken. */
unsigned pool_out(const struct pool *p);

#endif

/*
 * Jobs of a store that no relay is around, for what would take too many
 * requests.
 */
#ifndef ZK_TESTS_UNIT_DEPOTKIT_H
#define ZK_TESTS_UNIT_DEPOTKIT_H

#include <pthread.h>

#include "relay/depot.h"

/* How many jobs are not done; only one many_run at a time. */
struct many {
	pthread_mutex_t lock;
	pthread_cond_t all;
	size_t left;
};

#define MANY_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void
many_done(struct depot_job *job)
{
	struct many *m = job->arg;

	pthread_mutex_lock(&m->lock);
	m->left--;
	pthread_cond_signal(&m->all);
	pthread_mutex_unlock(&m->lock);
}

/* Submits n jobs and waits until each has its result. */
static inline void
many_run(struct depot *d, struct many *m, struct depot_job *job, size_t n)
{
	m->left = n;
	for (size_t i = 0; i < n; i++) {
		job[i].done = many_done;
		job[i].arg = m;
		depot_submit(d, &job[i]);
	}
	pthread_mutex_lock(&m->lock);
	while (m->left > 0)
		pthread_cond_wait(&m->all, &m->lock);
	pthread_mutex_unlock(&m->lock);
}

#endif

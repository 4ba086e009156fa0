/*
 * Worker threads with a bounded ring of jobs.  See pool.h.
 *
 * The ring holds jobs from `first` (oldest, the next to take) over `next`
 * (the next to run) to `end`; all three only grow, and index ring[i % depth].
 */
#include "util/pool.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define POOL_THREADS_MAX 64

struct slot {
	void *job;
	bool done;
};

struct pool {
	void (*work)(void *job);
	struct slot *ring;
	unsigned depth;
	unsigned long first, next, end;
	bool single;
	bool stop;
	unsigned idle;		/* workers that wait for a job */
	unsigned long wake;	/* the job that the caller sleeps for, by its
				 * index; ULONG_MAX: it does not sleep */
	unsigned threads_n, threads_max;
	pthread_mutex_t lock;
	pthread_cond_t more;	/* a job to run, or stop */
	pthread_cond_t ready;	/* a job is done */
	pthread_t threads[POOL_THREADS_MAX];
};

static void *
worker(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct slot *s = NULL;
		unsigned long at = 0;

		while (p->next == p->end && !p->stop) {
			p->idle++;
			pthread_cond_wait(&p->more, &p->lock);
			p->idle--;
		}
		if (p->stop)
			break;
		at = p->next++;
		s = &p->ring[at % p->depth];
		pthread_mutex_unlock(&p->lock);
		p->work(s->job);
		pthread_mutex_lock(&p->lock);
		s->done = true;
		if (at == p->wake)
			pthread_cond_signal(&p->ready);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static unsigned
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX :
	    (unsigned)n;
}

enum zk_err
pool_new(struct env *env, unsigned threads, unsigned depth,
    void (*work)(void *job), struct pool **out)
{
	struct pool *p = NULL;

	*out = NULL;
	if (depth == 0)
		BUG("a pool without room");
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return ZK_ENOMEM;
	p->ring = calloc(depth, sizeof(*p->ring));
	if (p->ring == NULL) {
		free(p);
		return ZK_ENOMEM;
	}
	p->work = work;
	p->depth = depth;
	p->single = env->single;
	p->threads_max = threads > 0 ? threads : cores();
	if (p->threads_max > POOL_THREADS_MAX)
		p->threads_max = POOL_THREADS_MAX;
	p->wake = ULONG_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->ready, NULL);
	*out = p;
	return ZK_OK;
}

void
pool_free(struct pool *p, void (*drop)(void *job))
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads_n; i++)
		pthread_join(p->threads[i], NULL);
	for (; p->first < p->end && drop != NULL; p->first++)
		drop(p->ring[p->first % p->depth].job);
	pthread_cond_destroy(&p->ready);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p->ring);
	free(p);
}

/* One more worker, where those that wait are fewer than the jobs. */
static void
add_worker(struct pool *p)
{
	if (p->threads_n == p->threads_max || p->end - p->next <= p->idle)
		return;
	if (pthread_create(&p->threads[p->threads_n], NULL, worker, p) == 0)
		p->threads_n++;
	else
		p->threads_max = p->threads_n;
	/* no thread to be had: the caller's does the work */
	p->single = p->threads_n == 0;
}

bool
pool_put(struct pool *p, void *job)
{
	struct slot *s = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->end - p->first == p->depth) {
		pthread_mutex_unlock(&p->lock);
		return false;
	}
	s = &p->ring[p->end % p->depth];
	*s = (struct slot){ .job = job };
	p->end++;
	if (!p->single)
		add_worker(p);
	if (p->single) {
		p->work(job);
		s->done = true;
		p->next++;
	}
	if (p->idle > 0)
		pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	return true;
}

/*
 * Sleeps until the oldest job is done.  With more behind it, until some of
 * those are done, too: one wake-up then serves several small jobs.
 */
static void
wait_oldest(struct pool *p)
{
	unsigned long far = p->first + (p->end - p->first) / 8;

	while (!p->ring[p->first % p->depth].done) {
		p->wake = p->ring[far % p->depth].done ? p->first : far;
		pthread_cond_wait(&p->ready, &p->lock);
		far = p->first;
	}
	p->wake = ULONG_MAX;
}

void *
pool_take(struct pool *p, bool wait)
{
	struct slot *s = NULL;
	void *job = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->first < p->end) {
		s = &p->ring[p->first % p->depth];
		if (wait)
			wait_oldest(p);
		if (s->done) {
			job = s->job;
			p->first++;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return job;
}

unsigned
pool_out(const struct pool *p)
{
	/* only the caller's thread moves first and end */
	return (unsigned)(p->end - p->first);
}

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "relay/nonces.h"
#include "util/env.h"

#define BUCKETS 8192
#define SPACE_MAX 16384		/* nonces of one space in a generation */
#define ALL_MAX 524288		/* of all */
#define AGE_MS (2 * AUTH_WINDOW_S * 1000)	/* of a generation */

struct seen {
	struct seen *next;
	int64_t space;
	uint8_t nonce[AUTH_NONCE_LEN];
};

/* Nonces of about the same age, and how many each space has. */
struct generation {
	struct seen *bucket[BUCKETS];
	unsigned count[BUCKETS];	/* by space, collisions share */
	unsigned all;
};

struct nonces {
	struct env *env;
	pthread_mutex_t lock;
	struct generation *now, *before;
	int64_t born;			/* of now, mono ms */
};

enum zk_err
nonces_new(struct env *env, struct nonces **out)
{
	struct nonces *n = calloc(1, sizeof(*n));

	*out = NULL;
	if (n == NULL)
		return ZK_ENOMEM;
	n->env = env;
	pthread_mutex_init(&n->lock, NULL);
	n->now = calloc(1, sizeof(*n->now));
	n->before = calloc(1, sizeof(*n->before));
	n->born = env_mono_ms(env);
	if (n->now == NULL || n->before == NULL) {
		nonces_free(n);
		return ZK_ENOMEM;
	}
	*out = n;
	return ZK_OK;
}

static void
empty(struct generation *g)
{
	if (g == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (g->bucket[i] != NULL) {
			struct seen *s = g->bucket[i];

			g->bucket[i] = s->next;
			free(s);
		}
	}
	memset(g, 0, sizeof(*g));
}

void
nonces_free(struct nonces *n)
{
	if (n == NULL)
		return;
	empty(n->now);
	empty(n->before);
	free(n->now);
	free(n->before);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static unsigned
bucket_of(const uint8_t *nonce)
{
	return (nonce[0] | (unsigned)nonce[1] << 8) % BUCKETS;
}

static bool
holds(const struct generation *g, int64_t space, const uint8_t *nonce)
{
	const struct seen *s = g->bucket[bucket_of(nonce)];

	while (s != NULL && (s->space != space ||
	    memcmp(s->nonce, nonce, AUTH_NONCE_LEN) != 0))
		s = s->next;
	return s != NULL;
}

static void
grow_old(struct nonces *n)
{
	int64_t now = env_mono_ms(n->env);
	struct generation *g = n->before;

	if (now - n->born < AGE_MS)
		return;
	empty(g);
	n->before = n->now;
	n->now = g;
	n->born = now;
}

static enum zk_err
add(struct generation *g, int64_t space, const uint8_t *nonce)
{
	unsigned *count = &g->count[(uint64_t)space % BUCKETS];
	struct seen *s;

	if (*count >= SPACE_MAX || g->all >= ALL_MAX)
		return ZK_EBUSY;
	s = malloc(sizeof(*s));
	if (s == NULL)
		return ZK_EBUSY;
	s->space = space;
	memcpy(s->nonce, nonce, AUTH_NONCE_LEN);
	s->next = g->bucket[bucket_of(nonce)];
	g->bucket[bucket_of(nonce)] = s;
	++*count;
	g->all++;
	return ZK_OK;
}

enum zk_err
nonces_take(struct nonces *n, int64_t space,
    const uint8_t nonce[static AUTH_NONCE_LEN])
{
	enum zk_err r;

	pthread_mutex_lock(&n->lock);
	grow_old(n);
	if (holds(n->now, space, nonce) || holds(n->before, space, nonce))
		r = ZK_EEXIST;
	else
		r = add(n->now, space, nonce);
	pthread_mutex_unlock(&n->lock);
	return r;
}

#include <mbedtls/platform_util.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http/tlscache.h"
#include "util/env.h"

#define PLACES 4096
#define SESSION_MAX 256		/* bytes of a saved session */
#define LIFE_MS (24 * 3600 * 1000LL)

struct place {
	uint8_t id[32];
	uint16_t id_len;	/* 0: empty */
	uint16_t len;
	int64_t born;		/* monotonic ms */
	uint8_t session[SESSION_MAX];
};

struct tls_cache {
	struct env *env;
	pthread_mutex_t lock;	/* guards place */
	struct place *place;
};

enum zk_err
tls_cache_new(struct env *env, struct tls_cache **out)
{
	struct tls_cache *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (c == NULL)
		return ZK_ENOMEM;
	c->place = calloc(PLACES, sizeof(*c->place));
	if (c->place == NULL) {
		free(c);
		return ZK_ENOMEM;
	}
	c->env = env;
	pthread_mutex_init(&c->lock, NULL);
	*out = c;
	return ZK_OK;
}

void
tls_cache_free(struct tls_cache *c)
{
	if (c == NULL)
		return;
	mbedtls_platform_zeroize(c->place, PLACES * sizeof(*c->place));
	free(c->place);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Ids are ours and random, so their first bytes spread well. */
static struct place *
place_of(struct tls_cache *c, const unsigned char *id, size_t n)
{
	if (n < 4 || n > 32)
		return NULL;
	return &c->place[(id[0] | id[1] << 8 | id[2] << 16) % PLACES];
}

/* Loads the session with this id into out (initialised); 0 on success. */
static int
fetch(struct tls_cache *c, const unsigned char *id, size_t n,
    mbedtls_ssl_session *out)
{
	struct place *p = place_of(c, id, n);
	int r = 1;

	if (p == NULL)
		return 1;
	pthread_mutex_lock(&c->lock);
	if (p->id_len == n && memcmp(p->id, id, n) == 0 &&
	    env_mono_ms(c->env) - p->born < LIFE_MS)
		r = mbedtls_ssl_session_load(out, p->session, p->len);
	pthread_mutex_unlock(&c->lock);
	return r;
}

static int
keep(struct tls_cache *c, const unsigned char *id, size_t n,
    const mbedtls_ssl_session *session)
{
	struct place *p = place_of(c, id, n);
	size_t len = 0;
	int r;

	if (p == NULL)
		return 1;
	pthread_mutex_lock(&c->lock);
	mbedtls_platform_zeroize(p, sizeof(*p));
	r = mbedtls_ssl_session_save(session, p->session, SESSION_MAX, &len);
	if (r == 0) {
		memcpy(p->id, id, n);
		p->id_len = (uint16_t)n;
		p->len = (uint16_t)len;
		p->born = env_mono_ms(c->env);
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

#if MBEDTLS_VERSION_MAJOR >= 3
int
tls_cache_get(void *ctx, const unsigned char *id, size_t id_len,
    mbedtls_ssl_session *session)
{
	return fetch(ctx, id, id_len, session);
}

int
tls_cache_set(void *ctx, const unsigned char *id, size_t id_len,
    const mbedtls_ssl_session *session)
{
	return keep(ctx, id, id_len, session);
}
#else
int
tls_cache_get(void *ctx, mbedtls_ssl_session *session)
{
	mbedtls_ssl_session found;

	mbedtls_ssl_session_init(&found);
	/* session holds the id alone; the library compares the suites */
	if (fetch(ctx, session->id, session->id_len, &found) != 0) {
		mbedtls_ssl_session_free(&found);
		return 1;
	}
	mbedtls_ssl_session_free(session);
	*session = found;
	return 0;
}

int
tls_cache_set(void *ctx, const mbedtls_ssl_session *session)
{
	return keep(ctx, session->id, session->id_len, session);
}
#endif

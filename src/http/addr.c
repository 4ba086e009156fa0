#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "http/addr.h"
#include "util/env.h"

#define BUCKETS 4096
#define ENTRIES_MAX 65536
#define IDLE_MS (10 * 60 * 1000LL)	/* longer than any window */

struct entry {
	struct entry *next;
	uint8_t key[ADDR_LEN];
	unsigned open;			/* connections */
	int64_t used;			/* last touched, mono ms */
	int64_t start[ADDR_KINDS];	/* of the window */
	unsigned n[ADDR_KINDS];		/* events in it */
};

struct addr_table {
	struct env *env;
	pthread_mutex_t lock;	/* guards all below */
	uint64_t seed;
	unsigned entries;
	struct entry *bucket[BUCKETS];
};

enum zk_err
addr_new(struct env *env, struct addr_table **out)
{
	struct addr_table *t = calloc(1, sizeof(*t));

	*out = t;
	if (t == NULL)
		return ZK_ENOMEM;
	t->env = env;
	rand_bytes(env, &t->seed, sizeof(t->seed));
	pthread_mutex_init(&t->lock, NULL);
	return ZK_OK;
}

void
addr_free(struct addr_table *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (t->bucket[i] != NULL) {
			struct entry *e = t->bucket[i];

			t->bucket[i] = e->next;
			free(e);
		}
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255 };

bool
addr_parse(const char *s, size_t n, uint8_t out[static ADDR_LEN])
{
	char text[INET6_ADDRSTRLEN];
	uint8_t raw[ADDR_LEN];

	if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if (inet_pton(AF_INET6, text, raw) != 1) {
		memcpy(raw, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, text, raw + sizeof(mapped)) != 1)
			return false;
	}
	memcpy(out, raw, ADDR_LEN);
	return true;
}

bool
addr_is_loopback(const uint8_t a[static ADDR_LEN])
{
	static const uint8_t one[ADDR_LEN] = { [15] = 1 };

	if (memcmp(a, mapped, sizeof(mapped)) == 0)
		return a[12] == 127;
	return memcmp(a, one, ADDR_LEN) == 0;
}

bool
addr_is_private(const uint8_t a[static ADDR_LEN])
{
	if (addr_is_loopback(a))
		return true;
	if (memcmp(a, mapped, sizeof(mapped)) != 0)
		return (a[0] & 0xfe) == 0xfc ||
		    (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
	return a[12] == 10 || (a[12] == 192 && a[13] == 168) ||
	    (a[12] == 172 && (a[13] & 0xf0) == 16) ||
	    (a[12] == 169 && a[13] == 254);
}

static void
make_key(const uint8_t a[static ADDR_LEN], uint8_t key[static ADDR_LEN])
{
	memcpy(key, a, ADDR_LEN);
	if (memcmp(a, mapped, sizeof(mapped)) != 0 && !addr_is_loopback(a))
		memset(key + 8, 0, ADDR_LEN - 8);
}

static struct entry **
slot_of(struct addr_table *t, const uint8_t key[static ADDR_LEN])
{
	uint64_t h = t->seed;

	for (unsigned i = 0; i < ADDR_LEN; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	h ^= h >> 32;
	return &t->bucket[h % BUCKETS];
}

/* Forgets what nobody has open and nothing counts for. */
static void
sweep(struct addr_table *t, int64_t now)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct entry **p = &t->bucket[i];

		while (*p != NULL) {
			struct entry *e = *p;

			if (e->open > 0 || now - e->used < IDLE_MS) {
				p = &e->next;
				continue;
			}
			*p = e->next;
			free(e);
			t->entries--;
		}
	}
}

/* The entry of a, made if need be; NULL when there is no room. */
static struct entry *
touch(struct addr_table *t, const uint8_t a[static ADDR_LEN])
{
	int64_t now = env_mono_ms(t->env);
	uint8_t key[ADDR_LEN];
	struct entry **slot;
	struct entry *e;

	make_key(a, key);
	slot = slot_of(t, key);
	for (e = *slot; e != NULL; e = e->next)
		if (memcmp(e->key, key, ADDR_LEN) == 0)
			break;
	if (e == NULL) {
		if (t->entries >= ENTRIES_MAX)
			sweep(t, now);
		if (t->entries >= ENTRIES_MAX)
			return NULL;
		e = calloc(1, sizeof(*e));
		if (e == NULL)
			return NULL;
		memcpy(e->key, key, ADDR_LEN);
		e->next = *slot;
		*slot = e;
		t->entries++;
	}
	e->used = now;
	return e;
}

bool
addr_open(struct addr_table *t, const uint8_t a[static ADDR_LEN],
    unsigned max)
{
	struct entry *e;
	bool ok;

	pthread_mutex_lock(&t->lock);
	e = touch(t, a);
	ok = e != NULL && e->open < max;
	if (ok)
		e->open++;
	pthread_mutex_unlock(&t->lock);
	return ok;
}

void
addr_close(struct addr_table *t, const uint8_t a[static ADDR_LEN])
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = touch(t, a);
	if (e != NULL && e->open > 0)
		e->open--;
	pthread_mutex_unlock(&t->lock);
}

static bool
count(struct addr_table *t, const uint8_t a[static ADDR_LEN], unsigned kind,
    unsigned limit, unsigned window_ms, unsigned add)
{
	struct entry *e;
	bool ok = false;

	pthread_mutex_lock(&t->lock);
	e = touch(t, a);
	if (e != NULL) {
		if (e->used - e->start[kind] >= (int64_t)window_ms) {
			e->start[kind] = e->used;
			e->n[kind] = 0;
		}
		ok = e->n[kind] < limit;
		if (ok)
			e->n[kind] += add;
	}
	pthread_mutex_unlock(&t->lock);
	return ok;
}

bool
addr_take(struct addr_table *t, const uint8_t a[static ADDR_LEN],
    unsigned kind, unsigned limit, unsigned window_ms)
{
	return count(t, a, kind, limit, window_ms, 1);
}

bool
addr_may(struct addr_table *t, const uint8_t a[static ADDR_LEN],
    unsigned kind, unsigned limit, unsigned window_ms)
{
	return count(t, a, kind, limit, window_ms, 0);
}

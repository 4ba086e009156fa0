#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "proto/msg.h"
#include "relay/box.h"
#include "util/buf.h"
#include "util/env.h"

#define BOX_BYTES (512u * 1024)		/* in one mailbox */
#define ALL_BYTES (32u * 1024 * 1024)	/* in all */
#define FEW 250		/* mailboxes up to which numbers have 3 digits */

struct box {
	uint32_t plate;
	uint8_t maker[ADDR_LEN];
	int64_t end;		/* mono ms */
	size_t bytes;
	struct {
		bool claimed;
		bool closed;
		uint8_t token[BOX_TOKEN_LEN];
		struct buf *msg[TARGET_RV_MSGS];	/* owned */
	} side[2];
};

struct boxes {
	struct env *env;
	struct box_limits limits;
	pthread_mutex_t lock;	/* guards all below */
	struct box **box;	/* owned; n of limits.boxes */
	size_t n;
	size_t bytes;
};

enum zk_err
boxes_new(struct env *env, const struct box_limits *limits,
    struct boxes **out)
{
	struct boxes *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (b == NULL)
		return ZK_ENOMEM;
	b->env = env;
	b->limits = *limits;
	pthread_mutex_init(&b->lock, NULL);
	b->box = calloc(limits->boxes, sizeof(struct box *));
	if (b->box == NULL) {
		boxes_free(b);
		return ZK_ENOMEM;
	}
	*out = b;
	return ZK_OK;
}

static void
remove_at(struct boxes *b, size_t i)
{
	struct box *x = b->box[i];

	for (unsigned side = 0; side < 2; side++) {
		for (unsigned n = 0; n < TARGET_RV_MSGS; n++) {
			struct buf *m = x->side[side].msg[n];

			if (m == NULL)
				continue;
			buf_release(m);
			free(m);
		}
	}
	b->bytes -= x->bytes;
	free(x);
	b->box[i] = b->box[--b->n];
}

void
boxes_free(struct boxes *b)
{
	if (b == NULL)
		return;
	while (b->n > 0)
		remove_at(b, 0);
	free(b->box);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static void
sweep(struct boxes *b)
{
	int64_t now = env_mono_ms(b->env);

	for (size_t i = b->n; i > 0; i--)
		if (now >= b->box[i - 1]->end)
			remove_at(b, i - 1);
}

/* Index of a living mailbox, or b->n. */
static size_t
find(struct boxes *b, uint32_t plate)
{
	size_t i = 0;

	sweep(b);
	while (i < b->n && b->box[i]->plate != plate)
		i++;
	return i;
}

/* The mailbox if token holds this side of it, else NULL. */
static struct box *
held(struct boxes *b, uint32_t plate, unsigned side, const uint8_t *token)
{
	size_t i = find(b, plate);
	struct box *x = i < b->n ? b->box[i] : NULL;

	if (x == NULL || !x->side[side].claimed ||
	    memcmp(x->side[side].token, token, BOX_TOKEN_LEN) != 0)
		return NULL;
	return x;
}

static enum zk_err
make(struct boxes *b, const uint8_t *peer, const uint8_t *token,
    uint32_t *plate)
{
	unsigned mine = 0;
	struct box *x;

	sweep(b);
	for (size_t i = 0; i < b->n; i++) {
		x = b->box[i];
		if (memcmp(x->side[0].token, token, BOX_TOKEN_LEN) == 0) {
			*plate = x->plate;	/* asked again */
			return ZK_OK;
		}
		if (memcmp(x->maker, peer, ADDR_LEN) == 0)
			mine++;
	}
	if (b->n == b->limits.boxes || mine >= b->limits.boxes_addr)
		return ZK_EBUSY;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return ZK_ENOMEM;
	do {
		x->plate = 1 + (uint32_t)rand_below(b->env,
		    b->n < FEW ? 999 : 999999);
	} while (find(b, x->plate) < b->n);
	memcpy(x->maker, peer, ADDR_LEN);
	memcpy(x->side[0].token, token, BOX_TOKEN_LEN);
	x->side[0].claimed = true;
	x->end = env_mono_ms(b->env) + b->limits.life_ms;
	*plate = x->plate;
	b->box[b->n++] = x;
	return ZK_OK;
}

enum zk_err
boxes_claim(struct boxes *b, const uint8_t peer[static ADDR_LEN],
    unsigned side, const uint8_t token[static BOX_TOKEN_LEN],
    uint32_t *plate)
{
	enum zk_err r = ZK_OK;
	struct box *x;
	size_t i;

	pthread_mutex_lock(&b->lock);
	if (*plate == 0) {
		r = make(b, peer, token, plate);
		goto out;
	}
	i = find(b, *plate);
	if (i == b->n) {
		r = ZK_ENOENT;
		goto out;
	}
	x = b->box[i];
	if (!x->side[side].claimed) {
		x->side[side].claimed = true;
		memcpy(x->side[side].token, token, BOX_TOKEN_LEN);
	} else if (memcmp(x->side[side].token, token, BOX_TOKEN_LEN) != 0) {
		r = ZK_EREFUSED;
	}
out:
	pthread_mutex_unlock(&b->lock);
	return r;
}

enum zk_err
boxes_holds(struct boxes *b, uint32_t plate, unsigned side,
    const uint8_t token[static BOX_TOKEN_LEN])
{
	enum zk_err r;

	pthread_mutex_lock(&b->lock);
	r = held(b, plate, side, token) != NULL ? ZK_OK : ZK_EEXPIRED;
	pthread_mutex_unlock(&b->lock);
	return r;
}

static enum zk_err
put(struct boxes *b, struct box *x, struct buf **slot, const void *p,
    size_t len)
{
	struct buf *m = *slot;

	if (m != NULL)
		return m->len == len && memcmp(m->data, p, len) == 0 ?
		    ZK_OK : ZK_EREFUSED;
	if (len > MSG_RV_MAX || x->bytes + len > BOX_BYTES ||
	    b->bytes + len > ALL_BYTES)
		return ZK_ELIMIT;
	m = malloc(sizeof(*m));
	if (m == NULL)
		return ZK_ENOMEM;
	buf_init(m, MSG_RV_MAX);
	if (buf_put(m, p, len) != ZK_OK) {
		free(m);
		return ZK_ENOMEM;
	}
	*slot = m;
	x->bytes += len;
	b->bytes += len;
	return ZK_OK;
}

enum zk_err
boxes_put(struct boxes *b, uint32_t plate, unsigned side,
    const uint8_t token[static BOX_TOKEN_LEN], unsigned n, const void *p,
    size_t len)
{
	enum zk_err r = ZK_EEXPIRED;
	struct box *x;

	pthread_mutex_lock(&b->lock);
	x = held(b, plate, side, token);
	if (x != NULL)
		r = put(b, x, &x->side[side].msg[n], p, len);
	pthread_mutex_unlock(&b->lock);
	return r;
}

enum zk_err
boxes_get(struct boxes *b, uint32_t plate, unsigned side,
    const uint8_t token[static BOX_TOKEN_LEN], unsigned n, struct buf *out)
{
	enum zk_err r = ZK_EEXPIRED;
	struct box *x;
	struct buf *m;

	pthread_mutex_lock(&b->lock);
	x = held(b, plate, side, token);
	if (x != NULL) {
		m = x->side[1 - side].msg[n];
		if (m != NULL)
			r = buf_put(out, m->data, m->len);
		else if (!x->side[1 - side].closed)
			r = ZK_ENOENT;
	}
	pthread_mutex_unlock(&b->lock);
	return r;
}

void
boxes_close(struct boxes *b, uint32_t plate,
    const uint8_t token[static BOX_TOKEN_LEN])
{
	size_t i;

	pthread_mutex_lock(&b->lock);
	for (unsigned side = 0; side < 2; side++) {
		struct box *x = held(b, plate, side, token);

		if (x != NULL)
			x->side[side].closed = true;
	}
	i = find(b, plate);
	if (i < b->n && b->box[i]->side[0].closed &&
	    (b->box[i]->side[1].closed || !b->box[i]->side[1].claimed))
		remove_at(b, i);
	pthread_mutex_unlock(&b->lock);
}

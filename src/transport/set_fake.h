/* What the fake remote keeps: objects in the order they came. */
#ifndef ZK_TRANSPORT_SET_FAKE_H
#define ZK_TRANSPORT_SET_FAKE_H

#include "transport/transport.h"

struct fake_obj {
	uint8_t log[TRANSPORT_NAME_LEN];	/* segments */
	uint64_t seq;				/* segments; messages */
	uint8_t name[TRANSPORT_NAME_LEN];	/* hash */
	uint64_t at;	/* position in the order of arrival, from 1 */
	uint8_t *data;	/* owned */
	size_t len;
};

struct fake_set {
	struct fake_obj *v;
	size_t n;
	size_t cap;
};

/* Frees all; s is empty afterwards. */
void set_fake_release(struct fake_set *s);

/* Forgets object i. */
void set_fake_remove(struct fake_set *s, size_t i);

/* The object of this name, or at this place of a log; NULL. */
struct fake_obj *set_fake_find(const struct fake_set *s,
    const uint8_t *name);
struct fake_obj *set_fake_place(const struct fake_set *s,
    const uint8_t *log, uint64_t seq);

/* Adds a copy of o with the n bytes at p.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err set_fake_add(struct fake_set *s,
    const struct fake_obj *o, const void *p, size_t n);

#endif

#include "transport/seg_fake.h"

#include <string.h>

#include "proto/seghdr.h"
#include "util/rd.h"

/* What a log was begun behind, by a call or by deleting; NULL. */
static struct fake_obj *
begun(const struct remote_fake *f, const uint8_t *log)
{
	for (size_t i = 0; i < f->begun.n; i++)
		if (memcmp(f->begun.v[i].log, log, TRANSPORT_NAME_LEN) == 0)
			return &f->begun.v[i];
	return NULL;
}

enum zk_err
seg_fake_begin(struct remote_fake *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN])
{
	struct fake_obj *there = begun(f, log);
	struct fake_obj o = { .seq = seq };

	memcpy(o.log, log, sizeof(o.log));
	memcpy(o.name, hash, sizeof(o.name));
	if (there == NULL)
		return set_fake_add(&f->begun, &o, NULL, 0);
	if (there->seq < seq) {
		there->seq = seq;
		memcpy(there->name, hash, sizeof(there->name));
	}
	return ZK_OK;
}

/* Whether s follows what its log was begun behind. */
static bool
follows(const struct fake_obj *begin, const struct tseg *s)
{
	struct seghdr h;

	return begin != NULL && begin->seq + 1 == s->seq &&
	    seghdr_decode(s->data, s->len, &h) == ZK_OK &&
	    memcmp(h.prev, begin->name, TRANSPORT_NAME_LEN) == 0;
}

enum tseg_result
seg_fake_judge(const struct remote_fake *f, const struct tseg *s)
{
	const struct fake_obj *begin = begun(f, s->log);
	const struct fake_obj *o = set_fake_place(&f->segs, s->log, s->seq);

	if (o != NULL && o->len != s->len)
		return TSEG_TAKEN;
	if (o == NULL && begin != NULL && begin->seq == s->seq)
		o = begin;
	if (o != NULL)
		return memcmp(o->name, s->hash, TRANSPORT_NAME_LEN) == 0 ?
		    TSEG_HAVE : TSEG_TAKEN;
	if (begin != NULL && s->seq < begin->seq)
		return TSEG_HAVE;
	return s->seq == 1 || follows(begin, s) ||
	    set_fake_place(&f->segs, s->log, s->seq - 1) != NULL ?
	    TSEG_STORED : TSEG_GAP;
}

bool
seg_fake_end(const struct remote_fake *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t *seq,
    uint8_t hash[static TRANSPORT_NAME_LEN])
{
	const struct fake_obj *end = begun(f, log);

	for (size_t i = 0; i < f->segs.n; i++) {
		const struct fake_obj *o = &f->segs.v[i];

		if (memcmp(o->log, log, TRANSPORT_NAME_LEN) == 0 &&
		    (end == NULL || o->seq > end->seq))
			end = o;
	}
	if (end == NULL)
		return false;
	*seq = end->seq;
	memcpy(hash, end->name, TRANSPORT_NAME_LEN);
	return true;
}

uint64_t
seg_fake_mark(const struct remote_fake *f, const struct tmark *m)
{
	struct rd r;
	uint64_t gen;
	uint64_t at;

	rd_init(&r, m->b, m->len);
	gen = rd_u64(&r);
	at = rd_u64(&r);
	return rd_end(&r) == ZK_OK && gen == f->gen ? at : 0;
}

void
seg_fake_mark_put(const struct remote_fake *f, uint64_t at, struct tmark *m)
{
	for (size_t i = 0; i < 8; i++) {
		m->b[i] = (uint8_t)(f->gen >> (8 * i));
		m->b[8 + i] = (uint8_t)(at >> (8 * i));
	}
	m->len = 16;
}

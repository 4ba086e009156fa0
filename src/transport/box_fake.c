#include "transport/box_fake.h"

#include <stdlib.h>
#include <string.h>

static struct fake_box *
find(const struct fake_boxes *b, uint64_t plate)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].plate == plate)
			return &b->v[i];
	return NULL;
}

static enum zk_err
add(struct fake_boxes *b, uint64_t plate, struct fake_box **out)
{
	struct fake_box *v = realloc(b->v, (b->n + 1) * sizeof(*v));

	if (v == NULL)
		return ZK_ENOMEM;
	b->v = v;
	memset(&v[b->n], 0, sizeof(*v));
	v[b->n].plate = plate;
	*out = &v[b->n++];
	return ZK_OK;
}

static void
drop(struct fake_boxes *b, struct fake_box *box)
{
	set_fake_release(&box->msgs[0]);
	set_fake_release(&box->msgs[1]);
	*box = b->v[--b->n];
}

void
box_fake_release(struct fake_boxes *b)
{
	while (b->n > 0)
		drop(b, &b->v[b->n - 1]);
	free(b->v);
	memset(b, 0, sizeof(*b));
}

enum zk_err
box_fake_claim(struct fake_boxes *b, struct trv *rv)
{
	enum zk_err r = ZK_OK;
	struct fake_box *box;

	if (rv->plate == 0)
		for (rv->plate = 100; find(b, rv->plate) != NULL;)
			rv->plate++;
	box = find(b, rv->plate);
	if (box == NULL && rv->side == 1)
		return ZK_EEXPIRED;
	if (box == NULL)
		r = add(b, rv->plate, &box);
	if (r != ZK_OK)
		return r;
	if (box->claimed[rv->side] &&
	    memcmp(box->id[rv->side], rv->id, sizeof(rv->id)) != 0)
		return ZK_EEXIST;
	box->claimed[rv->side] = true;
	memcpy(box->id[rv->side], rv->id, sizeof(rv->id));
	return ZK_OK;
}

static struct fake_obj *
message(const struct fake_set *s, unsigned seq)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].seq == seq)
			return &s->v[i];
	return NULL;
}

enum zk_err
box_fake_put(struct fake_boxes *b, const struct trv *rv, unsigned seq,
    const void *p, size_t n)
{
	struct fake_box *box = find(b, rv->plate);
	struct fake_obj o = { .seq = seq };
	const struct fake_obj *there;

	if (box == NULL)
		return ZK_EEXPIRED;
	if (!box->claimed[rv->side] ||
	    memcmp(box->id[rv->side], rv->id, sizeof(rv->id)) != 0)
		return ZK_EREFUSED;
	there = message(&box->msgs[rv->side], seq);
	if (there == NULL)
		return set_fake_add(&box->msgs[rv->side], &o, p, n);
	return there->len == n && (n == 0 ||
	    memcmp(there->data, p, n) == 0) ? ZK_OK : ZK_EEXIST;
}

enum zk_err
box_fake_get(const struct fake_boxes *b, const struct trv *rv, unsigned seq,
    struct buf *out)
{
	const struct fake_box *box = find(b, rv->plate);
	const struct fake_obj *o;

	if (box == NULL)
		return ZK_EEXPIRED;
	o = message(&box->msgs[1 - rv->side], seq);
	return o == NULL ? ZK_ETIMEDOUT : buf_put(out, o->data, o->len);
}

void
box_fake_close(struct fake_boxes *b, const struct trv *rv)
{
	struct fake_box *box = find(b, rv->plate);

	if (box != NULL && rv->side == 0)
		drop(b, box);
}

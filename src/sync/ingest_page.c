/* Segments as they came.  See round.h. */
#include <stdlib.h>
#include <string.h>

#include "sync/ingest_int.h"

enum zk_err
page_new(struct page **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZK_ENOMEM : ZK_OK;
}

void
page_free(struct page *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].data);
		seg_free(p->items[i].seg);
	}
	free(p->items);
	free(p);
}

size_t
page_count(const struct page *p)
{
	return p->n;
}

enum zk_err
page_add(struct page *p, const struct tseg *s)
{
	struct item *it = NULL;

	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 16 : p->cap * 2;
		struct item *more = realloc(p->items, cap * sizeof(*more));

		if (more == NULL)
			return ZK_ENOMEM;
		p->items = more;
		p->cap = cap;
	}
	it = &p->items[p->n];
	*it = (struct item){ .s = *s };
	it->data = malloc(s->len + 1);
	if (it->data == NULL)
		return ZK_ENOMEM;
	memcpy(it->data, s->data, s->len);
	it->s.data = it->data;
	p->n++;
	return ZK_OK;
}

const uint8_t ingest_never[LOGDB_HASH_LEN];

enum zk_err
page_set_aside(struct round *rd, struct page *p)
{
	struct db *db = rd->v->db;
	struct logdb_seg g = { 0 };
	enum zk_err r;

	p->spoilt = false;
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->items[i].s.hash, p->row.hash,
		    sizeof(p->row.hash)) == 0 && !p->items[i].refused) {
			p->items[i].refused = true;
			return ZK_OK;
		}
	r = db_begin(db);
	if (r == ZK_OK)
		r = logdb_by_hash(db, p->row.hash, &g);
	if (r == ZK_OK)
		r = logdb_wait(db, g.id, g.log, g.seq,
		    ingest_never);
	return db_end(db, r);
}

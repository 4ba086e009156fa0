#include "sync/cpknown.h"

#include <string.h>

#include "format/op.h"
#include "sync/segcache.h"

void
cpknown_init(struct cpknown *k)
{
	memset(k, 0, sizeof(*k));
	buf_init(&k->body, OP_BODY_MAX);
	buf_init_secret(&k->data, OP_DATA_MAX);
}

void
cpknown_release(struct cpknown *k)
{
	buf_release(&k->body);
	buf_release(&k->data);
}

enum zk_err
cpknown_load(struct vault *v, struct cpknown *k)
{
	return cpdb_load(v->db, &k->c.id, &k->body, &k->content, &k->data);
}

enum zk_err
cpknown_cut(struct vault *v, const struct cpknown *k, struct cpcut *out)
{
	return cpcut_of(v, segcache_row(k->c.locator), k->body.data,
	    k->body.len, out);
}

enum zk_err
cpknown_older(struct vault *v, struct cpdb_checkpoint *c)
{
	struct opid below = c->id;

	return cpdb_newest(v->db, &below, c);
}

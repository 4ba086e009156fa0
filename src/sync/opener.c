#include "sync/opener.h"

#include <stdlib.h>

#include "format/segment.h"
#include "sync/vault.h"
#include "util/pool.h"

struct job {
	struct vault *v;
	struct opener_item *it;
};

/* On a worker: of the vault it reads the epoch keys alone. */
static void
work(void *arg)
{
	struct job *j = arg;
	struct seg_keys keys = { records_find_epoch, j->v };

	j->it->r = seg_open(j->it->data, j->it->len, vault_id(j->v), &keys,
	    NULL, &j->it->seg);
}

enum zk_err
opener_run(struct vault *v, struct opener_item *items, size_t n)
{
	struct job *jobs = calloc(n + 1, sizeof(*jobs));
	struct pool *pool = NULL;
	enum zk_err r = jobs == NULL ? ZK_ENOMEM :
	    pool_new(v->env, 0, (unsigned)n + 1, work, &pool);

	for (size_t i = 0; i < n; i++) {
		items[i].seg = NULL;
		items[i].r = r;
		if (r != ZK_OK)
			continue;
		jobs[i] = (struct job){ v, &items[i] };
		if (!pool_put(pool, &jobs[i]))
			BUG("more segments than the pool was asked for");
	}
	while (r == ZK_OK && pool_take(pool, true) != NULL)
		;
	pool_free(pool, NULL);
	free(jobs);
	return r;
}

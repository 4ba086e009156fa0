/* What is nowhere any more: see world_int.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "store/basedb.h"
#include "tests/sim/world_int.h"

static bool
has(struct world *w, unsigned i, const struct list_entry *e)
{
	int64_t row = 0;

	return base_by_content(w->d[i].v->db, e->content.size, e->content.hash,
	    &row) == ZK_OK;
}

/* Counts what a directory lacks on a disk; false: another disk has it. */
static bool
look(struct world *w, unsigned i, const struct opid *dirs, size_t n,
    unsigned *gaps)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	bool good = list_open(w->d[i].v->tree, dirs, n, &l) == ZK_OK;

	while (good && list_next(l, &e) == ZK_OK) {
		if (e->kind == NODE_DIR) {
			good = look(w, i, e->nodes, e->nodes_n, gaps);
			continue;
		}
		if (e->kind != NODE_FILE || has(w, i, e))
			continue;
		++*gaps;
		for (unsigned k = 0; good && k < w->o->devices; k++)
			good = !has(w, k, e);
		if (!good)
			printf("# %.*s is on another disk\n", (int)e->name_len,
			    (const char *)e->name);
	}
	list_close(l);
	return good;
}

bool
world_gap(struct world *w, unsigned i)
{
	unsigned gaps = 0, lives = 0;

	for (unsigned k = 0; k < w->o->remotes; k++)
		lives += w->life[k];
	return lives > 0 && look(w, i, NULL, 0, &gaps) && gaps > 0;
}

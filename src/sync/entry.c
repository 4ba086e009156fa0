/* Base's rows in terms of the merge.  See entry.h. */
#include "sync/entry.h"

#include <stdlib.h>

#include "crdt/seen.h"

enum zk_err
entry_keys_make(const uint8_t *seen, size_t len, struct entry_keys *out)
{
	struct seen s;
	enum zk_err r = ZK_EBUG;

	*out = (struct entry_keys){ NULL, 0 };
	seen_init(&s);
	r = seen_decode(seen, len, &s);
	if (r == ZK_OK && s.n == 0)
		r = ZK_EFORMAT;
	if (r == ZK_OK) {
		out->id = calloc(s.n, sizeof(*out->id));
		r = out->id == NULL ? ZK_ENOMEM : ZK_OK;
	}
	for (size_t i = 0; r == ZK_OK && i < s.n; i++)
		out->id[out->n++] = s.nodes[i].id;
	seen_release(&s);
	return r;
}

void
entry_keys_release(struct entry_keys *k)
{
	free(k->id);
	*k = (struct entry_keys){ NULL, 0 };
}

enum zk_err
entry_replaced(const uint8_t *seen, size_t len, struct opid *out, size_t *n)
{
	struct seen s;
	enum zk_err r = ZK_EBUG;

	*n = 0;
	seen_init(&s);
	r = seen_decode(seen, len, &s);
	for (size_t i = 0; r == ZK_OK && s.n > 0 && i < s.nodes[0].refs_n;
	    i++) {
		const struct seen_node *node = &s.nodes[0];

		if ((node->refs[i].what & SEEN_CONTENT) == 0)
			continue;
		if (*n < OP_REFS_MAX)
			out[*n] = node->refs[i].id;
		++*n;
		/* a copy goes on from the first alone */
		if (node->copy)
			break;
	}
	seen_release(&s);
	return r;
}

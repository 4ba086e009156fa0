/*
 * What base keeps of an entry: reading it gives what writing it gave, byte
 * for byte, or an error.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/seen.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct opid ids[4];
	struct seen s;
	struct buf b;
	size_t ids_n;
	enum zk_err r = seen_decode(p, n, &s);

	if (r != ZK_OK)
		return 0;
	if (seen_ids(p, n, ids, 4, &ids_n) != ZK_OK || ids_n != s.n)
		abort();
	buf_init(&b, n + 1);
	if (seen_encode(&s, &b) != ZK_OK || b.len != n ||
	    memcmp(b.data, p, n) != 0)
		abort();
	for (size_t i = 0; i < s.n && i < 4; i++)
		if (opid_cmp(&ids[i], &s.nodes[i].id) != 0)
			abort();
	seen_release(&s);
	buf_release(&b);
	return 0;
}

/*
 * Manifests: the input is a root, then parts that the root may ask for in
 * turn.  Whatever is read keeps to the limits and adds up.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/manifest.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct input {
	const uint8_t *p;
	size_t n;
};

/* The next length-prefixed piece of what is left. */
static struct input
piece(struct input *in)
{
	struct input out = { in->p, 0 };
	size_t len = 0;

	if (in->n >= 2) {
		len = (size_t)(in->p[0] | in->p[1] << 8);
		in->p += 2;
		in->n -= 2;
	}
	out.p = in->p;
	out.n = len < in->n ? len : in->n;
	in->p += out.n;
	in->n -= out.n;
	return out;
}

static enum zk_err
fetch(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct input in = piece(arg);

	if (level < 1 || level > MANIFEST_LEVELS || !chunk_ref_ok(ref))
		abort();
	buf_reset(plain);
	return in.n == 0 ? ZK_EGAP : buf_put(plain, in.p, in.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input all = { p, n }, root = piece(&all);
	struct manifest_reader *m = NULL;
	struct manifest_head head;
	struct manifest_entry e;
	uint64_t off = 0;
	enum zk_err r;

	r = manifest_peek(root.p, root.n, &head);
	if (manifest_reader_new(root.p, root.n, fetch, &all, &m) != ZK_OK)
		return 0;
	if (r != ZK_OK || head.size > MANIFEST_SIZE_MAX)
		abort();
	for (;;) {
		r = manifest_next(m, &e);
		if (r != ZK_OK)
			break;
		if (e.off != off || e.count == 0 || !chunk_ref_ok(&e.ref) ||
		    e.count > (head.size - off) / e.ref.plain_len)
			abort();
		off += e.count * e.ref.plain_len;
	}
	if (r == ZK_ENOENT && off != head.size)
		abort();
	manifest_reader_free(m);
	return 0;
}

/*
 * Streams of trees: what is read is in order and within bounds, and written
 * again gives the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

struct input {
	const uint8_t *p;
	size_t n;
};

/* A few bytes at a time. */
static enum zk_err
take(void *ctx, void *p, size_t n, size_t *got)
{
	struct input *in = ctx;
	size_t k = in->n < 11 ? in->n : 11;

	*got = n < k ? n : k;
	if (*got > 0)
		memcpy(p, in->p, *got);
	in->p += *got;
	in->n -= *got;
	return ZK_OK;
}

static void
one(struct bundle_reader *r, const struct bundle_entry *e, struct buf *out)
{
	uint8_t block[100];
	uint64_t left = e->size;
	size_t got = 1;

	if (e->type != BUNDLE_END && (!path_name_ok(e->name, e->name_len) ||
	    e->mode > 0777 || e->target_len > BUNDLE_LINK_MAX))
		abort();
	if (bundle_put(e, out) != ZK_OK)
		abort();
	while (e->type == BUNDLE_FILE && got > 0) {
		if (bundle_bytes(r, block, sizeof(block), &got) != ZK_OK)
			abort();
		left -= got;
		if (buf_put(out, block, got) != ZK_OK)
			abort();
	}
	if (e->type == BUNDLE_FILE && left != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct input from = { in, n };
	struct bundle_source src = { take, &from, n };
	const struct bundle_entry *e = NULL;
	struct bundle_reader *r = NULL;
	struct buf out;
	enum zk_err err;

	if (bundle_reader_new(&src, &r) != ZK_OK)
		return 0;
	buf_init(&out, n + 1);
	if (n >= BUNDLE_MAGIC_LEN && bundle_put_head(&out) != ZK_OK)
		abort();
	while ((err = bundle_next(r, &e)) == ZK_OK && e != NULL)
		one(r, e, &out);
	if (err == ZK_OK && (out.len != n || memcmp(out.data, in, n) != 0))
		abort();
	bundle_reader_free(r);
	buf_release(&out);
	return 0;
}

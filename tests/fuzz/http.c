/*
 * Heads and bodies of requests: whatever is accepted lies inside the bytes
 * given, and a body never gives more than it was fed.
 */
#include <stdlib.h>
#include <string.h>

#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static void
inside(const char *p, size_t len, const uint8_t *in, size_t n)
{
	const char *start = (const char *)in;

	if (len > 0 && (p < start || p + len > start + n))
		abort();
}

static void
feed(const struct head *h, const uint8_t *p, size_t n)
{
	struct head_body b;
	const uint8_t *data;
	size_t used, len, sum = 0;
	bool done = false;

	head_body_init(&b, h);
	while (n > 0 && !done) {
		/* in small pieces, so that every place is cut */
		size_t k = n > 3 ? 3 : n;

		if (head_body_step(&b, p, k, &used, &data, &len, &done) !=
		    ZK_OK)
			return;
		if (used > k || len > used || (used == 0 && !done))
			abort();
		if (len > 0 && (data < p || data + len > p + k))
			abort();
		sum += len;
		p += used;
		n -= used;
	}
	if (!h->chunked && sum > h->length)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct head h;
	size_t end = head_end(in, n);

	if (end == 0 || head_parse(in, end, &h) != ZK_OK)
		return 0;
	inside(h.path, h.path_len, in, end);
	if (h.query_len > 0)
		inside(h.query, h.query_len, in, end);
	for (size_t i = 0; i < h.fields; i++) {
		inside(h.field[i].name, h.field[i].name_len, in, end);
		inside(h.field[i].value, h.field[i].value_len, in, end);
	}
	if (h.chunked && h.has_length)
		abort();
	if (head_find(&h, "HOST") == NULL)
		abort();
	feed(&h, in + end, n - end);
	return 0;
}

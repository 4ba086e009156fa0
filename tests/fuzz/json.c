/*
 * Documents of JSON: the input is a base and versions of it, each ended by a
 * NUL.  What merges gives a document, the same one with the base among the
 * versions wherever that stands; one alone, or twice, stays as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/jsonmerge.h"
#include "util/buf.h"

#define PARTS 5	/* base and versions */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static enum zk_err
merge(const struct jsonmerge_version *base,
    const struct jsonmerge_version *v, size_t n, struct buf *out)
{
	enum zk_err r;

	buf_init(out, JSONDOC_MAX);
	r = jsonmerge(base->text, base->len, v, n, out);
	if (r != ZK_OK && r != ZK_EREFUSED)
		abort();
	return r;
}

static void
gives(const struct jsonmerge_version *base,
    const struct jsonmerge_version *v, size_t n, const uint8_t *want,
    size_t len)
{
	struct buf out;

	if (merge(base, v, n, &out) != ZK_OK || out.len != len ||
	    memcmp(out.data, want, len) != 0)
		abort();
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct jsonmerge_version v[PARTS + 1], result, two[2];
	const uint8_t *end;
	size_t parts = 0;
	struct buf out;

	if (n > 4096)
		return 0;
	while (parts < PARTS && n > 0) {
		end = memchr(p, 0, n);
		v[parts].text = p;
		v[parts].len = end != NULL ? (size_t)(end - p) : n;
		n -= v[parts].len + (end != NULL);
		p += v[parts++].len + 1;
	}
	if (parts < 2)
		return 0;
	if (merge(&v[0], v + 1, parts - 1, &out) == ZK_OK) {
		two[0] = two[1] = v[1];
		gives(&v[0], two, 2, v[1].text, v[1].len);
		result = (struct jsonmerge_version){ out.data, out.len };
		gives(&v[0], &result, 1, out.data, out.len);
		if (v[0].len > 0) {
			two[0] = v[0];
			gives(&v[0], two, 2, v[1].text, v[1].len);
			gives(&v[0], v, parts, out.data, out.len);
			v[parts] = v[0];
			gives(&v[0], v + 1, parts, out.data, out.len);
		}
	}
	buf_release(&out);
	return 0;
}

/*
 * Edit scripts: the input is a length, an encoding of that length, and a
 * text.  Reading gives what writing gave, byte for byte, or an error; what
 * applies to a text makes a text, and so does merging it with itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/diff.h"
#include "text/merge.h"
#include "text/script.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The script that the diff finds makes the same text of it. */
static void
diff(const uint8_t *old, size_t n, const struct buf *new)
{
	static const uint8_t none[1];
	const uint8_t *to = new->data != NULL ? new->data : none;
	struct script s;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	if (text_diff(old, n, to, new->len, &s) != ZK_OK ||
	    script_apply(&s, old, n, &b) != ZK_OK || b.len != new->len ||
	    (b.len > 0 && memcmp(b.data, to, b.len) != 0))
		abort();
	script_release(&s);
	buf_release(&b);
}

static void
apply(const struct script *s, const uint8_t *text, size_t n)
{
	static const uint8_t none[1];
	struct merge_version v[2] = { { .script = s }, { .script = s } };
	struct buf b;

	buf_init(&b, TEXT_MAX);
	if (script_apply(s, text, n, &b) == ZK_OK) {
		if (!text_is(b.data != NULL ? b.data : none, b.len))
			abort();
		diff(text, n, &b);
		buf_reset(&b);
		if (text_merge(text, n, v, 2, &b) != ZK_OK ||
		    !text_is(b.data != NULL ? b.data : none, b.len))
			abort();
	}
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct script s;
	struct buf b;
	size_t len;

	if (n < 2 || n > 4096)
		return 0;
	len = (size_t)(p[0] | p[1] << 8);
	p += 2;
	n -= 2;
	if (len > n || script_decode(p, len, &s) != ZK_OK)
		return 0;
	buf_init(&b, len + 1);
	if (script_encode(&s, &b) != ZK_OK || b.len != len ||
	    (len > 0 && memcmp(b.data, p, len) != 0))
		abort();
	if (text_is(p + len, n - len))
		apply(&s, p + len, n - len);
	script_release(&s);
	buf_release(&b);
	return 0;
}

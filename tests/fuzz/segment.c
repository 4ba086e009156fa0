/* The outside of a segment, and a payload as if it had been opened. */
#include "format/segment.c"	/* for seg_parse */
#include "util/buf.h"

static enum zk_err
none(void *arg, const uint8_t prefix[static 16], const struct key **epoch,
    uint8_t id[static SEG_HASH_LEN])
{
	(void)arg;
	(void)prefix;
	(void)epoch;
	(void)id;
	return ZK_EGAP;
}

static void
inside(const uint8_t *p, size_t n)
{
	struct seg *s = calloc(1, sizeof(*s));
	struct buf plain;
	struct op op;
	size_t ops = 0;
	enum zk_err r;

	buf_init(&plain, 1 << 23);
	if (s == NULL || pad_put(&plain, p, n) != ZK_OK)
		abort();
	s->hdr.seq = n > 0 && p[0] % 2 == 0 ? 1 : 2;
	s->plain = buf_take(&plain, &s->plain_len);
	if (seg_parse_padded(s, true) == ZK_OK) {
		seg_rewind(s);
		for (r = ZK_OK; r == ZK_OK || r == ZK_EREFUSED;) {
			r = seg_next(s, &op);
			ops += r == ZK_OK || r == ZK_EREFUSED;
		}
		if (r != ZK_ENOENT || ops != seg_count(s))
			abort();
	}
	seg_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t vault[SEG_HASH_LEN];
	const struct seg_keys keys = { none, NULL };
	struct seg *s;

	if (seg_open(p, n, vault, &keys, NULL, &s) == ZK_OK)
		abort();
	inside(p, n);
	return 0;
}

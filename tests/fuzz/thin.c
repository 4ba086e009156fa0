/* Thin segments, and the stream of a checkpoint that is made of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/thin.h"
#include "sync/checkpoint.h"
#include "util/buf.h"
#include "util/env.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* With yes true everything goes. */
static enum zk_err
goes(void *arg, const struct op *op, bool *yes)
{
	if (op->content.form != CONTENT_INLINE &&
	    op->content.form != CONTENT_MANIFEST)
		abort();
	*yes = *(const bool *)arg;
	return ZK_OK;
}

/* Reads all ops; what ids they have. */
static void
walk(struct seg *s, struct buf *ids)
{
	struct op op;
	size_t ops = 0;
	enum zk_err r = ZK_OK;

	buf_reset(ids);
	seg_rewind(s);
	while (r == ZK_OK || r == ZK_EREFUSED) {
		r = seg_next(s, &op);
		if (r != ZK_OK && r != ZK_EREFUSED)
			break;
		ops++;
		if (buf_put(ids, op.id.b, OPID_LEN) != ZK_OK)
			abort();
	}
	if (r != ZK_ENOENT || ops != seg_count(s))
		abort();
}

/* Without its contents it is a thin segment, too, with the same ids. */
static void
without(struct seg *s, struct buf *ids)
{
	bool yes = true;
	struct buf out, again;
	struct seg *t = NULL;

	buf_init(&out, THIN_MAX);
	buf_init(&again, SEG_OPS_MAX * OPID_LEN);
	if (thin_make(s, goes, &yes, &out) != ZK_OK ||
	    thin_open(out.data, out.len, NULL, true, &t) != ZK_OK)
		abort();
	walk(t, &again);
	if (again.len != ids->len || (ids->len > 0 &&
	    memcmp(again.data, ids->data, ids->len) != 0))
		abort();
	seg_free(t);
	buf_release(&out);
	buf_release(&again);
}

static enum zk_err
one(void *arg, const void *p, size_t n)
{
	bool no = false;
	struct buf out, ids;
	struct seg *s = NULL;
	enum zk_err r;

	(void)arg;
	if (thin_open(p, n, NULL, false, &s) == ZK_OK)
		seg_free(s);
	r = thin_open(p, n, NULL, true, &s);
	if (r != ZK_OK) {
		if (s != NULL)
			abort();
		return r;
	}
	buf_init(&out, THIN_MAX);
	buf_init(&ids, SEG_OPS_MAX * OPID_LEN);
	walk(s, &ids);
	if (thin_make(s, goes, &no, &out) != ZK_OK || out.len != n ||
	    memcmp(out.data, p, n) != 0)
		abort();
	without(s, &ids);
	seg_free(s);
	buf_release(&out);
	buf_release(&ids);
	return ZK_OK;
}

/* As the file that a checkpoint is fetched into. */
static void
stream(const uint8_t *p, size_t n)
{
	struct cpstream s = { .env = env_posix(), .size = n };

	s.fd = memfd_create("stream", MFD_CLOEXEC);
	if (s.fd < 0 || (n > 0 && write(s.fd, p, n) != (ssize_t)n))
		abort();
	(void)!cpstream_read(&s, one, NULL);
	close(s.fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* reading a stream takes a large buffer, and so long */
	if (n >= 3 && memcmp(p, "zkC", 3) == 0)
		stream(p, n);
	else
		(void)!one(NULL, p, n);
	return 0;
}

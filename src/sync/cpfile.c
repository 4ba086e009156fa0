/* The file of a stream, and reading it.  See checkpoint.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "format/thin.h"
#include "sync/checkpoint.h"
#include "util/io.h"
#include "util/rd.h"

#define PIECE (256u * 1024)
#define READ_BYTES (THIN_MAX + 16)

static const uint8_t magic[] = CPSTREAM_MAGIC;

enum zk_err
cpstream_empty(struct vault *v, const char *name, struct cpstream *out)
{
	*out = (struct cpstream){ .env = v->env };
	out->fd = env_openat(v->env, v->state_fd, name,
	    O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (out->fd < 0)
		return err_from_errno(-out->fd);
	/* it is of no use to anybody else, and gone with the process */
	(void)env_unlinkat(v->env, v->state_fd, name, 0);
	return ZK_OK;
}

void
cpstream_release(struct cpstream *s)
{
	if (s->env == NULL)
		return;
	if (s->fd >= 0)
		(void)env_close(s->env, s->fd);
	memset(s, 0, sizeof(*s));
}

/* Whether a whole one lies at the start of n bytes: its head and length. */
static enum zk_err
whole(const uint8_t *p, size_t n, bool last, size_t *head, size_t *len)
{
	struct rd rd;

	rd_init(&rd, p, n);
	*len = (size_t)rd_varint(&rd, THIN_MAX);
	if (rd.err != ZK_OK)
		return last || n >= 10 ? ZK_EFORMAT : ZK_ENOENT;
	*head = n - rd.left;
	if (*len <= rd.left)
		return ZK_OK;
	return last ? ZK_EFORMAT : ZK_ENOENT;
}

enum zk_err
cpstream_read(const struct cpstream *s,
    enum zk_err (*fn)(void *arg, const void *thin, size_t n), void *arg)
{
	uint8_t *p = malloc(READ_BYTES);
	size_t fill = 0, at = 0;
	uint64_t off = 0;
	bool begun = false;
	enum zk_err r = p == NULL ? ZK_ENOMEM : ZK_OK;

	while (r == ZK_OK && (off < s->size || at < fill)) {
		size_t head = 0, len = 0, room;

		if (begun && at < fill) {
			r = whole(p + at, fill - at, off == s->size, &head,
			    &len);
			if (r == ZK_OK) {
				r = fn(arg, p + at + head, len);
				at += head + len;
				continue;
			}
			if (r != ZK_ENOENT)
				break;
			r = ZK_OK;
		}
		memmove(p, p + at, fill - at);
		fill -= at;
		at = 0;
		room = READ_BYTES - fill;
		if (room > s->size - off)
			room = (size_t)(s->size - off);
		r = io_pread_full(s->env, s->fd, p + fill, room, off);
		off += room;
		fill += room;
		if (r == ZK_OK && !begun) {
			if (fill < sizeof(magic) || memcmp(p, magic, 3) != 0)
				r = ZK_EFORMAT;
			else if (p[3] != magic[3])
				r = ZK_EVERSION;
			begun = true;
			at = sizeof(magic);
		}
	}
	free(p);
	return r;
}

enum zk_err
cpstream_same(const struct cpstream *a, const struct cpstream *b, bool *same)
{
	uint8_t *p = malloc(2 * PIECE), *q = NULL;
	enum zk_err r = p == NULL ? ZK_ENOMEM : ZK_OK;

	q = r == ZK_OK ? p + PIECE : NULL;
	*same = a->size == b->size;
	for (uint64_t off = 0; r == ZK_OK && *same && off < a->size;) {
		size_t n = a->size - off > PIECE ? PIECE :
		    (size_t)(a->size - off);

		r = io_pread_full(a->env, a->fd, p, n, off);
		if (r == ZK_OK)
			r = io_pread_full(b->env, b->fd, q, n, off);
		*same = r == ZK_OK && memcmp(p, q, n) == 0;
		off += n;
	}
	free(p);
	return r;
}

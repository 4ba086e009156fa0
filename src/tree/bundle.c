#include "tree/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/op.h"

#define AHEAD (64u * 1024)

/* A directory that has been entered: the name that came last in it. */
struct level {
	char last[PATH_NAME_MAX + 1];
	size_t path_len;	/* of the path up to it, with a '/' */
};

struct bundle_reader {
	struct bundle_source src;
	uint64_t left;		/* bytes not taken yet */
	uint64_t file;		/* of these, of the file at hand */
	uint64_t entries;
	struct level *dirs;	/* PATH_DEPTH_MAX */
	size_t depth;		/* entered; 0 before and behind all */
	bool begun;
	enum zk_err err;	/* sticky */
	struct bundle_entry e;
	size_t at, n;		/* of ahead: taken, there */
	uint8_t ahead[AHEAD];
};

/* Writing ------------------------------------------------------------------ */

enum zk_err
bundle_put_head(struct buf *out)
{
	return buf_put(out, BUNDLE_MAGIC, BUNDLE_MAGIC_LEN);
}

struct env_time
bundle_time(struct env_time t)
{
	if (t.sec < OP_MTIME_MIN)
		t.sec = OP_MTIME_MIN;
	if (t.sec > OP_MTIME_MAX)
		t.sec = OP_MTIME_MAX;
	if (t.nsec > 999999999)
		t.nsec = 999999999;
	return t;
}

enum zk_err
bundle_put(const struct bundle_entry *e, struct buf *out)
{
	buf_u8(out, e->type);
	if (e->type == BUNDLE_END)
		return buf_err(out);
	buf_u8(out, (uint8_t)e->name_len);
	buf_put(out, e->name, e->name_len);
	if (e->type == BUNDLE_LINK) {
		buf_u16(out, (uint16_t)e->target_len);
		buf_put(out, e->target, e->target_len);
		return buf_err(out);
	}
	buf_u16(out, e->mode);
	if (e->type == BUNDLE_FILE) {
		buf_u64(out, (uint64_t)e->mtime.sec);
		buf_u32(out, e->mtime.nsec);
		buf_u64(out, e->size);
	}
	return buf_err(out);
}

/* Reading ------------------------------------------------------------------ */

enum zk_err
bundle_reader_new(const struct bundle_source *src, struct bundle_reader **out)
{
	struct bundle_reader *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (r == NULL)
		return ZK_ENOMEM;
	r->dirs = calloc(PATH_DEPTH_MAX, sizeof(*r->dirs));
	if (r->dirs == NULL) {
		free(r);
		return ZK_ENOMEM;
	}
	r->src = *src;
	r->left = src->size;
	*out = r;
	return ZK_OK;
}

void
bundle_reader_free(struct bundle_reader *r)
{
	if (r == NULL)
		return;
	free(r->dirs);
	free(r);
}

static void
fail(struct bundle_reader *r, enum zk_err e)
{
	if (r->err == ZK_OK)
		r->err = e;
}

/* Exactly n bytes to p; zeroes once something failed. */
static void
take(struct bundle_reader *r, void *p, size_t n)
{
	uint8_t *to = p;

	if (n > r->left)
		fail(r, ZK_EFORMAT);
	while (n > 0 && r->err == ZK_OK) {
		size_t k = r->n - r->at;

		if (k == 0) {
			r->at = r->n = 0;
			fail(r, r->src.read(r->src.ctx, r->ahead, AHEAD,
			    &r->n));
			if (r->n == 0)
				fail(r, ZK_EFORMAT);
			continue;
		}
		if (k > n)
			k = n;
		memcpy(to, r->ahead + r->at, k);
		r->at += k;
		r->left -= k;
		to += k;
		n -= k;
	}
	if (n > 0)
		memset(to, 0, n);
}

static uint64_t
take_int(struct bundle_reader *r, size_t bytes)
{
	uint8_t b[8];
	uint64_t v = 0;

	take(r, b, bytes);
	for (size_t i = bytes; i-- > 0;)
		v = v << 8 | b[i];
	return v;
}

static void
check(struct bundle_reader *r, bool ok)
{
	if (!ok)
		fail(r, ZK_EFORMAT);
}

/* A name, behind all that came before it in its directory. */
static void
take_name(struct bundle_reader *r)
{
	struct bundle_entry *e = &r->e;
	struct level *l = &r->dirs[r->depth - 1];

	e->name_len = (size_t)take_int(r, 1);
	take(r, e->name, e->name_len);
	e->name[e->name_len] = '\0';
	if (r->err != ZK_OK)
		return;
	check(r, path_name_ok(e->name, e->name_len) &&
	    strcmp(l->last, e->name) < 0 &&
	    l->path_len + e->name_len <= PATH_LEN_MAX);
	memcpy(l->last, e->name, e->name_len + 1);
}

static void
take_file(struct bundle_reader *r)
{
	struct bundle_entry *e = &r->e;
	struct env_time in;

	e->mode = (uint16_t)take_int(r, 2);
	e->mtime.sec = (int64_t)take_int(r, 8);
	e->mtime.nsec = (uint32_t)take_int(r, 4);
	e->size = take_int(r, 8);
	in = bundle_time(e->mtime);
	check(r, e->mode <= 0777 && e->size <= r->left &&
	    in.sec == e->mtime.sec && in.nsec == e->mtime.nsec);
	if (r->err == ZK_OK)
		r->file = e->size;
}

static void
take_link(struct bundle_reader *r)
{
	struct bundle_entry *e = &r->e;
	size_t n = (size_t)take_int(r, 2);

	check(r, n > 0 && n <= BUNDLE_LINK_MAX);
	if (r->err != ZK_OK)
		return;
	take(r, e->target, n);
	e->target[n] = '\0';
	e->target_len = n;
	check(r, memchr(e->target, 0, n) == NULL);
}

static void
enter(struct bundle_reader *r)
{
	size_t len = r->depth > 0 ? r->dirs[r->depth - 1].path_len +
	    r->e.name_len + 1 : 0;

	check(r, r->depth < PATH_DEPTH_MAX);
	if (r->err != ZK_OK)
		return;
	r->dirs[r->depth].last[0] = '\0';
	r->dirs[r->depth++].path_len = len;
}

static void
take_dir(struct bundle_reader *r)
{
	r->e.mode = (uint16_t)take_int(r, 2);
	check(r, r->e.mode <= 0777 && (r->e.mode & 0700) == 0700);
	enter(r);
}

static void
begin(struct bundle_reader *r)
{
	uint8_t magic[BUNDLE_MAGIC_LEN];

	r->begun = true;
	check(r, r->src.size <= BUNDLE_MAX);
	take(r, magic, sizeof(magic));
	check(r, memcmp(magic, BUNDLE_MAGIC, sizeof(magic)) == 0);
	enter(r);
}

static void
take_entry(struct bundle_reader *r)
{
	struct bundle_entry *e = &r->e;

	e->type = (uint8_t)take_int(r, 1);
	e->name_len = e->target_len = 0;
	e->name[0] = e->target[0] = '\0';
	e->size = 0;
	e->mode = 0;
	e->mtime = (struct env_time){ 0, 0 };
	if (e->type == BUNDLE_END) {
		r->depth--;
		return;
	}
	check(r, e->type <= BUNDLE_LINK &&
	    ++r->entries <= BUNDLE_ENTRIES_MAX);
	take_name(r);
	if (e->type == BUNDLE_FILE)
		take_file(r);
	else if (e->type == BUNDLE_DIR)
		take_dir(r);
	else
		take_link(r);
}

enum zk_err
bundle_next(struct bundle_reader *r, const struct bundle_entry **e)
{
	*e = NULL;
	if (!r->begun)
		begin(r);
	if (r->err == ZK_OK && r->file > 0)
		BUG("a file of a stream that was not read to its end");
	if (r->err == ZK_OK && r->depth == 0) {
		check(r, r->left == 0);
		return r->err;
	}
	if (r->err == ZK_OK)
		take_entry(r);
	if (r->err == ZK_OK)
		*e = &r->e;
	return r->err;
}

enum zk_err
bundle_bytes(struct bundle_reader *r, void *p, size_t n, size_t *got)
{
	*got = n < r->file ? n : (size_t)r->file;
	take(r, p, *got);
	if (r->err != ZK_OK) {
		*got = 0;
		return r->err;
	}
	r->file -= *got;
	return ZK_OK;
}

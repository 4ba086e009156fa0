#include "transport/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "transport/folder_append.h"
#include "transport/folder_begin.h"
#include "transport/folder_blobs.h"
#include "transport/folder_dir.h"
#include "transport/folder_pace.h"
#include "transport/folder_rv.h"
#include "transport/folder_seg.h"
#include "transport/url.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"

#define BATCH_MAX 16	/* blobs made durable together */
#define SHARDS_EACH 8	/* directories fsynced one by one */
#define BATCH_MIN 4	/* fewer are fsynced one by one */

static struct folder *
self(struct transport *t)
{
	return (struct folder *)t;
}

static void
folder_free(struct transport *t)
{
	struct folder *f = self(t);

	folder_dir_close(f);
	free(f->path);
	free(f);
}

static enum zk_err
folder_create(struct transport *t)
{
	return folder_dir_create(self(t));
}

/* Records: one directory, names in any order, no mark. */

struct listing {
	enum zk_err (*each)(void *, const uint8_t *);
	void *arg;
};

static enum zk_err
rec_name(void *arg, const char *name)
{
	const struct listing *l = arg;
	uint8_t hash[TRANSPORT_NAME_LEN];

	if (hex_get(name, strlen(name), hash, sizeof(hash)) != ZK_OK)
		return ZK_OK;
	return l->each(l->arg, hash);
}

static enum zk_err
folder_rec_list(struct transport *t, struct tmark *mark,
    enum zk_err (*each)(void *, const uint8_t *), void *arg)
{
	struct folder *f = self(t);
	struct listing l = { .each = each, .arg = arg };
	enum zk_err r = folder_dir_open(f);
	int fd;

	if (r != ZK_OK)
		return r;
	fd = folder_dir_sub(f, f->dir, "rec", false);
	if (fd == -ENOENT)
		return ZK_OK;
	if (fd < 0)
		return folder_dir_fail(f, fd, "open", "rec");
	r = folder_dir_list(f, fd, rec_name, &l);
	(void)env_close(t->opts.env, fd);
	if (r == ZK_OK)
		mark->len = 0;
	return r;
}

static enum zk_err
folder_rec_get(struct transport *t, const uint8_t *name, struct buf *out)
{
	struct folder *f = self(t);
	char path[NAMES_CAP] = "rec/";
	size_t had = out->len;
	enum zk_err r = folder_dir_open(f);

	hex_text(name, TRANSPORT_NAME_LEN, path + 4);
	folder_pace_begin(f, 0);
	if (r == ZK_OK)
		r = folder_dir_get(f, f->dir, path, TRANSPORT_OBJ_MAX, out);
	return r == ZK_OK ? folder_pace(f, false, out->len - had) : r;
}

static enum zk_err
folder_rec_put(struct transport *t, const uint8_t *name, const void *p,
    size_t n)
{
	struct folder *f = self(t);
	char hex[NAMES_CAP];
	enum zk_err r = folder_dir_open(f);
	int fd;

	folder_pace_begin(f, 0);
	if (r == ZK_OK)
		r = folder_pace(f, true, n);
	if (r != ZK_OK)
		return r;
	fd = folder_dir_sub(f, f->dir, "rec", true);
	if (fd < 0)
		return folder_dir_fail(f, fd, "open", "rec");
	hex_text(name, TRANSPORT_NAME_LEN, hex);
	r = folder_dir_put(f, fd, hex, p, n);
	(void)env_close(t->opts.env, fd);
	return r;
}

/* Blobs. */

/* blob/XX/NAME; the last part starts at 8. */
static void
blob_path(const uint8_t *name, char out[static NAMES_CAP])
{
	memcpy(out, "blob/", 5);
	hex_text(name, 1, out + 5);
	out[7] = '/';
	hex_text(name, TRANSPORT_NAME_LEN, out + 8);
}

/* Opens blob/XX, made if make. */
static int
open_shard(struct folder *f, const uint8_t *name, bool make)
{
	char hex[NAMES_CAP];
	int blob = folder_dir_sub(f, f->dir, "blob", make);
	int fd;

	if (blob < 0)
		return blob;
	hex_text(name, 1, hex);
	fd = folder_dir_sub(f, blob, hex, make);
	(void)env_close(f->t.opts.env, blob);
	return fd;
}

/* Renames a staged blob to its place; the directory is fsynced if sync. */
static enum zk_err
blob_place(struct folder *f, const struct txfer *x, const char *tmp,
    bool sync)
{
	char hex[NAMES_CAP];
	int fd = open_shard(f, x->name, true);
	enum zk_err r;

	if (fd < 0) {
		(void)env_unlinkat(f->t.opts.env, f->dir, tmp, 0);
		return folder_dir_fail(f, fd, "open", "blob");
	}
	hex_text(x->name, TRANSPORT_NAME_LEN, hex);
	r = folder_dir_place(f, tmp, fd, hex);
	if (r == ZK_OK && sync)
		r = folder_dir_sync(f, fd);
	(void)env_close(f->t.opts.env, fd);
	return r;
}

/* One of several that become durable together. */
struct batched {
	struct txfer *x;
	enum zk_err r;
	char tmp[NAMES_CAP];
};

/* Puts n blobs: write all, sync, rename all, sync. */
static void
blob_put(struct folder *f, struct batched *b, size_t n)
{
	bool each = n < BATCH_MIN;
	enum zk_err r = folder_dir_open(f);
	enum zk_err sync;

	for (size_t i = 0; i < n; i++)
		b[i].r = r != ZK_OK ? r : folder_dir_stage(f, b[i].x->data,
		    b[i].x->len, each, b[i].tmp);
	if (r != ZK_OK)
		return;
	sync = each ? ZK_OK : folder_dir_sync_all(f);
	for (size_t i = 0; i < n; i++) {
		if (b[i].r != ZK_OK)
			continue;
		b[i].r = sync;
		if (sync == ZK_OK)
			b[i].r = blob_place(f, b[i].x, b[i].tmp, each);
		else
			(void)env_unlinkat(f->t.opts.env, f->dir, b[i].tmp,
			    0);
	}
	sync = each || sync != ZK_OK ? ZK_OK : folder_dir_sync_all(f);
	for (size_t i = 0; i < n; i++)
		if (b[i].r == ZK_OK)
			b[i].r = sync;
}

static enum zk_err
blob_get(struct folder *f, struct txfer *x)
{
	char path[NAMES_CAP];
	enum zk_err r = folder_dir_open(f);

	blob_path(x->name, path);
	buf_reset(&x->body);
	if (r == ZK_OK)
		r = folder_dir_get(f, f->dir, path, x->body.max, &x->body);
	/* longer than what was asked for cannot be it */
	if (r == ZK_ELIMIT)
		r = ZK_ETAMPER;
	if (r == ZK_OK && !x->unchecked && !transport_blob_ok(x->name,
	    x->body.data, x->body.len))
		r = ZK_ETAMPER;
	if (r != ZK_OK)
		buf_reset(&x->body);
	return r;
}

static enum zk_err
folder_submit(struct transport *t, struct txfer *x)
{
	struct folder *f = self(t);

	*f->last = x;
	f->last = &x->next;
	return ZK_OK;
}

static struct txfer *
pop(struct folder *f)
{
	struct txfer *x = f->first;

	f->first = x->next;
	if (f->first == NULL)
		f->last = &f->first;
	x->next = NULL;
	return x;
}

/* True once all n bytes of x have kept to the rate. */
static bool
paid(struct folder *f, struct txfer *x, size_t n)
{
	x->moved += folder_pace_some(f, x->put, n - x->moved);
	return x->moved == n;
}

/* Reads the first transfer (once), and ends it when it is paid for. */
static bool
run_get(struct folder *f)
{
	struct txfer *x = f->first;
	enum zk_err r = x->impl == NULL ? blob_get(f, x) : ZK_OK;

	x->impl = x;	/* it was read */
	if (r == ZK_OK && !paid(f, x, x->body.len))
		return false;
	transport_done(&f->t, pop(f), r);
	return true;
}

/*
 * Runs the first transfer, or the first few if they are puts.  False: the
 * rate limit lets none pass yet.
 */
static bool
run_some(struct folder *f)
{
	struct batched b[BATCH_MAX];
	size_t n = 0;

	if (!f->first->put)
		return run_get(f);
	while (n < BATCH_MAX && f->first != NULL && f->first->put &&
	    paid(f, f->first, f->first->len))
		b[n++].x = pop(f);
	if (n == 0)
		return false;
	blob_put(f, b, n);
	for (size_t i = 0; i < n; i++)
		transport_done(&f->t, b[i].x, b[i].r);
	return true;
}

static enum zk_err
folder_wait(struct transport *t, size_t left, int timeout_ms)
{
	struct folder *f = self(t);
	int64_t end = env_mono_ms(t->opts.env) + timeout_ms;
	enum zk_err r = ZK_OK;
	bool any = false;

	/* one at least, if the rate allows: a wait makes progress */
	while (t->inflight > left && r == ZK_OK) {
		if (run_some(f)) {
			any = true;
			if (env_mono_ms(t->opts.env) >= end)
				break;
		} else {
			r = folder_pace_wait(f, f->first->put, end);
		}
	}
	return r == ZK_ETIMEDOUT && any ? ZK_OK : r;
}

static void
folder_cancel(struct transport *t)
{
	struct folder *f = self(t);

	while (f->first != NULL)
		transport_done(t, pop(f), ZK_ESIGNAL);
}

/*
 * What is there may be from a run that was cut off, or whose sync failed:
 * whoever is told so counts on it.
 */
static enum zk_err
sync_shards(struct folder *f, const bool shard[static 256], unsigned n)
{
	enum zk_err r = ZK_OK;

	if (n > SHARDS_EACH)
		return folder_dir_sync_all(f);
	for (unsigned i = 0; i < 256 && r == ZK_OK && n > 0; i++) {
		uint8_t first = (uint8_t)i;
		int fd = shard[i] ? open_shard(f, &first, false) : -1;

		if (!shard[i])
			continue;
		if (fd < 0)
			return folder_dir_fail(f, fd, "open", "blob");
		r = folder_dir_sync(f, fd);
		(void)env_close(f->t.opts.env, fd);
	}
	return r;
}

static enum zk_err
folder_missing(struct transport *t,
    const uint8_t (*names)[TRANSPORT_NAME_LEN], size_t n, bool *missing)
{
	struct folder *f = self(t);
	enum zk_err r = folder_dir_open(f);
	bool shard[256] = { false };
	unsigned shards = 0;
	struct env_stat st;
	char path[NAMES_CAP];

	for (size_t i = 0; i < n && r == ZK_OK; i++) {
		int e;

		blob_path(names[i], path);
		e = env_statat(t->opts.env, f->dir, path, &st);
		missing[i] = e == -ENOENT;
		if (e < 0 && e != -ENOENT)
			r = folder_dir_fail(f, e, "stat", path);
		if (e == 0 && !shard[names[i][0]]) {
			shard[names[i][0]] = true;
			shards++;
		}
	}
	return r == ZK_OK ? sync_shards(f, shard, shards) : r;
}

static enum zk_err
folder_blob_delete(struct transport *t, const uint8_t *name)
{
	struct folder *f = self(t);
	char hex[NAMES_CAP];
	enum zk_err r = folder_dir_open(f);
	int fd;
	int e;

	if (r != ZK_OK)
		return r;
	fd = open_shard(f, name, false);
	if (fd == -ENOENT)
		return ZK_OK;
	if (fd < 0)
		return folder_dir_fail(f, fd, "open", "blob");
	hex_text(name, TRANSPORT_NAME_LEN, hex);
	e = env_unlinkat(t->opts.env, fd, hex, 0);
	if (e == 0)
		r = folder_dir_sync(f, fd);
	else if (e != -ENOENT)
		r = folder_dir_fail(f, e, "delete", hex);
	(void)env_close(t->opts.env, fd);
	return r;
}

/* There is no TLS here, hence no pin. */
static enum zk_err
folder_pin(struct transport *t, char *out, size_t cap)
{
	(void)t;
	if (cap > 0)
		out[0] = '\0';
	return ZK_OK;
}

static const struct transport_ops folder_ops = {
	.free = folder_free,
	.create = folder_create,
	.append = folder_append,
	.log_begin = folder_begin,
	.read = folder_seg_read,
	.read_at = folder_seg_read_at,
	.head = folder_seg_head,
	.rec_list = folder_rec_list,
	.rec_get = folder_rec_get,
	.rec_put = folder_rec_put,
	.submit = folder_submit,
	.wait = folder_wait,
	.cancel = folder_cancel,
	.missing = folder_missing,
	.blob_list = folder_blob_list,
	.blob_delete = folder_blob_delete,
	.seg_delete = folder_seg_delete,
	.rv_claim = folder_rv_claim,
	.rv_put = folder_rv_put,
	.rv_get = folder_rv_get,
	.rv_close = folder_rv_close,
	.pin = folder_pin,
};

enum zk_err
folder_open(const struct url *u, const struct transport_opts *opts,
    const char *name, struct transport **out)
{
	struct folder *f = calloc(1, sizeof(*f));
	enum zk_err r;

	*out = NULL;
	if (f == NULL)
		return ZK_ENOMEM;
	f->dir = -1;
	f->last = &f->first;
	f->path = strdup(u->path);
	r = f->path == NULL ? ZK_ENOMEM :
	    transport_init(&f->t, &folder_ops, opts, name);
	if (r != ZK_OK) {
		free(f->path);
		free(f);
		return r;
	}
	folder_pace_init(f);
	*out = &f->t;
	return ZK_OK;
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "format/compress.h"
#include "format/filehash.h"
#include "format/manifest.h"
#include "store/chunkdb.h"
#include "sync/blobget.h"
#include "sync/download.h"
#include "sync/fetcher.h"
#include "sync/oldmap.h"
#include "util/env.h"
#include "util/io.h"

#define FILES_MAX 32u	/* at once: small ones overlap */

struct download {
	struct download_opts o;
	struct download_remote *remotes;
	struct fetcher *f;
	struct compress *z;
	struct buf small;	/* content up to FILEHASH_WHOLE */
	bool has_zero;
	uint8_t zero[CHUNK_HASH_LEN];	/* of CUT_MAX zeros */
};

/* One file being written.  Its memory is aligned as struct hash wants it. */
struct file {
	struct download *d;
	struct file *next;
	struct download_item it;
	struct manifest_reader *m;
	struct oldmap *old;
	struct filehash list;	/* the content hash of long files */
	struct manifest_entry e;	/* read and not yet put */
	bool has_e;
	unsigned only;		/* as fetcher_in */
	uint64_t staged;	/* bytes fd had */
	uint64_t out;		/* pieces not ended */
	bool read;		/* all entries were put */
	enum zk_err err;
	enum zk_err bad;	/* of a check, which goes on after a fault */
};

enum zk_err
download_new(const struct download_opts *o, struct download **out)
{
	struct download *d = calloc(1, sizeof(*d));
	enum zk_err r;

	*out = NULL;
	if (d == NULL)
		return ZK_ENOMEM;
	d->o = *o;
	buf_init_secret(&d->small, FILEHASH_WHOLE);
	d->remotes = calloc(o->remotes_n + 1, sizeof(*d->remotes));
	r = d->remotes == NULL ? ZK_ENOMEM : ZK_OK;
	if (r == ZK_OK) {
		for (size_t i = 0; i < o->remotes_n; i++)
			d->remotes[i] = o->remotes[i];
		d->o.remotes = d->remotes;
		r = fetcher_new(&d->o, &d->f);
	}
	if (r == ZK_OK)
		r = compress_new(&d->z);
	if (r != ZK_OK) {
		download_free(d);
		return r;
	}
	*out = d;
	return ZK_OK;
}

void
download_free(struct download *d)
{
	if (d == NULL)
		return;
	fetcher_free(d->f);
	compress_free(d->z);
	buf_release(&d->small);
	free(d->remotes);
	free(d);
}

/* Starting a file -------------------------------------------------------- */

static enum zk_err
file_part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct file *f = arg;

	return fetcher_part(f->d->f, f->only, level, ref, plain);
}

static void
file_free(struct file *f)
{
	if (f == NULL)
		return;
	manifest_reader_free(f->m);
	oldmap_free(f->old);
	chunk_ref_wipe(&f->e.ref);
	free(f);
}

/* Memory to write to; all zeros, as a new file would be. */
static enum zk_err
out_new(struct buf *out, uint64_t size)
{
	buf_reset(out);
	return size > out->max ? ZK_ELIMIT : buf_zero(out, (size_t)size);
}

static bool
is_long(const struct file *f)
{
	return f->it.c->size > FILEHASH_WHOLE;
}

/* What the manifest says, before anything is fetched. */
static enum zk_err
file_init(struct file *f)
{
	const struct content *c = f->it.c;
	struct manifest_head head;
	enum zk_err r;

	r = manifest_peek(c->data, c->data_len, &head);
	if (r == ZK_OK && head.size != c->size)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = manifest_reader_new(c->data, c->data_len, file_part, f,
		    &f->m);
	filehash_init(&f->list);
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_ETAMPER : r;
}

static enum zk_err
file_new(struct download *d, const struct download_item *it, unsigned only,
    struct file **out)
{
	const struct content *old = it->old;
	struct file *f = aligned_alloc(_Alignof(struct file), sizeof(*f));
	struct env_stat st;
	enum zk_err r;

	*out = f;
	if (f == NULL)
		return ZK_ENOMEM;
	memset(f, 0, sizeof(*f));
	f->d = d;
	f->it = *it;
	f->only = only;
	r = file_init(f);
	if (r == ZK_OK && it->out != NULL)
		r = out_new(it->out, it->c->size);
	if (r == ZK_OK && old != NULL && it->old_fd >= 0 &&
	    old->form == CONTENT_MANIFEST)
		r = oldmap_new(old->data, old->data_len, file_part, f,
		    &f->old);
	if (r == ZK_OK && it->resume && it->fd >= 0 &&
	    env_fstat(d->o.env, it->fd, &st) == 0)
		f->staged = st.size;
	return r;
}

/* Issuing pieces --------------------------------------------------------- */

static bool
is_zero_chunk(struct download *d, const struct chunk_ref *ref)
{
	struct buf b;

	if (ref->plain_len != CUT_MAX)
		return false;
	if (!d->has_zero) {
		buf_init(&b, CUT_MAX);
		if (buf_zero(&b, CUT_MAX) == ZK_OK) {
			chunk_hash(0, b.data, b.len, d->zero);
			d->has_zero = true;
		}
		buf_release(&b);
	}
	return d->has_zero && memcmp(d->zero, ref->hash, CHUNK_HASH_LEN) == 0;
}

/* True if n bytes of fd at off are a hole, or lie behind its end. */
static bool
is_hole(const struct file *f, uint64_t off, uint64_t n)
{
	int64_t data;

	if (off >= f->staged)
		return true;
	data = env_seek(f->d->o.env, f->it.fd, (int64_t)off, SEEK_DATA);
	return data == -ENXIO || (data > 0 && (uint64_t)data >= off + n);
}

static void
local_sources(struct file *f, struct fetcher_in *in)
{
	const struct download_opts *o = &f->d->o;
	const struct chunk_ref *ref = in->ref;
	int fd;
	uint64_t off;

	if (oldmap_find(f->old, ref->hash, &off)) {
		in->local[in->local_n].fd = f->it.old_fd;
		in->local[in->local_n++].off = off;
	}
	if (o->local != NULL &&
	    o->local(o->arg, ref->hash, ref->plain_len, &fd, &off) == ZK_OK) {
		in->local[in->local_n].fd = fd;
		in->local[in->local_n++].off = off;
	}
}

/* The entry f->e leaves for its place. */
static enum zk_err
put_entry(struct file *f)
{
	const struct manifest_entry *e = &f->e;
	uint64_t n = e->count * e->ref.plain_len;
	struct fetcher_in in = {
		.ref = &e->ref, .only = f->only, .path = f->it.path, .tag = f
	};
	bool hole = f->it.fd < 0 || is_hole(f, e->off, n);

	f->has_e = false;
	if (hole && f->only == 0 && is_zero_chunk(f->d, &e->ref)) {
		if (f->d->o.moved != NULL)
			f->d->o.moved(f->d->o.arg, n);
		return ZK_OK;
	}
	in.keep = !hole;
	in.to = (struct place){ f->it.fd, NULL, e->off, e->count, hole };
	if (f->it.out != NULL)
		in.to.mem = f->it.out->data;
	if (f->only == 0)
		local_sources(f, &in);
	f->out++;
	return fetcher_put(f->d->f, &in);
}

/* Reads on in the list of f; *busy if there is no room now. */
static enum zk_err
issue(struct file *f, bool *busy)
{
	enum zk_err r = ZK_OK;

	*busy = false;
	while (!f->read && f->err == ZK_OK && r == ZK_OK) {
		if (!f->has_e) {
			f->err = manifest_next(f->m, &f->e);
			if (f->err == ZK_ENOENT) {
				f->err = ZK_OK;
				f->read = true;
			}
			if (f->err != ZK_OK || f->read)
				break;
			f->has_e = true;
			filehash_add(&f->list, f->e.ref.hash,
			    f->e.ref.plain_len, f->e.count);
		}
		if (!fetcher_room(f->d->f, &f->e.ref)) {
			*busy = true;
			break;
		}
		r = put_entry(f);
	}
	return r;
}

/* Ending a file ---------------------------------------------------------- */

/* Hashes content of up to FILEHASH_WHOLE bytes where it was written. */
static enum zk_err
hash_short(struct file *f, uint8_t h[static CONTENT_HASH_LEN])
{
	const struct buf *out = f->it.out;
	size_t n = (size_t)f->it.c->size;
	struct buf *b = &f->d->small;
	enum zk_err r;

	if (out != NULL) {
		hash_bytes(LABEL_HASH_CONTENT, out->data, out->len, h);
		return ZK_OK;
	}
	buf_reset(b);
	r = buf_reserve(b, n);
	if (r == ZK_OK)
		r = io_pread_full(f->d->o.env, f->it.fd, b->data, n, 0);
	if (r == ZK_OK)
		hash_bytes(LABEL_HASH_CONTENT, b->data, n, h);
	return r;
}

/* Whether what was written is what the op's author stated. */
static enum zk_err
check_whole(struct file *f)
{
	uint8_t h[CONTENT_HASH_LEN];
	enum zk_err r = ZK_OK;

	if (is_long(f))
		filehash_final(&f->list, h);
	else
		r = hash_short(f, h);
	if (r == ZK_OK && memcmp(h, f->it.c->hash, sizeof(h)) != 0)
		r = ZK_ETAMPER;
	return r;
}

static enum zk_err
file_end(struct file *f)
{
	enum zk_err r = f->err != ZK_OK ? f->err : f->bad;

	if (r == ZK_OK && f->it.fd >= 0)
		r = place_cut(f->d->o.env, f->it.fd, f->it.c->size);
	if (r == ZK_OK)
		r = check_whole(f);
	if (r != ZK_OK && f->it.out != NULL)
		buf_reset(f->it.out);
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_ETAMPER : r;
}

/* Pieces that ended are counted with their files. */
static void
settle(struct download *d)
{
	struct fetcher_end end;

	while (fetcher_take(d->f, &end)) {
		struct file *f = end.tag;

		f->out--;
		if (f->only > 0)
			f->bad = err_worse(f->bad, end.r);
		else if (f->err == ZK_OK)
			f->err = end.r;
		if (end.r == ZK_OK && d->o.moved != NULL)
			d->o.moved(d->o.arg, end.bytes - end.told);
	}
	if (d->o.moved != NULL)
		d->o.moved(d->o.arg, fetcher_fresh(d->f));
}

/* Content inside the op -------------------------------------------------- */

static enum zk_err
inline_bytes(struct download *d, const struct content *c, struct buf *out)
{
	uint8_t h[CONTENT_HASH_LEN];
	enum zk_err r;

	buf_reset(out);
	r = compress_unpack(d->z, c->data, c->data_len, c->size, out);
	if (r != ZK_OK)
		return r == ZK_EFORMAT ? ZK_ETAMPER : r;
	hash_bytes(LABEL_HASH_CONTENT, out->data, out->len, h);
	if (memcmp(h, c->hash, sizeof(h)) == 0)
		return ZK_OK;
	buf_reset(out);
	return ZK_ETAMPER;
}

static enum zk_err
write_inline(struct download *d, const struct download_item *it)
{
	struct buf *b = it->out != NULL ? it->out : &d->small;
	enum zk_err r = it->c->form == CONTENT_INLINE ?
	    inline_bytes(d, it->c, b) : it->c->form == CONTENT_GONE ?
	    blobget_gone(it->path, d->o.spare) : ZK_ETAMPER;

	if (r == ZK_OK && it->fd >= 0)
		r = place_pwrite(d->o.env, it->fd, b->data, b->len, 0);
	if (r == ZK_OK && it->fd >= 0)
		r = place_cut(d->o.env, it->fd, b->len);
	return r;
}

/* Many files ------------------------------------------------------------- */

struct many {
	struct download *d;
	const struct download_many *m;
	struct file *files;	/* being written; the first is being issued */
	size_t n;
	bool last;		/* next has no more */
	enum zk_err err;
};

static void
report_done(struct many *k, const struct download_item *it, enum zk_err r)
{
	enum zk_err e = k->m->done(k->m->arg, it, r);

	if (k->err == ZK_OK)
		k->err = e;
}

/* Takes the next item: a small one is done at once. */
static void
take_item(struct many *k)
{
	struct download_item it;
	struct file *f;
	enum zk_err r;

	memset(&it, 0, sizeof(it));
	it.fd = it.old_fd = -1;
	r = k->m->next(k->m->arg, &it);
	if (r != ZK_OK) {
		k->last = true;
		if (r != ZK_ENOENT)
			k->err = r;
		return;
	}
	if (it.c->form != CONTENT_MANIFEST) {
		r = write_inline(k->d, &it);
		if (r == ZK_OK && k->d->o.moved != NULL)
			k->d->o.moved(k->d->o.arg, it.c->size);
		report_done(k, &it, r);
		return;
	}
	r = file_new(k->d, &it, 0, &f);
	if (r != ZK_OK) {
		file_free(f);
		report_done(k, &it, r);
		return;
	}
	f->next = k->files;
	k->files = f;
	k->n++;
}

/* Reports the files that have ended; all that can, if the run failed. */
static void
reap(struct many *k)
{
	struct file **p = &k->files, *f;

	while (*p != NULL) {
		f = *p;
		if (f->out > 0 || (!f->read && f->err == ZK_OK &&
		    k->err == ZK_OK)) {
			p = &f->next;
			continue;
		}
		*p = f->next;
		k->n--;
		if (!f->read && f->err == ZK_OK)
			f->err = k->err;
		report_done(k, &f->it, file_end(f));
		file_free(f);
	}
}

/* Issues what there is room for. */
static void
feed(struct many *k)
{
	bool busy = false;

	while (k->err == ZK_OK && !busy) {
		if (k->files != NULL && !k->files->read &&
		    k->files->err == ZK_OK)
			k->err = issue(k->files, &busy);
		else if (!k->last && k->n < FILES_MAX)
			take_item(k);
		else
			break;
	}
}

static enum zk_err
run(struct many *k)
{
	struct download *d = k->d;
	enum zk_err r;

	while (k->err == ZK_OK && (!k->last || k->files != NULL)) {
		feed(k);
		if (k->err == ZK_OK && fetcher_out(d->f) > 0)
			k->err = fetcher_step(d->f, true);
		settle(d);
		reap(k);
	}
	/* nothing may be left that writes to a caller's file */
	if (k->err != ZK_OK) {
		fetcher_quit(d->f);
		settle(d);
		reap(k);
	}
	r = fetcher_note(d->f);
	return k->err != ZK_OK ? k->err : r;
}

enum zk_err
download_many(struct download *d, const struct download_many *m)
{
	struct many k = { d, m, NULL, 0, false, ZK_OK };

	return run(&k);
}

/* One file --------------------------------------------------------------- */

struct one {
	const struct download_item *it;
	bool given;
	enum zk_err r;
};

static enum zk_err
one_next(void *arg, struct download_item *it)
{
	struct one *o = arg;

	if (o->given)
		return ZK_ENOENT;
	o->given = true;
	*it = *o->it;
	return ZK_OK;
}

static enum zk_err
one_done(void *arg, const struct download_item *it, enum zk_err r)
{
	struct one *o = arg;

	(void)it;
	o->r = r;
	return ZK_OK;
}

enum zk_err
download_file(struct download *d, const struct download_item *item)
{
	struct one o = { item, false, ZK_EBUG };
	struct download_many m = { one_next, one_done, &o };
	enum zk_err r = download_many(d, &m);

	return r != ZK_OK ? r : o.r;
}

enum zk_err
download_bytes(struct download *d, const struct content *c, struct buf *out)
{
	struct download_item it = { .c = c, .fd = -1, .out = out,
	    .old_fd = -1 };

	return download_file(d, &it);
}

enum zk_err
download_check(struct download *d, const struct content *c, size_t i)
{
	struct download_item it = { .c = c, .fd = -1, .old_fd = -1 };
	struct one o = { &it, true, ZK_EBUG };
	struct download_many m = { one_next, one_done, &o };
	struct many k = { d, &m, NULL, 0, false, ZK_OK };
	struct buf out;
	struct file *f;
	enum zk_err r;

	buf_init_secret(&out, FILEHASH_WHOLE);
	if (c->form != CONTENT_MANIFEST || c->size <= FILEHASH_WHOLE)
		it.out = &out;
	if (c->form != CONTENT_MANIFEST) {
		r = write_inline(d, &it);
		buf_release(&out);
		return r;
	}
	r = file_new(d, &it, (unsigned)i + 1, &f);
	if (r == ZK_OK) {
		k.files = f;
		k.n = 1;
		r = run(&k);
		r = r == ZK_OK ? o.r : r;
	} else {
		file_free(f);
	}
	buf_release(&out);
	return r;
}

void
download_stats(const struct download *d, struct download_stats *out)
{
	fetcher_stats(d->f, out);
}

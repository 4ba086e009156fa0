#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "format/compress.h"
#include "format/filehash.h"
#include "format/manifest.h"
#include "store/chunkdb.h"
#include "sync/reader.h"
#include "sync/sealer.h"
#include "sync/upload_int.h"
#include "transport/transport.h"

#define ASK_MAX 4096u	/* names in one question to a remote */

/* Resolves what an interrupted run may have sent. */
static enum zk_err
ask_sending(struct upload *u)
{
	uint8_t after[CHUNK_HASH_LEN] = { 0 };
	uint8_t (*names)[CHUNK_HASH_LEN] = NULL;
	bool *missing = NULL;
	enum zk_err r = ZK_ENOMEM;
	size_t n = 0;

	names = calloc(ASK_MAX, sizeof(*names));
	missing = calloc(ASK_MAX, sizeof(*missing));
	if (names == NULL || missing == NULL)
		goto out;
	do {
		r = chunkdb_sending(u->o.db, u->o.remote_id, after, names,
		    ASK_MAX, &n);
		if (r != ZK_OK || n == 0)
			break;
		memcpy(after, names[n - 1], sizeof(after));
		r = transport_missing(u->o.remote,
		    (const uint8_t (*)[CHUNK_HASH_LEN])names, n, missing);
		if (r == ZK_OK)
			r = chunkdb_settle(u->o.db, u->o.remote_id,
			    (const uint8_t (*)[CHUNK_HASH_LEN])names, n,
			    missing);
	} while (r == ZK_OK && n == ASK_MAX);
out:
	free(names);
	free(missing);
	return r;
}

enum zk_err
upload_new(const struct upload_opts *o, struct upload **out)
{
	struct upload *u = calloc(1, sizeof(*u));
	enum zk_err r;

	*out = NULL;
	if (u == NULL)
		return ZK_ENOMEM;
	u->o = *o;
	buf_init_secret(&u->small, FILEHASH_WHOLE);
	r = sealer_new(&u->o, &u->sealer);
	if (r == ZK_OK)
		r = compress_new(&u->z);
	if (r == ZK_OK)
		r = reader_new(o->env, &u->reader);
	if (r == ZK_OK && o->remote != NULL)
		r = ask_sending(u);
	if (r != ZK_OK) {
		upload_free(u);
		return r;
	}
	*out = u;
	return ZK_OK;
}

void
upload_free(struct upload *u)
{
	if (u == NULL)
		return;
	sealer_free(u->sealer);
	reader_free(u->reader);
	compress_free(u->z);
	buf_release(&u->small);
	free(u);
}

/* Files ------------------------------------------------------------------ */

/* Where references go as they become known. */
struct sink {
	struct manifest_writer *w;	/* NULL: only hashes are wanted */
	struct filehash *h;
};

static enum zk_err
sink_add(struct sink *k, const struct chunk_ref *ref, uint64_t count)
{
	filehash_add(k->h, ref->hash, ref->plain_len, count);
	return k->w == NULL ? ZK_OK : manifest_add(k->w, ref, count);
}

static enum zk_err
sink_drain(struct upload *u, struct sink *k)
{
	struct chunk_ref ref;
	uint64_t count;
	enum zk_err r;

	for (;;) {
		r = sealer_take(u->sealer, &ref, &count);
		if (r != ZK_OK)
			break;
		r = sink_add(k, &ref, count);
		if (r != ZK_OK)
			break;
	}
	chunk_ref_wipe(&ref);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Cuts what the reader was started on to its end; all references to k. */
static enum zk_err
pump(struct upload *u, enum sealer_mode mode, struct sink *k)
{
	struct sealer_in in = { mode, 0, NULL };
	struct buf chunk;
	enum zk_err r = ZK_OK;
	bool more = true;

	buf_init_secret(&chunk, CHUNK_PLAIN_MAX);
	while (r == ZK_OK && (more || sealer_out(u->sealer) > 0)) {
		if (more && chunk.len == 0) {
			r = reader_next(u->reader, &chunk, &in.count);
			more = r == ZK_OK;
			if (r == ZK_ENOENT)
				r = ZK_OK;
		} else if (more && sealer_room(u->sealer, chunk.len)) {
			r = sealer_put(u->sealer, &in, &chunk);
		} else {
			r = sealer_step(u->sealer, true);
		}
		if (r == ZK_OK)
			r = sink_drain(u, k);
	}
	buf_release(&chunk);
	return r;
}

static enum zk_err
emit_part(void *arg, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	struct upload *u = arg;

	return sealer_part(u->sealer, level, plain, n, ref);
}

/* The cutting key of content c, or that for new files. */
static enum zk_err
choose_key(struct upload *u, const struct content *c, const struct key **k,
    const uint8_t **id, struct manifest_head *head)
{
	enum zk_err r;

	*k = u->o.cut;
	*id = u->o.cut_id;
	if (c == NULL || c->form != CONTENT_MANIFEST)
		return ZK_OK;
	r = manifest_peek(c->data, c->data_len, head);
	if (r != ZK_OK || u->o.cut_find == NULL ||
	    memcmp(head->cut_id, u->o.cut_id, CUT_ID_LEN) == 0)
		return r;
	r = u->o.cut_find(u->o.arg, head->cut_id, k);
	if (r == ZK_OK)
		*id = head->cut_id;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Seals what the reader was started on: data becomes the root. */
static enum zk_err
make_manifest(struct upload *u, const struct key *key, const uint8_t *id,
    struct buf *data, struct content *out)
{
	struct filehash h;
	struct sink k = { NULL, &h };
	enum zk_err r;

	filehash_init(&h);
	r = manifest_writer_new(key, id, emit_part, u, &k.w);
	if (r == ZK_OK)
		r = pump(u, SEALER_SEND, &k);
	if (r == ZK_OK)
		r = manifest_finish(k.w, data, &out->size);
	out->form = CONTENT_MANIFEST;
	filehash_final(&h, out->hash);
	manifest_writer_free(k.w);
	return r;
}

/* Content at hand, at most FILEHASH_WHOLE bytes: inline if that is small. */
static enum zk_err
small_content(struct upload *u, const void *p, size_t n,
    const struct content *prev, struct buf *data, struct content *out)
{
	const struct key *key;
	const uint8_t *id;
	struct manifest_head head;
	struct buf packed;
	enum zk_err r;

	buf_init(&packed, UPLOAD_INLINE_MAX + 1);
	r = compress_pack(u->z, p, n, &packed);
	if (r == ZK_OK) {
		buf_reset(data);
		r = buf_put(data, packed.data, packed.len);
		out->form = CONTENT_INLINE;
	} else if (r == ZK_ELIMIT) {
		r = choose_key(u, prev, &key, &id, &head);
		if (r == ZK_OK)
			r = reader_start_bytes(u->reader, key, p, n);
		if (r == ZK_OK)
			r = make_manifest(u, key, id, data, out);
	}
	out->size = n;
	hash_bytes(LABEL_HASH_CONTENT, p, n, out->hash);
	buf_release(&packed);
	return r;
}

enum zk_err
upload_finish(struct upload *u, enum zk_err r, const struct buf *data,
    struct content *out)
{
	struct chunk_ref ref;
	uint64_t count;

	if (r == ZK_OK) {
		out->data = data->data;
		out->data_len = data->len;
		return ZK_OK;
	}
	while (sealer_out(u->sealer) > 0) {
		enum zk_err e = sealer_take(u->sealer, &ref, &count);

		if (e == ZK_ENOENT)
			e = sealer_step(u->sealer, true);
		if (e != ZK_OK)
			break;
	}
	chunk_ref_wipe(&ref);
	out->form = CONTENT_NONE;
	out->data = NULL;
	out->data_len = 0;
	return r;
}

enum zk_err
upload_file(struct upload *u, int fd, const struct content *prev,
    struct buf *data, struct content *out)
{
	struct manifest_head head;
	const struct key *key;
	const uint8_t *id;
	uint64_t size;
	enum zk_err r;

	r = reader_open(u->reader, fd, &size);
	if (r != ZK_OK)
		return upload_finish(u, r, data, out);
	if (size <= FILEHASH_WHOLE) {
		r = reader_all(u->reader, &u->small);
		if (r == ZK_OK)
			r = small_content(u, u->small.data, u->small.len,
			    prev, data, out);
		return upload_finish(u, r, data, out);
	}
	r = choose_key(u, prev, &key, &id, &head);
	if (r == ZK_OK)
		r = reader_start(u->reader, key);
	if (r == ZK_OK)
		r = make_manifest(u, key, id, data, out);
	return upload_finish(u, r, data, out);
}

enum zk_err
upload_bytes(struct upload *u, const void *p, size_t n,
    const struct content *prev, struct buf *data, struct content *out)
{
	struct manifest_head head;
	const struct key *key;
	const uint8_t *id;
	enum zk_err r;

	if (n <= FILEHASH_WHOLE)
		return upload_finish(u, small_content(u, p, n, prev, data, out),
		    data, out);
	r = choose_key(u, prev, &key, &id, &head);
	if (r == ZK_OK)
		r = reader_start_bytes(u->reader, key, p, n);
	if (r == ZK_OK)
		r = make_manifest(u, key, id, data, out);
	return upload_finish(u, r, data, out);
}

enum zk_err
upload_flush(struct upload *u)
{
	return sealer_flush(u->sealer);
}

enum zk_err
upload_hash(struct upload *u, int fd, const struct content *like,
    uint64_t *size, uint8_t hash[static CONTENT_HASH_LEN])
{
	struct manifest_head head;
	struct filehash h;
	struct sink k = { NULL, &h };
	struct content none;
	const struct key *key;
	const uint8_t *id;
	enum zk_err r;

	memset(hash, 0, CONTENT_HASH_LEN);
	r = reader_open(u->reader, fd, size);
	if (r == ZK_OK && *size <= FILEHASH_WHOLE) {
		r = reader_all(u->reader, &u->small);
		if (r == ZK_OK)
			hash_bytes(LABEL_HASH_CONTENT, u->small.data,
			    u->small.len, hash);
		return r;
	}
	if (r == ZK_OK)
		r = choose_key(u, like, &key, &id, &head);
	if (r == ZK_OK)
		r = reader_start(u->reader, key);
	if (r != ZK_OK)
		return r;
	filehash_init(&h);
	r = pump(u, SEALER_HASH, &k);
	filehash_final(&h, hash);
	if (r != ZK_OK)
		memset(hash, 0, CONTENT_HASH_LEN);
	return upload_finish(u, r, &u->small, &none);
}

bool
upload_ended(const struct upload *u)
{
	return sealer_ended(u->sealer);
}

void
upload_stats(const struct upload *u, struct upload_stats *out)
{
	sealer_stats(u->sealer, out);
}

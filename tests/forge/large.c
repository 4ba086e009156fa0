/* Large files whose parts have changed places.  See main.c. */
#include <string.h>

#include "crypto/key.h"
#include "crypto/sign.h"
#include "format/chunk.h"
#include "format/compress.h"
#include "format/manifest.h"
#include "sync/round.h"
#include "sync/vault.h"
#include "tests/forge/forge.h"

#define FORGE_LARGE 100000

static void
sent(struct txfer *x, enum zk_err r)
{
	*(enum zk_err *)x->arg = r;
}

/* A blob of fresh random bytes on the remote. */
static void
put_blob(struct forge *f, struct transport *t, struct chunk_ref *ref)
{
	static uint8_t plain[FORGE_LARGE];
	struct chunk_ctx ctx = { vault_id(f->v), 0 };
	enum zk_err r, done = ZK_EBUG;
	struct compress *z = NULL;
	struct txfer x;
	struct buf out;

	buf_init(&out, CHUNK_STORED_MAX);
	env_random(f->v->env, plain, sizeof(plain));
	chunk_hash(0, plain, sizeof(plain), ref->hash);
	chunk_ref_fresh(f->v->env, ref);
	memset(&x, 0, sizeof(x));
	r = compress_new(&z);
	if (r == ZK_OK)
		r = chunk_seal(z, &ctx, plain, sizeof(plain), ref, &out);
	memcpy(x.name, ref->name, sizeof(x.name));
	x.put = true;
	x.data = out.data;
	x.len = out.len;
	x.done = sent;
	x.arg = &done;
	if (r == ZK_OK)
		r = transport_submit(t, &x);
	if (r == ZK_OK)
		r = transport_wait(t, 0, 10000);
	if (r != ZK_OK || done != ZK_OK)
		die("cannot put a blob", r == ZK_OK ? done : r);
	compress_free(z);
	buf_release(&out);
}

static void
swap(void *a, void *b, size_t n)
{
	uint8_t c[CHUNK_HASH_LEN];

	memcpy(c, a, n);
	memcpy(a, b, n);
	memcpy(b, c, n);
}

static enum zk_err
no_part(void *arg, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	(void)arg;
	(void)level;
	(void)plain;
	(void)n;
	(void)ref;
	return ZK_EBUG;
}

/* Adds the op that makes the file name of the content hash from the blob. */
static void
add_large(struct forge *f, const char *name, const uint8_t *hash,
    const struct chunk_ref *ref)
{
	static const uint8_t cut_id[CUT_ID_LEN] = { 1 };
	uint8_t raw[KEY_LEN] = { 1 };
	struct manifest_writer *w = NULL;
	struct key *cut = NULL;
	struct buf root;
	uint64_t size;
	struct op op;
	enum zk_err r;

	buf_init(&root, MANIFEST_ROOT_MAX);
	r = key_import(KEY_PRF, raw, &cut);
	if (r == ZK_OK)
		r = manifest_writer_new(cut, cut_id, no_part, NULL, &w);
	if (r == ZK_OK)
		r = manifest_add(w, ref, 1);
	if (r == ZK_OK)
		r = manifest_finish(w, &root, &size);
	memset(&op, 0, sizeof(op));
	op.type = OP_CREATE;
	op.kind = NODE_FILE;
	op.name = f->name;
	op.name_len = unhex(name, f->name);
	op.wall_ms = f->row.wall_ms;
	op.has_mode = true;
	op.mode = 0644;
	op.content.form = CONTENT_MANIFEST;
	op.content.size = FORGE_LARGE;
	memcpy(op.content.hash, hash, CONTENT_HASH_LEN);
	op.content.data = root.data;
	op.content.data_len = root.len;
	if (r == ZK_OK)
		r = segb_add(f->b, &op, &f->id[f->n]);
	if (r != ZK_OK)
		die("a large file", r);
	f->n++;
	manifest_writer_free(w);
	key_free(cut);
	buf_release(&root);
}

void
add_swapped(struct forge *f, char **rest)
{
	struct signkey *request = NULL;
	struct transport *t = NULL;
	struct chunk_ref a, b;
	uint8_t hash[2][CHUNK_HASH_LEN];
	const char *what = word(rest);
	const char *first = word(rest);
	enum zk_err r = remotes_open_url(f->v, NULL, f->url, &t, &request);

	if (r != ZK_OK)
		die(f->url, r);
	put_blob(f, t, &a);
	put_blob(f, t, &b);
	memcpy(hash[0], a.hash, sizeof(hash[0]));
	memcpy(hash[1], b.hash, sizeof(hash[1]));
	if (strcmp(what, "key") == 0) {
		swap(a.key, b.key, sizeof(a.key));
		swap(a.nonce, b.nonce, sizeof(a.nonce));
	} else if (strcmp(what, "name") == 0) {
		swap(a.name, b.name, sizeof(a.name));
	}
	if (strcmp(what, "all") == 0) {
		add_large(f, first, hash[0], &b);
		add_large(f, word(rest), hash[1], &a);
	} else {
		add_large(f, first, hash[0], &a);
		add_large(f, word(rest), hash[1], &b);
	}
	transport_free(t);
	signkey_free(request);
}

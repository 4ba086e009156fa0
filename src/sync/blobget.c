#include <string.h>

#include "db/db.h"
#include "store/chunkdb.h"
#include "sync/blobget.h"
#include "transport/transport.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

struct wait {
	bool done;
	enum zk_err r;
};

void
blobget_report(const uint8_t name[static CHUNK_HASH_LEN], const char *path,
    const struct transport *t, enum zk_err r)
{
	struct log_where where = { path, NULL };
	char hex[2 * CHUNK_HASH_LEN + 1];

	/* of what is nowhere, no single remote is to blame */
	if (t != NULL && r != ZK_EGAP)
		where.remote = transport_url(t);
	hex_text(name, CHUNK_HASH_LEN, hex);
	log_error(r, &where, "cannot get blob %s: %s", hex, err_text(r));
}

/* Own faults first, then damage, then what a retry may mend, then absence. */
static int
rank(enum zk_err e)
{
	switch (e) {
	case ZK_OK:
		return 0;
	case ZK_ENOENT:
	case ZK_EGAP:
		return 1;
	case ZK_ETAMPER:
	case ZK_EFORMAT:
	case ZK_ELIMIT:
		return 3;
	case ZK_ENOMEM:
	case ZK_EBUG:
	case ZK_ESIGNAL:
		return 4;
	default:
		return 2;
	}
}

enum zk_err
blobget_gone(const char *path, bool spare)
{
	bool named = path != NULL;

	if (spare)
		return ZK_EGAP;
	log_error(ZK_EGAP, &(struct log_where){ .path = path },
	    "what %s%s%s had is past the history window, and its content "
	    "was deleted", named ? "'" : "a file", named ? path : "",
	    named ? "'" : "");
	return ZK_EGAP;
}

enum zk_err
blobget_worse(enum zk_err a, enum zk_err b)
{
	return rank(b) > rank(a) ? b : a;
}

static void
arrived(struct txfer *x, enum zk_err r)
{
	struct wait *w = x->arg;

	w->r = r;
	w->done = true;
}

/* From one remote; other transfers of t go on meanwhile. */
static enum zk_err
get_from(struct transport *t, const struct chunk_ref *ref, struct buf *out)
{
	struct wait w = { false, ZK_OK };
	struct txfer x;
	enum zk_err r;

	memset(&x, 0, sizeof(x));
	memcpy(x.name, ref->name, sizeof(x.name));
	buf_init(&x.body, ref->stored_len);
	x.done = arrived;
	x.arg = &w;
	r = transport_submit(t, &x);
	while (r == ZK_OK && !w.done) {
		r = transport_wait(t, transport_inflight(t) - 1, 1000);
		if (r == ZK_ETIMEDOUT)
			r = ZK_OK;
	}
	if (r != ZK_OK && !w.done)
		transport_cancel(t);
	if (r == ZK_OK)
		r = w.r;
	if (r == ZK_OK && x.body.len != ref->stored_len)
		r = ZK_ETAMPER;
	if (r == ZK_OK) {
		buf_reset(out);
		r = buf_put(out, x.body.data, x.body.len);
	}
	buf_release(&x.body);
	return r;
}

enum zk_err
blobget(struct transport *const *t, size_t n, const struct chunk_ref *ref,
    bool spare, struct buf *out)
{
	enum zk_err r = ZK_EGAP, one;
	const struct transport *at = NULL;

	for (size_t i = 0; i < n; i++) {
		one = get_from(t[i], ref, out);
		if (one == ZK_OK)
			return ZK_OK;
		if (blobget_worse(r, one) != r) {
			r = one;
			at = t[i];
		}
		if (one == ZK_ESIGNAL || one == ZK_ENOMEM)
			break;
	}
	if (!spare || r != ZK_EGAP)
		blobget_report(ref->name, NULL, at, r);
	return r;
}

/* From what is kept here, else from a remote; nothing is reported. */
static enum zk_err
part_at(struct db *db, struct transport *const *t, size_t n,
    const struct chunk_ref *ref, struct buf *out)
{
	enum zk_err r = ZK_EBUG;

	buf_reset(out);
	r = chunkdb_part_get(db, ref->name, out);
	return r == ZK_ENOENT ? blobget(t, n, ref, true, out) : r;
}

enum zk_err
blobget_part(struct db *db, struct transport *const *t, size_t n,
    struct chunk_ref *ref, bool spare, struct buf *out)
{
	uint8_t after[CHUNK_HASH_LEN] = { 0 };
	struct chunk_ref other;
	enum zk_err r = part_at(db, t, n, ref, out), next = ZK_OK;

	while (r == ZK_EGAP && next == ZK_OK) {
		next = chunkdb_next(db, ref->hash, after, &other);
		if (next != ZK_OK)
			break;
		memcpy(after, other.name, sizeof(after));
		if (memcmp(other.name, ref->name, sizeof(after)) == 0)
			continue;
		r = part_at(db, t, n, &other, out);
		if (r == ZK_OK)
			*ref = other;
	}
	chunk_ref_wipe(&other);
	if (r == ZK_EGAP && next != ZK_OK && next != ZK_ENOENT)
		r = next;
	if (r == ZK_EGAP && !spare)
		blobget_report(ref->name, NULL, NULL, r);
	return r;
}

enum zk_err
blobget_open(struct db *db, struct transport *const *t, size_t n,
    struct compress *z, const struct chunk_ctx *ctx,
    const struct chunk_ref *ref, struct buf *plain)
{
	struct chunk_ref at = *ref;
	struct buf stored;
	enum zk_err r = ZK_EBUG;

	buf_init(&stored, CHUNK_STORED_MAX);
	r = blobget_part(db, t, n, &at, true, &stored);
	if (r == ZK_OK)
		r = chunk_open(z, ctx, &at, stored.data, stored.len, plain);
	chunk_ref_wipe(&at);
	buf_release(&stored);
	return r;
}

enum zk_err
blobget_keep(struct db *db, const struct chunk_ref *ref, const struct buf *b)
{
	enum zk_err r = db_begin(db);

	if (r == ZK_OK)
		r = chunkdb_add(db, ref);
	if (r == ZK_OK)
		r = chunkdb_part_put(db, ref->name, b->data, b->len);
	return db_end(db, r);
}

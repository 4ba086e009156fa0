/* Content that was deleted since it is past the window.  See gc.h. */
#include <stdlib.h>
#include <string.h>

#include "format/compress.h"
#include "format/manifest.h"
#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "sync/blobget.h"
#include "sync/gc.h"
#include "util/log.h"

#define ASK_MAX 256		/* names in one question */

struct gone {
	struct round *rd;
	struct compress *z;
	uint8_t names[ASK_MAX][GC_NAME_LEN];
	size_t n;
	bool gone;
};

/* Which of the names are nowhere; a remote that does not answer may have it. */
static enum zk_err
ask(struct gone *g)
{
	bool missing[ASK_MAX], nowhere[ASK_MAX];
	bool any = false;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < g->n; i++)
		nowhere[i] = true;
	for (size_t k = 0; r == ZK_OK && g->n > 0 && k < g->rd->remotes_n;
	    k++) {
		struct vremote *vr = g->rd->remotes[k];

		if (vr->err != ZK_OK)
			continue;
		any = true;
		r = transport_missing(vr->t,
		    (const uint8_t (*)[GC_NAME_LEN])g->names, g->n, missing);
		for (size_t i = 0; r == ZK_OK && i < g->n; i++)
			nowhere[i] &= missing[i];
	}
	for (size_t i = 0; r == ZK_OK && any && i < g->n; i++)
		g->gone |= nowhere[i];
	g->n = 0;
	return r;
}

static enum zk_err
look(struct gone *g, const struct chunk_ref *ref)
{
	struct db *db = g->rd->v->db;
	enum chunkdb_state state;
	struct chunk_ref other;
	bool dead = false;
	enum zk_err r = gcdb_dead(db, ref->name, &dead);

	if (r != ZK_OK || !dead)
		return r;
	r = chunkdb_find(db, ref->hash, 0, &other, &state);
	chunk_ref_wipe(&other);
	if (r != ZK_ENOENT)
		return r;
	memcpy(g->names[g->n++], ref->name, GC_NAME_LEN);
	return g->n == ASK_MAX ? ask(g) : ZK_OK;
}

/* A manifest_fetch_fn. */
static enum zk_err
part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct gone *g = arg;
	struct chunk_ctx ctx = { vault_id(g->rd->v), level };
	struct transport *from[SYNC_REMOTES_MAX];
	size_t n = 0;
	enum zk_err r = ZK_EBUG, e = ZK_OK;

	for (size_t i = 0; i < g->rd->remotes_n; i++)
		if (g->rd->remotes[i]->err == ZK_OK)
			from[n++] = g->rd->remotes[i]->t;
	r = blobget_open(g->rd->v->db, from, n, g->z, &ctx, ref, plain);
	if (r == ZK_EGAP)
		e = look(g, ref);
	return e == ZK_OK ? r : e;
}

enum zk_err
gc_is_gone(struct round *rd, const struct content *c, bool *yes)
{
	struct gone *g = calloc(1, sizeof(*g));
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	bool any = false;
	enum zk_err r = g == NULL ? ZK_ENOMEM : gcdb_any(rd->v->db, &any);

	*yes = r == ZK_OK && c->form == CONTENT_GONE;
	if (r != ZK_OK || !any || c->form != CONTENT_MANIFEST) {
		free(g);
		return r;
	}
	g->rd = rd;
	r = compress_new(&g->z);
	if (r == ZK_OK)
		r = manifest_reader_new(c->data, c->data_len, part, g, &m);
	while (r == ZK_OK && !g->gone) {
		r = manifest_next(m, &e);
		if (r == ZK_OK)
			r = look(g, &e.ref);
	}
	/* what else may be wrong the download says */
	if (r != ZK_ENOMEM && r != ZK_ESIGNAL)
		r = ask(g);
	*yes = g->gone;
	if (g->gone || (r != ZK_ENOMEM && r != ZK_ESIGNAL))
		r = ZK_OK;
	chunk_ref_wipe(&e.ref);
	manifest_reader_free(m);
	compress_free(g->z);
	free(g);
	return r;
}

enum zk_err
gc_gone(struct round *rd, const char *path, const struct content *c)
{
	bool yes = false;
	enum zk_err r = gc_is_gone(rd, c, &yes);

	if (r != ZK_OK || !yes)
		return r;
	log_error(ZK_ENOENT, &(struct log_where){ .path = path },
	    "that version of '%s' is past the history window, and its "
	    "content was deleted", path);
	return ZK_ENOENT;
}

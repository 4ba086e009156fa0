/* Remotes and devices of a vault: add, remove, list, rename.  See sync.h. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "format/logop.h"
#include "store/chunkdb.h"
#include "store/store.h"
#include "store/transitdb.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "transport/url.h"
#include "util/log.h"

/* What a transit relay takes: a relay, and a remote that keeps everything. */
static enum zk_err
transit_may(struct vault *v, const char *url)
{
	struct url *u = malloc(sizeof(*u));
	const char *why = "";
	uint64_t keepers = 0;
	enum zk_err r = u == NULL ? ZK_ENOMEM : url_parse(url, u, &why);

	if (r == ZK_OK)
		r = transitdb_keepers(v->db, &keepers);
	if (r == ZK_OK && u->kind == URL_FILE) {
		r = ZK_EUSAGE;
		log_error(r, NULL, "only a relay can pass on and keep nothing: "
		    "add this one without --transit");
	} else if (r == ZK_OK && keepers == 0) {
		r = ZK_EUSAGE;
		log_error(r, NULL, "a transit relay keeps nothing, and this "
		    "vault has no remote that does: add one without --transit "
		    "first");
	}
	free(u);
	return r;
}

enum zk_err
sync_remote_add(struct vault *v, const char *url, const struct sync_opts *o)
{
	struct sync_report rep = { .files = 0 };
	struct round rd = { .v = v, .o = o, .rep = &rep };
	struct vremote *vr = calloc(1, sizeof(*vr));
	enum zk_err r = ZK_EBUG;

	if (vr == NULL)
		return ZK_ENOMEM;
	/* opened first: what is no URL changes nothing */
	r = remotes_open_url(v, o, url, &vr->t, &vr->request);
	if (r == ZK_OK && o->transit)
		r = transit_may(v, url);
	if (r != ZK_OK) {
		transport_free(vr->t);
		signkey_free(vr->request);
		free(vr);
		return r;
	}
	rd.remotes[rd.remotes_n++] = vr;
	r = db_begin(v->db);
	if (r == ZK_OK)
		r = remotedb_add(v->db, url, &vr->info.id);
	if (r == ZK_OK && o->transit)
		r = transitdb_set(v->db, vr->info.id);
	r = db_end(v->db, r);
	if (r == ZK_EEXIST)
		log_error(r, NULL, "this remote is there already");
	if (r == ZK_ELIMIT)
		log_error(ZK_EUSAGE, NULL, "a vault has at most %d remotes",
		    SYNC_REMOTES_MAX);
	if (r == ZK_OK) {
		r = remotes_greet(&rd, vr);
		/* one that cannot be reached is not kept */
		if (r != ZK_OK) {
			log_error(r, &(struct log_where){ .remote =
			    transport_url(vr->t) }, "cannot add %s: %s",
			    transport_url(vr->t), err_text(r));
			(void)err_worse(r, sync_remote_rm(v, url));
		}
	}
	round_release(&rd);
	return r == ZK_ELIMIT ? ZK_EUSAGE : r;
}

/* The last remote that keeps everything stays while others keep nothing. */
static enum zk_err
may_go(struct vault *v, const struct remotedb_remote *info)
{
	struct remotedb_remote next = { .id = 0 };
	uint64_t keepers = 0;
	bool transit = false;
	enum zk_err r = transitdb_keepers(v->db, &keepers);

	if (r == ZK_OK)
		r = transitdb_is(v->db, info->id, &transit);
	if (r != ZK_OK || transit || keepers > 1)
		return r;
	/* it is the only one of its kind: is there another kind? */
	r = remotedb_at(v->db, 1, &next);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	log_error(ZK_EUSAGE, NULL, "this is the only remote that keeps what it "
	    "is given: forget the transit relays first, or add another");
	return ZK_EUSAGE;
}

enum zk_err
sync_remote_rm(struct vault *v, const char *url)
{
	struct remotedb_remote info = { .id = 0 };
	enum zk_err r = ZK_OK;

	for (unsigned i = 0; r == ZK_OK; i++) {
		r = remotedb_at(v->db, i, &info);
		if (r == ZK_OK && strcmp(info.url, url) == 0)
			break;
	}
	if (r != ZK_OK) {
		if (r == ZK_ENOENT)
			log_error(r, NULL, "no remote '%s' here: 'zk remote "
			    "ls' shows them", url);
		return r;
	}
	r = may_go(v, &info);
	if (r != ZK_OK)
		return r;
	r = db_begin(v->db);
	if (r == ZK_OK)
		r = chunkdb_drop_remote(v->db, info.id);
	if (r == ZK_OK)
		r = transitdb_rm(v->db, info.id);
	if (r == ZK_OK)
		r = remotedb_rm(v->db, url);
	return db_end(v->db, r);
}

enum zk_err
sync_remote_ls(struct vault *v, const struct sync_ui *ui)
{
	static const struct sync_opts none;
	struct sync_report rep = { .files = 0 };
	struct round rd = { .v = v, .o = &none, .rep = &rep };
	enum zk_err r = remotes_open_any(&rd);

	if (r == ZK_OK)
		r = status_remotes(&rd, ui);
	round_release(&rd);
	return r;
}

enum zk_err
sync_device_ls(struct vault *v, const struct sync_ui *ui)
{
	uint64_t stale = 0;

	return status_devices(v, ui, 0, &stale);
}

struct naming {
	struct vault *v;
	const char *name;
	struct buf body;
};

/* A segw_fill. */
static enum zk_err
fill_name(void *arg, struct segw *w)
{
	struct naming *n = arg;
	enum zk_err r = store_put(n->v->db, "name", n->name, strlen(n->name));

	return r == ZK_OK ? segw_body(w, OP_NAME, n->body.data, n->body.len) :
	    r;
}

/* The name goes into the log; the next push brings it to the others. */
static enum zk_err
put_name(struct vault *v, const char *name)
{
	struct naming n = { .v = v, .name = name };
	enum zk_err r = ZK_EBUG;

	buf_init(&n.body, 4096);
	r = logop_name_encode(name, &n.body);
	if (r == ZK_OK)
		r = segw_batch(v, fill_name, &n);
	buf_release(&n.body);
	return r;
}

struct search {
	const char *name;
	bool found;
};

static void
search_one(void *arg, const struct sync_device *d)
{
	struct search *s = arg;

	s->found |= strcmp(d->name, s->name) == 0;
}

/* Only this device can be renamed here: says what is wrong with old. */
static enum zk_err
not_this(struct vault *v, const char *old)
{
	struct search s = { .name = old };
	struct sync_ui ui = { .arg = &s, .device = search_one };
	enum zk_err r = sync_device_ls(v, &ui);

	if (r != ZK_OK)
		return r;
	if (!s.found) {
		log_error(ZK_ENOENT, NULL, "no device '%s': 'zk device ls' "
		    "shows them", old);
		return ZK_ENOENT;
	}
	log_error(ZK_EREFUSED, NULL, "only this device, '%s', can be "
	    "renamed here: rename another one on itself", v->name);
	return ZK_EREFUSED;
}

enum zk_err
sync_device_rename(struct vault *v, const char *old, const char *name)
{
	enum zk_err r = vault_name_check(name);

	if (r != ZK_OK)
		return r;
	if (strcmp(old, v->name) != 0)
		return not_this(v, old);
	r = put_name(v, name);
	if (r == ZK_OK)
		memcpy(v->name, name, strlen(name) + 1);
	return r;
}

/* Pairing whole vaults.  See join.h. */
#include "sync/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "store/store.h"
#include "store/transitdb.h"
#include "sync/round.h"
#include "transport/transport.h"
#include "transport/url.h"
#include "util/log.h"
#include "util/rd.h"

#define FAILED_KEPT 8		/* times of failed attempts remembered */
#define FAILED_NAME "pair.failed"

/* Member ------------------------------------------------------------------ */

/* What the callbacks of one showing share. */
struct showing {
	struct round *rd;
	struct vremote *vr;
	/* the grant: stored records one after another, and where each is */
	struct buf bytes;
	struct pair_bytes *records;
	struct remotedb_remote *remotes;
};

/* How many attempts failed in the last hour. */
static enum zk_err
failures(struct vault *v, unsigned *n)
{
	int64_t now = env_now_ms(v->env);
	struct buf b;
	struct rd rd;
	enum zk_err r = ZK_EBUG;

	*n = 0;
	buf_init(&b, FAILED_KEPT * 8);
	r = store_get(v->db, FAILED_NAME, &b);
	rd_init(&rd, b.data, b.len);
	while (r == ZK_OK && rd_more(&rd)) {
		int64_t at = (int64_t)rd_u64(&rd);

		/* one from the future counts: the clock may be set back */
		if (now - at < PAIR_TRIES_MS)
			(*n)++;
	}
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Remembers a failed attempt, durably. */
static void
on_failed(void *arg)
{
	struct showing *s = arg;
	struct vault *v = s->rd->v;
	struct buf old, all;
	enum zk_err r = ZK_EBUG;

	buf_init(&old, FAILED_KEPT * 8);
	buf_init(&all, FAILED_KEPT * 8);
	r = store_get(v->db, FAILED_NAME, &old);
	if (r == ZK_ENOENT)
		r = ZK_OK;
	if (r == ZK_OK)
		r = buf_u64(&all, (uint64_t)env_now_ms(v->env));
	if (r == ZK_OK && old.len > 0)
		r = buf_put(&all, old.data, old.len < all.max - all.len ?
		    old.len : all.max - all.len);
	if (r == ZK_OK)
		r = db_begin(v->db);
	if (r == ZK_OK)
		r = store_put(v->db, FAILED_NAME, all.data, all.len);
	r = db_end(v->db, r);
	if (r != ZK_OK) {
		log_error(r, NULL, "cannot count a failed attempt: %s",
		    err_text(r));
	}
	buf_release(&old);
	buf_release(&all);
}

/* Writes the add record: on the remote first, so that none is half there. */
static enum zk_err
add_member(struct showing *s, const struct device_pub *dev,
    const uint8_t consent[static 64])
{
	struct vault *v = s->rd->v;
	struct epoch_key *eks = calloc(RECORD_EPOCHS_MAX, sizeof(*eks));
	struct record_ctx c;
	uint8_t name[RECORD_ID_LEN];
	struct buf b;
	enum zk_err r = eks == NULL ? ZK_ENOMEM : ZK_OK;

	buf_init(&b, RECORD_STORED_MAX);
	if (r == ZK_OK) {
		records_ctx(v, &c);
		r = record_add_make(&c, dev, consent, eks,
		    records_epochs(v, eks, RECORD_EPOCHS_MAX), &b, name);
	}
	if (r == ZK_OK)
		r = transport_rec_put(s->vr->t, name, b.data, b.len);
	if (r == ZK_OK)
		r = records_add(v, name, b.data, b.len);
	if (r == ZK_OK)
		r = db_begin(v->db);
	if (r == ZK_OK)
		r = remotedb_has_set(v->db, s->vr->info.id, name);
	r = db_end(v->db, r);
	buf_release(&b);
	free(eks);
	return r;
}

/* Every record held, oldest first, into the grant. */
static enum zk_err
grant_records(struct showing *s, struct pair_grant *g)
{
	struct vault *v = s->rd->v;
	uint8_t name[RECORD_ID_LEN];
	int64_t row = 0;
	size_t off = 0;
	enum zk_err r = ZK_OK;

	s->records = calloc(v->recs_n + 1, sizeof(*s->records));
	if (s->records == NULL)
		return ZK_ENOMEM;
	while (g->records_n < v->recs_n) {
		size_t before = s->bytes.len;

		r = remotedb_rec_next(v->db, row, &row, name, &s->bytes);
		if (r != ZK_OK)
			break;
		s->records[g->records_n++].n = s->bytes.len - before;
	}
	if (r != ZK_OK && r != ZK_ENOENT)
		return r;
	/* the buffer stays where it is from here on */
	for (size_t i = 0; i < g->records_n; i++) {
		s->records[i].p = s->bytes.data + off;
		off += s->records[i].n;
	}
	g->records = s->records;
	return ZK_OK;
}

/* The remotes that keep everything: what is not there, none could get. */
static enum zk_err
grant_urls(struct showing *s, struct pair_grant *g)
{
	struct db *db = s->rd->v->db;
	bool transit = false;
	enum zk_err r = ZK_OK;

	s->remotes = calloc(PAIR_URLS_MAX, sizeof(*s->remotes));
	if (s->remotes == NULL)
		return ZK_ENOMEM;
	for (unsigned i = 0; r == ZK_OK && g->urls_n < PAIR_URLS_MAX; i++) {
		struct remotedb_remote *rm = &s->remotes[g->urls_n];

		r = remotedb_at(db, i, rm);
		if (r == ZK_OK)
			r = transitdb_is(db, rm->id, &transit);
		if (r == ZK_OK && !transit)
			g->urls[g->urls_n++] = rm->url;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
on_admit(void *arg, const struct device_pub *dev, const uint8_t consent[64],
    const char *name, struct pair_grant *out)
{
	struct showing *s = arg;
	struct vault *v = s->rd->v;
	enum zk_err r = add_member(s, dev, consent);

	(void)name;	/* travels in the new device's own log */
	memset(out, 0, sizeof(*out));
	out->vault = vault_id(v);
	out->space = keys_space(v->keys);
	out->record = keys_record(v->keys);
	if (r == ZK_OK)
		r = grant_records(s, out);
	if (r == ZK_OK)
		r = grant_urls(s, out);
	if (r != ZK_OK)
		log_error(r, NULL, "cannot admit the device: %s", err_text(r));
	return r;
}

/* The first remote that answers, with all records on it. */
static enum zk_err
meeting_place(struct round *rd, struct vremote **out)
{
	enum zk_err r = remotes_open(rd);

	*out = NULL;
	if (r != ZK_OK)
		return r;
	for (size_t i = 0; i < rd->remotes_n; i++) {
		r = remotes_greet(rd, rd->remotes[i]);
		if (r == ZK_OK) {
			*out = rd->remotes[i];
			return ZK_OK;
		}
		if (err_status(r) != err_status(ZK_ENET))
			return r;
	}
	return r;
}

enum zk_err
sync_pair(struct vault *v, const struct sync_opts *o,
    const struct pair_ui *ui, struct pair_result *out)
{
	struct sync_report rep = { .files = 0 };
	struct round rd = { .v = v, .o = o, .rep = &rep };
	struct showing s = { .rd = &rd };
	unsigned failed = 0;
	enum zk_err r = ZK_EBUG;

	buf_init(&s.bytes, RECORD_STORED_MAX);
	r = failures(v, &failed);
	if (r == ZK_OK)
		r = meeting_place(&rd, &s.vr);
	if (r == ZK_OK) {
		struct pair_show_opts so = { .env = v->env, .t = s.vr->t,
			.url = s.vr->info.url, .vault = vault_id(v),
			.self = v->dev, .name = v->name, .failures = failed,
			.ui = *ui, .admit = on_admit, .failed = on_failed,
			.arg = &s };

		r = pair_show(&so, out);
	}
	remotes_close(&rd);
	buf_release(&s.bytes);
	free(s.records);
	free(s.remotes);
	return r;
}

/* Joiner ------------------------------------------------------------------ */

struct joining {
	const struct vault_join_opts *o;
	struct keys *keys;
	struct device_keys *dev;
	char name[SYNC_NAME_MAX + 1];
};

/* What was granted must make this device a member that can write. */
static enum zk_err
check_joined(struct joining *j)
{
	struct vault_opts vo = { .env = j->o->env, .dir = j->o->dir,
		.state_home = j->o->state_home };
	const struct key *E = NULL;
	struct vault *v = NULL;
	uint8_t id[32];
	enum zk_err r = vault_open(&vo, &v);

	if (r == ZK_OK && members_find(v->members, vault_device(v)) == NULL)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = records_epoch(v, &E, id);
	vault_close(v);
	return r == ZK_EGAP ? ZK_ETAMPER : r;
}

static enum zk_err
on_accept(void *arg, const struct pair_grant *g)
{
	struct joining *j = arg;
	const uint8_t **recs = calloc(g->records_n + 1, sizeof(*recs));
	size_t *lens = calloc(g->records_n + 1, sizeof(*lens));
	enum zk_err r = ZK_ENOMEM;

	if (recs == NULL || lens == NULL)
		goto out;
	for (size_t i = 0; i < g->records_n; i++) {
		recs[i] = g->records[i].p;
		lens[i] = g->records[i].n;
	}
	r = keys_set_vault(j->keys, g->vault, g->space, g->record);
	if (r == ZK_OK) {
		struct vault_make m = { .env = j->o->env, .dir = j->o->dir,
			.state_home = j->o->state_home, .name = j->name,
			.keys = j->keys, .recs = recs, .recs_len = lens,
			.recs_n = g->records_n,
			.urls = (const char *const *)g->urls,
			.urls_n = g->urls_n };

		struct vault_made made;

		r = vault_make(&m, &made);
		if (r == ZK_OK) {
			r = check_joined(j);
			if (r != ZK_OK)
				vault_unmake(j->o->env, j->o->dir,
				    j->o->state_home, &made);
		}
	}
out:
	free(recs);
	free(lens);
	return r;
}

/* A URL to meet at: as given, or a relay's for HOST:PORT. */
static enum zk_err
meet_at(struct joining *j, const char *where, struct pair_result *out)
{
	static const uint8_t no_space[TRANSPORT_NAME_LEN];
	struct transport_opts to = { .env = j->o->env, .locator = no_space };
	struct transport *t = NULL;
	struct buf url;
	enum zk_err r = ZK_EBUG;

	buf_init(&url, URL_MAX);
	r = strstr(where, "://") != NULL ? buf_str(&url, where) :
	    buf_printf(&url, "https://%s/", where);
	if (j->o->net != NULL) {
		to.timeout_ms = j->o->net->timeout_ms;
		to.proxy = j->o->net->proxy;
	}
	if (r == ZK_OK)
		r = transport_open(buf_cstr(&url), &to, &t);
	if (r == ZK_OK) {
		struct pair_join_opts jo = { .env = j->o->env, .t = t,
			.code = j->o->code, .self = j->dev, .name = j->name,
			.ui = *j->o->ui, .accept = on_accept, .arg = j };

		r = pair_join(&jo, out);
	}
	transport_free(t);
	buf_release(&url);
	return r;
}

/* Tries the places in order while they cannot be reached. */
static enum zk_err
meet(struct joining *j, struct pair_result *out)
{
	const struct vault_join_opts *o = j->o;
	enum zk_err r = ZK_EUSAGE;

	for (size_t i = 0; i < o->urls_n; i++) {
		r = meet_at(j, o->urls[i], out);
		if (err_status(r) != err_status(ZK_ENET))
			return r;
	}
	if (o->code->url[0] != '\0')
		return meet_at(j, o->code->url, out);
	if (o->urls_n == 0)
		log_error(ZK_EUSAGE, NULL, "a short code needs a remote to "
		    "meet at: give '--remote HOST:PORT'");
	return r;
}

/* Before anything is sent: dir must be free to become a vault. */
static enum zk_err
check_dir(const struct vault_join_opts *o)
{
	struct env_stat st;
	struct root *root = NULL;
	char *abs = NULL;
	int e = env_statat(o->env, ENV_CWD, o->dir, &st);
	enum zk_err r = ZK_OK;

	if (e == -ENOENT)
		return ZK_OK;
	r = vault_abs(o->dir, &abs);
	if (r == ZK_OK)
		r = root_find(o->env, abs, true, &root);
	if (r == ZK_OK && strcmp(root_path(root), abs) == 0 &&
	    vault_is_making(o->env, root)) {
		r = ZK_OK;	/* an interrupted attempt */
	} else if (r == ZK_OK) {
		log_error(ZK_EEXIST, &(struct log_where){ .path = abs },
		    "'%s' lies in a vault already", abs);
		r = ZK_EEXIST;
	} else if (r == ZK_ENOVAULT || r == ZK_EROOT) {
		r = ZK_OK;	/* no .zk, or one without a marker yet */
	} else if (abs != NULL) {
		log_error(r, &(struct log_where){ .path = abs },
		    "cannot look into '%s': %s", abs, err_text(r));
	}
	root_free(root);
	free(abs);
	return r;
}

enum zk_err
vault_join(const struct vault_join_opts *o, struct pair_result *out)
{
	struct joining j = { .o = o };
	enum zk_err r = check_dir(o);

	memset(out, 0, sizeof(*out));
	if (o->name == NULL)
		vault_host_name(j.name);
	else if (r == ZK_OK)
		r = vault_name_check(o->name);
	if (r == ZK_OK && o->name != NULL)
		memcpy(j.name, o->name, strlen(o->name) + 1);
	if (r == ZK_OK)
		r = keys_new(o->env, &j.keys);
	if (r == ZK_OK)
		r = device_keys_new(keys_device_seed(j.keys), &j.dev);
	if (r == ZK_OK)
		r = meet(&j, out);
	device_keys_free(j.dev);
	keys_free(j.keys);
	return r;
}

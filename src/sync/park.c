/* Parked devices.  See park.h. */
#include "sync/park.h"

#include <stdlib.h>
#include <string.h>

#include "store/chunkdb.h"
#include "store/store.h"
#include "sync/checkpoint.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "util/hex.h"
#include "util/log.h"

#define ID_DIGITS_MIN 8		/* of a device's id, in place of its name */

/* The name of the setting that is 1 once the device of a park is back. */
#define BACK_KEY (5 + 2 * VAULT_ID_LEN + 1)

static void
back_key(const struct record *park, char out[static BACK_KEY])
{
	memcpy(out, "back.", 5);
	hex_text(park->name, VAULT_ID_LEN, out + 5);
}

enum zk_err
park_is(struct vault *v, const uint8_t device[static VAULT_ID_LEN],
    bool *parked)
{
	const struct record *park = NULL;
	size_t at = 0;
	enum zk_err r = ZK_OK;

	*parked = false;
	while (r == ZK_OK && !*parked) {
		char key[BACK_KEY];
		int64_t back = 0;

		park = members_park(v->members, device, &at);
		if (park == NULL)
			break;
		back_key(park, key);
		r = store_get_int(v->db, key, 0, &back);
		*parked = back == 0;
	}
	return r;
}

enum zk_err
park_back(struct vault *v, const uint8_t device[static VAULT_ID_LEN],
    const uint8_t (*heads)[VAULT_ID_LEN], size_t n)
{
	size_t at = 0;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		const struct record *park = members_park(v->members, device,
		    &at);
		char key[BACK_KEY];

		if (park == NULL)
			break;
		if (!members_knows(v->members, heads, n, park->name))
			continue;
		back_key(park, key);
		r = store_put_int(v->db, key, 1);
	}
	return r;
}

static enum zk_err
read_all(struct round *rd)
{
	struct vremote *any = NULL;

	return round_read_all(rd, &any);
}

static enum zk_err
forget_blobs(struct round *rd)
{
	struct db *db = rd->v->db;
	enum zk_err r = db_begin(db);

	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++)
		r = chunkdb_drop_remote(db, rd->remotes[i]->info.id);
	return db_end(db, r);
}

/*
 * What this device wrote last says so; not any segment does, since one may be
 * written by who did not first take in all and forget where blobs were.
 */
static enum zk_err
note_back(struct vault *v)
{
	size_t n = 0;
	const uint8_t (*rec)[VAULT_ID_LEN] = members_heads(v->members, &n);
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = park_back(v, vault_device(v), rec, n);
	return db_end(v->db, r);
}

enum zk_err
park_return(struct round *rd, struct vremote *first)
{
	bool parked = false;
	enum zk_err r = park_is(rd->v, vault_device(rd->v), &parked);

	if (r != ZK_OK || !parked || rd->o->dry_run)
		return r;
	log_info("this device was parked, and is back");
	r = read_all(rd);
	if (r == ZK_OK)
		r = forget_blobs(rd);
	if (r == ZK_OK)
		r = checkpoint_back(rd);
	if (r == ZK_OK)
		r = segw_ack(rd->v);
	if (r == ZK_OK)
		r = remotes_publish(rd, first);
	if (r == ZK_OK)
		r = read_all(rd);
	/* a run that ends before this begins it all anew */
	return r == ZK_OK ? note_back(rd->v) : r;
}

/* Which device a name or the beginning of an id stands for. */
struct search {
	const char *name;
	size_t n;		/* how many */
	struct sync_device d;	/* the last of them, without its name */
};

static void
search_one(void *arg, const struct sync_device *d)
{
	struct search *s = arg;
	char hex[2 * VAULT_ID_LEN + 1];
	size_t len = strlen(s->name);

	hex_text(d->id, VAULT_ID_LEN, hex);
	if (strcmp(d->name, s->name) != 0 && (len < ID_DIGITS_MIN ||
	    strncmp(hex, s->name, len) != 0))
		return;
	s->n++;
	s->d = *d;
	s->d.name = NULL;
}

static enum zk_err
search(struct vault *v, const char *name, struct sync_device *out)
{
	struct search s = { .name = name };
	struct sync_ui ui = { .arg = &s, .device = search_one };
	enum zk_err r = sync_device_ls(v, &ui);

	*out = s.d;
	if (r != ZK_OK || s.n == 1)
		return r;
	r = s.n == 0 ? ZK_ENOENT : ZK_EUSAGE;
	if (s.n == 0)
		log_error(r, NULL, "no device '%s': 'zk device ls' shows "
		    "them", name);
	else
		log_error(r, NULL, "%zu devices are called '%s': name one by "
		    "the beginning of its id, which 'zk device ls' shows",
		    s.n, name);
	return r;
}

enum zk_err
sync_device_park(struct vault *v, const char *name, bool *was)
{
	uint8_t rec[RECORD_ID_LEN];
	struct record_ctx ctx;
	struct sync_device d;
	struct buf b;
	enum zk_err r = search(v, name, &d);

	*was = false;
	if (r == ZK_OK && d.self) {
		r = ZK_EREFUSED;
		log_error(r, NULL, "'%s' is this device: another one parks "
		    "it", name);
	}
	*was = r == ZK_OK && d.parked;
	if (r != ZK_OK || *was)
		return r;
	buf_init(&b, RECORD_STORED_MAX);
	records_ctx(v, &ctx);
	r = record_park_make(&ctx, d.id, &b, rec);
	if (r == ZK_OK)
		r = records_add(v, rec, b.data, b.len);
	buf_release(&b);
	return r;
}

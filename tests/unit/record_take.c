/* Epoch keys that a member hands to another, right and wrong ones. */
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "sync/vault.h"
#include "test.h"
#include "util/env_fake.h"
#include "util/log.h"

/* The founder, and one that was added without the key of the first epoch. */
enum { FOUNDER, OTHER, DEVICES };
/* Wrong and right grants of that key; a rotation that tells a wrong one. */
enum { GENESIS, ROTATE, ADD, WRONG, RIGHT, AGAIN, RECS };

struct kit {
	struct fake *fake;
	struct vault *v;		/* of OTHER */
	struct key *space_seed, *R, *E, *later, *wrong;
	struct signkey *space;
	struct device_keys *dev[DEVICES];
	struct keys *keys[DEVICES];
	struct buf rec[RECS];
	uint8_t name[RECS][RECORD_ID_LEN];
	uint8_t vault[RECORD_ID_LEN], epoch[RECORD_ID_LEN];
	uint8_t epoch2[RECORD_ID_LEN];
};

static bool
grant(struct kit *k, struct record_ctx *c, int rec, const struct key *key)
{
	struct epoch_key ek = { .k = key };

	memcpy(ek.id, k->epoch, sizeof(ek.id));
	return record_grant_make(c, device_keys_pub(k->dev[OTHER]), &ek, 1,
	    &k->rec[rec], k->name[rec]) == ZK_OK;
}

/* The second epoch, with a wrong key as that of the first one. */
static bool
rotate_again(struct kit *k, struct record_ctx *c)
{
	const struct device_pub *to[DEVICES];
	struct epoch_key ek = { .k = k->wrong };
	struct record_rotate_opts o = { .epoch_no = 2, .parents_n = 1,
	    .parents = (const uint8_t (*)[RECORD_ID_LEN])k->epoch, .to = to,
	    .to_n = DEVICES, .earlier = &ek, .earlier_n = 1 };

	memcpy(ek.id, k->epoch, sizeof(ek.id));
	for (int i = 0; i < DEVICES; i++)
		to[i] = device_keys_pub(k->dev[i]);
	return record_rotate_make(c, &o, &k->rec[AGAIN], k->name[AGAIN],
	    &k->later, k->epoch2) == ZK_OK;
}

static bool
records(struct kit *k, struct env *env)
{
	struct record_genesis_opts g = { .env = env, .R = k->R,
	    .space = k->space, .founder = k->dev[FOUNDER] };
	struct record_ctx c = { .env = env, .vault = k->vault, .R = k->R,
	    .author = k->dev[FOUNDER], .heads_n = 1,
	    .heads = (const uint8_t (*)[RECORD_ID_LEN])k->name };
	const struct device_pub *pub = device_keys_pub(k->dev[FOUNDER]);
	struct record_rotate_opts o = { .epoch_no = 1, .to = &pub,
	    .to_n = 1 };
	uint8_t sig[64];

	if (record_genesis_make(&g, &k->rec[GENESIS], k->name[GENESIS],
	    k->vault) != ZK_OK || record_rotate_make(&c, &o, &k->rec[ROTATE],
	    k->name[ROTATE], &k->E, k->epoch) != ZK_OK)
		return false;
	record_add_consent(k->dev[OTHER], k->vault,
	    device_keys_id(k->dev[FOUNDER]), sig);
	c.heads = (const uint8_t (*)[RECORD_ID_LEN])k->name[ROTATE];
	if (record_add_make(&c, device_keys_pub(k->dev[OTHER]), sig, NULL, 0,
	    &k->rec[ADD], k->name[ADD]) != ZK_OK)
		return false;
	c.heads = (const uint8_t (*)[RECORD_ID_LEN])k->name[ADD];
	return grant(k, &c, WRONG, k->wrong) && grant(k, &c, RIGHT, k->E) &&
	    rotate_again(k, &c);
}

/* OTHER's vault, which holds the first three records. */
static bool
open_other(struct kit *k, struct env *env)
{
	struct vault_parts p = { .env = env, .dir = "/v", .state = "/s",
		.keys = k->keys[OTHER] };
	bool good = env_mkdirat(env, ENV_CWD, "/v", 0755) == 0 &&
	    env_mkdirat(env, ENV_CWD, "/s", 0700) == 0 &&
	    root_create(env, "/v", NULL) == ZK_OK &&
	    keys_set_vault(p.keys, k->vault, k->space_seed, k->R) == ZK_OK &&
	    store_open(":memory:", true, &p.db) == ZK_OK &&
	    db_begin(p.db) == ZK_OK && base_init(p.db) == ZK_OK &&
	    store_put(p.db, "name", "dev", 3) == ZK_OK;

	for (int i = GENESIS; good && i <= ADD; i++)
		good = remotedb_rec_put(p.db, k->name[i], k->rec[i].data,
		    k->rec[i].len) == ZK_OK;
	if (!good || db_commit(p.db) != ZK_OK)
		return false;
	k->keys[OTHER] = NULL;
	return vault_assemble(&p, &k->v) == ZK_OK;
}

static bool
kit_init(struct kit *k)
{
	struct env *env;

	memset(k, 0, sizeof(*k));
	k->fake = fake_new(3);
	if (crypto_init() != ZK_OK || k->fake == NULL)
		return false;
	env = fake_env(k->fake);
	for (int i = 0; i < RECS; i++)
		buf_init(&k->rec[i], RECORD_STORED_MAX);
	for (int i = 0; i < DEVICES; i++)
		if (keys_new(env, &k->keys[i]) != ZK_OK ||
		    device_keys_new(keys_device_seed(k->keys[i]),
		    &k->dev[i]) != ZK_OK)
			return false;
	return key_random(env, KEY_SIGN, &k->space_seed) == ZK_OK &&
	    key_random(env, KEY_SEED, &k->R) == ZK_OK &&
	    key_random(env, KEY_SEED, &k->wrong) == ZK_OK &&
	    signkey_new(k->space_seed, &k->space) == ZK_OK &&
	    records(k, env) && open_other(k, env);
}

static void
kit_release(struct kit *k)
{
	vault_close(k->v);
	for (int i = 0; i < DEVICES; i++) {
		keys_free(k->keys[i]);
		device_keys_free(k->dev[i]);
	}
	for (int i = 0; i < RECS; i++)
		buf_release(&k->rec[i]);
	key_free(k->space_seed);
	key_free(k->R);
	key_free(k->E);
	key_free(k->later);
	key_free(k->wrong);
	signkey_free(k->space);
	fake_free(k->fake);
}

static bool
take(struct kit *k, int rec)
{
	return records_add(k->v, k->name[rec], k->rec[rec].data,
	    k->rec[rec].len) == ZK_OK;
}

/* In every order: all are taken in, and the right key is had once it came. */
static void
test_orders(void)
{
	static const int orders[][3] = { { WRONG, RIGHT, AGAIN },
		{ WRONG, AGAIN, RIGHT }, { RIGHT, WRONG, AGAIN },
		{ RIGHT, AGAIN, WRONG }, { AGAIN, WRONG, RIGHT },
		{ AGAIN, RIGHT, WRONG } };
	struct kit k;

	log_set_level(LOG_QUIET);
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
		bool right = false, again = false;

		NEED(kit_init(&k));
		for (size_t i = 0; i < 3; i++) {
			const struct key *E, *later;

			CHECK(take(&k, orders[o][i]));
			right |= orders[o][i] == RIGHT;
			again |= orders[o][i] == AGAIN;
			E = keys_epoch(k.v->keys, k.epoch);
			later = keys_epoch(k.v->keys, k.epoch2);
			CHECK((E != NULL) == right);
			CHECK(E == NULL || key_equal(E, k.E));
			CHECK((later != NULL) == again);
			CHECK(later == NULL || key_equal(later, k.later));
		}
		kit_release(&k);
	}
}

/* What was taken in opens again. */
static void
test_reopen(void)
{
	struct kit k;

	log_set_level(LOG_QUIET);
	NEED(kit_init(&k));
	CHECK(take(&k, WRONG) && take(&k, AGAIN));
	for (size_t i = 0; i < k.v->recs_n; i++)
		record_free(k.v->recs[i]);
	k.v->recs_n = 0;
	CHECK(records_load(k.v) == ZK_OK);
	CHECK(k.v->recs_n == 5);
	CHECK(keys_epoch(k.v->keys, k.epoch) == NULL);
	CHECK(take(&k, RIGHT));
	CHECK(keys_epoch(k.v->keys, k.epoch) != NULL);
	kit_release(&k);
}

TESTS(
    { "orders", test_orders },
    { "reopen", test_reopen },
)

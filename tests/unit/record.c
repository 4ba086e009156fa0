/* Records and membership: there and back, refusals, order of arrival. */
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "format/member.h"
#include "format/record.h"
#include "test.h"
#include "util/buf.h"
#include "util/env_fake.h"

#define DEVICES 4
#define RECS 32

/* A vault in the making: devices, stored records, opened records. */
struct kit {
	struct fake *fake;
	struct env *env;
	struct key *R;
	struct key *space_seed;
	struct signkey *space;
	struct device_keys *dev[DEVICES];
	uint8_t vault[RECORD_ID_LEN];
	struct buf stored[RECS];
	struct record *rec[RECS];
	uint8_t name[RECS][RECORD_ID_LEN];
	size_t n;
	struct key *epoch[2];
	uint8_t epoch_id[2][RECORD_ID_LEN];
};

static bool
kit_init(struct kit *k)
{
	struct key *seed;

	memset(k, 0, sizeof(*k));
	if (crypto_init() != ZK_OK)
		return false;
	k->fake = fake_new(11);
	if (k->fake == NULL)
		return false;
	k->env = fake_env(k->fake);
	for (int i = 0; i < RECS; i++)
		buf_init(&k->stored[i], RECORD_STORED_MAX);
	for (int i = 0; i < DEVICES; i++) {
		if (key_random(k->env, KEY_SEED, &seed) != ZK_OK ||
		    device_keys_new(seed, &k->dev[i]) != ZK_OK)
			return false;
		key_free(seed);
	}
	return key_random(k->env, KEY_SEED, &k->R) == ZK_OK &&
	    key_random(k->env, KEY_SIGN, &k->space_seed) == ZK_OK &&
	    signkey_new(k->space_seed, &k->space) == ZK_OK;
}

static void
kit_release(struct kit *k)
{
	for (int i = 0; i < RECS; i++) {
		record_free(k->rec[i]);
		buf_release(&k->stored[i]);
	}
	for (int i = 0; i < DEVICES; i++)
		device_keys_free(k->dev[i]);
	key_free(k->epoch[0]);
	key_free(k->epoch[1]);
	key_free(k->R);
	key_free(k->space_seed);
	signkey_free(k->space);
	fake_free(k->fake);
}

/* Opens the stored record just made and counts it. */
static bool
kit_take(struct kit *k)
{
	struct buf *b = &k->stored[k->n];
	enum zk_err r = record_open(b->data, b->len, k->R,
	    b->data[2] == 'G' ? NULL : k->vault, &k->rec[k->n]);

	if (r != ZK_OK) {
		printf("# record %zu: %s\n", k->n, err_name(r));
		return false;
	}
	if (memcmp(k->rec[k->n]->name, k->name[k->n], RECORD_ID_LEN) != 0)
		return false;
	k->n++;
	return true;
}

static struct record_ctx
kit_ctx(struct kit *k, size_t author, size_t head)
{
	return (struct record_ctx){ .env = k->env, .R = k->R,
	    .vault = k->vault,
	    .heads = (const uint8_t (*)[RECORD_ID_LEN])&k->name[head],
	    .heads_n = 1, .author = k->dev[author] };
}

static bool
kit_genesis(struct kit *k)
{
	struct record_genesis_opts o = { .env = k->env, .R = k->R,
	    .space = k->space, .founder = k->dev[0] };

	return record_genesis_make(&o, &k->stored[k->n], k->name[k->n],
	    k->vault) == ZK_OK && kit_take(k);
}

/* Rotation number e (0 or 1) by dev 0 to the first `to` devices. */
static bool
kit_rotate(struct kit *k, size_t head, unsigned e, size_t to)
{
	const struct device_pub *pubs[DEVICES];
	struct epoch_key earlier = { .k = k->epoch[0] };
	struct record_rotate_opts o = { .epoch_no = e + 1, .to = pubs,
	    .to_n = to };
	struct record_ctx c = kit_ctx(k, 0, head);

	for (size_t i = 0; i < to; i++)
		pubs[i] = device_keys_pub(k->dev[i]);
	if (e == 1) {
		memcpy(earlier.id, k->epoch_id[0], RECORD_ID_LEN);
		o.parents = (const uint8_t (*)[RECORD_ID_LEN])k->epoch_id;
		o.parents_n = 1;
		o.earlier = &earlier;
		o.earlier_n = 1;
	}
	return record_rotate_make(&c, &o, &k->stored[k->n], k->name[k->n],
	    &k->epoch[e], k->epoch_id[e]) == ZK_OK && kit_take(k);
}

static bool
kit_add(struct kit *k, size_t author, size_t head, size_t dev)
{
	struct record_ctx c = kit_ctx(k, author, head);
	struct epoch_key ek = { .k = k->epoch[0] };
	uint8_t sig[64];

	memcpy(ek.id, k->epoch_id[0], RECORD_ID_LEN);
	record_add_consent(k->dev[dev], k->vault,
	    device_keys_id(k->dev[author]), sig);
	return record_add_make(&c, device_keys_pub(k->dev[dev]), sig, &ek, 1,
	    &k->stored[k->n], k->name[k->n]) == ZK_OK && kit_take(k);
}

/* genesis 0, first epoch 1, add of dev 1 2, add of dev 2 by dev 1 3. */
static bool
kit_vault(struct kit *k)
{
	return kit_init(k) && kit_genesis(k) && kit_rotate(k, 0, 0, 1) &&
	    kit_add(k, 0, 1, 1) && kit_add(k, 1, 2, 2);
}

static struct members *
kit_members(struct kit *k)
{
	struct members *m = NULL;
	enum zk_err r = members_compute(
	    (const struct record *const *)k->rec, k->n, k->vault, &m);

	if (r != ZK_OK)
		printf("# members: %s\n", err_name(r));
	return m;
}

static void
test_vault(void)
{
	struct members *m;
	const struct member *x;
	struct kit k;
	size_t n;

	NEED(kit_vault(&k));
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_count(m) == 3);
	for (size_t i = 0; i < 4; i++)
		CHECK(members_state(m, i) == RECORD_COUNTS);
	x = members_find(m, device_keys_id(k.dev[2]));
	NEED(x != NULL);
	CHECK(x->record == 3);
	CHECK(memcmp(x->pub.sign_pk, device_keys_pub(k.dev[2])->sign_pk,
	    32) == 0);
	CHECK(members_find(m, device_keys_id(k.dev[3])) == NULL);
	CHECK(members_epoch_count(m) == 1);
	CHECK(memcmp(members_epoch_best(m)->id, k.epoch_id[0], 32) == 0);
	CHECK(memcmp(members_heads(m, &n)[0], k.name[3], 32) == 0);
	CHECK(n == 1);
	/* genesis as one that joins reads it */
	CHECK(memcmp(k.rec[0]->space_pk, signkey_pk(k.space), 32) == 0);
	CHECK(!k.rec[0]->has_recovery);
	members_free(m);
	kit_release(&k);
}

/* Every order of arrival, with doubles and gaps, gives the same members. */
static void
test_order(void)
{
	const struct record *mixed[8];
	struct members *m;
	struct kit k;

	NEED(kit_vault(&k));
	for (unsigned order = 0; order < 24; order++) {
		size_t left[4] = { 0, 1, 2, 3 }, o = order;

		for (size_t i = 0; i < 4; i++) {
			size_t at = o % (4 - i);

			o /= 4 - i;
			mixed[i] = k.rec[left[at]];
			mixed[4 + i] = mixed[i];
			memmove(left + at, left + at + 1,
			    (3 - at) * sizeof(left[0]));
		}
		NEED(members_compute(mixed, order % 2 ? 8 : 4, k.vault, &m)
		    == ZK_OK);
		CHECK(members_count(m) == 3);
		CHECK(members_epoch_count(m) == 1);
		members_free(m);
	}
	/* without the add of dev 1 that of dev 2 waits */
	mixed[0] = k.rec[0];
	mixed[1] = k.rec[1];
	mixed[2] = k.rec[3];
	NEED(members_compute(mixed, 3, k.vault, &m) == ZK_OK);
	CHECK(members_state(m, 2) == RECORD_WAITS);
	CHECK(members_count(m) == 1);
	members_free(m);
	kit_release(&k);
}

/* R12: a record signed by a device that is no member. */
static void
test_stranger(void)
{
	struct members *m;
	struct kit k;

	NEED(kit_vault(&k));
	NEED(kit_add(&k, 3, 3, 3));
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_state(m, 4) == RECORD_VOID);
	CHECK(members_count(m) == 3);
	members_free(m);
	/* and one that only claims a member as its author */
	memcpy(k.rec[4]->author, device_keys_id(k.dev[0]), RECORD_ID_LEN);
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_state(m, 4) == RECORD_VOID);
	members_free(m);
	/* a member is one only where its add is in the causal past */
	NEED(kit_add(&k, 2, 1, 3));
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_state(m, 5) == RECORD_VOID);
	members_free(m);
	kit_release(&k);
}

/* R14: another genesis. */
static void
test_genesis(void)
{
	uint8_t mine[RECORD_ID_LEN];
	struct members *m;
	struct record *rec;
	struct key *other;
	struct kit k;

	NEED(kit_vault(&k));
	memcpy(mine, k.vault, sizeof(mine));
	NEED(kit_genesis(&k) && k.n == 5);
	CHECK(record_open(k.stored[4].data, k.stored[4].len, k.R, mine,
	    &rec) == ZK_EREFUSED);
	CHECK(members_compute((const struct record *const *)k.rec, 5, mine,
	    &m) == ZK_EREFUSED);
	CHECK(members_compute((const struct record *const *)k.rec + 1, 3,
	    mine, &m) == ZK_EREFUSED);
	CHECK(record_open(k.stored[0].data, k.stored[0].len, k.R, mine,
	    &rec) == ZK_OK);
	record_free(rec);
	NEED(key_random(k.env, KEY_SEED, &other) == ZK_OK);
	CHECK(record_open(k.stored[0].data, k.stored[0].len, other, NULL,
	    &rec) == ZK_ETAMPER);
	key_free(other);
	kit_release(&k);
}

/* A device cannot be added against its will or by transplanting consent. */
static void
test_consent(void)
{
	struct record_ctx c;
	uint8_t sig[64], name[RECORD_ID_LEN];
	struct buf out;
	struct kit k;

	NEED(kit_vault(&k));
	buf_init(&out, RECORD_STORED_MAX);
	c = kit_ctx(&k, 0, 3);
	record_add_consent(k.dev[3], k.vault, device_keys_id(k.dev[1]), sig);
	CHECK(record_add_make(&c, device_keys_pub(k.dev[3]), sig, NULL, 0,
	    &out, name) == ZK_ETAMPER);
	record_add_consent(k.dev[3], k.epoch_id[0],
	    device_keys_id(k.dev[0]), sig);
	CHECK(record_add_make(&c, device_keys_pub(k.dev[3]), sig, NULL, 0,
	    &out, name) == ZK_ETAMPER);
	CHECK(out.len == 0);
	buf_release(&out);
	kit_release(&k);
}

struct got {
	uint8_t id[4][RECORD_ID_LEN];
	struct key *k[4];
	size_t n;
};

static enum zk_err
got_key(void *arg, const uint8_t id[static RECORD_ID_LEN], struct key *k)
{
	struct got *g = arg;

	memcpy(g->id[g->n], id, RECORD_ID_LEN);
	g->k[g->n++] = k;
	return ZK_OK;
}

static void
got_release(struct got *g)
{
	for (size_t i = 0; i < g->n; i++)
		key_free(g->k[i]);
	memset(g, 0, sizeof(*g));
}

/* Each way by which an epoch key reaches a device. */
static void
test_keys(void)
{
	struct got g = { .n = 0 };
	struct key *E;
	struct kit k;

	NEED(kit_vault(&k));
	CHECK(record_rotate_open(k.rec[1], k.vault, k.dev[0], &E) == ZK_OK);
	CHECK(E != NULL && key_equal(E, k.epoch[0]));
	key_free(E);
	CHECK(record_rotate_open(k.rec[1], k.vault, k.dev[1], &E) ==
	    ZK_ENOENT);
	CHECK(record_rotate_open(k.rec[2], k.vault, k.dev[1], &E) ==
	    ZK_ENOENT);
	CHECK(record_grants_open(k.rec[2], k.vault, k.dev[1], got_key,
	    &g) == ZK_OK);
	NEED(g.n == 1);
	CHECK(memcmp(g.id[0], k.epoch_id[0], RECORD_ID_LEN) == 0);
	CHECK(key_equal(g.k[0], k.epoch[0]));
	CHECK(epoch_key_check(k.rec[1], g.k[0]) == ZK_OK);
	CHECK(epoch_key_check(k.rec[1], k.R) == ZK_ETAMPER);
	got_release(&g);
	CHECK(record_grants_open(k.rec[2], k.vault, k.dev[2], got_key,
	    &g) == ZK_ENOENT);
	/* sealed for another vault, it does not open */
	CHECK(record_grants_open(k.rec[2], k.epoch_id[0], k.dev[1], got_key,
	    &g) == ZK_OK);
	CHECK(g.n == 0);
	/* the second epoch brings the first with it */
	NEED(kit_rotate(&k, 3, 1, 3));
	CHECK(record_rotate_open(k.rec[4], k.vault, k.dev[2], &E) == ZK_OK);
	NEED(E != NULL);
	CHECK(record_earlier_open(k.rec[4], k.vault, E, got_key, &g) ==
	    ZK_OK);
	NEED(g.n == 1);
	CHECK(key_equal(g.k[0], k.epoch[0]));
	got_release(&g);
	CHECK(record_earlier_open(k.rec[4], k.vault, k.epoch[0], got_key,
	    &g) == ZK_ETAMPER);
	key_free(E);
	kit_release(&k);
}

/* Of a grant the entries that open are had, whatever else is in it. */
static void
test_grants(void)
{
	struct got g = { .n = 0 };
	struct epoch_key ek[2];
	struct record_ctx c;
	struct record *rec;
	struct kit k;

	NEED(kit_vault(&k) && kit_rotate(&k, 3, 1, 3));
	for (size_t i = 0; i < 2; i++) {
		ek[i].k = k.epoch[i];
		memcpy(ek[i].id, k.epoch_id[i], RECORD_ID_LEN);
	}
	c = kit_ctx(&k, 1, 4);
	NEED(record_grant_make(&c, device_keys_pub(k.dev[2]), ek, 2,
	    &k.stored[5], k.name[5]) == ZK_OK && kit_take(&k));
	rec = k.rec[5];
	NEED(rec->sealed_n == 2);
	for (size_t bad = 0; bad < 2; bad++) {
		struct record_sealed was = rec->sealed[bad];
		uint8_t junk[256];

		NEED(was.n > 0 && was.n <= sizeof(junk));
		memcpy(junk, was.p, was.n);
		junk[was.n - 1] ^= 1;
		rec->sealed[bad].p = junk;
		for (unsigned how = 0; how < 3; how++) {
			rec->sealed[bad].n = how == 1 ? 0 : was.n;
			rec->sealed[bad].kem = how == 2 ? 2 : was.kem;
			CHECK(record_grants_open(rec, k.vault, k.dev[2],
			    got_key, &g) == ZK_OK);
			CHECK(g.n == 1 && memcmp(g.id[0],
			    rec->sealed[1 - bad].id, RECORD_ID_LEN) == 0);
			got_release(&g);
		}
		rec->sealed[bad] = was;
	}
	CHECK(record_grants_open(rec, k.vault, k.dev[2], got_key, &g) ==
	    ZK_OK && g.n == 2);
	got_release(&g);
	kit_release(&k);
}

/* A rotation must reach every member and be numbered by its parents. */
static void
test_rotate(void)
{
	struct members *m;
	struct kit k;

	NEED(kit_vault(&k));
	NEED(kit_rotate(&k, 3, 1, 2));
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_state(m, 4) == RECORD_VOID);
	CHECK(members_epoch_count(m) == 1);
	members_free(m);
	key_free(k.epoch[1]);
	k.epoch[1] = NULL;
	NEED(kit_rotate(&k, 3, 1, 4));	/* to one who is no member */
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_state(m, 5) == RECORD_VOID);
	members_free(m);
	key_free(k.epoch[1]);
	k.epoch[1] = NULL;
	NEED(kit_rotate(&k, 3, 1, 3));
	m = kit_members(&k);
	NEED(m != NULL);
	CHECK(members_state(m, 6) == RECORD_COUNTS);
	CHECK(members_epoch_count(m) == 2);
	CHECK(memcmp(members_epoch_best(m)->id, k.epoch_id[1], 32) == 0);
	members_free(m);
	kit_release(&k);
}

/* How a reader judges the writer of a segment. */
static void
test_judge(void)
{
	static const uint8_t unknown[1][RECORD_ID_LEN] = { "unknown" };
	const uint8_t (*names)[RECORD_ID_LEN];
	struct members *m;
	struct kit k;

	NEED(kit_vault(&k));
	m = kit_members(&k);
	NEED(m != NULL);
	names = (const uint8_t (*)[RECORD_ID_LEN])k.name;
	CHECK(members_judge(m, names + 3, 1, device_keys_id(k.dev[2]),
	    k.epoch_id[0]) == ZK_OK);
	CHECK(members_judge(m, names + 2, 1, device_keys_id(k.dev[2]),
	    k.epoch_id[0]) == ZK_EREFUSED);
	CHECK(members_judge(m, names, 1, device_keys_id(k.dev[0]),
	    k.epoch_id[0]) == ZK_EREFUSED);
	CHECK(members_judge(m, names, 1, device_keys_id(k.dev[0]), NULL) ==
	    ZK_OK);
	CHECK(members_judge(m, names, 0, device_keys_id(k.dev[0]), NULL) ==
	    ZK_EREFUSED);
	CHECK(members_judge(m, unknown, 1, device_keys_id(k.dev[0]), NULL)
	    == ZK_EGAP);
	members_free(m);
	kit_release(&k);
}

/* Removals have a form, but no meaning yet: 23, not passed over. */
static void
test_later(void)
{
	uint8_t gone[1][RECORD_ID_LEN];
	struct record_cut cut[2] = { { .log = "b", .seq = 3, .hash = "x" },
	    { .log = "a", .seq = 4, .hash = "y" } };
	struct record_remove_opts o = {
	    .devices = (const uint8_t (*)[RECORD_ID_LEN])gone,
	    .devices_n = 1, .cut = cut, .cut_n = 2 };
	struct record_ctx c;
	struct members *m;
	struct kit k;

	NEED(kit_vault(&k));
	memcpy(gone[0], device_keys_id(k.dev[2]), RECORD_ID_LEN);
	c = kit_ctx(&k, 0, 3);
	CHECK(record_remove_make(&c, &o, &k.stored[4], k.name[4]) == ZK_OK);
	NEED(kit_take(&k));
	CHECK(k.rec[4]->removed_n == 1 && k.rec[4]->cut_n == 2);
	CHECK(k.rec[4]->cut[0].seq == 4);
	CHECK(members_compute((const struct record *const *)k.rec, 5,
	    k.vault, &m) == ZK_EVERSION);
	kit_release(&k);
}

/* A park counts if it is of a member, and who knows it is told by heads. */
static void
test_park(void)
{
	const uint8_t *dev1, *dev2;
	uint8_t (*before)[RECORD_ID_LEN], (*after)[RECORD_ID_LEN];
	struct record_ctx c;
	struct members *m;
	struct kit k;
	size_t at = 0;

	NEED(kit_vault(&k));
	dev1 = device_keys_id(k.dev[1]);
	dev2 = device_keys_id(k.dev[2]);
	c = kit_ctx(&k, 0, 3);
	CHECK(record_park_make(&c, dev1, &k.stored[4], k.name[4]) == ZK_OK);
	NEED(kit_take(&k));
	CHECK(record_park_make(&c, (const uint8_t *)"no such device, 32 bytes "
	    "of it...", &k.stored[5], k.name[5]) == ZK_OK);
	NEED(kit_take(&k));
	NEED(members_compute((const struct record *const *)k.rec, 6, k.vault,
	    &m) == ZK_OK);
	CHECK(members_state(m, 4) == RECORD_COUNTS);
	CHECK(members_state(m, 5) == RECORD_VOID);
	CHECK(members_park(m, dev1, &at) == k.rec[4]);
	CHECK(members_park(m, dev1, &at) == NULL);
	at = 0;
	CHECK(members_park(m, dev2, &at) == NULL);
	before = &k.name[3];
	after = &k.name[4];
	CHECK(!members_knows(m, (const uint8_t (*)[RECORD_ID_LEN])before, 1,
	    k.name[4]));
	CHECK(members_knows(m, (const uint8_t (*)[RECORD_ID_LEN])after, 1,
	    k.name[4]));
	CHECK(members_knows(m, (const uint8_t (*)[RECORD_ID_LEN])after, 1,
	    k.name[3]));
	CHECK(!members_knows(m, NULL, 0, k.name[4]));
	members_free(m);
	kit_release(&k);
}

/* X02: every truncation and every change of one byte. */
static void
test_damage(void)
{
	struct record *rec;
	struct kit k;

	NEED(kit_vault(&k));
	for (size_t r = 0; r < 4; r++) {
		struct buf *b = &k.stored[r];

		for (size_t i = 0; i < b->len; i++) {
			CHECK(record_open(b->data, i, k.R, k.vault, &rec) !=
			    ZK_OK);
			b->data[i] ^= 1;
			CHECK(record_open(b->data, b->len, k.R, k.vault,
			    &rec) != ZK_OK);
			CHECK(rec == NULL);
			b->data[i] ^= 1;
		}
	}
	kit_release(&k);
}

TESTS(
    { "vault", test_vault },
    { "order", test_order },
    { "R12_stranger", test_stranger },
    { "R14_genesis", test_genesis },
    { "consent", test_consent },
    { "keys", test_keys },
    { "grants", test_grants },
    { "M12_rotate", test_rotate },
    { "judge", test_judge },
    { "later", test_later },
    { "park", test_park },
    { "X02_damage", test_damage },
)

/*
 * Every allocation of the formats and of pairing fails in turn: there is an
 * error, nothing is left allocated, and no freed memory holds the secret
 * that the case works with (P15).
 */
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "format/keys.h"
#include "format/member.h"
#include "format/record.h"
#include "format/segment.h"
#include "proto/seghdr.h"
#include "store/keys.h"
#include "sync/pairgrant.h"
#include "sync/pairtalk.h"
#include "test.h"
#include "util/buf.h"
#include "util/env_fake.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_HOOKS 0
#else
#define HAVE_HOOKS 1
#endif

#define SECRET_LEN 32

static long fail_in;	/* the allocation that fails, counted down; 0: none */
static bool failed;
static long live;	/* blocks and mappings not given back */
static const uint8_t *secret_of;
static unsigned residue;

#if HAVE_HOOKS
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool
fails(void)
{
	if (fail_in == 0 || --fail_in > 0)
		return false;
	failed = true;
	return true;
}

static void
search(const uint8_t *p, size_t n)
{
	if (secret_of == NULL || n < SECRET_LEN)
		return;
	for (size_t i = 0; i + SECRET_LEN <= n; i++)
		if (p[i] == secret_of[0] &&
		    memcmp(p + i, secret_of, SECRET_LEN) == 0)
			residue++;
}

static void *
counted(void *p)
{
	live += p != NULL;
	return p;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : counted(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(n, size));
}

void *
realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	if (p == NULL)
		return counted(__libc_realloc(p, n));
	/* it may move without a trace: what is left behind counts, too */
	search(p, malloc_usable_size(p));
	return __libc_realloc(p, n);
}

void
free(void *p)
{
	if (p == NULL)
		return;
	search(p, malloc_usable_size(p));
	live--;
	__libc_free(p);
}

void *
mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	if ((flags & MAP_ANONYMOUS) != 0 && fails())
		return MAP_FAILED;
	return counted((void *)syscall(SYS_mmap, at, n, prot, flags, fd,
	    off));
}

int
munmap(void *p, size_t n)
{
	search(p, n);
	live--;
	return (int)syscall(SYS_munmap, p, n);
}
#endif

static struct fake *fake;

/* Runs f with the n-th allocation failing, for each n until none does. */
static void
torture(enum zk_err (*f)(struct env *env), const uint8_t *secret)
{
	long n = 0, without = 0;
	enum zk_err r;

	if (!HAVE_HOOKS)
		SKIP("the sanitizer has its own allocator");
	NEED(crypto_init() == ZK_OK);
	fake = fake_new(1);
	NEED(fake != NULL);
	secret_of = secret;
	residue = 0;
	do {
		long before = live;

		n++;
		failed = false;
		fail_in = n;
		r = f(fake_env(fake));
		fail_in = 0;
		if (live != before)
			printf("# %ld: %ld blocks left\n", n, live - before);
		CHECK(live == before);
		without += failed && r == ZK_OK;
		CHECK(failed || r == ZK_OK);
	} while (failed && n < 100000);
	printf("# %ld allocations\n", n - 1);
	CHECK(n > 10);
	CHECK(residue == 0);
	/* qsort sorts in place when it gets none */
	CHECK(without <= 1);
	secret_of = NULL;
	fake_free(fake);
}

static const uint8_t secret[SECRET_LEN] = "the secret that must not be left";
static const uint8_t id[RECORD_ID_LEN] = "an id";

static enum zk_err
find(void *arg, const uint8_t prefix[static 16], const struct key **epoch,
    uint8_t epoch_id[static SEG_HASH_LEN])
{
	(void)prefix;
	*epoch = arg;
	memcpy(epoch_id, id, SEG_HASH_LEN);
	return ZK_OK;
}

static enum zk_err
seg_fill(struct segb *b)
{
	struct op op = { .type = OP_CREATE, .kind = NODE_DIR,
	    .name = (const uint8_t *)"x", .name_len = 1 };
	struct opid got;
	enum zk_err r = ZK_OK;

	for (int i = 0; i < 200 && r == ZK_OK; i++) {
		memset(op.parent.b, i + 1, OPID_LEN);
		r = segb_add(b, &op, &got);
	}
	return r;
}

static enum zk_err
run_segment(struct env *env)
{
	struct seg_head head = { .log = "l", .seq = 1, .hash = "h" };
	struct segb_opts o = { .vault = id, .seq = 2, .prev = id,
	    .lamport0 = 5, .rec_heads = &id, .rec_heads_n = 1,
	    .heads = &head, .heads_n = 1 };
	struct key *E = NULL, *seed = NULL;
	struct signkey *log = NULL;
	struct seg_keys keys = { .find = find };
	uint8_t hash[SEG_HASH_LEN];
	struct segb *b = NULL;
	struct seg *s = NULL;
	struct buf out;
	struct op op;
	enum zk_err r;

	buf_init(&out, SEGHDR_STORED_MAX);
	r = key_import(KEY_SEED, secret, &E);
	if (r == ZK_OK)
		r = key_random(env, KEY_SIGN, &seed);
	if (r == ZK_OK)
		r = signkey_new(seed, &log);
	if (r == ZK_OK) {
		o.log_pk = signkey_pk(log);
		r = segb_new(&o, &b);
	}
	if (r == ZK_OK)
		r = seg_fill(b);
	if (r == ZK_OK)
		r = segb_seal(b, env, E, id, log, &out, hash);
	keys.arg = E;
	if (r == ZK_OK)
		r = seg_open(out.data, out.len, id, &keys, NULL, &s);
	while (r == ZK_OK)
		r = seg_next(s, &op);
	seg_free(s);
	segb_free(b);
	buf_release(&out);
	signkey_free(log);
	key_free(seed);
	key_free(E);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static void
test_segment(void)
{
	torture(run_segment, secret);
}

struct vault_kit {
	struct key *R;
	struct key *E;
	struct signkey *space;
	struct device_keys *dev;
	struct buf stored[2];
	struct record *rec[2];
	uint8_t name[2][RECORD_ID_LEN];
	uint8_t vault[RECORD_ID_LEN];
	uint8_t epoch_id[RECORD_ID_LEN];
};

static enum zk_err
vault_keys(struct env *env, struct vault_kit *k)
{
	struct key *seed = NULL, *space = NULL;
	enum zk_err r = key_import(KEY_SEED, secret, &k->R);

	if (r == ZK_OK)
		r = key_import(KEY_SEED, secret, &seed);
	if (r == ZK_OK)
		r = device_keys_new(seed, &k->dev);
	if (r == ZK_OK)
		r = key_random(env, KEY_SIGN, &space);
	if (r == ZK_OK)
		r = signkey_new(space, &k->space);
	key_free(seed);
	key_free(space);
	return r;
}

static enum zk_err
vault_records(struct env *env, struct vault_kit *k)
{
	struct record_genesis_opts g = { .env = env, .R = k->R,
	    .space = k->space, .founder = k->dev };
	const struct device_pub *to[1] = { device_keys_pub(k->dev) };
	struct record_rotate_opts o = { .epoch_no = 1, .to = to, .to_n = 1 };
	struct record_ctx c = { .env = env, .R = k->R, .vault = k->vault,
	    .heads = (const uint8_t (*)[RECORD_ID_LEN])k->name,
	    .heads_n = 1, .author = k->dev };
	struct members *m = NULL;
	struct key *E = NULL;
	enum zk_err r;

	r = record_genesis_make(&g, &k->stored[0], k->name[0], k->vault);
	if (r == ZK_OK)
		r = record_rotate_make(&c, &o, &k->stored[1], k->name[1],
		    &k->E, k->epoch_id);
	for (int i = 0; i < 2 && r == ZK_OK; i++)
		r = record_open(k->stored[i].data, k->stored[i].len, k->R,
		    k->vault, &k->rec[i]);
	if (r == ZK_OK)
		r = members_compute((const struct record *const *)k->rec, 2,
		    k->vault, &m);
	if (r == ZK_OK)
		r = members_judge(m,
		    (const uint8_t (*)[RECORD_ID_LEN])&k->name[1], 1,
		    device_keys_id(k->dev), k->epoch_id);
	if (r == ZK_OK)
		r = record_rotate_open(k->rec[1], k->vault, k->dev, &E);
	key_free(E);
	members_free(m);
	return r;
}

static enum zk_err
run_record(struct env *env)
{
	struct vault_kit k;
	enum zk_err r;

	memset(&k, 0, sizeof(k));
	buf_init(&k.stored[0], RECORD_STORED_MAX);
	buf_init(&k.stored[1], RECORD_STORED_MAX);
	r = vault_keys(env, &k);
	if (r == ZK_OK)
		r = vault_records(env, &k);
	record_free(k.rec[0]);
	record_free(k.rec[1]);
	buf_release(&k.stored[0]);
	buf_release(&k.stored[1]);
	key_free(k.R);
	key_free(k.E);
	signkey_free(k.space);
	device_keys_free(k.dev);
	return r;
}

static void
test_record(void)
{
	torture(run_record, secret);
}

static enum zk_err
run_keys(struct env *env)
{
	struct keys *k = NULL, *back = NULL;
	struct key *a = NULL, *b = NULL;
	struct buf out;
	enum zk_err r;

	buf_init_secret(&out, 4096);
	r = keys_new(env, &k);
	if (r == ZK_OK)
		r = key_import(KEY_SIGN, secret, &a);
	if (r == ZK_OK)
		r = key_import(KEY_SEED, secret, &b);
	if (r == ZK_OK)
		r = keys_set_vault(k, id, a, b);
	if (r == ZK_OK)
		r = keys_epoch_add(k, id, b);
	if (r == ZK_OK)
		r = keys_encode(k, &out);
	if (r == ZK_OK)
		r = keys_decode(out.data, out.len, &back);
	buf_release(&out);
	keys_free(back);
	keys_free(k);
	key_free(a);
	key_free(b);
	return r;
}

static void
test_keys(void)
{
	torture(run_keys, secret);
}

/* The grant, sealed and opened on the other side. */
static enum zk_err
pair_grant(struct pairtalk *show, struct pairtalk *join)
{
	struct pair_grant g = { .vault = id, .urls = { "file:///x" },
	    .urls_n = 1 };
	struct key *space = NULL, *record = NULL;
	struct buf plain, msg;
	struct pairgrant got;
	enum zk_err r;

	buf_init_secret(&plain, PAIRTALK_PLAIN_MAX);
	buf_init(&msg, PAIRTALK_MSG_MAX);
	r = key_import(KEY_SIGN, secret, &space);
	if (r == ZK_OK)
		r = key_import(KEY_SEED, secret, &record);
	g.space = space;
	g.record = record;
	if (r == ZK_OK)
		r = pairgrant_put(&plain, &g);
	if (r == ZK_OK)
		r = pairtalk_seal(show, plain.data, plain.len, &msg);
	buf_reset(&plain);
	if (r == ZK_OK)
		r = pairtalk_open(join, msg.data, msg.len, &plain);
	if (r == ZK_OK)
		r = pairgrant_get(plain.data, plain.len, &got);
	if (r == ZK_OK)
		pairgrant_release(&got);
	buf_release(&plain);
	buf_release(&msg);
	key_free(space);
	key_free(record);
	return r;
}

static enum zk_err
run_pair(struct env *env)
{
	static const uint16_t words[PAIR_WORDS] = { 4, 5, 6 };
	struct pair_code code = { .plate = 3, .link = true };
	struct pairtalk *show = NULL, *join = NULL;
	struct buf a, b, c;
	enum zk_err r;

	memcpy(code.secret, secret, sizeof(secret));
	buf_init(&a, PAIRTALK_MSG_MAX);
	buf_init(&b, PAIRTALK_MSG_MAX);
	buf_init(&c, PAIRTALK_MSG_MAX);
	r = pairtalk_show(env, 3, words, secret, "pin", &show);
	if (r == ZK_OK)
		r = pairtalk_join(env, &code, "pin", &join);
	if (r == ZK_OK)
		r = pairtalk_hello(show, &a);
	if (r == ZK_OK)
		r = pairtalk_answer(join, a.data, a.len, &b);
	if (r == ZK_OK)
		r = pairtalk_confirm(show, b.data, b.len, &c);
	if (r == ZK_OK)
		r = pairtalk_finish(join, c.data, c.len);
	if (r == ZK_OK)
		r = pair_grant(show, join);
	pairtalk_free(show);
	pairtalk_free(join);
	buf_release(&a);
	buf_release(&b);
	buf_release(&c);
	return r;
}

static void
test_pair(void)
{
	torture(run_pair, secret);
}

TESTS(
    { "segment", test_segment },
    { "record", test_record },
    { "keys", test_keys },
    { "P15_pair", test_pair },
)

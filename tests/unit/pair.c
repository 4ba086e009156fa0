/* Pairing: codes and links, the channel message by message, both sides. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/words.h"
#include "sync/pair.h"
#include "sync/pairgrant.h"
#include "sync/pairtalk.h"
#include "test.h"
#include "transport/impl.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

static const uint16_t words[PAIR_WORDS] = { 1, 2, 3 };
static const uint8_t secret[PAIR_SECRET_LEN] = "a secret of thirty-two bytes....";

__attribute__((constructor)) static void
start(void)
{
	if (crypto_init() != ZK_OK)
		abort();
	log_set_level(LOG_QUIET);
}

/* The list is that of BIP 39. */
static void
test_bip39(void)
{
	const char *dir = getenv("ZK_VECTORS");
	char path[4096], line[64];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/bip39/english.txt",
	    dir != NULL ? dir : "../shared/vectors");
	f = fopen(path, "r");
	if (f == NULL)
		SKIP("no vectors: set ZK_VECTORS");
	while (n < WORDS_N && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		CHECK(strcmp(line, words_at(n)) == 0);
		n++;
	}
	CHECK(n == WORDS_N);
	fclose(f);
}

static void
test_words(void)
{
	for (unsigned i = 0; i < WORDS_N; i++) {
		CHECK((unsigned)words_find(words_at(i),
		    strlen(words_at(i))) == i);
		CHECK(i == 0 || strcmp(words_at(i - 1), words_at(i)) < 0);
		CHECK(i == 0 || strncmp(words_at(i - 1), words_at(i), 4)
		    != 0);
	}
	CHECK(words_find("ZOO", 3) == 2047);
	CHECK(words_find("zo", 2) == -1);
	CHECK(words_find("zooo", 4) == -1);
	CHECK(words_find("", 0) == -1);
}

/* P04: what is not a whole code is refused before anything is sent. */
static void
test_code(void)
{
	static const char *const bad[] = { "", "7", "7-", "7-zoo", "7-zoo-",
	    "7-zoo-zoo", "7-zoo-zoo-", "7--zoo-zoo", "7-zoo--zoo",
	    "zoo-zoo-zoo", "0-zoo-zoo-zoo", "07-zoo-zoo-zoo",
	    "7-zoo-zoo-zo", "7-zoo-zoo-zoo-zoo", "7-zoo-zoo-zoo x",
	    "1234567890-zoo-zoo-zoo", "x7-zoo-zoo-zoo", "zk://", "zk://h/",
	    "zk://h/#", "zk://h/#7", "zk://h/#7.", "zk://h/#7.AAAA",
	    "zk:///#.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    "zk://h/#7.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
	    "http://h/#7.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	static const char *const good[] = { "7-zoo-able-about",
	    "  7 ZOO  able   About\n", "7-zoo - able about" };
	struct pair_code c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (pair_code_parse(bad[i], &c) != ZK_EUSAGE)
			printf("# accepted: %s\n", bad[i]);
		CHECK(pair_code_parse(bad[i], &c) == ZK_EUSAGE);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		NEED(pair_code_parse(good[i], &c) == ZK_OK);
		CHECK(c.plate == 7 && !c.link && c.word[0] == 2047 &&
		    c.word[1] == 2 && c.word[2] == 3);
	}
}

static void
test_link(void)
{
	static const char *const urls[][2] = {
		{ "https://h.example:8440/#sha256//PIN",
		    "https://h.example:8440/" },
		{ "http://127.0.0.1:99/", "http://127.0.0.1:99/" },
		{ "file:///a dir", "file:///a dir" },
	};
	char link[PAIR_LINK_MAX];
	struct pair_code c;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		NEED(pair_link(urls[i][0], 42, secret, link) == ZK_OK);
		NEED(pair_code_parse(link, &c) == ZK_OK);
		CHECK(c.link && c.plate == 42);
		CHECK(strcmp(c.url, urls[i][1]) == 0);
		CHECK(memcmp(c.secret, secret, sizeof(secret)) == 0);
		CHECK(strstr(link, "PIN") == NULL);
	}
	CHECK(strncmp(link, "zk+file://", 10) == 0);
	CHECK(pair_link("ftp://h/", 1, secret, link) == ZK_EUSAGE);
}

/* A run of the channel by hand. */
struct run {
	struct pairtalk *show;
	struct pairtalk *join;
	struct buf hello;
	struct buf answer;
	struct buf confirm;
};

static struct pair_code
code_of(bool link, uint16_t last)
{
	struct pair_code c = { .plate = 7, .link = link,
	    .word = { 1, 2, last } };

	memcpy(c.secret, secret, sizeof(secret));
	c.secret[0] = (uint8_t)(c.secret[0] + last - 3);
	return c;
}

/* Starts both sides and runs up to the answer. */
static enum zk_err
run_start(struct run *r, const struct pair_code *code, bool offer,
    const char *seen_show, const char *seen_join)
{
	enum zk_err e;

	memset(r, 0, sizeof(*r));
	buf_init(&r->hello, PAIRTALK_MSG_MAX);
	buf_init(&r->answer, PAIRTALK_MSG_MAX);
	buf_init(&r->confirm, PAIRTALK_MSG_MAX);
	e = pairtalk_show(env_posix(), 7, offer ? words : NULL, secret,
	    seen_show, &r->show);
	if (e == ZK_OK)
		e = pairtalk_join(env_posix(), code, seen_join, &r->join);
	if (e == ZK_OK)
		e = pairtalk_hello(r->show, &r->hello);
	if (e == ZK_OK)
		e = pairtalk_answer(r->join, r->hello.data, r->hello.len,
		    &r->answer);
	return e;
}

static enum zk_err
run_confirm(struct run *r)
{
	return pairtalk_confirm(r->show, r->answer.data, r->answer.len,
	    &r->confirm);
}

static enum zk_err
run_finish(struct run *r)
{
	return pairtalk_finish(r->join, r->confirm.data, r->confirm.len);
}

static void
run_release(struct run *r)
{
	pairtalk_free(r->show);
	pairtalk_free(r->join);
	buf_release(&r->hello);
	buf_release(&r->answer);
	buf_release(&r->confirm);
}

static bool
run_passes(struct pairtalk *from, struct pairtalk *to, const char *text)
{
	struct buf sealed, plain;
	bool ok;

	buf_init(&sealed, PAIRTALK_MSG_MAX);
	buf_init_secret(&plain, PAIRTALK_MSG_MAX);
	ok = pairtalk_seal(from, text, strlen(text), &sealed) == ZK_OK &&
	    pairtalk_open(to, sealed.data, sealed.len, &plain) == ZK_OK &&
	    plain.len == strlen(text) &&
	    memcmp(plain.data, text, plain.len) == 0;
	/* again: its number has passed */
	ok = ok && pairtalk_open(to, sealed.data, sealed.len, &plain) ==
	    ZK_ETAMPER;
	buf_release(&sealed);
	buf_release(&plain);
	return ok;
}

static void
test_talk(void)
{
	char a[PAIR_CHECK_MAX], b[PAIR_CHECK_MAX];
	struct run r;

	for (int link = 0; link < 2; link++) {
		struct pair_code c = code_of(link == 1, 3);

		NEED(run_start(&r, &c, true, "pin", "pin") == ZK_OK);
		NEED(run_confirm(&r) == ZK_OK);
		NEED(run_finish(&r) == ZK_OK);
		pairtalk_check(r.show, a);
		pairtalk_check(r.join, b);
		CHECK(strcmp(a, b) == 0 && strlen(a) >= 11);
		CHECK(run_passes(r.show, r.join, "hello"));
		CHECK(run_passes(r.join, r.show, "hi"));
		CHECK(run_passes(r.show, r.join, "hello"));
		run_release(&r);
	}
}

static void
test_wrong(void)
{
	struct run r;

	for (int link = 0; link < 2; link++) {
		struct pair_code c = code_of(link == 1, 4);

		NEED(run_start(&r, &c, true, "", "") == ZK_OK);
		CHECK(run_confirm(&r) == ZK_EAUTH);
		CHECK(r.confirm.len == 0);
		run_release(&r);
	}
}

/* After too many failures words are not taken, the link is. */
static void
test_link_only(void)
{
	struct pair_code c = code_of(false, 3);
	struct run r;

	CHECK(run_start(&r, &c, false, "", "") == ZK_EREFUSED);
	run_release(&r);
	c = code_of(true, 3);
	CHECK(run_start(&r, &c, false, "", "") == ZK_OK);
	CHECK(run_confirm(&r) == ZK_OK);
	run_release(&r);
}

/* Someone between joiner and relay: the member sees it by the pin. */
static void
test_pin(void)
{
	struct pair_code c = code_of(false, 3);
	struct run r;

	NEED(run_start(&r, &c, true, "sha256//A", "sha256//B") == ZK_OK);
	CHECK(run_confirm(&r) == ZK_EPIN);
	run_release(&r);
	/* no TLS on one side: nothing to compare */
	NEED(run_start(&r, &c, true, "", "sha256//B") == ZK_OK);
	CHECK(run_confirm(&r) == ZK_OK);
	CHECK(run_finish(&r) == ZK_OK);
	run_release(&r);
}

/* P11: both sides in one role. */
static void
test_roles(void)
{
	struct pair_code c = code_of(false, 3);
	struct run r, s;

	NEED(run_start(&r, &c, true, "", "") == ZK_OK);
	NEED(run_start(&s, &c, true, "", "") == ZK_OK);
	CHECK(pairtalk_confirm(r.show, s.hello.data, s.hello.len,
	    &r.confirm) == ZK_EUSAGE);
	CHECK(pairtalk_answer(s.join, r.answer.data, r.answer.len,
	    &s.confirm) != ZK_OK);
	run_release(&r);
	run_release(&s);
}

/* P06 and X02: no byte of any message can be changed by who lacks the code. */
static void
test_tampered(void)
{
	struct pair_code c = code_of(false, 3);
	struct run r;

	for (size_t msg = 0; msg < 3; msg++) {
		size_t n = 1;

		for (size_t i = 0; i < n; i++) {
			struct buf *b;
			enum zk_err e;

			memset(&r, 0, sizeof(r));
			buf_init(&r.hello, PAIRTALK_MSG_MAX);
			buf_init(&r.answer, PAIRTALK_MSG_MAX);
			buf_init(&r.confirm, PAIRTALK_MSG_MAX);
			b = msg == 0 ? &r.hello : msg == 1 ? &r.answer :
			    &r.confirm;
			NEED(pairtalk_show(env_posix(), 7, words, secret,
			    "p", &r.show) == ZK_OK);
			NEED(pairtalk_join(env_posix(), &c, "p", &r.join) ==
			    ZK_OK);
			e = pairtalk_hello(r.show, &r.hello);
			if (msg == 0)
				r.hello.data[i] ^= 1;
			if (e == ZK_OK)
				e = pairtalk_answer(r.join, r.hello.data,
				    r.hello.len, &r.answer);
			if (msg == 1)
				r.answer.data[i] ^= 1;
			if (e == ZK_OK)
				e = run_confirm(&r);
			if (msg == 2)
				r.confirm.data[i] ^= 1;
			if (e == ZK_OK)
				e = run_finish(&r);
			CHECK(e != ZK_OK);
			n = b->len;
			run_release(&r);
		}
		CHECK(n > 60);
	}
}

/* P16: one who knows the code stands between: the words differ. */
static void
test_between(void)
{
	char a[PAIR_CHECK_MAX], b[PAIR_CHECK_MAX];
	struct pair_code c = code_of(false, 3);
	struct run left, right;

	NEED(run_start(&left, &c, true, "", "") == ZK_OK);
	NEED(run_start(&right, &c, true, "", "") == ZK_OK);
	NEED(run_confirm(&left) == ZK_OK && run_finish(&left) == ZK_OK);
	NEED(run_confirm(&right) == ZK_OK && run_finish(&right) == ZK_OK);
	pairtalk_check(left.show, a);
	pairtalk_check(right.join, b);
	CHECK(strcmp(a, b) != 0);
	/* and the nonce that decides them was fixed by the first message */
	run_release(&right);
	NEED(run_start(&right, &c, true, "", "") == ZK_OK);
	NEED(run_confirm(&right) == ZK_OK);
	memcpy(right.confirm.data, left.confirm.data, 32);
	CHECK(run_finish(&right) == ZK_EAUTH);
	run_release(&left);
	run_release(&right);
}

static void
test_grant(void)
{
	struct pair_bytes recs[2] = { { (const uint8_t *)"one", 3 },
	    { (const uint8_t *)"two!", 4 } };
	static const uint8_t vault[32] = "vault";
	struct pair_grant g = { .vault = vault, .urls = { "https://a/" },
	    .urls_n = 1, .records = recs, .records_n = 2 };
	struct key *space = NULL, *record = NULL;
	struct pairgrant got;
	struct buf b;

	NEED(key_random(env_posix(), KEY_SIGN, &space) == ZK_OK);
	NEED(key_random(env_posix(), KEY_SEED, &record) == ZK_OK);
	g.space = space;
	g.record = record;
	buf_init_secret(&b, PAIRGRANT_MAX);
	NEED(pairgrant_put(&b, &g) == ZK_OK);
	for (size_t i = 0; i < b.len; i++)
		CHECK(pairgrant_get(b.data, i, &got) != ZK_OK);
	NEED(pairgrant_get(b.data, b.len, &got) == ZK_OK);
	CHECK(memcmp(got.g.vault, vault, 32) == 0);
	CHECK(key_equal(got.g.space, space));
	CHECK(key_equal(got.g.record, record));
	CHECK(got.g.urls_n == 1 && strcmp(got.g.urls[0], "https://a/") == 0);
	CHECK(got.g.records_n == 2 && got.g.records[1].n == 4);
	pairgrant_release(&got);
	buf_release(&b);
	key_free(space);
	key_free(record);
}

/* Both sides whole, over a folder ---------------------------------------- */

/* The real environment, but the member's clock can be put forward. */
static atomic_llong meeting_skew;

/* What the two threads share, and what the callbacks were told. */
struct meeting {
	char url[128];
	char code[PAIR_CODE_MAX];
	char link[PAIR_LINK_MAX];
	char show_check[PAIR_CHECK_MAX];
	char join_check[PAIR_CHECK_MAX];
	atomic_bool ready;
	bool say_yes;
	bool slow;		/* the member's user answers after the end */
	bool silent;		/* or not at all */
	bool late;		/* so is the guess */
	bool big;		/* a grant in many pieces */
	unsigned rate;		/* of faults, in 16 */
	uint64_t seed_no;
	unsigned failures;
	unsigned failed;
	unsigned admitted;
	unsigned accepted;
	struct key *seed[2];
	struct device_keys *dev[2];
	struct key *space;
	struct key *record;
	struct pair_bytes rec[6];
	enum zk_err shown;
	struct pair_result show_out;
};

#define DIR_LEN 32

static int64_t
meeting_mono(void *ctx)
{
	return env_posix()->ops->mono_ms(ctx) + meeting_skew;
}

static uint8_t meeting_record[70000];
static const uint8_t meeting_vault[32] = "the vault";

static void
meeting_invite(void *arg, const char *code, const char *link,
    int64_t expires_ms)
{
	struct meeting *m = arg;

	(void)expires_ms;
	snprintf(m->code, sizeof(m->code), "%s", code);
	snprintf(m->link, sizeof(m->link), "%s", link);
	m->ready = true;
}

static enum zk_err
meeting_consent(void *arg, const char *name, const char *check,
    int64_t until)
{
	struct meeting *m = arg;
	int64_t left = until - meeting_mono(NULL);

	CHECK(strcmp(name, "joiner") == 0);
	CHECK(left > 0 && left < PAIR_LIFE_MS);
	if (m->slow)
		meeting_skew = PAIR_LIFE_MS;
	snprintf(m->show_check, sizeof(m->show_check), "%s", check);
	if (m->silent)
		return ZK_EEXPIRED;
	return m->say_yes ? ZK_OK : ZK_EREFUSED;
}

static void
meeting_check(void *arg, const char *member, const char *check)
{
	struct meeting *m = arg;

	CHECK(strcmp(member, "member") == 0);
	snprintf(m->join_check, sizeof(m->join_check), "%s", check);
}

static void
meeting_failed(void *arg)
{
	struct meeting *m = arg;

	m->failed++;
}

static enum zk_err
meeting_admit(void *arg, const struct device_pub *dev,
    const uint8_t consent[64], const char *name, struct pair_grant *out)
{
	struct meeting *m = arg;
	uint8_t id[KEYS_ID_LEN];

	(void)consent;
	(void)name;
	device_pub_id(dev, id);
	CHECK(memcmp(id, device_keys_id(m->dev[1]), sizeof(id)) == 0);
	m->admitted++;
	out->vault = meeting_vault;
	out->space = m->space;
	out->record = m->record;
	out->urls[0] = m->url;
	out->urls_n = 1;
	out->records_n = m->big ? 6 : 1;
	for (size_t i = 0; i < out->records_n; i++)
		m->rec[i] = (struct pair_bytes){ meeting_record,
		    m->big ? sizeof(meeting_record) : 100 };
	out->records = m->rec;
	return ZK_OK;
}

static enum zk_err
meeting_accept(void *arg, const struct pair_grant *g)
{
	struct meeting *m = arg;

	m->accepted++;
	CHECK(memcmp(g->vault, meeting_vault, 32) == 0);
	CHECK(key_equal(g->record, m->record));
	CHECK(g->records_n == (m->big ? 6 : 1));
	CHECK(g->records_n > 0 && memcmp(g->records[g->records_n - 1].p,
	    meeting_record, g->records[g->records_n - 1].n) == 0);
	return ZK_OK;
}

/*
 * A transport that loses requests, acts and then fails, and acts twice; what
 * it does is drawn from a seed of its own.
 */
struct faulty {
	struct transport t;
	struct transport *inner;
	uint64_t seed;
	unsigned rate;		/* in 16 */
	bool late;		/* what it gets comes after the code's life */
};

enum fault { FAULT_NONE, FAULT_LOSE, FAULT_LATE, FAULT_TWICE };

static enum fault
faulty_draw(struct faulty *f)
{
	f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
	if ((f->seed >> 40) % 16 >= f->rate)
		return FAULT_NONE;
	return (enum fault)(1 + (f->seed >> 50) % 3);
}

static enum zk_err
faulty_claim(struct transport *t, struct trv *rv)
{
	struct faulty *f = (struct faulty *)t;
	enum fault how = faulty_draw(f);
	enum zk_err r;

	if (how == FAULT_LOSE)
		return ZK_ENET;
	r = transport_rv_claim(f->inner, rv);
	return how == FAULT_LATE ? ZK_ENET : r;
}

static enum zk_err
faulty_put(struct transport *t, const struct trv *rv, unsigned seq,
    const void *p, size_t n)
{
	struct faulty *f = (struct faulty *)t;
	enum fault how = faulty_draw(f);
	enum zk_err r;

	if (how == FAULT_LOSE)
		return ZK_ENET;
	r = transport_rv_put(f->inner, rv, seq, p, n);
	if (how == FAULT_TWICE && r == ZK_OK)
		r = transport_rv_put(f->inner, rv, seq, p, n);
	return how == FAULT_LATE ? ZK_ENET : r;
}

static enum zk_err
faulty_get(struct transport *t, const struct trv *rv, unsigned seq,
    unsigned wait_ms, struct buf *out)
{
	struct faulty *f = (struct faulty *)t;
	enum fault how = faulty_draw(f);
	enum zk_err r;

	if (how == FAULT_LOSE)
		return ZK_ENET;
	r = transport_rv_get(f->inner, rv, seq, wait_ms, out);
	if (f->late && r == ZK_OK)
		meeting_skew = PAIR_LIFE_MS;
	return how == FAULT_LATE && r == ZK_OK ? ZK_ENET : r;
}

static enum zk_err
faulty_close(struct transport *t, const struct trv *rv)
{
	return transport_rv_close(((struct faulty *)t)->inner, rv);
}

static enum zk_err
faulty_pin(struct transport *t, char *out, size_t cap)
{
	return transport_pin(((struct faulty *)t)->inner, out, cap);
}

static const struct transport_ops faulty_ops = { .rv_claim = faulty_claim,
    .rv_put = faulty_put, .rv_get = faulty_get, .rv_close = faulty_close,
    .pin = faulty_pin };

static enum zk_err
faulty_open(struct faulty *f, const char *url, uint64_t seed, unsigned rate)
{
	struct transport_opts to = { .env = env_posix() };

	memset(f, 0, sizeof(*f));
	f->t.ops = &faulty_ops;
	f->seed = seed;
	f->rate = rate;
	return transport_open(url, &to, &f->inner);
}

/* No test waits out a pause. */
static void
meeting_sleep(void *ctx, unsigned ms)
{
	(void)ctx;
	(void)ms;
	usleep(1000);
}

static void *
meeting_show(void *arg)
{
	struct meeting *m = arg;
	struct faulty f;
	struct env_ops ops = *env_posix()->ops;
	struct env env = *env_posix();
	struct pair_show_opts o = { .env = &env, .url = m->url,
	    .vault = meeting_vault, .self = m->dev[0], .name = "member",
	    .failures = m->failures, .admit = meeting_admit,
	    .failed = meeting_failed, .arg = m };

	ops.mono_ms = meeting_mono;
	ops.sleep_ms = meeting_sleep;
	env.ops = &ops;
	o.ui = (struct pair_ui){ .arg = m, .invite = meeting_invite,
	    .consent = meeting_consent, .check = meeting_check };
	m->shown = faulty_open(&f, m->url, m->seed_no, m->rate);
	f.late = m->late;
	o.t = &f.t;
	if (m->shown == ZK_OK)
		m->shown = pair_show(&o, &m->show_out);
	m->ready = true;
	transport_free(f.inner);
	return NULL;
}

/* One attempt with the given code while the member waits. */
static enum zk_err
meeting_join(struct meeting *m, const char *text)
{
	struct faulty f;
	struct env_ops ops = *env_posix()->ops;
	struct env env = *env_posix();
	struct pair_result out;
	struct pair_code c;
	struct pair_join_opts o = { .env = &env, .code = &c,
	    .self = m->dev[1], .name = "joiner", .accept = meeting_accept,
	    .arg = m };
	enum zk_err r;

	o.ui = (struct pair_ui){ .arg = m, .invite = meeting_invite,
	    .consent = meeting_consent, .check = meeting_check };
	r = pair_code_parse(text, &c);
	if (r != ZK_OK)
		return r;
	ops.sleep_ms = meeting_sleep;
	env.ops = &ops;
	r = faulty_open(&f, m->url, ~m->seed_no, m->rate);
	o.t = &f.t;
	if (r == ZK_OK)
		r = pair_join(&o, &out);
	transport_free(f.inner);
	return r;
}

static bool
meeting_init(struct meeting *m, char *dir)
{
	memset(m, 0, sizeof(*m));
	m->say_yes = true;
	snprintf(dir, DIR_LEN, "%s", "/tmp/zk-pair-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(m->url, sizeof(m->url), "file://%s", dir);
	for (int i = 0; i < 2; i++)
		if (key_random(env_posix(), KEY_SEED, &m->seed[i]) != ZK_OK ||
		    device_keys_new(m->seed[i], &m->dev[i]) != ZK_OK)
			return false;
	for (size_t i = 0; i < sizeof(meeting_record); i++)
		meeting_record[i] = (uint8_t)(i * 7);
	return key_random(env_posix(), KEY_SIGN, &m->space) == ZK_OK &&
	    key_random(env_posix(), KEY_SEED, &m->record) == ZK_OK;
}

static void
meeting_release(struct meeting *m, const char *dir)
{
	char cmd[64];

	for (int i = 0; i < 2; i++) {
		device_keys_free(m->dev[i]);
		key_free(m->seed[i]);
	}
	key_free(m->space);
	key_free(m->record);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK(system(cmd) == 0);
}

/* Starts the member's side and waits for its code. */
static bool
meeting_start(struct meeting *m, pthread_t *th)
{
	m->ready = false;
	if (pthread_create(th, NULL, meeting_show, m) != 0)
		return false;
	for (int i = 0; i < 1000 && !m->ready; i++)
		usleep(10000);
	return m->ready;
}

static void
test_meet(void)
{
	struct meeting m;
	pthread_t th;
	char dir[DIR_LEN];

	NEED(meeting_init(&m, dir));
	for (int link = 0; link < 2; link++) {
		m.big = link == 1;
		NEED(meeting_start(&m, &th));
		CHECK(meeting_join(&m, link ? m.link : m.code) == ZK_OK);
		pthread_join(th, NULL);
		CHECK(m.shown == ZK_OK);
		CHECK(m.admitted == (unsigned)link + 1);
		CHECK(m.accepted == (unsigned)link + 1);
		CHECK(m.show_check[0] != '\0');
		CHECK(strcmp(m.show_check, m.join_check) == 0);
		CHECK(strcmp(m.show_out.name, "joiner") == 0);
		/* P10: one use */
		CHECK(meeting_join(&m, link ? m.link : m.code) ==
		    ZK_EEXPIRED);
	}
	CHECK(m.failed == 0);
	meeting_release(&m, dir);
}

/* P01: one wrong guess kills the code. */
static void
test_guess(void)
{
	struct meeting m;
	char wrong[PAIR_CODE_MAX], dir[DIR_LEN];
	pthread_t th;
	char *last;

	NEED(meeting_init(&m, dir));
	NEED(meeting_start(&m, &th));
	snprintf(wrong, sizeof(wrong), "%s", m.code);
	last = strrchr(wrong, '-');
	NEED(last != NULL);
	snprintf(last, sizeof(wrong) - (size_t)(last - wrong), "%s",
	    strcmp(last, "-zoo") == 0 ? "-able" : "-zoo");
	CHECK(meeting_join(&m, wrong) == ZK_EAUTH);
	pthread_join(th, NULL);
	CHECK(m.shown == ZK_EAUTH);
	CHECK(m.failed == 1 && m.admitted == 0 && m.accepted == 0);
	CHECK(meeting_join(&m, m.code) == ZK_EEXPIRED);
	/* P02: after three of them only the link is offered */
	m.failures = PAIR_TRIES;
	NEED(meeting_start(&m, &th));
	CHECK(m.code[0] == '\0');
	CHECK(meeting_join(&m, m.link) == ZK_OK);
	pthread_join(th, NULL);
	CHECK(m.shown == ZK_OK);
	meeting_release(&m, dir);
}

/* P08: the user says no; the joiner is told and has nothing. */
static void
test_refused(void)
{
	struct meeting m;
	pthread_t th;
	char dir[DIR_LEN];

	NEED(meeting_init(&m, dir));
	m.say_yes = false;
	NEED(meeting_start(&m, &th));
	CHECK(meeting_join(&m, m.code) == ZK_EREFUSED);
	pthread_join(th, NULL);
	CHECK(m.shown == ZK_EREFUSED);
	CHECK(m.admitted == 0 && m.accepted == 0 && m.failed == 0);
	meeting_release(&m, dir);
}

/* P03: a code lives five minutes. */
static void
test_expired(void)
{
	struct meeting m;
	pthread_t th;
	char dir[DIR_LEN];

	NEED(meeting_init(&m, dir));
	NEED(meeting_start(&m, &th));
	meeting_skew = PAIR_LIFE_MS;
	pthread_join(th, NULL);
	meeting_skew = 0;
	CHECK(m.shown == ZK_EEXPIRED && m.failed == 0);
	CHECK(meeting_join(&m, m.code) == ZK_EEXPIRED);
	CHECK(m.admitted == 0 && m.accepted == 0);
	meeting_release(&m, dir);
}

/* P13: with faults it completes, or fails cleanly on both sides. */
static void
test_faults(void)
{
	unsigned done = 0, accepted = 0, admitted = 0;
	struct meeting m;
	pthread_t th;
	char dir[DIR_LEN];

	NEED(meeting_init(&m, dir));
	for (unsigned i = 0; i < 10; i++) {
		enum zk_err joined = ZK_ENET;

		m.seed_no = 1000 + i;
		m.rate = i + 1;
		m.code[0] = '\0';
		NEED(meeting_start(&m, &th));
		if (m.code[0] != '\0')
			joined = meeting_join(&m, m.code);
		/* a member left alone would wait for its five minutes */
		if (joined != ZK_OK)
			meeting_skew = 3 * PAIR_LIFE_MS;
		pthread_join(th, NULL);
		meeting_skew = 0;
		CHECK(m.accepted - accepted == (joined == ZK_OK));
		CHECK(joined != ZK_OK || m.admitted == admitted + 1);
		CHECK(m.shown != ZK_OK || joined == ZK_OK);
		CHECK(m.failed == 0);
		accepted = m.accepted;
		admitted = m.admitted;
		done += joined == ZK_OK;
	}
	printf("# %u of 10 runs completed\n", done);
	CHECK(done >= 4);
	meeting_release(&m, dir);
}

/* The right code, which the member finds when it wakes after the end. */
static void
test_late(void)
{
	struct meeting m;
	pthread_t th;
	char dir[DIR_LEN];

	NEED(meeting_init(&m, dir));
	m.late = true;
	NEED(meeting_start(&m, &th));
	CHECK(meeting_join(&m, m.code) == ZK_EAUTH);
	pthread_join(th, NULL);
	meeting_skew = 0;
	CHECK(m.shown == ZK_EEXPIRED && m.failed == 0);
	/* not even which vault it is was told */
	CHECK(m.join_check[0] == '\0' && m.show_check[0] == '\0');
	CHECK(m.admitted == 0 && m.accepted == 0);
	meeting_release(&m, dir);
}

/* A yes that comes too late admits nobody, and neither does silence. */
static void
meet_slow(bool silent)
{
	struct meeting m;
	pthread_t th;
	char dir[DIR_LEN];

	NEED(meeting_init(&m, dir));
	m.slow = !silent;
	m.silent = silent;
	NEED(meeting_start(&m, &th));
	CHECK(meeting_join(&m, m.code) != ZK_OK);
	pthread_join(th, NULL);
	meeting_skew = 0;
	CHECK(m.shown == ZK_EEXPIRED);
	CHECK(m.admitted == 0 && m.accepted == 0);
	meeting_release(&m, dir);
}

static void
test_slow(void)
{
	meet_slow(false);
	meet_slow(true);
}

TESTS(
    { "words", test_words },
    { "bip39", test_bip39 },
    { "P04_code", test_code },
    { "link", test_link },
    { "talk", test_talk },
    { "P01_wrong", test_wrong },
    { "P02_link_only", test_link_only },
    { "pin", test_pin },
    { "P11_roles", test_roles },
    { "P06_tampered", test_tampered },
    { "P16_between", test_between },
    { "grant", test_grant },
    { "P10_meet", test_meet },
    { "P01_P02_guess", test_guess },
    { "P08_refused", test_refused },
    { "P03_expired", test_expired },
    { "P03_late", test_late },
    { "P03_slow", test_slow },
    { "P13_faults", test_faults },
)

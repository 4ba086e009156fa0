#include <stdlib.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/cpace.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/kem.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/rand.h"
#include "crypto/words.h"
#include "sync/pairmsg.h"
#include "sync/pairtalk.h"
#include "util/buf.h"
#include "util/rd.h"

#define TALK_PRS_LEN (1 + PAIR_SECRET_LEN)

enum { SIDE_SHOW = 0, SIDE_JOIN = 1 };
enum { KIND_WORDS = 0, KIND_LINK = 1 };
#define KINDS PAIRMSG_KINDS
#define TALK_SID_LEN PAIRMSG_SID_LEN

/*
 * prs: the password strings by kind; with has_words clear that of the words
 * is not used.  After the third message: master, ours, theirs, check.
 */
struct pairtalk {
	struct env *env;
	unsigned side;
	unsigned kind;		/* join: from the start; show: as answered */
	uint64_t plate;
	bool has_words;
	struct talk_prs {
		uint8_t b[KINDS][TALK_PRS_LEN];
	} *prs;
	char seen[PAIRTALK_SEEN_MAX + 1];
	uint8_t sid[TALK_SID_LEN];
	uint8_t nonce[HASH_LEN];	/* show */
	struct cpace *cpace[KINDS];
	struct key *root;		/* from CPace */
	struct kemkey *kem;		/* join: ephemeral */
	struct buf hello;
	struct buf answer;
	struct key *ours;
	struct key *theirs;
	uint64_t sent;
	uint64_t got;
	uint8_t transcript[HASH_LEN];
	uint16_t check[PAIR_WORDS];
};

static enum zk_err
talk_new(struct env *env, unsigned side, uint64_t plate, const char *seen,
    struct pairtalk **out)
{
	struct pairtalk *t;
	size_t n = strlen(seen);

	*out = NULL;
	if (n > PAIRTALK_SEEN_MAX)
		return ZK_ELIMIT;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return ZK_ENOMEM;
	t->prs = calloc(1, sizeof(*t->prs));
	if (t->prs == NULL) {
		free(t);
		return ZK_ENOMEM;
	}
	t->env = env;
	t->side = side;
	t->plate = plate;
	memcpy(t->seen, seen, n);
	buf_init(&t->hello, PAIRTALK_MSG_MAX);
	buf_init(&t->answer, PAIRTALK_MSG_MAX);
	*out = t;
	return ZK_OK;
}

/* The password strings: kind, then words (two bytes each) or secret. */
static void
talk_set_words(struct pairtalk *t, const uint16_t *words)
{
	uint8_t *p = t->prs->b[KIND_WORDS];

	*p++ = KIND_WORDS;
	for (int i = 0; i < PAIR_WORDS; i++) {
		*p++ = (uint8_t)words[i];
		*p++ = (uint8_t)(words[i] >> 8);
	}
	t->has_words = true;
}

static void
talk_set_secret(struct pairtalk *t, const uint8_t *secret)
{
	t->prs->b[KIND_LINK][0] = KIND_LINK;
	memcpy(t->prs->b[KIND_LINK] + 1, secret, PAIR_SECRET_LEN);
}

enum zk_err
pairtalk_show(struct env *env, uint64_t plate, const uint16_t *words,
    const uint8_t secret[static PAIR_SECRET_LEN], const char *seen,
    struct pairtalk **out)
{
	enum zk_err r = talk_new(env, SIDE_SHOW, plate, seen, out);

	if (r != ZK_OK)
		return r;
	if (words != NULL)
		talk_set_words(*out, words);
	talk_set_secret(*out, secret);
	rand_bytes(env, (*out)->sid, TALK_SID_LEN);
	rand_bytes(env, (*out)->nonce, sizeof((*out)->nonce));
	return ZK_OK;
}

enum zk_err
pairtalk_join(struct env *env, const struct pair_code *code,
    const char *seen, struct pairtalk **out)
{
	enum zk_err r = talk_new(env, SIDE_JOIN, code->plate, seen, out);

	if (r != ZK_OK)
		return r;
	(*out)->kind = code->link ? KIND_LINK : KIND_WORDS;
	if (code->link)
		talk_set_secret(*out, code->secret);
	else
		talk_set_words(*out, code->word);
	return ZK_OK;
}

void
pairtalk_free(struct pairtalk *t)
{
	if (t == NULL)
		return;
	crypto_wipe(t->prs, sizeof(*t->prs));
	free(t->prs);
	cpace_free(t->cpace[KIND_WORDS]);
	cpace_free(t->cpace[KIND_LINK]);
	key_free(t->root);
	key_free(t->ours);
	key_free(t->theirs);
	kemkey_free(t->kem);
	buf_release(&t->hello);
	buf_release(&t->answer);
	crypto_wipe(t, sizeof(*t));
	free(t);
}

/* A CPace run on the password string of kind. */
static enum zk_err
talk_cpace(struct pairtalk *t, unsigned kind)
{
	static const char ci[] = LABEL_PAIR_CI;
	uint8_t sid[TALK_SID_LEN + 8];
	struct cpace_opts o = { .prs = t->prs->b[kind],
	    .prs_len = TALK_PRS_LEN, .ci = (const uint8_t *)ci,
	    .ci_len = sizeof(ci) - 1, .sid = sid, .sid_len = sizeof(sid) };

	memcpy(sid, t->sid, TALK_SID_LEN);
	for (int i = 0; i < 8; i++)
		sid[TALK_SID_LEN + i] = (uint8_t)(t->plate >> (8 * i));
	return cpace_new(t->env, &o, &t->cpace[kind]);
}

/* Reads the first message; the joiner takes sid from it. */
static enum zk_err
talk_hello(struct pairtalk *t, struct pairmsg *p)
{
	enum zk_err r = pairmsg_hello(t->hello.data, t->hello.len, p);

	if (r == ZK_OK)
		memcpy(t->sid, p->sid, TALK_SID_LEN);
	return r;
}

static enum zk_err
talk_answer(const struct pairtalk *t, struct pairmsg *p)
{
	return pairmsg_answer(t->answer.data, t->answer.len, p);
}

/* The CPace key, over both shares and the relay keys seen. */
static enum zk_err
talk_root(struct pairtalk *t, const struct pairmsg *p)
{
	struct cpace_run run = { .ya = p->share[p->kind],
	    .ada = p->seen_show, .ada_len = p->seen_show_n,
	    .yb = p->share_join, .adb = p->seen_join,
	    .adb_len = p->seen_join_n };

	return cpace_finish(t->cpace[p->kind], t->side == SIDE_SHOW, &run,
	    &t->root);
}

/* hello and the first n bytes of answer, then extra. */
static void
talk_digest(const struct pairtalk *t, size_t n, const void *extra,
    size_t extra_n, uint8_t out[static HASH_LEN])
{
	uint8_t len[8];
	struct hash h;

	for (int i = 0; i < 4; i++) {
		len[i] = (uint8_t)(t->hello.len >> (8 * i));
		len[4 + i] = (uint8_t)(n >> (8 * i));
	}
	hash_init(&h, LABEL_PAIR_TRANSCRIPT);
	hash_update(&h, len, sizeof(len));
	hash_update(&h, t->hello.data, t->hello.len);
	hash_update(&h, t->answer.data, n);
	hash_update(&h, extra, extra_n);
	hash_final(&h, out);
}

static enum zk_err
talk_tag(const struct pairtalk *t, const char *label, size_t n,
    const void *extra, size_t extra_n, uint8_t tag[static CPACE_TAG_LEN])
{
	uint8_t digest[HASH_LEN];

	talk_digest(t, n, extra, extra_n, digest);
	return cpace_tag(t->root, label, digest, sizeof(digest), tag);
}

enum zk_err
pairtalk_hello(struct pairtalk *t, struct buf *out)
{
	static const uint8_t none[CPACE_LEN];
	uint8_t commit[HASH_LEN];
	struct buf *b = &t->hello;
	enum zk_err r = talk_cpace(t, KIND_LINK);

	if (r == ZK_OK && t->has_words)
		r = talk_cpace(t, KIND_WORDS);
	if (r != ZK_OK)
		return r;
	hash_bytes(LABEL_PAIR_COMMIT, t->nonce, sizeof(t->nonce), commit);
	pairmsg_head(t->side, b);
	buf_u8(b, t->has_words ? 1 : 0);
	buf_put(b, t->sid, TALK_SID_LEN);
	buf_put(b, t->has_words ? cpace_share(t->cpace[KIND_WORDS]) : none,
	    CPACE_LEN);
	buf_put(b, cpace_share(t->cpace[KIND_LINK]), CPACE_LEN);
	buf_put(b, commit, sizeof(commit));
	buf_lp(b, t->seen, strlen(t->seen));
	buf_put(out, b->data, b->len);
	r = buf_err(b);
	return r != ZK_OK ? r : buf_err(out);
}

/* An ephemeral KEM key, used for this run alone. */
static enum zk_err
talk_kem(struct pairtalk *t)
{
	struct key *seed;
	enum zk_err r = key_random(t->env, KEY_KEM, &seed);

	if (r != ZK_OK)
		return r;
	r = kemkey_new(KEM_X25519, seed, &t->kem);
	key_free(seed);
	return r;
}

enum zk_err
pairtalk_answer(struct pairtalk *t, const void *in, size_t n,
    struct buf *out)
{
	uint8_t tag[CPACE_TAG_LEN] = { 0 };
	struct pairmsg p;
	struct buf *b = &t->answer;
	const uint8_t *pk;
	size_t pk_n;
	enum zk_err r;

	memset(&p, 0, sizeof(p));
	r = buf_put(&t->hello, in, n);
	if (r == ZK_OK)
		r = talk_hello(t, &p);
	if (r != ZK_OK)
		return r;
	if (t->kind == KIND_WORDS && p.offered == 0)
		return ZK_EREFUSED;
	r = talk_cpace(t, t->kind);
	if (r == ZK_OK)
		r = talk_kem(t);
	if (r != ZK_OK)
		return r;
	pk = kemkey_pk(t->kem, &pk_n);
	pairmsg_head(t->side, b);
	buf_u8(b, (uint8_t)t->kind);
	buf_put(b, cpace_share(t->cpace[t->kind]), CPACE_LEN);
	buf_lp(b, t->seen, strlen(t->seen));
	buf_varint(b, kemkey_id(t->kem));
	buf_lp(b, pk, pk_n);
	buf_put(b, tag, sizeof(tag));
	r = buf_err(b);
	if (r == ZK_OK)
		r = talk_answer(t, &p);
	if (r == ZK_OK)
		r = talk_root(t, &p);
	if (r == ZK_OK)
		r = talk_tag(t, LABEL_PAIR_CONFIRM_JOIN, p.signed_n, NULL, 0,
		    tag);
	if (r != ZK_OK)
		return r;
	buf_truncate(b, p.signed_n);
	buf_put(b, tag, sizeof(tag));
	buf_put(out, b->data, b->len);
	r = buf_err(b);
	return r != ZK_OK ? r : buf_err(out);
}

/*
 * The words: from the root key, hello, answer and the nonce that hello
 * committed to.  Not from the sealed bytes of the third message, which its
 * writer could choose after all else is known.
 */
static enum zk_err
talk_words(struct pairtalk *t, const uint8_t nonce[static HASH_LEN])
{
	uint8_t b[CPACE_TAG_LEN];
	enum zk_err r = talk_tag(t, LABEL_PAIR_WORDS, t->answer.len, nonce,
	    HASH_LEN, b);

	for (int i = 0; i < PAIR_WORDS; i++)
		t->check[i] = (uint16_t)((b[2 * i] | b[2 * i + 1] << 8) %
		    WORDS_N);
	return r;
}

/* The keys of both directions, from the KEM secret and all messages. */
static enum zk_err
talk_keys(struct pairtalk *t, const uint8_t secret[static KEY_LEN],
    const void *confirm, size_t confirm_n)
{
	struct {
		uint8_t ctx[2 * HASH_LEN];
	} tmp;
	struct key *seed = NULL, *master = NULL;
	struct key *show = NULL, *join = NULL;
	enum zk_err r;

	talk_digest(t, t->answer.len, confirm, confirm_n, t->transcript);
	key_commit(t->root, LABEL_PAIR_MASTER, tmp.ctx);
	memcpy(tmp.ctx + HASH_LEN, t->transcript, HASH_LEN);
	r = key_import(KEY_SEED, secret, &seed);
	if (r == ZK_OK)
		r = key_derive(seed, KEY_SEED, LABEL_PAIR_MASTER, tmp.ctx,
		    sizeof(tmp.ctx), &master);
	if (r == ZK_OK)
		r = key_derive(master, KEY_AEAD, LABEL_PAIR_SHOW, NULL, 0,
		    &show);
	if (r == ZK_OK)
		r = key_derive(master, KEY_AEAD, LABEL_PAIR_JOIN, NULL, 0,
		    &join);
	t->ours = t->side == SIDE_SHOW ? show : join;
	t->theirs = t->side == SIDE_SHOW ? join : show;
	key_free(seed);
	key_free(master);
	crypto_wipe(&tmp, sizeof(tmp));
	return r;
}

/* Seals a fresh secret to the joiner's ephemeral key: confirm, keys. */
static enum zk_err
talk_confirm(struct pairtalk *t, const struct pairmsg *p, struct buf *msg)
{
	struct {
		uint8_t secret[KEY_LEN];
	} tmp;
	uint8_t tag[CPACE_TAG_LEN];
	struct buf sealed;
	enum zk_err r;

	buf_init(&sealed, PAIRTALK_MSG_MAX);
	rand_bytes(t->env, tmp.secret, sizeof(tmp.secret));
	r = kem_seal(t->env, p->kem, p->kem_pk, LABEL_PAIR_KEM, t->sid,
	    TALK_SID_LEN, tmp.secret, sizeof(tmp.secret), &sealed);
	if (r != ZK_OK)
		goto out;
	buf_put(msg, t->nonce, sizeof(t->nonce));
	buf_lp(msg, sealed.data, sealed.len);
	r = buf_err(msg);
	if (r != ZK_OK)
		goto out;
	r = talk_tag(t, LABEL_PAIR_CONFIRM_SHOW, t->answer.len, msg->data,
	    msg->len, tag);
	if (r != ZK_OK)
		goto out;
	r = buf_put(msg, tag, sizeof(tag));
	if (r == ZK_OK)
		r = talk_keys(t, tmp.secret, msg->data, msg->len);
out:
	buf_release(&sealed);
	crypto_wipe(&tmp, sizeof(tmp));
	return r;
}

enum zk_err
pairtalk_confirm(struct pairtalk *t, const void *in, size_t n,
    struct buf *out)
{
	uint8_t tag[CPACE_TAG_LEN];
	struct pairmsg p;
	struct buf msg;
	enum zk_err r;

	memset(&p, 0, sizeof(p));
	buf_init(&msg, PAIRTALK_MSG_MAX);
	r = buf_put(&t->answer, in, n);
	if (r == ZK_OK)
		r = talk_hello(t, &p);
	if (r == ZK_OK)
		r = talk_answer(t, &p);
	if (r != ZK_OK)
		goto out;
	t->kind = p.kind;
	r = talk_root(t, &p);
	if (r == ZK_EREFUSED)
		r = ZK_EAUTH;
	if (r == ZK_OK)
		r = talk_tag(t, LABEL_PAIR_CONFIRM_JOIN, p.signed_n, NULL, 0,
		    tag);
	if (r == ZK_OK && !crypto_equal(tag, p.tag, sizeof(tag)))
		r = ZK_EAUTH;
	if (r != ZK_OK)
		goto out;
	/* only one who knows the code can have told us this key */
	if (p.seen_show_n > 0 && p.seen_join_n > 0 &&
	    (p.seen_show_n != p.seen_join_n || memcmp(p.seen_show,
	    p.seen_join, p.seen_show_n) != 0))
		r = ZK_EPIN;
	if (r == ZK_OK)
		r = talk_words(t, t->nonce);
	if (r == ZK_OK)
		r = talk_confirm(t, &p, &msg);
	if (r == ZK_OK)
		r = buf_put(out, msg.data, msg.len);
out:
	buf_release(&msg);
	return r;
}

/* The joiner's half of talk_confirm; p and n as received. */
static enum zk_err
talk_open_confirm(struct pairtalk *t, const uint8_t *sealed,
    size_t sealed_n, const void *in, size_t n)
{
	struct buf secret;
	enum zk_err r;

	buf_init_secret(&secret, KEY_LEN + AEAD_TAG_LEN);
	r = kem_open(t->kem, LABEL_PAIR_KEM, t->sid, TALK_SID_LEN, sealed,
	    sealed_n, &secret);
	if (r == ZK_OK && secret.len != KEY_LEN)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = talk_keys(t, secret.data, in, n);
	buf_release(&secret);
	return r;
}

enum zk_err
pairtalk_finish(struct pairtalk *t, const void *in, size_t n)
{
	uint8_t own[CPACE_TAG_LEN], commit[HASH_LEN];
	const uint8_t *nonce, *sealed, *tag;
	struct pairmsg p;
	size_t sealed_n, signed_n;
	struct rd r;
	enum zk_err e;

	memset(&p, 0, sizeof(p));
	rd_init(&r, in, n);
	nonce = rd_bytes(&r, HASH_LEN);
	sealed = rd_lp(&r, PAIRTALK_MSG_MAX, &sealed_n);
	signed_n = n - r.left;
	tag = rd_bytes(&r, CPACE_TAG_LEN);
	e = rd_end(&r);
	if (e == ZK_OK)
		e = talk_tag(t, LABEL_PAIR_CONFIRM_SHOW, t->answer.len, in,
		    signed_n, own);
	if (e == ZK_OK && !crypto_equal(own, tag, sizeof(own)))
		e = ZK_EAUTH;
	if (e == ZK_OK)
		e = talk_hello(t, &p);
	if (e != ZK_OK)
		return e;
	hash_bytes(LABEL_PAIR_COMMIT, nonce, HASH_LEN, commit);
	if (memcmp(commit, p.commit, sizeof(commit)) != 0)
		return ZK_EAUTH;
	e = talk_words(t, nonce);
	if (e == ZK_OK)
		e = talk_open_confirm(t, sealed, sealed_n, in, n);
	return e;
}

void
pairtalk_check(const struct pairtalk *t, char out[static PAIR_CHECK_MAX])
{
	struct buf b;

	buf_init(&b, PAIR_CHECK_MAX);
	for (int i = 0; i < PAIR_WORDS; i++) {
		if (i > 0)
			buf_u8(&b, ' ');
		buf_str(&b, words_at(t->check[i]));
	}
	memset(out, 0, PAIR_CHECK_MAX);
	if (b.err == ZK_OK)
		memcpy(out, b.data, b.len);
	buf_release(&b);
}

/* The nonce is the number of the message; the key serves one direction. */
static void
talk_nonce(uint64_t number, uint8_t nonce[static AEAD_NONCE_LEN])
{
	memset(nonce, 0, AEAD_NONCE_LEN);
	for (int i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(number >> (8 * i));
}

enum zk_err
pairtalk_seal(struct pairtalk *t, const void *in, size_t n, struct buf *out)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	enum zk_err r;

	if (n > PAIRTALK_PLAIN_MAX)
		return ZK_ELIMIT;
	r = buf_reserve(out, n + AEAD_TAG_LEN);
	if (r != ZK_OK)
		return r;
	talk_nonce(t->sent++, nonce);
	aead_seal(t->ours, nonce, t->transcript, HASH_LEN, in, n,
	    out->data + out->len);
	out->len += n + AEAD_TAG_LEN;
	return ZK_OK;
}

enum zk_err
pairtalk_open(struct pairtalk *t, const void *in, size_t n, struct buf *out)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	enum zk_err r;

	if (n < AEAD_TAG_LEN || n > PAIRTALK_MSG_MAX)
		return ZK_ETAMPER;
	r = buf_reserve(out, n);
	if (r != ZK_OK)
		return r;
	talk_nonce(t->got, nonce);
	r = aead_open(t->theirs, nonce, t->transcript, HASH_LEN, in, n,
	    out->data + out->len);
	if (r != ZK_OK)
		return r;
	out->len += n - AEAD_TAG_LEN;
	t->got++;
	return ZK_OK;
}

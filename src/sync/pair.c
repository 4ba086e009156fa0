#include <string.h>

#include "crypto/crypto.h"
#include "crypto/rand.h"
#include "crypto/words.h"
#include "format/record.h"
#include "sync/pair.h"
#include "sync/pairgrant.h"
#include "sync/pairtalk.h"
#include "transport/transport.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

#define PAIR_MSGS 16u		/* a side may send, RENDEZVOUS */
#define PAIR_SLICE_MS 2000u	/* one wait, so that stop is seen */
#define PAIR_RETRIES 5		/* network errors in a row */
#define PAIR_ECHO_MS 10000	/* for the joiner to take a refusal */
#define PAIR_ANSWER_MS (2 * PAIR_LIFE_MS) /* for the other side's user */

/* First byte of what the member sends at the end, and of the reply to it. */
enum { WORD_NO = 0, WORD_MORE = 1, WORD_LAST = 2 };

/* One side's end of the mailbox. */
struct pair_line {
	struct env *env;
	struct transport *t;
	const struct pair_ui *ui;
	struct trv rv;
	unsigned sent;
	unsigned got;
	int64_t deadline;	/* env_mono_ms */
	int64_t end;		/* of the code and its mailbox */
	struct pairtalk *talk;
};

static bool
pair_stopped(const struct pair_line *l)
{
	return l->ui->stop != NULL && l->ui->stop(l->ui->arg);
}

/* An error that trying again may cure. */
static bool
pair_transient(enum zk_err r)
{
	return r == ZK_ENET || r == ZK_EBUSY || r == ZK_ETIMEDOUT;
}

static enum zk_err
pair_put(struct pair_line *l, const struct buf *msg)
{
	enum zk_err r = ZK_ENET;

	if (l->sent == PAIR_MSGS)
		return ZK_ELIMIT;
	for (int i = 0; i < PAIR_RETRIES && pair_transient(r); i++) {
		if (i > 0)
			env_sleep_ms(l->env, 500);
		if (pair_stopped(l))
			return ZK_ESIGNAL;
		/* the same number and bytes again: no second effect */
		r = transport_rv_put(l->t, &l->rv, l->sent, msg->data,
		    msg->len);
	}
	if (r == ZK_OK)
		l->sent++;
	return r;
}

/* The other side's next message, until the deadline. */
static enum zk_err
pair_get(struct pair_line *l, struct buf *msg)
{
	unsigned failed = 0;
	enum zk_err r;

	if (l->got == PAIR_MSGS)
		return ZK_ELIMIT;
	for (;;) {
		int64_t left = l->deadline - env_mono_ms(l->env);

		if (pair_stopped(l))
			return ZK_ESIGNAL;
		if (left <= 0)
			return ZK_EEXPIRED;
		buf_reset(msg);
		r = transport_rv_get(l->t, &l->rv, l->got,
		    left < PAIR_SLICE_MS ? (unsigned)left : PAIR_SLICE_MS,
		    msg);
		if (r == ZK_OK)
			break;
		if (r == ZK_ETIMEDOUT)
			continue;
		failed++;
		if (!pair_transient(r) || failed > PAIR_RETRIES)
			return r;
		env_sleep_ms(l->env, 500);
	}
	/* one that waited while this side slept comes too late as well */
	if (env_mono_ms(l->env) >= l->deadline)
		return ZK_EEXPIRED;
	l->got++;
	return ZK_OK;
}

/* Seals n bytes and sends them. */
static enum zk_err
pair_say(struct pair_line *l, const void *p, size_t n)
{
	struct buf msg;
	enum zk_err r;

	buf_init(&msg, PAIRTALK_MSG_MAX);
	r = pairtalk_seal(l->talk, p, n, &msg);
	if (r == ZK_OK)
		r = pair_put(l, &msg);
	buf_release(&msg);
	return r;
}

/* Receives and opens one message; appends it to plain. */
static enum zk_err
pair_hear(struct pair_line *l, struct buf *plain)
{
	struct buf msg;
	enum zk_err r;

	buf_init(&msg, PAIRTALK_MSG_MAX);
	r = pair_get(l, &msg);
	if (r == ZK_OK)
		r = pairtalk_open(l->talk, msg.data, msg.len, plain);
	buf_release(&msg);
	return r;
}

/* The relay's key as this side sees it; "" where there is none. */
static enum zk_err
pair_seen(struct pair_line *l, char out[static PAIRTALK_SEEN_MAX])
{
	memset(out, 0, PAIRTALK_SEEN_MAX);
	return transport_pin(l->t, out, PAIRTALK_SEEN_MAX);
}

static enum zk_err
pair_open_line(struct pair_line *l, struct env *env, struct transport *t,
    const struct pair_ui *ui, unsigned side, uint64_t plate)
{
	enum zk_err r = ZK_ENET;

	memset(l, 0, sizeof(*l));
	l->env = env;
	l->t = t;
	l->ui = ui;
	l->rv.side = side;
	l->rv.plate = plate;
	rand_bytes(env, l->rv.id, sizeof(l->rv.id));
	l->deadline = env_mono_ms(env) + PAIR_LIFE_MS;
	l->end = l->deadline;
	for (int i = 0; i < PAIR_RETRIES && pair_transient(r); i++) {
		if (i > 0)
			env_sleep_ms(env, 500);
		if (pair_stopped(l))
			return ZK_ESIGNAL;
		r = transport_rv_claim(t, &l->rv);
	}
	return r;
}

/*
 * Ends this side of the mailbox, which goes when both sides have: a member
 * of eight pairings in five minutes would find no room for the next.  What
 * went before decides the result.
 */
static void
pair_close_line(struct pair_line *l)
{
	enum zk_err r = transport_rv_close(l->t, &l->rv);

	if (r != ZK_OK)
		log_debug("cannot close the mailbox: %s", err_text(r));
	pairtalk_free(l->talk);
}

/* Member ------------------------------------------------------------------ */

/* What the user is shown; wiped. */
struct show_code {
	uint16_t word[PAIR_WORDS];
	uint8_t secret[PAIR_SECRET_LEN];
	char code[PAIR_CODE_MAX];
	char link[PAIR_LINK_MAX];
};

static enum zk_err
show_text(const struct pair_show_opts *o, uint64_t plate, bool words,
    struct show_code *c)
{
	struct buf b;
	enum zk_err r;

	r = pair_link(o->url, plate, c->secret, c->link);
	if (r != ZK_OK || !words)
		return r;
	buf_init_secret(&b, PAIR_CODE_MAX - 1);
	buf_printf(&b, "%llu", (unsigned long long)plate);
	for (int i = 0; i < PAIR_WORDS; i++) {
		buf_u8(&b, '-');
		buf_str(&b, words_at(c->word[i]));
	}
	r = buf_err(&b);
	if (r == ZK_OK)
		memcpy(c->code, b.data, b.len);
	buf_release(&b);
	return r;
}

/* Makes a code, shows it, and waits until someone has guessed it right. */
static enum zk_err
show_invite(const struct pair_show_opts *o, struct pair_line *l)
{
	char seen[PAIRTALK_SEEN_MAX];
	bool words = o->failures < PAIR_TRIES;
	struct show_code c;
	struct buf msg;
	enum zk_err r;

	memset(&c, 0, sizeof(c));
	buf_init(&msg, PAIRTALK_MSG_MAX);
	rand_bytes(o->env, c.secret, sizeof(c.secret));
	for (int i = 0; i < PAIR_WORDS; i++)
		c.word[i] = (uint16_t)rand_below(o->env, WORDS_N);
	r = pair_seen(l, seen);
	if (r == ZK_OK)
		r = pairtalk_show(o->env, l->rv.plate, words ? c.word : NULL,
		    c.secret, seen, &l->talk);
	if (r == ZK_OK)
		r = pairtalk_hello(l->talk, &msg);
	if (r == ZK_OK)
		r = pair_put(l, &msg);
	if (r == ZK_OK)
		r = show_text(o, l->rv.plate, words, &c);
	if (r == ZK_OK) {
		o->ui.invite(o->ui.arg, c.code, c.link,
		    env_now_ms(o->env) + PAIR_LIFE_MS);
		r = pair_get(l, &msg);
	}
	crypto_wipe(&c, sizeof(c));
	if (r == ZK_OK) {
		struct buf reply;

		buf_init(&reply, PAIRTALK_MSG_MAX);
		r = pairtalk_confirm(l->talk, msg.data, msg.len, &reply);
		if (r == ZK_OK)
			r = pair_put(l, &reply);
		else if (r != ZK_EPIN && r != ZK_ENOMEM)
			o->failed(o->arg);
		buf_release(&reply);
	}
	buf_release(&msg);
	return r;
}

/* Introduces the member and learns who wants to join. */
static enum zk_err
show_meet(const struct pair_show_opts *o, struct pair_line *l,
    struct pairgrant_ask *ask)
{
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, PAIRTALK_MSG_MAX);
	r = pairgrant_intro_put(&b, o->vault, device_keys_id(o->self),
	    o->name);
	if (r == ZK_OK)
		r = pair_say(l, b.data, b.len);
	buf_reset(&b);
	if (r == ZK_OK)
		r = pair_hear(l, &b);
	if (r == ZK_OK)
		r = pairgrant_ask_get(b.data, b.len, ask);
	buf_release(&b);
	return r;
}

/* Sends the whole grant in pieces; the first byte tells whether more come. */
static enum zk_err
show_send(struct pair_line *l, const struct pair_grant *g)
{
	struct buf all, part;
	size_t done = 0;
	enum zk_err r;

	buf_init_secret(&all, PAIRGRANT_MAX + 1);
	buf_init_secret(&part, PAIRTALK_PLAIN_MAX);
	r = pairgrant_put(&all, g);
	while (r == ZK_OK && done < all.len) {
		size_t take = all.len - done;
		bool last = take <= PAIRTALK_PLAIN_MAX - 1;

		if (!last)
			take = PAIRTALK_PLAIN_MAX - 1;
		buf_reset(&part);
		buf_u8(&part, last ? WORD_LAST : WORD_MORE);
		r = buf_put(&part, all.data + done, take);
		if (r == ZK_OK)
			r = pair_say(l, part.data, part.len);
		done += take;
	}
	buf_release(&all);
	buf_release(&part);
	return r;
}

/*
 * Tells the refusal and waits a moment for its echo, since the mailbox goes
 * with this side.  The refusal stands whether or not it arrives.
 */
static void
show_refuse(struct pair_line *l)
{
	static const uint8_t no = WORD_NO;
	struct buf b;
	enum zk_err r = pair_say(l, &no, 1);

	buf_init_secret(&b, PAIRTALK_MSG_MAX);
	l->deadline = env_mono_ms(l->env) + PAIR_ECHO_MS;
	if (r == ZK_OK)
		r = pair_hear(l, &b);
	if (r != ZK_OK)
		log_debug("cannot tell the refusal: %s", err_text(r));
	buf_release(&b);
}

/* Asks the user, admits, hands over, waits until it is kept. */
static enum zk_err
show_admit(const struct pair_show_opts *o, struct pair_line *l,
    const struct pairgrant_ask *ask, const char *check)
{
	/* nobody is signed in whom the grant could no longer reach */
	int64_t until = l->end - PAIR_ECHO_MS;
	struct pair_grant g;
	struct buf b;
	enum zk_err r;

	r = o->ui.consent(o->ui.arg, ask->name, check, until);
	if (r == ZK_OK && env_mono_ms(l->env) > until)
		r = ZK_EEXPIRED;
	if (r == ZK_EREFUSED)
		show_refuse(l);
	if (r != ZK_OK)
		return r;
	memset(&g, 0, sizeof(g));
	r = o->admit(o->arg, &ask->dev, ask->consent, ask->name, &g);
	if (r != ZK_OK)
		return r;
	r = show_send(l, &g);
	if (r != ZK_OK)
		return r;
	buf_init_secret(&b, PAIRTALK_MSG_MAX);
	l->deadline = env_mono_ms(l->env) + PAIR_ANSWER_MS;
	r = pair_hear(l, &b);
	if (r == ZK_OK && (b.len != 1 || b.data[0] != WORD_LAST))
		r = ZK_EREFUSED;
	buf_release(&b);
	return r;
}

/* Consent that does not fit is refused before the user is asked. */
static enum zk_err
show_talk(const struct pair_show_opts *o, struct pair_line *l,
    struct pair_result *out)
{
	struct pairgrant_ask ask;
	enum zk_err r = show_invite(o, l);

	if (r != ZK_OK)
		return r;
	r = show_meet(o, l, &ask);
	if (r != ZK_OK)
		return r;
	device_pub_id(&ask.dev, out->device);
	memcpy(out->name, ask.name, sizeof(out->name));
	pairtalk_check(l->talk, out->check);
	return show_admit(o, l, &ask, out->check);
}

enum zk_err
pair_show(const struct pair_show_opts *o, struct pair_result *out)
{
	struct pair_line l;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	r = pair_open_line(&l, o->env, o->t, &o->ui, 0, 0);
	if (r != ZK_OK)
		return r;
	r = show_talk(o, &l, out);
	pair_close_line(&l);
	if (r != ZK_OK)
		memset(out, 0, sizeof(*out));
	return r;
}

/* Joiner ------------------------------------------------------------------ */

/* Enters the code: after this the channel stands, with a member of a vault. */
static enum zk_err
join_enter(const struct pair_join_opts *o, struct pair_line *l)
{
	char seen[PAIRTALK_SEEN_MAX];
	struct buf msg, reply;
	enum zk_err r;

	buf_init(&msg, PAIRTALK_MSG_MAX);
	buf_init(&reply, PAIRTALK_MSG_MAX);
	r = pair_seen(l, seen);
	if (r == ZK_OK)
		r = pairtalk_join(o->env, o->code, seen, &l->talk);
	if (r == ZK_OK)
		r = pair_get(l, &msg);
	if (r == ZK_OK)
		r = pairtalk_answer(l->talk, msg.data, msg.len, &reply);
	if (r == ZK_OK)
		r = pair_put(l, &reply);
	if (r == ZK_OK) {
		r = pair_get(l, &msg);
		/* a member that saw a wrong guess takes the mailbox away */
		if (r == ZK_EEXPIRED)
			r = ZK_EAUTH;
	}
	if (r == ZK_OK)
		r = pairtalk_finish(l->talk, msg.data, msg.len);
	buf_release(&msg);
	buf_release(&reply);
	return r;
}

/* Learns which vault this is and tells who asks. */
static enum zk_err
join_meet(const struct pair_join_opts *o, struct pair_line *l,
    struct pairgrant_intro *intro)
{
	uint8_t consent[64];
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, PAIRTALK_MSG_MAX);
	r = pair_hear(l, &b);
	if (r == ZK_OK)
		r = pairgrant_intro_get(b.data, b.len, intro);
	if (r != ZK_OK)
		goto out;
	record_add_consent(o->self, intro->vault, intro->member, consent);
	buf_reset(&b);
	r = pairgrant_ask_put(&b, o->self, consent, o->name);
	if (r == ZK_OK)
		r = pair_say(l, b.data, b.len);
out:
	buf_release(&b);
	return r;
}

/* Collects the pieces of the grant.  ZK_EREFUSED: the user said no. */
static enum zk_err
join_receive(struct pair_line *l, struct buf *all)
{
	struct buf part;
	uint8_t word = WORD_MORE;
	enum zk_err r = ZK_OK;

	buf_init_secret(&part, PAIRTALK_MSG_MAX);
	while (r == ZK_OK && word == WORD_MORE) {
		buf_reset(&part);
		r = pair_hear(l, &part);
		if (r == ZK_OK && part.len == 0)
			r = ZK_EFORMAT;
		if (r != ZK_OK)
			break;
		word = part.data[0];
		if (word == WORD_NO)
			r = ZK_EREFUSED;
		else if (word > WORD_LAST)
			r = ZK_EFORMAT;
		else
			r = buf_put(all, part.data + 1, part.len - 1);
	}
	buf_release(&part);
	return r;
}

static enum zk_err
join_accept(const struct pair_join_opts *o, struct pair_line *l,
    const struct pairgrant_intro *intro)
{
	uint8_t word = WORD_LAST;
	struct pairgrant g;
	struct buf all;
	enum zk_err r, said;

	buf_init_secret(&all, PAIRGRANT_MAX);
	r = join_receive(l, &all);
	if (r == ZK_OK)
		r = pairgrant_get(all.data, all.len, &g);
	if (r == ZK_OK) {
		/* the vault that this device consented to */
		if (memcmp(g.g.vault, intro->vault, 32) != 0)
			r = ZK_ETAMPER;
		else
			r = o->accept(o->arg, &g.g);
		pairgrant_release(&g);
	}
	buf_release(&all);
	if (r != ZK_OK)
		word = WORD_NO;
	said = pair_say(l, &word, 1);
	/* kept is kept: the member learns of it by the first segment */
	if (said != ZK_OK)
		log_debug("cannot confirm: %s", err_text(said));
	return r;
}

static enum zk_err
join_talk(const struct pair_join_opts *o, struct pair_line *l,
    struct pair_result *out)
{
	struct pairgrant_intro intro;
	enum zk_err r = join_enter(o, l);

	if (r != ZK_OK)
		return r;
	r = join_meet(o, l, &intro);
	if (r != ZK_OK)
		return r;
	memcpy(out->device, intro.member, sizeof(out->device));
	memcpy(out->name, intro.name, sizeof(out->name));
	pairtalk_check(l->talk, out->check);
	o->ui.check(o->ui.arg, out->name, out->check);
	l->deadline = env_mono_ms(l->env) + PAIR_ANSWER_MS;
	return join_accept(o, l, &intro);
}

enum zk_err
pair_join(const struct pair_join_opts *o, struct pair_result *out)
{
	size_t n = strlen(o->name);
	struct pair_line l;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	if (n < 1 || n > PAIR_NAME_MAX)
		return ZK_EUSAGE;
	r = pair_open_line(&l, o->env, o->t, &o->ui, 1, o->code->plate);
	if (r == ZK_EEXIST) {
		log_error(ZK_EREFUSED, NULL, "this code was used already or "
		    "is in use: 'zk pair' on a member shows a new one");
		return ZK_EREFUSED;
	}
	if (r != ZK_OK)
		return r;
	r = join_talk(o, &l, out);
	pair_close_line(&l);
	if (r != ZK_OK)
		memset(out, 0, sizeof(*out));
	return r;
}

/*
 * zk send --lines: each line of the input is a message, sent as it comes over
 * one connection, with all that are there by then.  See zk-send(1).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/channel.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "sync/msg.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

#define LINE_BYTES (1024u * 1024)	/* of one message at most */
#define READ_BYTES (64u * 1024)		/* beyond an unfinished line */
#define TOGETHER 256			/* messages sent at once */
#define LOCK_MS 2000			/* one wait for another zk; renewed */
/*
 * Others get the vault when nothing came for IDLE_MS, and after HOLD_MS
 * however much comes, for as long as who waits for it sleeps between two tries
 * and then some.
 */
#define IDLE_MS 1000
#define HOLD_MS 5000
#define YIELD_MS 150

struct lines {
	struct cmd_ctx *c;
	const char *channel;
	const char *file;	/* for messages */
	uint8_t end_byte;
	int fd;
	bool end;		/* of the input */
	struct buf held;	/* read and not sent */
	size_t taken;		/* bytes of it in src */
	size_t looked;		/* bytes of it without end_byte */
	struct sync_opts opts;	/* of to */
	struct msg_out *to;	/* NULL: the vault is not held */
	int64_t since;		/* when it was opened */
	enum zk_err worst;	/* of what did not end the run */
	uint64_t n, bytes;	/* recorded messages */
	size_t count;		/* of src */
	struct msg_source src[TOGETHER];
	struct msg_sent sent[TOGETHER];
};

/* Holding the vault -------------------------------------------------------- */

static enum zk_err
hold(struct lines *l)
{
	enum zk_err r = ZK_ELOCKED;

	if (l->to != NULL)
		return ZK_OK;
	while (r == ZK_ELOCKED && !cmd_stopped(l->c))
		r = cmd_try_vault(l->c, LOCK_MS);
	if (r == ZK_ELOCKED)
		r = ZK_ESIGNAL;
	if (r != ZK_OK)
		return r;
	cmd_sync_opts(l->c, &l->opts);
	l->opts.ui.progress = NULL;
	l->since = env_mono_ms(l->c->env);
	return sync_msg_open(l->c->vault, &l->opts, l->c->rep, &l->to);
}

/* Ends what came to r until now. */
static enum zk_err
let_go(struct lines *l, enum zk_err r)
{
	if (l->to != NULL)
		r = sync_msg_close(l->to, r);
	l->to = NULL;
	vault_close(l->c->vault);
	l->c->vault = NULL;
	return r;
}

/* All was sent, and others may have the vault; what failed is noted. */
static void
pause_holding(struct lines *l)
{
	l->worst = err_worse(l->worst, let_go(l, ZK_OK));
}

/* Reading ------------------------------------------------------------------ */

static enum zk_err
too_long(const struct lines *l)
{
	log_error(ZK_EUSAGE, &(struct log_where){ .path = l->file },
	    "message %" PRIu64 " of '%s' has over 1 MiB: send it as a file",
	    l->n + l->count + 1, l->file);
	return ZK_EUSAGE;
}

/* Cuts off what is whole, up to TOGETHER messages. */
static enum zk_err
cut(struct lines *l)
{
	struct buf *b = &l->held;

	l->count = l->taken = 0;
	while (l->count < TOGETHER && l->taken < b->len) {
		const uint8_t *p = b->data + l->taken;
		size_t left = b->len - l->taken;
		size_t from = l->count == 0 ? l->looked : 0;
		const uint8_t *at = memchr(p + from, l->end_byte,
		    left - from);
		size_t n = at == NULL ? left : (size_t)(at - p);

		if (n > LINE_BYTES)
			/* those before it are to go first */
			return l->count > 0 ? ZK_OK : too_long(l);
		if (at == NULL && !l->end) {
			l->looked = l->count == 0 ? left : 0;
			break;
		}
		l->src[l->count++] = (struct msg_source){
			.channel = l->channel, .p = p, .n = n };
		l->taken += n + (at != NULL);
	}
	return ZK_OK;
}

/* Drops what was sent. */
static void
drop(struct lines *l)
{
	struct buf *b = &l->held;

	if (l->taken > 0) {
		memmove(b->data, b->data + l->taken, b->len - l->taken);
		buf_truncate(b, b->len - l->taken);
		l->looked = 0;
	}
	l->count = l->taken = 0;
}

/* The next messages; at the end of all none. */
static enum zk_err
next(struct lines *l)
{
	struct env *env = l->c->env;
	enum zk_err r = cut(l);

	while (r == ZK_OK && l->count == 0 && !l->end) {
		r = prompt_read_more(env, l->fd, l->to == NULL ? INT64_MAX :
		    env_mono_ms(env) + IDLE_MS, &l->held, &l->end);
		if (r == ZK_EEXPIRED) {
			pause_holding(l);
			r = ZK_OK;
		} else if (r == ZK_OK) {
			r = cut(l);
		} else if (r != ZK_ESIGNAL) {
			log_error(r, &(struct log_where){ .path = l->file },
			    "cannot read '%s': %s", l->file, err_text(r));
		}
	}
	return r;
}

/* Sending ------------------------------------------------------------------ */

static enum zk_err
say_sent(struct lines *l)
{
	struct out *out = l->c->out;

	if (!out_json(out))
		return ZK_OK;
	for (size_t i = 0; i < l->count; i++) {
		channel_json(out_begin(out, "sent"), l->sent[i].id,
		    l->channel, l->sent[i].size);
		out_end(out);
	}
	out_release_now(out);
	return out_error(out);
}

static enum zk_err
send_them(struct lines *l)
{
	enum zk_err r = hold(l);

	memset(l->sent, 0, sizeof(l->sent));
	if (r == ZK_OK)
		r = sync_msg_put(l->to, l->src, l->count, l->sent);
	for (size_t i = 0; i < l->count && l->sent[i].recorded; i++) {
		l->n++;
		l->bytes += l->sent[i].size;
	}
	if (r == ZK_OK)
		r = say_sent(l);
	drop(l);
	if (r == ZK_OK && env_mono_ms(l->c->env) - l->since >= HOLD_MS) {
		pause_holding(l);
		env_sleep_ms(l->c->env, YIELD_MS);
	}
	return r;
}

/* Where whoever begins again goes on. */
static void
say_where(const struct lines *l, enum zk_err r)
{
	struct log_where at = { .path = l->file };

	if (l->n == 0)
		log_error(r, &at, "nothing of '%s' was sent", l->file);
	else
		log_error(r, &at, "sent up to message %" PRIu64 " of '%s', "
		    "and nothing behind it", l->n, l->file);
}

static enum zk_err
send_all(struct lines *l)
{
	enum zk_err r = ZK_OK;

	do {
		r = next(l);
		if (r != ZK_OK || l->count == 0)
			break;
		r = send_them(l);
	} while (r == ZK_OK);
	r = let_go(l, r);
	if (r != ZK_OK && r != ZK_ECLOSED)
		say_where(l, r);
	return err_worse(r, l->worst);
}

enum zk_err
channel_send_lines(struct cmd_ctx *c, const char *channel, const char *file,
    uint8_t end)
{
	struct lines l = { .c = c, .channel = channel, .file = file,
		.end_byte = end, .fd = -1 };
	char size[16];
	/* so that what is wrong here is not told at the first message */
	enum zk_err r = cmd_peek_vault(c);

	buf_init_secret(&l.held, LINE_BYTES + READ_BYTES);
	if (r == ZK_OK) {
		(void)let_go(&l, ZK_OK);
		r = prompt_input(c->env, file, &l.fd);
	}
	if (r == ZK_OK)
		r = send_all(&l);
	prompt_input_close(c->env, l.fd);
	buf_release(&l.held);
	c->rep->bytes = l.bytes;
	if (r != ZK_OK)
		return r;
	snprintf(c->say, sizeof(c->say), "sent %" PRIu64 " message%s (%s)",
	    l.n, l.n == 1 ? "" : "s", progress_size(size, (double)l.bytes));
	return ZK_OK;
}

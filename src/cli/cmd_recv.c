/* zk recv: the messages of a channel, zk-recv(1). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/channel.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "crypto/b64.h"
#include "sync/msg.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"
#include "util/log.h"

#define WAIT_MS 30000u		/* one wait: renewed for ever */
#define LOCK_MS 2000		/* for another zk, before going on without */
#define PAUSE_MS 1000		/* after an offer that brought nothing */
#define BACK_OFF_MAX_MS 60000	/* between two tries of remotes that fail */
#define WHOLE_MAX (1024u * 1024) /* bytes of a message in one JSON line */

struct recv_opts {
	const char *channel;
	const char *output;
	uint64_t max;
	bool follow;
	bool list;
};

struct receiving {
	struct cmd_ctx *c;
	const char *channel;
	bool tty;
	/* the message at hand, as JSON */
	char id[MSG_ID_LEN + 1];
	bool whole;		/* its bytes are in its own line */
	uint64_t off;		/* of the next part */
	/* over the whole run */
	uint64_t n, bytes;
	int64_t newest;		/* number of the last message seen */
	int64_t back_off_ms;	/* 0 while remotes answer */
};

/* Showing ------------------------------------------------------------------ */

/* A member with bytes in base64. */
static enum zk_err
json_b64(struct jsonw *w, const void *p, size_t n)
{
	size_t cap = b64_text_len(B64_STD, n);
	char *text = malloc(cap);

	if (text == NULL)
		return ZK_ENOMEM;
	b64_encode(B64_STD, p, n, text, cap);
	jsonw_str(w, "data_b64", text);
	free(text);
	return ZK_OK;
}

static struct jsonw *
json_message(struct receiving *v, const struct msg *m)
{
	struct jsonw *w = out_begin(v->c->out, "message");
	char hex[2 * SYNC_DEVICE_LEN + 1];

	hex_text(m->device, SYNC_DEVICE_LEN, hex);
	channel_json(w, m->id, v->channel, m->size);
	jsonw_bytes(w, "device", m->name, strlen(m->name));
	jsonw_str(w, "device_id", hex);
	jsonw_str(w, "tag", m->tag);
	jsonw_int(w, "time", m->wall_ms);
	if (m->label_len > 0)
		jsonw_bytes(w, "name", m->label, m->label_len);
	if (m->file != NULL)
		jsonw_str(w, "file", m->file);
	return w;
}

static enum zk_err
take_begin(void *arg, const struct msg *m)
{
	struct receiving *v = arg;
	struct out *out = v->c->out;

	if (!out_json(out)) {
		/* from here on stdout has what is noted as given out */
		out_release_now(out);
		return out_error(out);
	}
	memcpy(v->id, m->id, sizeof(v->id));
	v->off = 0;
	v->whole = m->size > 0 && m->size <= WHOLE_MAX;
	(void)json_message(v, m);
	if (!v->whole)
		out_end(out);
	return out_error(out);
}

static enum zk_err
take_data(void *arg, const void *p, size_t n)
{
	struct receiving *v = arg;
	struct out *out = v->c->out;
	struct jsonw *w = NULL;
	enum zk_err r = ZK_OK;

	if (!out_json(out)) {
		out_raw(out, p, n);
		return out_error(out);
	}
	w = v->whole ? out_line(out) : out_begin(out, "part");
	if (!v->whole) {
		jsonw_str(w, "id", v->id);
		jsonw_int(w, "offset", (int64_t)v->off);
	}
	r = json_b64(w, p, n);
	out_end(out);
	v->off += n;
	return r == ZK_OK ? out_error(out) : r;
}

static enum zk_err
take_end(void *arg, const struct msg *m)
{
	struct receiving *v = arg;
	struct out *out = v->c->out;

	if (out_json(out) && m->file != NULL) {
		(void)json_message(v, m);
		out_end(out);
	} else if (v->tty && m->file == NULL) {
		out_printf(out, "\n");
	}
	return out_error(out);
}

static enum zk_err
take_flush(void *arg)
{
	struct receiving *v = arg;

	/* with -o nothing of it is on stdout, but for JSON */
	if (((const struct recv_opts *)v->c->opts)->output == NULL ||
	    out_json(v->c->out))
		out_release_now(v->c->out);
	return out_error(v->c->out);
}

/* Receiving ---------------------------------------------------------------- */

static enum zk_err
receive(struct receiving *v, const struct sync_opts *o)
{
	const struct recv_opts *own = v->c->opts;
	struct msg_recv_opts how = { .channel = v->channel,
		.dir = own->output, .sink = { v, take_begin, take_data,
		    take_end, take_flush } };
	struct msg_received got;
	enum zk_err r = ZK_EBUG;

	if (own->max > 0)
		how.max = own->max - v->n;
	r = sync_msg_recv(v->c->vault, o, &how, &got, v->c->rep);
	v->n += got.n;
	v->bytes += got.bytes;
	v->newest = got.newest;
	v->c->rep->bytes = v->bytes;
	return r;
}

/* Following ---------------------------------------------------------------- */

static void
close_vault(struct cmd_ctx *c)
{
	vault_close(c->vault);
	c->vault = NULL;
}

/* Sleeps, but not through a signal. */
static void
pause_ms(struct receiving *v, int64_t ms)
{
	int64_t end = env_mono_ms(v->c->env) + ms;

	while (!cmd_stopped(v->c) && env_mono_ms(v->c->env) < end)
		env_sleep_ms(v->c->env, 100);
}

/*
 * Fetches and gives out, if no other zk is at work on this device.  A
 * network that fails is tried again, less and less often; what has not
 * arrived says so itself, and is waited for.
 */
static enum zk_err
fetch(struct receiving *v, const struct sync_opts *o)
{
	struct cmd_ctx *c = v->c;
	enum zk_err r = cmd_try_vault(c, LOCK_MS);

	if (r == ZK_OK) {
		r = receive(v, o);
		if (out_error(c->out) != ZK_OK) {
			close_vault(c);
			return out_error(c->out);
		}
		v->back_off_ms = err_status(r) != 5 || r == ZK_EGAP ? 0 :
		    v->back_off_ms == 0 ? PAUSE_MS : 2 * v->back_off_ms;
		if (v->back_off_ms > BACK_OFF_MAX_MS)
			v->back_off_ms = BACK_OFF_MAX_MS;
		if (err_status(r) == 5)
			r = ZK_OK;
	}
	close_vault(c);
	return r == ZK_ELOCKED ? ZK_OK : r;
}

/* Waits without the lock, so that other runs are free to work. */
static enum zk_err
wait_for(struct receiving *v, const struct sync_opts *o, bool *news)
{
	enum zk_err r = cmd_peek_vault(v->c);

	*news = false;
	if (r == ZK_OK)
		r = sync_msg_wait(v->c->vault, o, v->channel, v->newest,
		    WAIT_MS, news);
	close_vault(v->c);
	return r;
}

static enum zk_err
follow(struct receiving *v)
{
	const struct recv_opts *own = v->c->opts;
	struct sync_opts o;
	enum zk_err r = ZK_OK;
	bool news = false;

	/* with -o it writes nothing there, but for JSON */
	v->c->until_closed = own->output == NULL || out_json(v->c->out);
	while (r == ZK_OK && !cmd_stopped(v->c)) {
		uint64_t was = v->n;

		cmd_sync_opts(v->c, &o);
		o.ui.progress = NULL;
		r = fetch(v, &o);
		if (r != ZK_OK || (own->max > 0 && v->n >= own->max))
			break;
		/* an offer that brings nothing would come at once again */
		if (news && v->n == was)
			pause_ms(v, PAUSE_MS);
		if (v->back_off_ms > 0) {
			pause_ms(v, v->back_off_ms);
			news = false;
			continue;
		}
		r = wait_for(v, &o, &news);
		if (err_status(r) == 5) {
			v->back_off_ms = PAUSE_MS;
			r = ZK_OK;
		}
	}
	return cmd_stopped(v->c) ? ZK_ESIGNAL : r;
}

/* Listing ------------------------------------------------------------------ */

static enum zk_err
show_channel(void *arg, const struct msg_channel *ch)
{
	struct out *out = ((struct cmd_ctx *)arg)->out;

	if (out_json(out)) {
		struct jsonw *w = out_begin(out, "channel");

		jsonw_bytes(w, "channel", ch->name, ch->name_len);
		jsonw_int(w, "waiting", (int64_t)ch->waiting);
		jsonw_int(w, "expiry", (int64_t)ch->expiry);
		out_end(out);
		return ZK_OK;
	}
	out_printf(out, "%" PRIu64 " waiting  ", ch->waiting);
	if (ch->expiry > 0)
		out_printf(out, "expiry %" PRIu64 " s  ", ch->expiry);
	if (ch->name_len > 0)
		out_name(out, ch->name, ch->name_len);
	else
		out_printf(out, "(without a name)");
	out_printf(out, "\n");
	return ZK_OK;
}

static enum zk_err
list(struct cmd_ctx *c)
{
	const struct recv_opts *own = c->opts;
	enum zk_err r = ZK_EUSAGE;

	if (own->channel != NULL || own->output != NULL || own->max > 0 ||
	    own->follow) {
		log_error(r, NULL, "--list goes with no other option of "
		    "'zk recv'");
		return r;
	}
	r = cmd_peek_vault(c);
	return r == ZK_OK ? sync_msg_channels(c->vault, show_channel, c) : r;
}

static enum zk_err
recv_run(struct cmd_ctx *c)
{
	const struct recv_opts *own = c->opts;
	struct receiving v = { .c = c, .tty = isatty(STDOUT_FILENO) != 0 };
	struct sync_opts o;
	char size[16];
	enum zk_err r = channel_of(own->channel, &v.channel);

	if (r == ZK_OK && own->list)
		return list(c);
	if (r == ZK_OK && own->follow) {
		r = follow(&v);
	} else if (r == ZK_OK) {
		r = cmd_open_vault(c);
		cmd_sync_opts(c, &o);
		if (r == ZK_OK)
			r = receive(&v, &o);
	}
	if (own->output != NULL && v.n > 0)
		snprintf(c->say, sizeof(c->say), "received %" PRIu64
		    " message%s (%s)", v.n, v.n == 1 ? "" : "s",
		    progress_size(size, (double)v.bytes));
	return r;
}

static const struct opt recv_opts[] = {
	CHANNEL_OPT(offsetof(struct recv_opts, channel)),
	{ .letter = 'o', .name = "output", .kind = OPT_STR,
	    .off = offsetof(struct recv_opts, output), .arg = "DIR",
	    .complete = OPT_C_DIR,
	    .help = "each message as a file in DIR, exactly once" },
	{ .name = "max", .kind = OPT_NUMBER,
	    .off = offsetof(struct recv_opts, max), .arg = "N",
	    .help = "at most N messages" },
	{ .name = "follow", .kind = OPT_FLAG,
	    .off = offsetof(struct recv_opts, follow),
	    .help = "wait for more" },
	{ .name = "list", .kind = OPT_FLAG,
	    .off = offsetof(struct recv_opts, list),
	    .help = "show the channels instead" },
	{ .kind = OPT_END }
};

const struct cmd cmd_recv = {
	.name = "recv",
	.args = "",
	.summary = "receive messages of other devices",
	.opts = recv_opts,
	.opts_size = sizeof(struct recv_opts),
	.globals = G_VAULT | G_NET | G_PROGRESS,
	.run = recv_run,
};

/* zk send: a message into a channel, zk-send(1). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/channel.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/value.h"
#include "format/msgop.h"
#include "sync/msg.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define HELD_MAX (1024u * 1024)	/* bytes of input kept in memory */

struct send_opts {
	const char *channel;
	const char *expiry;
	bool lines;
	bool null;
};

enum zk_err
channel_of(const char *given, const char **out)
{
	*out = given == NULL ? "" : given;
	if (strlen(*out) <= MSG_CHANNEL_MAX)
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "a channel has at most %d bytes",
	    MSG_CHANNEL_MAX);
	return ZK_EUSAGE;
}

void
channel_json(struct jsonw *w, const char *id, const char *channel,
    uint64_t size)
{
	jsonw_str(w, "id", id);
	jsonw_bytes(w, "channel", channel, strlen(channel));
	jsonw_int(w, "size", (int64_t)size);
}

/* Input ------------------------------------------------------------------- */

/* What is to be sent: all of it in held, or a file. */
struct input {
	struct env *env;
	const char *name;	/* for messages */
	struct buf held;
	int fd;			/* what it is read from */
	int file;		/* what it is sent from; -1: held */
};

static enum zk_err
cannot_read(const struct input *in, enum zk_err r)
{
	if (r != ZK_ESIGNAL)
		log_error(r, &(struct log_where){ .path = in->name },
		    "cannot read '%s': %s", in->name, err_text(r));
	return r;
}

/*
 * A pipe with more than is held: all of it goes into a file without a name,
 * since content is read more than once, and before the vault is locked.
 */
static enum zk_err
spill(struct input *in)
{
	const char *dir = env_var("TMPDIR");
	enum zk_err r = ZK_OK;

	if (dir == NULL || dir[0] != '/')
		dir = "/tmp";
	in->file = env_openat(in->env, ENV_CWD, dir, O_TMPFILE | O_RDWR,
	    0600);
	r = in->file < 0 ? err_from_errno(-in->file) :
	    io_write_full(in->env, in->file, in->held.data, in->held.len);
	if (r == ZK_OK)
		r = prompt_copy(in->env, in->fd, in->file);
	if (r != ZK_OK && r != ZK_ESIGNAL)
		log_error(r, &(struct log_where){ .path = dir }, "cannot "
		    "keep what is sent in '%s': %s", dir, err_text(r));
	return r;
}

static enum zk_err
read_input(struct input *in, struct cmd_ctx *c, const char *file)
{
	struct env_stat st = { .mode = 0 };
	enum zk_err r = prompt_input(c->env, file, &in->fd);

	in->name = file;
	if (r != ZK_OK)
		return r;
	if (env_fstat(in->env, in->fd, &st) < 0)
		return cannot_read(in, ZK_EIO);
	if (in->fd != STDIN_FILENO && S_ISREG(st.mode) &&
	    st.size > HELD_MAX) {
		in->file = in->fd;
		return ZK_OK;
	}
	r = prompt_read_some(in->env, in->fd, &in->held);
	if (r != ZK_OK)
		return cannot_read(in, r);
	return in->held.len == in->held.max ? spill(in) : ZK_OK;
}

static void
input_close(struct input *in)
{
	if (in->file >= 0 && in->file != in->fd)
		(void)env_close(in->env, in->file);
	prompt_input_close(in->env, in->fd);
	buf_release(&in->held);
}

/* Sending ----------------------------------------------------------------- */

/* What the sender calls it: the last part of the file's name. */
static const char *
label_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (strcmp(file, "-") == 0)
		return NULL;
	return slash == NULL ? file : slash + 1;
}

static enum zk_err
send_it(struct cmd_ctx *c, const char *channel, const char *file,
    const struct input *in)
{
	struct msg_source src = { .channel = channel, .fd = in->file,
		.label = label_of(file) };
	struct msg_sent sent;
	struct sync_opts o;
	char size[16];
	enum zk_err r = cmd_open_vault(c);

	if (r != ZK_OK)
		return r;
	if (in->file < 0) {
		src.p = in->held.len == 0 ? (const uint8_t *)"" :
		    in->held.data;
		src.n = in->held.len;
	}
	cmd_sync_opts(c, &o);
	r = sync_msg_send(c->vault, &o, &src, &sent, c->rep);
	if (r == ZK_ECHANGED)
		log_error(r, &(struct log_where){ .path = file },
		    "'%s' changed while it was read: nothing was sent", file);
	if (r != ZK_OK)
		return r;
	c->rep->bytes = sent.size;
	if (out_json(c->out)) {
		channel_json(out_begin(c->out, "sent"), sent.id, channel,
		    sent.size);
		out_end(c->out);
	}
	snprintf(c->say, sizeof(c->say), "sent 1 message (%s)",
	    progress_size(size, (double)sent.size));
	return ZK_OK;
}

static enum zk_err
set_expiry(struct cmd_ctx *c, const char *channel, const char *text)
{
	const struct send_opts *own = c->opts;
	bool sends = c->argc > 0 || own->lines || own->null;
	struct sync_opts o;
	int64_t ms = 0;
	enum zk_err r = strcmp(text, "never") == 0 ? ZK_OK :
	    value_duration(text, &ms);

	if (r == ZK_OK && sends)
		r = ZK_EUSAGE;
	if (r != ZK_OK) {
		log_error(r, NULL, sends ? "--set-expiry sends no "
		    "message" : "'%s' is not a duration, nor 'never'", text);
		return r;
	}
	r = cmd_open_vault(c);
	if (r != ZK_OK)
		return r;
	cmd_sync_opts(c, &o);
	r = sync_msg_expiry(c->vault, &o, channel,
	    ((uint64_t)ms + 999) / 1000, c->rep);
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), "set the channel's expiry");
	return r;
}

static enum zk_err
send_run(struct cmd_ctx *c)
{
	const struct send_opts *own = c->opts;
	const char *file = c->argc > 0 ? c->argv[0] : "-", *channel = NULL;
	struct input in = { .env = c->env, .fd = -1, .file = -1 };
	enum zk_err r = channel_of(own->channel, &channel);

	if (r == ZK_OK && own->expiry != NULL)
		return set_expiry(c, channel, own->expiry);
	if (r == ZK_OK && (own->lines || own->null))
		return channel_send_lines(c, channel, file,
		    own->null ? '\0' : '\n');
	buf_init_secret(&in.held, HELD_MAX);
	/* before the lock is taken: input may be long in coming */
	if (r == ZK_OK)
		r = read_input(&in, c, file);
	if (r == ZK_OK)
		r = send_it(c, channel, file, &in);
	input_close(&in);
	return r;
}

static const struct opt send_opts[] = {
	CHANNEL_OPT(offsetof(struct send_opts, channel)),
	{ .letter = 'l', .name = "lines", .kind = OPT_FLAG,
	    .off = offsetof(struct send_opts, lines),
	    .help = "each line is a message, sent as it comes" },
	{ .letter = '0', .name = "null", .kind = OPT_FLAG,
	    .off = offsetof(struct send_opts, null),
	    .help = "the same with NUL in place of newline" },
	{ .name = "set-expiry", .kind = OPT_STR,
	    .off = offsetof(struct send_opts, expiry), .arg = "DUR",
	    .help = "how long the channel's messages count, or never" },
	{ .kind = OPT_END }
};

const struct cmd cmd_send = {
	.name = "send",
	.args = "[FILE|-]",
	.summary = "send a message to the other devices",
	.opts = send_opts,
	.opts_size = sizeof(struct send_opts),
	.globals = G_VAULT | G_NET | G_PROGRESS,
	.max_args = 1,
	.operand = OPERAND_PATH,
	.run = send_run,
};

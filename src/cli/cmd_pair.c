/* zk pair: admit a device, or be the one that is admitted, zk-pair(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/prompt.h"
#include "cli/qr.h"
#include "cli/sig.h"
#include "sync/join.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

#define CODE_MAX (2 * PAIR_LINK_MAX)	/* bytes typed for a code */
#define TALK_MAX 4096			/* bytes of one question */
#define QR_BYTES (256u * 1024)		/* bytes of a drawn code */

struct pair_opts {
	bool join;
	struct opt_list remotes;
	const char *name;
	const char *code;
};

#define AT(member) offsetof(struct pair_opts, member)

static const struct opt pair_opts[] = {
	{ .name = "join", .kind = OPT_FLAG, .off = AT(join),
	    .help = "this is the new device" },
	{ .name = "remote", .kind = OPT_LIST, .off = AT(remotes),
	    .arg = "URL", .help = "where to meet: a URL, or HOST:PORT" },
	{ .name = "name", .kind = OPT_STR, .off = AT(name), .arg = "NAME",
	    .help = "what other devices will call this one" },
	{ .name = "code", .kind = OPT_STR, .off = AT(code), .arg = "-",
	    .help = "read the code or link from standard input" },
	{ .kind = OPT_END }
};

/* What the callbacks of one run share. */
struct pairing {
	struct cmd_ctx *c;
	struct prompt *tty;	/* NULL: nobody to ask */
	bool met;		/* joiner: a member answered the code */
};

static bool
on_stop(void *arg)
{
	(void)arg;
	return sig_stopped();
}

static bool
colour(void)
{
	const char *no = env_var("NO_COLOR");

	return no == NULL || no[0] == '\0';
}

static void
draw_qr(struct out *o, const char *link)
{
	struct buf b;

	buf_init(&b, QR_BYTES);
	enum zk_err r = qr_render(link, colour(), &b);
	if (r == ZK_OK)
		out_raw(o, b.data, b.len);
	else
		log_warn("no QR code: %s", err_text(r));
	buf_release(&b);
}

/*
 * What the short code's --remote is to be, from the link, fit for a shell:
 * HOST:PORT, or the URL of what is no relay with TLS.
 */
static void
put_meeting(struct out *o, const char *link)
{
	const char *p = strstr(link, "://");
	size_t n = strcspn(link, "#");
	bool plain;

	if (p != NULL && p == link + 2) {	/* zk://HOST:PORT/ */
		p += 3;
		n -= (size_t)(p - link);
		while (n > 0 && p[n - 1] == '/')
			n--;
	} else {				/* zk+http://, zk+file:// */
		p = link + 3;
		n -= 3;
	}
	plain = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789:/._%+-") >= n;
	if (plain) {
		out_name(o, p, n);
		return;
	}
	out_printf(o, "'");
	for (size_t i = 0, k; i < n; i += k + 1) {
		k = strcspn(p + i, "'#");
		out_name(o, p + i, k);
		out_printf(o, i + k < n ? "'\\''" : "'");
	}
}

/* Member: the code, for people or as the first JSON line. */
static void
on_invite(void *arg, const char *code, const char *link, int64_t expires_ms)
{
	struct pairing *p = arg;
	struct out *o = p->c->out;

	if (out_json(o)) {
		struct jsonw *w = out_begin(o, "invite");

		if (code[0] == '\0')
			jsonw_null(w, "code");
		else
			jsonw_str(w, "code", code);
		jsonw_str(w, "link", link);
		jsonw_int(w, "expires", expires_ms);
		out_end(o);
		out_release_now(o);
		return;
	}
	if (isatty(STDOUT_FILENO) != 0)
		draw_qr(o, link);
	out_printf(o, "On the new device, in the folder to be kept in step:"
	    "\nlink: ");
	out_name_str(o, link);
	out_printf(o, "\n    zk pair --join\n");
	if (code[0] != '\0') {
		out_printf(o, "code: %s\n    zk pair --join --remote ", code);
		put_meeting(o, link);
		out_printf(o, "\n");
	} else {
		out_printf(o, "After three failed attempts there is no "
		    "short code for an hour.\n");
	}
	out_release_now(o);
}

/* Appends "TEXT 'name'" with the name escaped. */
static void
put_named(struct buf *b, const char *text, const char *name)
{
	(void)buf_str(b, text);
	(void)buf_str(b, " '");
	(void)log_escape(b, name, strlen(name));
	(void)buf_str(b, "'");
}

/* Member: may it join? */
static enum zk_err
on_consent(void *arg, const char *name, const char *check, int64_t until)
{
	struct pairing *p = arg;
	struct buf b;

	if (p->tty == NULL)
		return ZK_OK;	/* --yes */
	buf_init(&b, TALK_MAX);
	put_named(&b, "\nA device called", name);
	(void)buf_printf(&b, " wants to join.  It must show these words:\n\n"
	    "    %s\n\nDoes it, and may it have all of this vault?", check);
	enum zk_err r = prompt_yes(p->tty, buf_cstr(&b), until);
	buf_release(&b);
	/* a terminal that is gone has not said yes */
	return r == ZK_OK || r == ZK_ESIGNAL || r == ZK_EEXPIRED ? r :
	    ZK_EREFUSED;
}

/* Joiner: what to compare. */
static void
on_check(void *arg, const char *member, const char *check)
{
	struct pairing *p = arg;
	struct buf b;

	p->met = true;
	if (p->tty == NULL)
		return;
	buf_init(&b, TALK_MAX);
	put_named(&b, "\nAnswer the question on", member);
	(void)buf_printf(&b, " if it shows these words:\n\n    %s\n\n",
	    check);
	prompt_tell(p->tty, buf_cstr(&b));
	buf_release(&b);
}

/* Without a terminal a run needs --yes. */
static enum zk_err
open_tty(struct pairing *p)
{
	enum zk_err r;

	if (p->c->g->yes)
		return ZK_OK;
	r = prompt_open(p->c->env, &p->tty);
	if (r == ZK_ENOENT) {
		log_error(ZK_EUSAGE, NULL,
		    "no terminal to ask on: give '--yes'");
		return ZK_EUSAGE;
	}
	return r;
}

static enum zk_err
member_run(struct pairing *p)
{
	struct cmd_ctx *c = p->c;
	struct pair_ui ui = { .arg = p, .stop = on_stop, .invite = on_invite,
		.consent = on_consent, .check = on_check };
	struct pair_result res;
	struct sync_opts o;

	cmd_sync_opts(c, &o);
	enum zk_err r = sync_pair(c->vault, &o, &ui, &res);
	if (r != ZK_OK)
		return r;
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "paired");

		jsonw_bytes(w, "device", res.name, strlen(res.name));
		jsonw_str(w, "check", res.check);
		out_end(c->out);
	}
	snprintf(c->say, sizeof(c->say), "paired with '%s', check words %s",
	    res.name, res.check);
	return ZK_OK;
}

/* The code or link as text: ZK_CODE, standard input, or a question. */
static enum zk_err
read_code(struct pairing *p, struct buf *text)
{
	const struct pair_opts *own = p->c->opts;
	enum zk_err r = prompt_take_var("ZK_CODE", text);

	if (own->code != NULL) {
		buf_reset(text);
		r = prompt_read_fd(p->c->env, STDIN_FILENO, text);
	} else if (r == ZK_ENOENT && p->tty != NULL) {
		r = prompt_line(p->tty, "Code or link:", text);
	}
	if (r == ZK_ENOENT) {
		log_error(ZK_EUSAGE, NULL, "no code: set ZK_CODE, or give "
		    "'--code -' and the code on standard input");
		return ZK_EUSAGE;
	}
	return r;
}

/* Where to meet, if neither the link nor an option said it. */
static enum zk_err
ask_remote(struct pairing *p, const struct pair_code *code,
    struct opt_list *remotes, struct buf *text)
{
	enum zk_err r;

	if (code->url[0] != '\0' || remotes->n > 0)
		return ZK_OK;
	if (p->tty == NULL) {
		log_error(ZK_EUSAGE, NULL, "a short code needs '--remote'");
		return ZK_EUSAGE;
	}
	r = prompt_line(p->tty, "Relay (HOST:PORT):", text);
	if (r == ZK_ENOENT || (r == ZK_OK && text->len == 0))
		return ZK_EUSAGE;
	if (r == ZK_OK) {
		remotes->v[0] = buf_cstr(text);
		remotes->n = 1;
	}
	return r;
}

static enum zk_err
join_with(struct pairing *p, const struct pair_code *code,
    struct opt_list *remotes)
{
	struct cmd_ctx *c = p->c;
	const struct pair_opts *own = c->opts;
	const char *dir = c->argc > 0 ? c->argv[0] : c->g->dir;
	struct pair_ui ui = { .arg = p, .stop = on_stop, .invite = on_invite,
		.consent = on_consent, .check = on_check };
	struct pair_result res;
	struct sync_opts net;

	cmd_sync_opts(c, &net);
	struct vault_join_opts o = { .env = c->env, .dir = dir,
		.state_home = c->state_home, .code = code,
		.name = own->name != NULL ? own->name : c->g->name,
		.urls = remotes->v, .urls_n = remotes->n, .net = &net,
		.ui = &ui };
	enum zk_err r = vault_join(&o, &res);
	if (r != ZK_OK)
		return r;
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "joined");

		jsonw_bytes(w, "path", dir, strlen(dir));
		jsonw_bytes(w, "member", res.name, strlen(res.name));
		jsonw_str(w, "check", res.check);
		out_end(c->out);
	}
	snprintf(c->say, sizeof(c->say), "joined the vault of '%s', check "
	    "words %s; 'zk pull' fetches it", res.name, res.check);
	return ZK_OK;
}

static enum zk_err
join_run(struct pairing *p)
{
	const struct pair_opts *own = p->c->opts;
	struct opt_list remotes = own->remotes;
	struct pair_code code = { 0 };
	struct buf text, remote;

	buf_init_secret(&text, CODE_MAX);
	buf_init(&remote, TALK_MAX);
	enum zk_err r = read_code(p, &text);
	if (r == ZK_OK)
		r = pair_code_parse(buf_cstr(&text), &code);
	buf_release(&text);
	if (r == ZK_OK)
		r = ask_remote(p, &code, &remotes, &remote);
	if (r == ZK_OK)
		r = join_with(p, &code, &remotes);
	pair_code_wipe(&code);
	buf_release(&remote);
	return r;
}

static enum zk_err
check_joiner(const struct pair_opts *own)
{
	if (own->code == NULL || strcmp(own->code, "-") == 0)
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "a code on the command line can be seen "
	    "by others: use '--code -'");
	return ZK_EUSAGE;
}

/* A member takes no code: entering one there must never add anything. */
static enum zk_err
check_member(const struct cmd_ctx *c)
{
	const struct pair_opts *own = c->opts;
	const char *var = env_var("ZK_CODE");

	if (c->argc == 0 && own->remotes.n == 0 && own->name == NULL &&
	    own->code == NULL && (var == NULL || var[0] == '\0'))
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "a code, DIR, '--remote' and '--name' are "
	    "for the new device: add '--join'");
	return ZK_EUSAGE;
}

/* What a person is to make of a guess that failed. */
static void
explain(enum zk_err r, bool join, bool met)
{
	if (log_error_count() > 0)
		return;
	if (r == ZK_EAUTH && join)
		log_error(r, NULL, "wrong code, or too late for it; it is dead "
		    "now, 'zk pair' on the other device shows a new one");
	else if (r == ZK_EAUTH)
		log_error(r, NULL, "somebody tried a wrong code; this one is "
		    "dead now, 'zk pair' shows a new one");
	else if (r == ZK_EEXPIRED && met)
		log_error(r, NULL, "the question on the other device was not "
		    "answered in time; 'zk pair' there shows a new code");
	else if (r == ZK_EEXPIRED && join)
		log_error(r, NULL, "no device shows this code: it is wrong, "
		    "used or expired; 'zk pair' on a member shows a new one");
	else if (r == ZK_EEXPIRED)
		log_error(r, NULL, "nobody joined: the time is up, or the "
		    "other side left; 'zk pair' shows a new code");
	else if (r == ZK_EPIN && !join)
		log_error(r, NULL, "the new device sees another relay key "
		    "than this one: something stands between them; no device "
		    "was added");
	else if (r == ZK_EREFUSED && join)
		log_error(r, NULL, "refused: the answer on the other device "
		    "was no, somebody else uses this code, or it takes only "
		    "the link for now");
	else if (r == ZK_EREFUSED)
		log_error(r, NULL, "refused: no device was added");
}

static enum zk_err
pair_run(struct cmd_ctx *c)
{
	const struct pair_opts *own = c->opts;
	struct pairing p = { .c = c };
	enum zk_err r = own->join ? check_joiner(own) : check_member(c);

	if (r == ZK_OK)
		r = open_tty(&p);
	if (r == ZK_OK && !own->join)
		r = cmd_open_vault(c);
	if (r == ZK_OK)
		r = own->join ? join_run(&p) : member_run(&p);
	explain(r, own->join, p.met);
	prompt_close(p.tty);
	return r;
}

const struct cmd cmd_pair = {
	.name = "pair",
	.args = "[--join [DIR] [--remote URL]]",
	.summary = "admit another device, or join with --join",
	.opts = pair_opts,
	.opts_size = sizeof(struct pair_opts),
	.flags = CMD_FRONT,
	.globals = G_VAULT | G_NET | G_YES,
	.max_args = 1,
	.operand = OPERAND_DIR,
	.run = pair_run,
};

#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define OUT_HELD (1024u * 1024)	/* bytes held in memory */
/* bytes of one JSON line: a value of 1 MiB, escaped and in base64 */
#define OUT_LINE (8u * 1024 * 1024)
#define OUT_SEND (64u * 1024)	/* bytes written at once */

/*
 * Invariant: what is in spill comes before what is in text; once now is set
 * both are empty between calls, except for less than OUT_SEND bytes with
 * --json.
 */
struct out {
	struct env *env;
	bool json;
	bool now;		/* nothing is held back any more */
	struct buf text;
	struct buf line;	/* the JSON line being made */
	struct jsonw w;
	int spill;		/* -1: none */
	enum zk_err err;	/* first failure */
};

enum zk_err
out_new(struct env *env, struct out **out)
{
	struct out *o = calloc(1, sizeof(*o));

	*out = o;
	if (o == NULL)
		return ZK_ENOMEM;
	o->env = env;
	o->spill = -1;
	/* half of it spare, so that one append always fits */
	buf_init(&o->text, OUT_HELD + OUT_LINE);
	buf_init(&o->line, OUT_LINE);
	return ZK_OK;
}

void
out_free(struct out *o)
{
	if (o == NULL)
		return;
	if (o->spill >= 0)
		(void)env_close(o->env, o->spill);
	buf_release(&o->text);
	buf_release(&o->line);
	free(o);
}

void
out_set_json(struct out *o, bool on)
{
	o->json = on;
	o->now = on;
}

bool
out_json(const struct out *o)
{
	return o->json;
}

static void
note(struct out *o, enum zk_err r)
{
	if (o->err == ZK_OK)
		o->err = r;
}

static void
write_to(struct out *o, int fd, const void *p, size_t n)
{
	enum zk_err r = io_write_full(o->env, fd, p, n);

	/* a pipe, or a socket, that has lost its other end */
	note(o, r == ZK_ENET ? ZK_ECLOSED : r);
}

/* Writes the text to fd and forgets it. */
static void
send_text(struct out *o, int fd)
{
	if (o->err == ZK_OK && o->text.len > 0)
		write_to(o, fd, o->text.data, o->text.len);
	buf_reset(&o->text);
}

/* An unnamed file that is gone when the process is. */
static int
spill_open(struct out *o)
{
	const char *dir = env_var("TMPDIR");

	if (dir == NULL || dir[0] != '/')
		dir = "/tmp";
	return env_openat(o->env, ENV_CWD, dir, O_TMPFILE | O_RDWR, 0600);
}

/* Called after each append: keeps the memory bounded. */
static void
settle(struct out *o)
{
	note(o, buf_err(&o->text));
	if (o->now) {
		if (o->text.len >= OUT_SEND || !o->json)
			send_text(o, STDOUT_FILENO);
		return;
	}
	if (o->text.len < OUT_HELD)
		return;
	if (o->spill < 0)
		o->spill = spill_open(o);
	if (o->spill < 0)
		note(o, err_from_errno(-o->spill));
	else
		send_text(o, o->spill);
}

/* Copies the spilled text to stdout. */
static void
send_spill(struct out *o)
{
	struct buf b;
	uint64_t off = 0;

	if (o->spill < 0)
		return;
	buf_init(&b, OUT_SEND);
	note(o, buf_reserve(&b, OUT_SEND));
	while (o->err == ZK_OK) {
		ssize_t n = env_pread(o->env, o->spill, b.data, OUT_SEND, off);

		if (n == 0)
			break;
		if (n < 0) {
			note(o, err_from_errno((int)-n));
			break;
		}
		write_to(o, STDOUT_FILENO, b.data, (size_t)n);
		off += (uint64_t)n;
	}
	buf_release(&b);
	(void)env_close(o->env, o->spill);
	o->spill = -1;
}

void
out_printf(struct out *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (o->json)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		BUG("a line of output that is too long");
	(void)buf_put(&o->text, text, (size_t)n);
	settle(o);
}

void
out_raw(struct out *o, const void *p, size_t n)
{
	if (o->json)
		return;
	(void)buf_put(&o->text, p, n);
	settle(o);
}

void
out_name(struct out *o, const void *p, size_t n)
{
	if (o->json)
		return;
	(void)log_escape(&o->text, p, n);
	settle(o);
}

void
out_name_str(struct out *o, const char *s)
{
	out_name(o, s, strlen(s));
}

void
out_release_now(struct out *o)
{
	o->now = true;
	send_spill(o);
	send_text(o, STDOUT_FILENO);
}

void
out_fail(struct out *o, enum zk_err r)
{
	note(o, r);
}

enum zk_err
out_error(const struct out *o)
{
	return o->err;
}

bool
out_closed(struct out *o)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	/* of a pipe POLLERR says that no reader is left */
	if (o->err == ZK_OK && poll(&p, 1, 0) > 0 && p.revents & POLLERR)
		note(o, ZK_ECLOSED);
	return o->err == ZK_ECLOSED;
}

struct jsonw *
out_begin(struct out *o, const char *type)
{
	buf_reset(&o->line);
	jsonw_begin(&o->w, &o->line);
	jsonw_str(&o->w, "type", type);
	return &o->w;
}

struct jsonw *
out_line(struct out *o)
{
	return &o->w;
}

void
out_end(struct out *o)
{
	jsonw_end(&o->w);
	note(o, buf_err(&o->line));
	if (o->err == ZK_OK)
		(void)buf_put(&o->text, o->line.data, o->line.len);
	settle(o);
}

void
out_summary(struct out *o, const char *command, int status,
    const struct sync_report *rep, int64_t ms)
{
	static const struct sync_report none;
	struct jsonw *w = out_begin(o, "summary");

	if (rep == NULL)
		rep = &none;
	jsonw_str(w, "command", command);
	jsonw_int(w, "status", status);
	jsonw_int(w, "files", (int64_t)rep->files);
	jsonw_int(w, "bytes", (int64_t)rep->bytes);
	jsonw_int(w, "conflicts", (int64_t)rep->conflicts);
	jsonw_int(w, "merged", (int64_t)rep->merged);
	jsonw_int(w, "deleted", (int64_t)rep->deleted);
	jsonw_int(w, "directories", (int64_t)rep->dirs);
	jsonw_open(w, "remotes", '[');
	for (size_t i = 0; i < rep->remotes_n; i++) {
		jsonw_open(w, NULL, '{');
		jsonw_str(w, "url", rep->remotes[i].url);
		jsonw_bool(w, "ok", rep->remotes[i].ok);
		jsonw_int(w, "behind", (int64_t)rep->remotes[i].behind);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
	jsonw_int(w, "to_push", (int64_t)rep->to_push);
	jsonw_int(w, "to_pull", (int64_t)rep->to_pull);
	jsonw_int(w, "ms", ms);
	out_end(o);
}

enum zk_err
out_finish(struct out *o, int status)
{
	if (o->now || status == 0 || status == 3 || status == 4)
		out_release_now(o);
	/* closing tells of errors that writing did not (NFS, quotas) */
	int r = env_close(o->env, STDOUT_FILENO);
	if (r < 0)
		note(o, err_from_errno(-r));
	return o->err;
}

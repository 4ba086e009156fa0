#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/sig.h"
#include "crypto/crypto.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define POLL_MS 200	/* how soon a stop signal is noticed */
#define NO_END INT64_MAX	/* a person may take as long as it takes */

struct prompt {
	struct env *env;
	int fd;
};

enum zk_err
prompt_open(struct env *env, struct prompt **out)
{
	struct prompt *p;

	*out = NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return ZK_ENOMEM;
	p->env = env;
	p->fd = env_openat(env, ENV_CWD, "/dev/tty", O_RDWR | O_NOCTTY, 0);
	if (p->fd < 0) {
		free(p);
		return ZK_ENOENT;
	}
	*out = p;
	return ZK_OK;
}

void
prompt_close(struct prompt *p)
{
	if (p == NULL)
		return;
	(void)env_close(p->env, p->fd);
	free(p);
}

/* Waits until fd has something to read; ZK_EEXPIRED: not by until. */
static enum zk_err
wait_readable(struct env *env, int fd, int64_t until)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	for (;;) {
		if (sig_stopped())
			return ZK_ESIGNAL;
		if (until != NO_END && env_mono_ms(env) >= until)
			return ZK_EEXPIRED;
		int n = poll(&pfd, 1, POLL_MS);
		if (n > 0)
			return ZK_OK;
		if (n < 0 && errno != EINTR)
			return err_from_errno(errno);
	}
}

/* Cuts white space off both ends of what was appended from start. */
static void
trim(struct buf *b, size_t start)
{
	static const char blank[] = " \t\r\n";
	size_t lead = 0;

	while (b->len > start &&
	    strchr(blank, b->data[b->len - 1]) != NULL)
		buf_truncate(b, b->len - 1);
	while (start + lead < b->len &&
	    strchr(blank, b->data[start + lead]) != NULL)
		lead++;
	if (lead > 0) {
		memmove(b->data + start, b->data + start + lead,
		    b->len - start - lead);
		buf_truncate(b, b->len - lead);
	}
}

static enum zk_err
read_line(struct env *env, int fd, int64_t until, struct buf *out)
{
	size_t start = out->len;
	enum zk_err r;
	char c = 0;
	ssize_t n;

	for (;;) {
		r = wait_readable(env, fd, until);
		if (r != ZK_OK)
			break;
		n = env_read(env, fd, &c, 1);
		if (n < 0) {
			r = err_from_errno((int)-n);
			break;
		}
		if (n == 0 || c == '\n')
			break;
		r = buf_u8(out, (uint8_t)c);
		if (r != ZK_OK)
			break;
	}
	crypto_wipe(&c, sizeof(c));
	if (r != ZK_OK)
		return r;
	if (n == 0 && out->len == start)
		return ZK_ENOENT;
	trim(out, start);
	return ZK_OK;
}

enum zk_err
prompt_input(struct env *env, const char *file, int *fd)
{
	bool own = strcmp(file, "-") != 0;
	const char *name = own ? file : "standard input";
	struct log_where where = { .path = file };
	struct env_stat st = { .mode = 0 };
	int e = 0;
	enum zk_err r = ZK_EBUG;

	*fd = own ? env_openat(env, ENV_CWD, file, O_RDONLY, 0) : STDIN_FILENO;
	e = *fd < 0 ? *fd : env_fstat(env, *fd, &st);
	if (e == 0 && S_ISDIR(st.mode)) {
		r = ZK_EUSAGE;
		log_error(r, &where, "'%s' is a directory, not a file", name);
	} else if (e < 0) {
		r = err_from_errno(-e);
		log_error(r, &where, "cannot read '%s': %s", name,
		    strerror(-e));
	} else {
		return ZK_OK;
	}
	prompt_input_close(env, *fd);
	*fd = -1;
	return r;
}

void
prompt_input_close(struct env *env, int fd)
{
	if (fd >= 0 && fd != STDIN_FILENO)
		(void)env_close(env, fd);
}

enum zk_err
prompt_read_all(struct env *env, int fd, struct buf *out)
{
	enum zk_err r = ZK_OK;
	ssize_t n = 1;
	char part[4096];

	while (r == ZK_OK && n != 0) {
		r = wait_readable(env, fd, NO_END);
		if (r != ZK_OK)
			break;
		n = env_read(env, fd, part, sizeof(part));
		r = n < 0 ? err_from_errno((int)-n) :
		    buf_put(out, part, (size_t)n);
	}
	crypto_wipe(part, sizeof(part));
	return r;
}

enum zk_err
prompt_read_more(struct env *env, int fd, int64_t until, struct buf *out,
    bool *end)
{
	static char part[65536];	/* what a pipe holds */
	size_t room = out->max - out->len;
	ssize_t n = 0;
	enum zk_err r = room == 0 ? ZK_ELIMIT :
	    wait_readable(env, fd, until);

	if (r != ZK_OK)
		return r;
	n = env_read(env, fd, part, room < sizeof(part) ? room :
	    sizeof(part));
	r = n < 0 ? err_from_errno((int)-n) : buf_put(out, part, (size_t)n);
	*end = n == 0;
	crypto_wipe(part, n < 0 ? 0 : (size_t)n);
	return r;
}

enum zk_err
prompt_read_some(struct env *env, int fd, struct buf *out)
{
	enum zk_err r = ZK_OK;
	bool end = false;

	while (r == ZK_OK && !end && out->len < out->max)
		r = prompt_read_more(env, fd, NO_END, out, &end);
	return r;
}

enum zk_err
prompt_copy(struct env *env, int fd, int to)
{
	enum zk_err r = ZK_OK;
	ssize_t n = 1;
	static char part[65536];

	while (r == ZK_OK && n != 0) {
		r = wait_readable(env, fd, NO_END);
		if (r != ZK_OK)
			break;
		n = env_read(env, fd, part, sizeof(part));
		r = n < 0 ? err_from_errno((int)-n) :
		    io_write_full(env, to, part, (size_t)n);
	}
	crypto_wipe(part, sizeof(part));
	return r;
}

enum zk_err
prompt_read_fd(struct env *env, int fd, struct buf *out)
{
	return read_line(env, fd, NO_END, out);
}

static enum zk_err
ask(struct prompt *p, const char *question, int64_t until, struct buf *out)
{
	enum zk_err r;

	r = io_write_full(p->env, p->fd, question, strlen(question));
	if (r == ZK_OK)
		r = io_write_full(p->env, p->fd, " ", 1);
	return r == ZK_OK ? read_line(p->env, p->fd, until, out) : r;
}

enum zk_err
prompt_line(struct prompt *p, const char *question, struct buf *out)
{
	return ask(p, question, NO_END, out);
}

void
prompt_tell(struct prompt *p, const char *text)
{
	if (io_write_full(p->env, p->fd, text, strlen(text)) != ZK_OK)
		log_debug("the terminal takes no text");
}

enum zk_err
prompt_yes(struct prompt *p, const char *question, int64_t until)
{
	enum zk_err r;
	struct buf b;

	buf_init(&b, 64);
	r = io_write_full(p->env, p->fd, question, strlen(question));
	if (r == ZK_OK)
		r = ask(p, " [y/N]", until, &b);
	if (r == ZK_EEXPIRED)
		prompt_tell(p, "\n");
	if (r == ZK_OK && strcasecmp(buf_cstr(&b), "y") != 0 &&
	    strcasecmp(buf_cstr(&b), "yes") != 0)
		r = ZK_EREFUSED;
	if (r == ZK_ENOENT || r == ZK_ELIMIT)
		r = ZK_EREFUSED;
	buf_release(&b);
	return r;
}

enum zk_err
prompt_take_var(const char *name, struct buf *out)
{
	size_t len = strlen(name);

	for (char **e = environ; e != NULL && *e != NULL; e++) {
		if (strncmp(*e, name, len) != 0 || (*e)[len] != '=')
			continue;
		char *value = *e + len + 1;
		size_t n = strlen(value);
		enum zk_err r = n == 0 ? ZK_ENOENT : buf_put(out, value, n);
		crypto_wipe(value, n);
		return r;
	}
	return ZK_ENOENT;
}

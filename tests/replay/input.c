/* Reading JSON.  See input.h. */
#include "tests/replay/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/utf8.h"

#define DEEP 32		/* brackets within brackets, in what is skipped */

bool
points_add(struct points *p, uint32_t v)
{
	if (p->n == p->cap) {
		size_t cap = p->cap + p->cap / 2 + 16;
		uint32_t *q = realloc(p->v, cap * sizeof(*q));

		if (q == NULL)
			return false;
		p->v = q;
		p->cap = cap;
	}
	p->v[p->n++] = v;
	return true;
}

/* ---- the file ---- */

/* The file at in->fd, read through gzip. */
static enum zk_err
unzip(struct input *in)
{
	int to[2];

	if (pipe(to) != 0)
		return ZK_EIO;
	in->unzip = fork();
	if (in->unzip < 0) {
		(void)close(to[0]);
		(void)close(to[1]);
		in->unzip = 0;
		return ZK_EIO;
	}
	if (in->unzip == 0) {
		if (dup2(in->fd, 0) < 0 || dup2(to[1], 1) < 0)
			_exit(126);
		(void)close(to[0]);
		(void)close(to[1]);
		(void)execlp("gzip", "gzip", "-dc", (char *)NULL);
		_exit(127);
	}
	(void)close(to[1]);
	(void)close(in->fd);
	in->fd = to[0];
	return ZK_OK;
}

enum zk_err
input_open(struct input *in, const char *path)
{
	unsigned char magic[2] = { 0, 0 };
	ssize_t n;

	memset(in, 0, sizeof(*in));
	in->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return ZK_EIO;
	n = pread(in->fd, magic, 2, 0);
	if (n == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
		return unzip(in);
	return n < 0 ? ZK_EIO : ZK_OK;
}

bool
input_close(struct input *in)
{
	int status = 0;
	bool ok = !in->bad;

	if (in->fd >= 0)
		(void)close(in->fd);
	in->fd = -1;
	/* it ends: what it writes to is closed */
	if (in->unzip > 0)
		ok &= waitpid(in->unzip, &status, 0) == in->unzip &&
		    (status == 0 || WIFSIGNALED(status));
	in->unzip = 0;
	return ok;
}

/* ---- the parts ---- */

void
input_fail(struct input *in, enum zk_err e)
{
	if (in->err == ZK_OK)
		in->err = e;
}

static bool
fill(struct input *in)
{
	ssize_t n;

	do {
		n = read(in->fd, in->block, sizeof(in->block));
	} while (n < 0 && errno == EINTR);
	in->bad |= n < 0;
	in->at = 0;
	in->n = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int
get(struct input *in)
{
	if (in->at == in->n && !fill(in))
		return EOF;
	return in->block[in->at++];
}

/* Of what get gave last. */
static void
unget(struct input *in, int c)
{
	in->at -= c != EOF;
}

int
input_peek(struct input *in)
{
	int c;

	do {
		c = get(in);
	} while (c == ' ' || c == '\n' || c == '\r' || c == '\t');
	unget(in, c);
	return c;
}

void
input_want(struct input *in, int c)
{
	if (input_peek(in) != c || get(in) != c)
		input_fail(in, ZK_EFORMAT);
}

bool
input_more(struct input *in, int end, bool *first)
{
	if (input_peek(in) == end) {
		(void)get(in);
		return false;
	}
	if (!*first)
		input_want(in, ',');
	*first = false;
	return in->err == ZK_OK;
}

uint32_t
input_number(struct input *in)
{
	int c = input_peek(in);
	uint64_t v = 0;

	if (c < '0' || c > '9')
		input_fail(in, ZK_EFORMAT);
	for (c = get(in); c >= '0' && c <= '9'; c = get(in)) {
		v = v * 10 + (uint64_t)(c - '0');
		if (v > INT32_MAX)
			input_fail(in, ZK_EFORMAT);
	}
	unget(in, c);
	return in->err == ZK_OK ? (uint32_t)v : 0;
}

static uint32_t
hex4(struct input *in)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int c = get(in);

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v |= (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v |= (uint32_t)(c - 'A' + 10);
		else
			input_fail(in, ZK_EFORMAT);
	}
	return v;
}

/* What stands behind a backslash. */
static uint32_t
escaped(struct input *in)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = get(in);
	const char *p = c > 0 ? strchr(from, c) : NULL;
	uint32_t v, low;

	if (p != NULL)
		return (uint32_t)to[p - from];
	if (c != 'u')
		input_fail(in, ZK_EFORMAT);
	v = hex4(in);
	if (v < 0xd800 || v > 0xdfff)
		return v;
	if (get(in) != '\\' || get(in) != 'u')
		input_fail(in, ZK_EFORMAT);
	low = hex4(in);
	if (v > 0xdbff || low < 0xdc00 || low > 0xdfff)
		input_fail(in, ZK_EFORMAT);
	return 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
}

/* The character that begins with the byte c. */
static uint32_t
character(struct input *in, int c)
{
	uint8_t s[4] = { (uint8_t)c };
	uint32_t cp = 0;
	size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < n; i++)
		s[i] = (uint8_t)get(in);
	if (utf8_at(s, n, &cp) != n)
		input_fail(in, ZK_EFORMAT);
	return cp;
}

void
input_string(struct input *in, struct points *out)
{
	uint32_t cp;
	int c;

	input_want(in, '"');
	for (c = get(in); c != '"' && in->err == ZK_OK; c = get(in)) {
		if (c == EOF)
			input_fail(in, ZK_EFORMAT);
		cp = c == '\\' ? escaped(in) : c < 0x80 ? (uint32_t)c :
		    character(in, c);
		if (in->err == ZK_OK && !points_add(out, cp))
			input_fail(in, ZK_ENOMEM);
	}
}

/* As input_token; whether all of it found room. */
static bool
token(struct input *in, char *out, size_t n)
{
	bool fits = true, quoted = input_peek(in) == '"';
	size_t len = 0;
	int c;

	if (quoted)
		(void)get(in);
	for (c = get(in); c != EOF && (quoted ? c != '"' :
	    c >= '0' && c <= '9'); c = get(in)) {
		if (c == '\\')
			input_fail(in, ZK_EFORMAT);
		if (len + 1 < n)
			out[len++] = (char)c;
		else
			fits = false;
	}
	out[len] = '\0';
	if (!quoted)
		unget(in, c);
	if (c == EOF || (!quoted && len == 0))
		input_fail(in, ZK_EFORMAT);
	return fits;
}

void
input_token(struct input *in, char *out, size_t n)
{
	if (!token(in, out, n))
		input_fail(in, ZK_ELIMIT);
}

void
input_name(struct input *in, char *out, size_t n)
{
	(void)token(in, out, n);
	input_want(in, ':');
}

/* A number, true, false, null, or a whole string. */
static void
skip_word(struct input *in, int c)
{
	if (c != '"') {
		while (strchr("+-.", c) != NULL || (c >= '0' && c <= '9') ||
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			c = get(in);
		unget(in, c);
		return;
	}
	for (c = get(in); c != '"'; c = get(in)) {
		if (c == '\\')
			c = get(in);
		if (c == EOF) {
			input_fail(in, ZK_EFORMAT);
			return;
		}
	}
}

void
input_skip(struct input *in)
{
	int deep = 0, c;

	do {
		c = input_peek(in);
		(void)get(in);
		if (c == EOF || deep > DEEP)
			input_fail(in, ZK_EFORMAT);
		else if (c == '[' || c == '{')
			deep++;
		else if (c == ']' || c == '}')
			deep--;
		else if (c != ',' && c != ':')
			skip_word(in, c);
	} while (deep > 0 && in->err == ZK_OK);
}

#include <http_parser.h>
#include <string.h>

#include "http/head.h"

#define CHUNK_DIGITS 8	/* hex digits of a chunk's size */

/* Bytes of the head that are not read yet. */
struct scan {
	const char *p;
	const char *end;
};

size_t
head_end(const uint8_t *p, size_t n)
{
	const uint8_t *hit = memmem(p, n, "\r\n\r\n", 4);

	return hit == NULL ? 0 : (size_t)(hit - p) + 4;
}

static bool
is_token(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* Characters of a target: none that any server decodes or rewrites. */
static bool
is_target(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("/-._~?=&", c) != NULL;
}

static bool
same_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(s, word, n) == 0;
}

/* Takes a line without its CR LF; no other CR or LF may be in it. */
static bool
take_line(struct scan *s, const char **line, size_t *len)
{
	const char *lf = memchr(s->p, '\n', (size_t)(s->end - s->p));

	if (lf == NULL || lf == s->p || lf[-1] != '\r')
		return false;
	*line = s->p;
	*len = (size_t)(lf - 1 - s->p);
	s->p = lf + 1;
	return memchr(*line, '\r', *len) == NULL;
}

/* No empty segment (but a path of "/") and none of dots alone. */
static bool
segments_ok(const char *path, size_t n)
{
	size_t start = 1;

	for (size_t i = 1; i <= n; i++) {
		size_t len = i - start;

		if (i < n && path[i] != '/')
			continue;
		if (len == 0 && n > 1)
			return false;
		if (len <= 2 && strncmp(path + start, "..", len) == 0 &&
		    len > 0)
			return false;
		start = i + 1;
	}
	return true;
}

static enum zk_err
parse_target(const char *s, size_t n, struct head *out)
{
	const char *q;

	if (n == 0 || s[0] != '/')
		return ZK_EFORMAT;
	if (n > HEAD_TARGET_MAX)
		return ZK_ELIMIT;
	for (size_t i = 0; i < n; i++)
		if (!is_target(s[i]))
			return ZK_EFORMAT;
	q = memchr(s, '?', n);
	out->path = s;
	out->path_len = q == NULL ? n : (size_t)(q - s);
	out->query = q == NULL ? "" : q + 1;
	out->query_len = q == NULL ? 0 : n - out->path_len - 1;
	if (memchr(out->query, '?', out->query_len) != NULL)
		return ZK_EFORMAT;
	return segments_ok(s, out->path_len) ? ZK_OK : ZK_EFORMAT;
}

/* METHOD SP TARGET SP HTTP/1.1 */
static enum zk_err
parse_request_line(const char *s, size_t n, struct head *out)
{
	const char *sp = memchr(s, ' ', n);
	const char *sp2;
	size_t m;

	if (sp == NULL)
		return ZK_EFORMAT;
	m = (size_t)(sp - s);
	if (m == 0 || m > HEAD_METHOD_MAX)
		return ZK_EFORMAT;
	for (size_t i = 0; i < m; i++)
		if (s[i] < 'A' || s[i] > 'Z')
			return ZK_EFORMAT;
	memcpy(out->method, s, m);
	out->method[m] = '\0';
	s = sp + 1;
	n -= m + 1;
	sp2 = memchr(s, ' ', n);
	if (sp2 == NULL || n - (size_t)(sp2 - s) != strlen(" HTTP/1.1"))
		return ZK_EFORMAT;
	if (memcmp(sp2, " HTTP/1.1", 9) != 0) {
		if (memcmp(sp2, " HTTP/1.0", 9) != 0)
			return ZK_EFORMAT;
		out->http10 = true;
	}
	return parse_target(s, (size_t)(sp2 - s), out);
}

/* token ":" blanks value blanks */
static enum zk_err
parse_field(const char *s, size_t n, struct head *out)
{
	struct head_field *f;
	size_t name = 0;

	if (out->fields == HEAD_FIELDS_MAX)
		return ZK_ELIMIT;
	while (name < n && is_token(s[name]))
		name++;
	if (name == 0 || name == n || s[name] != ':')
		return ZK_EFORMAT;
	f = &out->field[out->fields++];
	f->name = s;
	f->name_len = (uint16_t)name;
	s += name + 1;
	n -= name + 1;
	while (n > 0 && (s[0] == ' ' || s[0] == '\t')) {
		s++;
		n--;
	}
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') ||
		    s[i] == 0x7f)
			return ZK_EFORMAT;
	f->value = s;
	f->value_len = (uint16_t)n;
	return ZK_OK;
}

/* Digits alone, below 2^63. */
static enum zk_err
parse_length(const struct head_field *f, uint64_t *out)
{
	uint64_t v = 0;

	if (f->value_len == 0 || f->value_len > 18)
		return ZK_EFORMAT;
	for (size_t i = 0; i < f->value_len; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return ZK_EFORMAT;
		v = v * 10 + (uint64_t)(f->value[i] - '0');
	}
	*out = v;
	return ZK_OK;
}

/* How often a field occurs; *last is the last of them. */
static unsigned
count(const struct head *h, const char *name, const struct head_field **last)
{
	unsigned n = 0;

	*last = NULL;
	for (size_t i = 0; i < h->fields; i++) {
		const struct head_field *f = &h->field[i];

		if (same_word(f->name, f->name_len, name)) {
			*last = f;
			n++;
		}
	}
	return n;
}

/* The fields that say where the body ends and whom the request is for. */
static enum zk_err
check_framing(struct head *h)
{
	const struct head_field *f;
	unsigned n;

	if (count(h, "host", &f) != 1 || f->value_len == 0)
		return ZK_EFORMAT;
	if (count(h, "authorization", &f) > 1)
		return ZK_EFORMAT;
	n = count(h, "transfer-encoding", &f);
	if (n > 1 || (n == 1 && h->http10))
		return ZK_EFORMAT;
	if (n == 1 && !same_word(f->value, f->value_len, "chunked"))
		return ZK_EFORMAT;
	h->chunked = n == 1;
	n = count(h, "content-length", &f);
	if (n > 1 || (n == 1 && h->chunked))
		return ZK_EFORMAT;
	h->has_length = n == 1;
	if (n == 1 && parse_length(f, &h->length) != ZK_OK)
		return ZK_EFORMAT;
	n = count(h, "expect", &f);
	if (n > 1)
		return ZK_EFORMAT;
	if (n == 1 && !same_word(f->value, f->value_len, "100-continue"))
		return ZK_EREFUSED;
	h->expect_continue = n == 1 && !h->http10;
	return ZK_OK;
}

/* What the packaged parser made of the head, to be held against ours. */
struct seen {
	bool complete;
	bool keep_alive;
};

static int
on_headers_complete(http_parser *p)
{
	struct seen *s = p->data;

	s->complete = true;
	s->keep_alive = http_should_keep_alive(p) != 0;
	return 0;
}

static enum zk_err
second_opinion(const uint8_t *p, size_t n, struct head *h)
{
	http_parser_settings settings;
	http_parser parser;
	struct seen seen = { false, false };
	size_t used;
	bool chunked;

	http_parser_settings_init(&settings);
	settings.on_headers_complete = on_headers_complete;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &seen;
	used = http_parser_execute(&parser, &settings, (const char *)p, n);
	if (used != n || !seen.complete ||
	    HTTP_PARSER_ERRNO(&parser) != HPE_OK || parser.upgrade)
		return ZK_EFORMAT;
	chunked = (parser.flags & F_CHUNKED) != 0;
	if (chunked != h->chunked)
		return ZK_EFORMAT;
	if (h->has_length && parser.content_length != h->length &&
	    h->length != 0)
		return ZK_EFORMAT;
	h->keep_alive = seen.keep_alive;
	return ZK_OK;
}

enum zk_err
head_parse(const uint8_t *p, size_t n, struct head *out)
{
	struct scan s = { (const char *)p, (const char *)p + n };
	const char *line;
	size_t len;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	if (n > HEAD_MAX)
		return ZK_ELIMIT;
	if (memchr(p, '\0', n) != NULL || !take_line(&s, &line, &len))
		return ZK_EFORMAT;
	r = parse_request_line(line, len, out);
	while (r == ZK_OK) {
		if (!take_line(&s, &line, &len))
			return ZK_EFORMAT;
		if (len == 0)
			break;
		r = parse_field(line, len, out);
	}
	if (r == ZK_OK && s.p != s.end)
		r = ZK_EFORMAT;
	if (r == ZK_OK)
		r = check_framing(out);
	if (r == ZK_OK)
		r = second_opinion(p, n, out);
	return r;
}

const struct head_field *
head_find(const struct head *h, const char *name)
{
	const struct head_field *f;

	(void)count(h, name, &f);
	return f;
}

/* States of a chunked body; IDENTITY is a body of known length. */
enum {
	IDENTITY,
	SIZE,		/* in the digits of a size */
	SIZE_LF,	/* CR seen, LF must follow */
	DATA,
	DATA_CR,	/* CR LF behind the data of a chunk */
	DATA_LF,
	END_CR,		/* CR LF behind the last chunk */
	END_LF,
	DONE
};

void
head_body_init(struct head_body *b, const struct head *h)
{
	memset(b, 0, sizeof(*b));
	b->chunked = h->chunked;
	b->state = h->chunked ? SIZE : IDENTITY;
	b->left = h->chunked ? 0 : h->length;
	if (b->state == IDENTITY && b->left == 0)
		b->state = DONE;
}

/* One byte of a chunk's size line. */
static enum zk_err
step_size(struct head_body *b, uint8_t c)
{
	unsigned v;

	if (c == '\r' && b->digits > 0) {
		b->state = SIZE_LF;
		return ZK_OK;
	}
	if (c >= '0' && c <= '9')
		v = (unsigned)(c - '0');
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		v = (unsigned)((c | 0x20) - 'a') + 10;
	else
		return ZK_EFORMAT;
	if (++b->digits > CHUNK_DIGITS)
		return ZK_EFORMAT;
	b->left = b->left * 16 + v;
	return ZK_OK;
}

/* One byte of framing. */
static enum zk_err
step_frame(struct head_body *b, uint8_t c)
{
	bool lf = b->state == SIZE_LF || b->state == DATA_LF ||
	    b->state == END_LF;

	if (b->state == SIZE)
		return step_size(b, c);
	if (c != (lf ? '\n' : '\r'))
		return ZK_EFORMAT;
	switch (b->state) {
	case SIZE_LF:
		b->state = b->left > 0 ? DATA : END_CR;
		break;
	case DATA_LF:
		b->state = SIZE;
		b->digits = 0;
		break;
	case END_LF:
		b->state = DONE;
		break;
	default:
		b->state++;	/* DATA_CR, END_CR */
	}
	return ZK_OK;
}

enum zk_err
head_body_step(struct head_body *b, const uint8_t *p, size_t n,
    size_t *used, const uint8_t **data, size_t *data_len, bool *done)
{
	size_t i = 0;
	enum zk_err r = ZK_OK;

	*data = p;
	*data_len = 0;
	while (i < n && r == ZK_OK && b->state != DONE &&
	    b->state != IDENTITY && b->state != DATA)
		r = step_frame(b, p[i++]);
	if (r == ZK_OK && i < n &&
	    (b->state == IDENTITY || b->state == DATA)) {
		size_t take = n - i;

		if (take > b->left)
			take = (size_t)b->left;
		*data = p + i;
		*data_len = take;
		b->left -= take;
		i += take;
		if (b->left == 0)
			b->state = b->chunked ? DATA_CR : DONE;
	}
	*used = i;
	*done = b->state == DONE;
	return r;
}

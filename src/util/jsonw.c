/* A writer of one-line JSON objects.  See jsonw.h. */
#include "util/jsonw.h"

#include <inttypes.h>
#include <string.h>

#include "util/utf8.h"

/*
 * A character that must not stand for itself, by its UTF-16 units: those
 * who look at the lines on a terminal are not to be misled either.
 */
static void
escaped(struct buf *b, uint32_t cp)
{
	if (cp < 0x10000) {
		(void)buf_printf(b, "\\u%04" PRIx32, cp);
		return;
	}
	cp -= 0x10000;
	(void)buf_printf(b, "\\u%04" PRIx32 "\\u%04" PRIx32,
	    0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
}

/* How many bytes from p on are printable ASCII that stands for itself. */
static size_t
plain(const uint8_t *p, size_t n)
{
	size_t k = 0;

	while (k < n && p[k] >= ' ' && p[k] < 0x7f && p[k] != '"' &&
	    p[k] != '\\')
		k++;
	return k;
}

/* A quoted string; returns whether all of it was UTF-8. */
static bool
quoted(struct buf *b, const uint8_t *p, size_t n)
{
	bool clean = true;

	(void)buf_u8(b, '"');
	while (n > 0) {
		uint32_t cp = 0;
		size_t k = plain(p, n);

		/* most of what is long is nothing but this */
		if (k > 0) {
			(void)buf_put(b, p, k);
			p += k;
			n -= k;
			continue;
		}
		k = utf8_at(p, n, &cp);

		if (k == 0) {
			clean = false;
			(void)buf_put(b, "\xef\xbf\xbd", 3);
			k = 1;
		} else if (*p == '"' || *p == '\\') {
			(void)buf_u8(b, '\\');
			(void)buf_u8(b, *p);
		} else if (utf8_dangerous(cp)) {
			escaped(b, cp);
		} else {
			(void)buf_put(b, p, k);
		}
		p += k;
		n -= k;
	}
	(void)buf_u8(b, '"');
	return clean;
}

static void
base64(struct buf *b, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		(void)buf_u8(b, (uint8_t)digits[v >> 18]);
		(void)buf_u8(b, (uint8_t)digits[v >> 12 & 63]);
		(void)buf_u8(b, i + 1 < n ?
		    (uint8_t)digits[v >> 6 & 63] : '=');
		(void)buf_u8(b, i + 2 < n ? (uint8_t)digits[v & 63] : '=');
	}
}

/* The comma before a member, and its name. */
static void
member(struct jsonw *w, const char *name)
{
	if (!w->first)
		(void)buf_u8(w->out, ',');
	w->first = false;
	if (name == NULL)
		return;
	(void)quoted(w->out, (const uint8_t *)name, strlen(name));
	(void)buf_u8(w->out, ':');
}

void
jsonw_begin(struct jsonw *w, struct buf *out)
{
	w->out = out;
	w->first = true;
	(void)buf_u8(out, '{');
}

void
jsonw_str(struct jsonw *w, const char *name, const char *value)
{
	jsonw_bytes(w, name, value, strlen(value));
}

void
jsonw_bytes(struct jsonw *w, const char *name, const void *p, size_t n)
{
	member(w, name);
	if (quoted(w->out, p, n) || name == NULL)
		return;
	(void)buf_printf(w->out, ",\"%s_b64\":\"", name);
	base64(w->out, p, n);
	(void)buf_u8(w->out, '"');
}

void
jsonw_int(struct jsonw *w, const char *name, int64_t value)
{
	member(w, name);
	(void)buf_printf(w->out, "%" PRId64, value);
}

void
jsonw_bool(struct jsonw *w, const char *name, bool value)
{
	member(w, name);
	(void)buf_str(w->out, value ? "true" : "false");
}

void
jsonw_null(struct jsonw *w, const char *name)
{
	member(w, name);
	(void)buf_str(w->out, "null");
}

void
jsonw_open(struct jsonw *w, const char *name, char bracket)
{
	member(w, name);
	(void)buf_u8(w->out, (uint8_t)bracket);
	w->first = true;
}

void
jsonw_close(struct jsonw *w, char bracket)
{
	(void)buf_u8(w->out, (uint8_t)bracket);
	w->first = false;
}

void
jsonw_end(struct jsonw *w)
{
	(void)buf_put(w->out, "}\n", 2);
}

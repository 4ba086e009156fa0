#include "cli/table.h"

#include <locale.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/out.h"
#include "util/buf.h"
#include "util/log.h"

#define GAP 2			/* blanks between columns */
#define TEXT_MAX (16u << 20)	/* bytes of all lines */

/*
 * text has the cells, each ended by a NUL, and behind the last of a line an
 * empty one, as no other is.
 */
struct table {
	struct buf text;
	size_t cell;		/* where the cell at hand begins */
	unsigned column;	/* which one it is */
	size_t width[TABLE_COLUMNS];
};

enum zk_err
table_new(struct table **out)
{
	struct table *t = calloc(1, sizeof(*t));

	*out = t;
	if (t == NULL)
		return ZK_ENOMEM;
	buf_init(&t->text, TEXT_MAX);
	return ZK_OK;
}

void
table_free(struct table *t)
{
	if (t != NULL)
		buf_release(&t->text);
	free(t);
}

/* Code points, where the system cannot tell more. */
static size_t
count_points(const uint8_t *p, size_t n)
{
	size_t points = 0;

	for (size_t i = 0; i < n; i++)
		points += (p[i] & 0xc0) != 0x80;
	return points;
}

size_t
table_width(const void *p, size_t n)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), was;
	const char *s = p;
	mbstate_t state = { 0 };
	size_t width = 0;

	if (utf8 == (locale_t)0)
		return count_points(p, n);
	was = uselocale(utf8);
	while (n > 0) {
		wchar_t c = 0;
		size_t k = mbrtowc(&c, s, n, &state);
		int w = 0;

		if (k == 0 || k > n)
			break;
		w = wcwidth(c);
		width += w > 0 ? (size_t)w : 0;
		s += k;
		n -= k;
	}
	(void)uselocale(was);
	freelocale(utf8);
	return width + count_points((const uint8_t *)s, n);
}

void
table_name(struct table *t, const void *p, size_t n)
{
	(void)log_escape(&t->text, p, n);
}

void
table_printf(struct table *t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		BUG("a cell of output that is too long");
	(void)buf_put(&t->text, text, (size_t)n);
}

void
table_cell(struct table *t)
{
	size_t width = 0;

	if (t->column == TABLE_COLUMNS)
		BUG("a line of too many cells");
	if (t->text.len == t->cell)
		(void)buf_u8(&t->text, '-');
	if (buf_err(&t->text) != ZK_OK)
		return;
	width = table_width(t->text.data + t->cell, t->text.len - t->cell);
	if (width > t->width[t->column])
		t->width[t->column] = width;
	(void)buf_u8(&t->text, 0);
	t->cell = t->text.len;
	t->column++;
}

void
table_line(struct table *t)
{
	table_cell(t);
	(void)buf_u8(&t->text, 0);
	t->cell = t->text.len;
	t->column = 0;
}

static void
print_cell(struct table *t, struct out *o, const char *cell, size_t n,
    unsigned column, bool last)
{
	size_t blank = t->width[column] - table_width(cell, n) + GAP;

	out_raw(o, cell, n);
	for (size_t i = 0; !last && i < blank; i++)
		out_raw(o, " ", 1);
	if (last)
		out_raw(o, "\n", 1);
}

enum zk_err
table_print(struct table *t, struct out *o)
{
	enum zk_err r = buf_err(&t->text);
	const char *p = (const char *)t->text.data;
	size_t at = 0;
	unsigned column = 0;

	while (r == ZK_OK && at < t->text.len) {
		size_t n = strlen(p + at);
		bool last = p[at + n + 1] == '\0';

		print_cell(t, o, p + at, n, column++, last);
		at += n + 1;
		if (last) {
			at++;
			column = 0;
		}
	}
	buf_reset(&t->text);
	t->cell = 0;
	t->column = 0;
	memset(t->width, 0, sizeof(t->width));
	return r;
}

#include "cli/unidiff.h"

#include <inttypes.h>
#include <string.h>

#include "text/linediff.h"
#include "util/log.h"

#define CONTEXT 3u	/* lines around a change */

static void
put_label(struct buf *out, const char *mark, const struct unidiff_side *s)
{
	(void)buf_str(out, mark);
	(void)log_escape(out, s->label, strlen(s->label));
	(void)buf_str(out, "\n");
}

static void
put_lines(struct buf *out, const struct linediff_text *t, char mark,
    uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		size_t n = t->at[i + 1] - t->at[i];
		const uint8_t *p = t->p + t->at[i];

		(void)buf_u8(out, (uint8_t)mark);
		(void)buf_put(out, p, n);
		if (n == 0 || p[n - 1] != '\n')
			(void)buf_str(out,
			    "\n\\ No newline at end of file\n");
	}
}

/* "12,3", where one line is only "12" and none is after the one before. */
static void
put_range(struct buf *out, char mark, uint32_t from, uint32_t n)
{
	(void)buf_printf(out, " %c%" PRIu32, mark, n == 0 ? from : from + 1);
	if (n != 1)
		(void)buf_printf(out, ",%" PRIu32, n);
}

/* Runs [i, j) with the lines around them. */
static void
put_hunk(struct buf *out, const struct linediff *d, size_t i, size_t j)
{
	const struct linediff_run *f = &d->run[i], *l = &d->run[j - 1];
	uint32_t before = f->a < CONTEXT ? f->a : CONTEXT;
	uint32_t end = l->a + l->an;
	uint32_t after = d->a.n - end < CONTEXT ? d->a.n - end : CONTEXT;
	uint32_t at = f->a - before;

	(void)buf_str(out, "@@");
	put_range(out, '-', at, end + after - at);
	put_range(out, '+', f->b - before,
	    l->b + l->bn + after - (f->b - before));
	(void)buf_str(out, " @@\n");
	for (; i < j; i++) {
		const struct linediff_run *r = &d->run[i];

		put_lines(out, &d->a, ' ', at, r->a);
		put_lines(out, &d->a, '-', r->a, r->a + r->an);
		put_lines(out, &d->b, '+', r->b, r->b + r->bn);
		at = r->a + r->an;
	}
	put_lines(out, &d->a, ' ', at, end + after);
}

static void
put_hunks(struct buf *out, const struct linediff *d)
{
	for (size_t i = 0, j = 0; i < d->n; i = j) {
		/* those whose surroundings meet are one hunk */
		for (j = i + 1; j < d->n; j++)
			if (d->run[j].a - (d->run[j - 1].a +
			    d->run[j - 1].an) > 2 * CONTEXT)
				break;
		put_hunk(out, d, i, j);
	}
}

enum zk_err
unidiff(const struct unidiff_side *a, const struct unidiff_side *b,
    struct buf *out)
{
	struct linediff d;
	enum zk_err r = ZK_OK;

	if (a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0))
		return ZK_OK;
	if ((a->n > 0 && memchr(a->p, 0, a->n) != NULL) ||
	    (b->n > 0 && memchr(b->p, 0, b->n) != NULL)) {
		(void)buf_str(out, "binary files ");
		(void)log_escape(out, a->label, strlen(a->label));
		(void)buf_str(out, " and ");
		(void)log_escape(out, b->label, strlen(b->label));
		return buf_str(out, " differ\n");
	}
	r = linediff(a->p, a->n, b->p, b->n, &d);
	if (r != ZK_OK)
		return r;
	put_label(out, "--- ", a);
	put_label(out, "+++ ", b);
	put_hunks(out, &d);
	linediff_release(&d);
	return buf_err(out);
}

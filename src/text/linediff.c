/* Which lines differ.  See linediff.h. */
#include "text/linediff.h"

#include <stdlib.h>
#include <string.h>

#include "text/sides.h"

static size_t
count_lines(const uint8_t *p, size_t n)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; lines++) {
		const uint8_t *nl = memchr(p + i, '\n', n - i);

		i = nl == NULL ? n : (size_t)(nl - p) + 1;
	}
	return lines;
}

static enum zk_err
fill_text(const struct tokens *t, struct linediff_text *out)
{
	out->p = t->text;
	out->n = (uint32_t)t->n;
	out->at = calloc(t->n + 1, sizeof(*out->at));
	if (out->at == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		out->at[i + 1] = t->end[i];
	return ZK_OK;
}

static enum zk_err
fill_runs(const struct sides *s, struct linediff *out)
{
	struct hunk h = { 0, 0, 0, 0 };
	size_t n = 0;

	while (sides_next(s, &h))
		n++;
	out->run = calloc(n + 1, sizeof(*out->run));
	if (out->run == NULL)
		return ZK_ENOMEM;
	h = (struct hunk){ 0, 0, 0, 0 };
	while (sides_next(s, &h))
		out->run[out->n++] = (struct linediff_run){
		    (uint32_t)h.a0, (uint32_t)(h.a1 - h.a0),
		    (uint32_t)h.b0, (uint32_t)(h.b1 - h.b0) };
	return ZK_OK;
}

enum zk_err
linediff(const uint8_t *a, size_t an, const uint8_t *b, size_t bn,
    struct linediff *out)
{
	static const uint8_t none[1];
	struct sides s;
	enum zk_err r = ZK_OK;

	memset(out, 0, sizeof(*out));
	if (an > UINT32_MAX || bn > UINT32_MAX ||
	    count_lines(a, an) > LINEDIFF_LINES_MAX ||
	    count_lines(b, bn) > LINEDIFF_LINES_MAX)
		return ZK_ELIMIT;
	r = sides_init(&s, TOKEN_LINE, an > 0 ? a : none, an,
	    bn > 0 ? b : none, bn);
	if (r == ZK_OK)
		r = sides_compare(&s);
	if (r == ZK_OK)
		r = fill_text(&s.a, &out->a);
	if (r == ZK_OK)
		r = fill_text(&s.b, &out->b);
	if (r == ZK_OK)
		r = fill_runs(&s, out);
	sides_release(&s);
	if (r != ZK_OK)
		linediff_release(out);
	return r;
}

void
linediff_release(struct linediff *d)
{
	free(d->a.at);
	free(d->b.at);
	free(d->run);
	memset(d, 0, sizeof(*d));
}

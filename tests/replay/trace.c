/* Editing histories.  See trace.h. */
#include "tests/replay/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/replay/input.h"

#define AGENT_MAX 64	/* bytes of an agent's name */
#define AGENTS 1024

struct trace {
	const char *path;
	struct input in;
	bool list, first, done;
};

/* A history while it is read. */
struct maker {
	struct history *h;
	size_t cap, edit_cap;
	bool graph;		/* transactions name their parents */
	bool spans;		/* as numbers of operations */
	/* of each version */
	struct points agent, seq, span_end, parents_n, edits_n;
	char agents[AGENTS][AGENT_MAX];
	uint32_t agents_n;
	struct input *in;
};

static void
add(struct maker *m, struct points *p, uint32_t v)
{
	if (m->in->err == ZK_OK && !points_add(p, v))
		input_fail(m->in, ZK_ENOMEM);
}

/* Another version without anything. */
static void
add_version(struct maker *m)
{
	struct history *h = m->h;
	uint32_t n = (uint32_t)h->n;

	if (h->n == m->cap) {
		size_t cap = m->cap + m->cap / 2 + 16;
		void *v = realloc(h->versions, cap * sizeof(*h->versions));
		void *f = NULL;

		if (v != NULL) {
			h->versions = v;
			f = realloc(h->first, cap * sizeof(*h->first));
		}
		if (f == NULL) {
			input_fail(m->in, ZK_ENOMEM);
			return;
		}
		h->first = f;
		m->cap = cap;
	}
	h->versions[n] = (struct replay_version){ .rank = n };
	h->first[n] = (uint32_t)h->text.n;
	h->n++;
	add(m, &m->agent, 0);
	add(m, &m->seq, n);
	add(m, &m->span_end, n);
}

static void
add_edit(struct maker *m, const struct text_edit *e)
{
	struct history *h = m->h;

	if (h->edits == m->edit_cap) {
		size_t cap = m->edit_cap + m->edit_cap / 2 + 64;
		void *p = realloc(h->edit, cap * sizeof(*h->edit));

		if (p == NULL) {
			input_fail(m->in, ZK_ENOMEM);
			return;
		}
		h->edit = p;
		m->edit_cap = cap;
	}
	h->edit[h->edits++] = *e;
	h->versions[h->n - 1].edits_n++;
}

/* ---- the members of a transaction ---- */

static void
read_patches(struct maker *m)
{
	struct points *text = &m->h->text;
	bool first = true;

	input_want(m->in, '[');
	while (input_more(m->in, ']', &first)) {
		struct text_edit e;
		size_t had = text->n;

		input_want(m->in, '[');
		e.pos = input_number(m->in);
		input_want(m->in, ',');
		e.del = input_number(m->in);
		input_want(m->in, ',');
		input_string(m->in, text);
		input_want(m->in, ']');
		e.ins = (uint32_t)(text->n - had);
		add_edit(m, &e);
	}
}

static void
read_parents(struct maker *m)
{
	bool first = true;

	m->graph = true;
	input_want(m->in, '[');
	while (input_more(m->in, ']', &first)) {
		add(m, &m->h->parents, input_number(m->in));
		m->h->versions[m->h->n - 1].parents_n++;
	}
}

static void
read_agent(struct maker *m)
{
	char name[AGENT_MAX];
	uint32_t i = 0;

	input_token(m->in, name, sizeof(name));
	while (i < m->agents_n && strcmp(m->agents[i], name) != 0)
		i++;
	if (i == AGENTS) {
		input_fail(m->in, ZK_ELIMIT);
		return;
	}
	if (i == m->agents_n)
		memcpy(m->agents[m->agents_n++], name, sizeof(name));
	if (m->in->err == ZK_OK)
		m->agent.v[m->h->n - 1] = i;
}

static void
read_span(struct maker *m)
{
	uint32_t from, to;

	m->spans = true;
	input_want(m->in, '[');
	from = input_number(m->in);
	input_want(m->in, ',');
	to = input_number(m->in);
	input_want(m->in, ']');
	if (to <= from)
		input_fail(m->in, ZK_EFORMAT);
	if (m->in->err == ZK_OK)
		m->span_end.v[m->h->n - 1] = to - 1;
}

static void
read_txn(struct maker *m)
{
	char name[16];
	bool first = true;

	/* without parents all of it is one version */
	if (m->h->n == 0 || m->graph)
		add_version(m);
	input_want(m->in, '{');
	while (input_more(m->in, '}', &first)) {
		uint32_t seq;

		input_name(m->in, name, sizeof(name));
		if (strcmp(name, "patches") == 0 || strcmp(name, "ops") == 0) {
			read_patches(m);
		} else if (strcmp(name, "parents") == 0) {
			read_parents(m);
		} else if (strcmp(name, "agent") == 0) {
			read_agent(m);
		} else if (strcmp(name, "span") == 0) {
			read_span(m);
		} else if (strcmp(name, "seqStart") == 0) {
			seq = input_number(m->in);
			if (m->in->err == ZK_OK)
				m->seq.v[m->h->n - 1] = seq;
		} else {
			input_skip(m->in);
		}
	}
}

/* ---- from transactions to versions ---- */

/* The version whose last operation is op. */
static bool
version_of(const struct maker *m, uint32_t op, uint32_t *out)
{
	size_t lo = 0, hi = m->h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->span_end.v[mid] < op)
			lo = mid + 1;
		else
			hi = mid;
	}
	*out = (uint32_t)lo;
	return lo < m->h->n && m->span_end.v[lo] == op;
}

static const struct maker *sorted; /* qsort has no argument of its own */

static int
rank_cmp(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	int c = strcmp(sorted->agents[sorted->agent.v[i]],
	    sorted->agents[sorted->agent.v[k]]);

	if (c != 0)
		return c;
	return (sorted->seq.v[i] > sorted->seq.v[k]) -
	    (sorted->seq.v[i] < sorted->seq.v[k]);
}

/* Agents by name decide, and the numbers of one agent among themselves. */
static enum zk_err
give_ranks(struct maker *m)
{
	uint32_t *by = calloc(m->h->n + 1, sizeof(*by));

	if (by == NULL)
		return ZK_ENOMEM;
	for (uint32_t i = 0; i < m->h->n; i++)
		by[i] = i;
	sorted = m;
	qsort(by, m->h->n, sizeof(*by), rank_cmp);
	for (uint32_t i = 0; i < m->h->n; i++)
		m->h->versions[by[i]].rank = i;
	free(by);
	return ZK_OK;
}

static enum zk_err
finish(struct maker *m)
{
	struct history *h = m->h;
	size_t parents = 0, edits = 0;

	for (size_t i = 0; i < h->parents.n; i++)
		if (!version_of(m, h->parents.v[i], &h->parents.v[i]))
			return ZK_EFORMAT;
	for (size_t i = 0; i < h->n; i++) {
		struct replay_version *v = &h->versions[i];

		/* there may be none in the whole history */
		if (v->parents_n > 0)
			v->parents = h->parents.v + parents;
		if (v->edits_n > 0)
			v->edits = h->edit + edits;
		parents += v->parents_n;
		edits += v->edits_n;
	}
	return give_ranks(m);
}

/* ---- histories ---- */

static enum zk_err
read_history(struct trace *t, struct history *h)
{
	struct maker *m = calloc(1, sizeof(*m));
	bool first = true, in_txns;
	char name[16];
	enum zk_err r;

	if (m == NULL)
		return ZK_ENOMEM;
	m->h = h;
	m->in = &t->in;
	input_want(&t->in, '{');
	while (input_more(&t->in, '}', &first)) {
		input_name(&t->in, name, sizeof(name));
		if (strcmp(name, "startContent") == 0) {
			input_string(&t->in, &h->start);
		} else if (strcmp(name, "endContent") == 0) {
			input_string(&t->in, &h->end);
		} else if (strcmp(name, "txns") == 0) {
			input_want(&t->in, '[');
			for (in_txns = true;
			    input_more(&t->in, ']', &in_txns);)
				read_txn(m);
		} else {
			input_skip(&t->in);
		}
	}
	r = t->in.err != ZK_OK ? t->in.err : finish(m);
	free(m->agent.v);
	free(m->seq.v);
	free(m->span_end.v);
	free(m);
	return r;
}

struct trace *
trace_open(const char *path)
{
	struct trace *t = calloc(1, sizeof(*t));
	int c;

	if (t == NULL || input_open(&t->in, path) != ZK_OK) {
		fprintf(stderr, "text-replay: cannot open '%s': %s\n", path,
		    strerror(errno));
		free(t);
		return NULL;
	}
	t->path = path;
	t->first = true;
	c = input_peek(&t->in);
	t->list = c == '[';
	if (t->list)
		input_want(&t->in, '[');
	return t;
}

void
trace_close(struct trace *t)
{
	if (t != NULL)
		(void)input_close(&t->in);
	free(t);
}

/* After the last history: nothing else follows, and gzip was content. */
static enum zk_err
at_end(struct trace *t)
{
	t->done = true;
	if (t->in.err == ZK_OK && input_peek(&t->in) != EOF)
		input_fail(&t->in, ZK_EFORMAT);
	if (t->in.err != ZK_OK)
		return t->in.err;
	return input_close(&t->in) ? ZK_ENOENT : ZK_EIO;
}

enum zk_err
trace_next(struct trace *t, struct history *out)
{
	enum zk_err r;

	*out = (struct history){ .n = 0 };
	if (t->done)
		return ZK_ENOENT;
	if (t->list ? !input_more(&t->in, ']', &t->first) : !t->first) {
		r = at_end(t);
	} else {
		t->first = false;
		r = read_history(t, out);
	}
	if (r == ZK_OK || r == ZK_ENOENT)
		return r;
	history_release(out);
	t->done = true;
	fprintf(stderr, "text-replay: cannot read '%s': %s\n", t->path,
	    err_text(r));
	return r;
}

void
history_release(struct history *h)
{
	free(h->versions);
	free(h->first);
	free(h->text.v);
	free(h->start.v);
	free(h->end.v);
	free(h->parents.v);
	free(h->edit);
	*h = (struct history){ .n = 0 };
}

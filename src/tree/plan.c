#include "tree/plan.h"

#include <stdlib.h>
#include <string.h>

#include "tree/plan_int.h"
#include "util/hex.h"
#include "util/path.h"

#define ARENA_CHUNK (64u * 1024)

struct chunk {
	struct chunk *next;
	size_t used;
	size_t cap;
	_Alignas(16) unsigned char data[];
};

/* n bytes that live as long as the plan; NULL without memory. */
static void *
arena(struct plan *p, size_t n)
{
	struct chunk *c = p->chunks;
	void *out;

	n = (n + 15) & ~(size_t)15;
	if (c == NULL || c->cap - c->used < n) {
		size_t cap = n > ARENA_CHUNK ? n : ARENA_CHUNK;

		c = malloc(sizeof(*c) + cap);
		if (c == NULL)
			return NULL;
		c->used = 0;
		c->cap = cap;
		c->next = p->chunks;
		p->chunks = c;
	}
	out = c->data + c->used;
	c->used += n;
	return out;
}

enum zk_err
plan_dup(struct plan *p, const void *src, size_t n, const uint8_t **out)
{
	void *m;

	*out = NULL;
	if (n == 0)
		return ZK_OK;
	m = arena(p, n);
	if (m == NULL)
		return ZK_ENOMEM;
	memcpy(m, src, n);
	*out = m;
	return ZK_OK;
}

/* Room for one more of size each in the array at *v. */
static enum zk_err
grow(void **v, size_t n, size_t *cap, size_t each)
{
	size_t want = *cap * 2 + 16;
	void *m;

	if (n < *cap)
		return ZK_OK;
	if (want > SIZE_MAX / each / 2)
		return ZK_ENOMEM;
	m = realloc(*v, want * each);
	if (m == NULL)
		return ZK_ENOMEM;
	*v = m;
	*cap = want;
	return ZK_OK;
}

enum zk_err
plan_new(const struct plan_opts *opts, struct plan **out)
{
	struct plan *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (p == NULL)
		return ZK_ENOMEM;
	if (opts != NULL)
		p->opts = *opts;
	*out = p;
	return ZK_OK;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	while (p->chunks != NULL) {
		struct chunk *next = p->chunks->next;

		free(p->chunks);
		p->chunks = next;
	}
	free(p->dirs);
	free(p->dirs_by);
	free(p->rows);
	free(p->goals);
	free(p->by_id);
	free(p->by_place);
	free(p->by_key);
	free(p->order);
	free(p->by_form);
	free(p->rows_by_form);
	free(p->steps);
	free(p);
}

/* Index of the first entry of dirs_by that is not before node. */
static size_t
dir_lower(const struct plan *p, const struct opid *node)
{
	size_t lo = 0, hi = p->dirs_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (opid_cmp(&p->dirs[p->dirs_by[mid]].node, node) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t
plan_dir_find(const struct plan *p, const struct opid *node)
{
	size_t at = dir_lower(p, node);

	if (at < p->dirs_n &&
	    opid_cmp(&p->dirs[p->dirs_by[at]].node, node) == 0)
		return p->dirs_by[at];
	return PLAN_NONE;
}

enum zk_err
plan_dir(struct plan *p, const struct opid *node, int64_t row, size_t *dir)
{
	size_t at = dir_lower(p, node), cap = p->dirs_cap;
	enum zk_err r;

	*dir = plan_dir_find(p, node);
	if (*dir != PLAN_NONE) {
		if (p->dirs[*dir].row == 0)
			p->dirs[*dir].row = row;
		return ZK_OK;
	}
	r = grow((void **)&p->dirs, p->dirs_n, &cap, sizeof(*p->dirs));
	if (r != ZK_OK)
		return r;
	r = grow((void **)&p->dirs_by, p->dirs_n, &p->dirs_cap,
	    sizeof(*p->dirs_by));
	if (r != ZK_OK)
		return r;
	memmove(p->dirs_by + at + 1, p->dirs_by + at,
	    (p->dirs_n - at) * sizeof(*p->dirs_by));
	*dir = p->dirs_n++;
	p->dirs_by[at] = *dir;
	p->dirs[*dir] = (struct plan_pdir) {
		.node = *node, .row = row, .own = PLAN_NONE
	};
	return ZK_OK;
}

enum zk_err
plan_base(struct plan *p, const struct base_entry *e, unsigned flags)
{
	struct plan_row *w;
	const uint8_t *nodes;
	enum zk_err r;

	r = grow((void **)&p->rows, p->rows_n, &p->rows_cap,
	    sizeof(*p->rows));
	if (r != ZK_OK)
		return r;
	w = &p->rows[p->rows_n];
	memset(w, 0, sizeof(*w));
	w->e = *e;
	w->flags = flags;
	w->goal = PLAN_NONE;
	r = plan_dup(p, e->name, e->name_len, &w->e.name);
	if (r == ZK_OK)
		r = plan_dup(p, e->refs, e->refs_len, &w->e.refs);
	if (r == ZK_OK)
		r = plan_dup(p, e->nodes, e->nodes_n * sizeof(*e->nodes),
		    &nodes);
	if (r != ZK_OK)
		return r;
	w->e.nodes = (const struct opid *)(const void *)nodes;
	w->e.rules = NULL;
	w->e.rules_len = 0;
	p->rows_n++;
	return ZK_OK;
}

enum zk_err
plan_goal(struct plan *p, size_t dir, const struct plan_goal *g)
{
	struct plan_pgoal *w;
	const uint8_t *nodes;
	enum zk_err r;

	if (dir >= p->dirs_n)
		return ZK_EBUG;
	r = grow((void **)&p->goals, p->goals_n, &p->goals_cap,
	    sizeof(*p->goals));
	if (r != ZK_OK)
		return r;
	w = &p->goals[p->goals_n];
	memset(w, 0, sizeof(*w));
	w->dir = dir;
	w->row = PLAN_NONE;
	w->child = PLAN_NONE;
	w->g = arena(p, sizeof(*w->g));
	if (w->g == NULL)
		return ZK_ENOMEM;
	*w->g = *g;
	r = plan_dup(p, g->name, g->name_len, &w->g->name);
	if (r == ZK_OK)
		r = plan_dup(p, g->refs, g->refs_len, &w->g->refs);
	if (r == ZK_OK)
		r = plan_dup(p, g->nodes, g->nodes_n * sizeof(*g->nodes),
		    &nodes);
	if (r != ZK_OK)
		return r;
	w->g->nodes = (const struct opid *)(const void *)nodes;
	w->name = w->g->name;
	w->name_len = w->g->name_len;
	p->goals_n++;
	return ZK_OK;
}

void
plan_hold_removals(struct plan *p)
{
	p->hold = true;
}

enum zk_err
plan_add(struct plan *p, const struct plan_step *s)
{
	enum zk_err r;

	if (p->steps_n >= UINT32_MAX - 1)
		return ZK_ELIMIT;
	r = grow((void **)&p->steps, p->steps_n, &p->steps_cap,
	    sizeof(*p->steps));
	if (r != ZK_OK)
		return r;
	p->steps[p->steps_n++] = *s;
	return ZK_OK;
}

enum zk_err
plan_rename(struct plan *p, struct plan_pgoal *g, const struct buf *name)
{
	enum zk_err r = plan_dup(p, name->data, name->len, &g->name);

	g->name_len = r == ZK_OK ? name->len : 0;
	return r;
}

size_t
plan_len(const struct plan *p)
{
	return p->steps_n;
}

const struct plan_step *
plan_step(const struct plan *p, size_t i)
{
	return &p->steps[i];
}

int64_t
plan_dir_row(const struct plan *p, size_t dir)
{
	return p->dirs[dir].row;
}

void
plan_dir_set_row(struct plan *p, size_t dir, int64_t row)
{
	p->dirs[dir].row = row;
}

size_t
plan_goal_dir(const struct plan *p, const struct plan_goal *g)
{
	return plan_dir_find(p, &g->key);
}

bool
plan_passing(const struct plan *p)
{
	return p->passing;
}

bool
plan_place_at(const struct plan *p, size_t i, struct plan_place *out)
{
	const struct plan_pgoal *g;

	if (i >= p->goals_n)
		return false;
	g = &p->goals[i];
	*out = (struct plan_place){ .goal = g->g, .dir = g->dir,
		.name = g->name, .name_len = g->name_len, .held = g->held };
	return true;
}

static void
count_step(const struct plan_step *s, struct plan_counts *out)
{
	switch (s->op) {
	case PLAN_ADOPT:
		out->adopt++;
		break;
	case PLAN_ATTR:
		out->attr++;
		break;
	case PLAN_SWAP:
		out->move += 2;
		break;
	case PLAN_MOVE:
	case PLAN_TAKE:
		out->move++;
		break;
	case PLAN_REMOVE:
	case PLAN_RMDIR:
		out->remove++;
		break;
	default:
		if (s->goal->kind == NODE_DIR)
			out->mkdir++;
		else if (s->op == PLAN_REPLACE)
			out->replace++;
		else
			out->create++;
		if (s->goal->kind != NODE_DIR)
			out->bytes += s->goal->size;
		break;
	}
}

void
plan_count(const struct plan *p, struct plan_counts *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < p->steps_n; i++)
		count_step(&p->steps[i], out);
}

enum zk_err
plan_alias(const void *name, size_t len, const struct opid *key, unsigned n,
    struct buf *out)
{
	const uint8_t *s = name;
	size_t stem = len, ext, fix;

	if (n > OPID_LEN * 2)
		n = OPID_LEN * 2;
	for (size_t i = len; i-- > 1;)
		if (s[i] == '.') {
			stem = i;
			break;
		}
	/* an extension too long to keep counts as part of the stem */
	ext = len - stem <= 32 ? len - stem : 0;
	if (ext == 0)
		stem = len;
	fix = 1 + n + ext;
	if (stem > PATH_NAME_MAX - fix) {
		stem = PATH_NAME_MAX - fix;
		/* not within a UTF-8 sequence */
		while (stem > 1 && (s[stem] & 0xc0) == 0x80)
			stem--;
	}
	buf_put(out, s, stem);
	buf_u8(out, '~');
	/* from the end of the id: its beginning is a time */
	for (unsigned i = 0; i < n; i++) {
		uint8_t b = key->b[OPID_LEN - 1 - i / 2];

		buf_u8(out, (uint8_t)hex_digit(i % 2 ? b : b >> 4));
	}
	buf_put(out, s + len - ext, ext);
	return buf_err(out);
}

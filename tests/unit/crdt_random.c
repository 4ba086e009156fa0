/*
 * 100,000 random histories: any order, batching and duplicates give one
 * state (I9, I10, I11), and that state is a tree in which nothing is lost
 * (I1, I12).
 */
#include "../sim/replicas.h"
#include "test.h"
#include "util/path.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(SLOW)
#define SEEDS_A_CASE 1500
#else
#define SEEDS_A_CASE 25000
#endif

static struct sim sim;

/* What walking the tree finds. */
struct found {
	struct opid keys[1024];
	size_t keys_n;
	uint8_t hashes[1024][CONTENT_HASH_LEN];
	size_t hashes_n;
	bool names_ok;
};

static struct found found;

static void
walk(struct tree *t, const struct opid *dirs, size_t n, struct found *f)
{
	const struct list_entry *e;
	struct cdb_name last = { .len = 0 };
	struct list *l;
	enum zk_err r;

	MUST(list_open(t, dirs, n, &l));
	while ((void)(r = list_next(l, &e)), r == ZK_OK) {
		struct cdb_name name = { .len = (uint8_t)e->name_len };

		memcpy(name.b, e->name, e->name_len);
		f->names_ok &= last.len == 0 || cdb_name_cmp(&last, &name) < 0;
		last = name;
		f->keys[f->keys_n++] = e->key;
		for (size_t i = 1; i < e->nodes_n; i++)
			f->keys[f->keys_n++] = e->nodes[i];
		if (e->kind != NODE_DIR)
			memcpy(f->hashes[f->hashes_n++], e->content.hash,
			    CONTENT_HASH_LEN);
		else
			walk(t, e->nodes, e->nodes_n, f);
	}
	list_close(l);
}

static int
id_cmp(const void *a, const void *b)
{
	return opid_cmp(a, b);
}

/* Names unique in each directory, nodes in one place, no cycle. */
static bool
is_tree(struct tree *t)
{
	found.keys_n = 0;
	found.hashes_n = 0;
	found.names_ok = true;
	walk(t, NULL, 0, &found);
	qsort(found.keys, found.keys_n, sizeof(found.keys[0]), id_cmp);
	for (size_t i = 1; i < found.keys_n; i++)
		if (opid_cmp(&found.keys[i - 1], &found.keys[i]) == 0)
			return false;
	return found.names_ok;
}

static bool
names_it(const struct op *op, const struct opid *id)
{
	if (op->type != OP_EDIT && op->type != OP_DROP &&
	    op->type != OP_REMOVE)
		return false;
	for (size_t i = 0; i < op->content_refs_n; i++)
		if (opid_cmp(&op->content_refs[i], id) == 0)
			return true;
	for (size_t i = 0; i < op->place_refs_n; i++)
		if (opid_cmp(&op->place_refs[i], id) == 0)
			return true;
	return false;
}

/* Whether an op replaced, dropped or removed these bytes of this node. */
static bool
given_up(const struct sim *s, const struct opid *node, const struct op *of,
    const struct opid *id)
{
	for (size_t i = 0; i < s->ops_n; i++) {
		const struct op *op = &s->ops[i].op;

		if (names_it(op, id))
			return true;
		/* the same bytes on the same node, written by another */
		if (op == of || op->type != OP_EDIT ||
		    opid_cmp(&op->node, node) != 0 ||
		    memcmp(op->content.hash, of->content.hash,
		    CONTENT_HASH_LEN) != 0)
			continue;
		for (size_t k = 0; k < s->ops_n; k++)
			if (names_it(&s->ops[k].op, &op->id))
				return true;
	}
	return false;
}

static bool
shows(const uint8_t *hash)
{
	for (size_t i = 0; i < found.hashes_n; i++)
		if (memcmp(found.hashes[i], hash, CONTENT_HASH_LEN) == 0)
			return true;
	return false;
}

/* Whether equal bytes were split off the node, and given up there. */
static bool
split_given_up(const struct sim *s, const struct op *of)
{
	for (size_t i = 0; i < s->ops_n; i++) {
		const struct op *op = &s->ops[i].op;
		struct opid node;

		if (op->content.form == CONTENT_NONE ||
		    opid_cmp(&op->node, &of->node) != 0 ||
		    memcmp(op->content.hash, of->content.hash,
		    CONTENT_HASH_LEN) != 0)
			continue;
		sim_split_id(&op->id, &node);
		if (given_up(s, &node, op, &node))
			return true;
	}
	return false;
}

/* Content that nobody replaced or removed after seeing it is there. */
static bool
nothing_lost(const struct sim *s)
{
	for (size_t i = 0; i < s->ops_n; i++) {
		const struct op *op = &s->ops[i].op;

		if (op->content.form != CONTENT_NONE &&
		    !shows(op->content.hash) &&
		    !given_up(s, &op->node, op, &op->id) &&
		    !split_given_up(s, op))
			return false;
	}
	return true;
}

/* Whether the entry that a path leads to is this one. */
static bool
leads_to(struct tree *t, const struct buf *path, const uint8_t *seen,
    size_t seen_len)
{
	const struct list_entry *e;
	struct list *l;
	bool ok;

	MUST(list_lookup(t, path->data, path->len, &l));
	ok = list_next(l, &e) == ZK_OK && e->seen_len == seen_len &&
	    memcmp(e->seen, seen, seen_len) == 0;
	list_close(l);
	return ok;
}

static bool
has_path(struct tree *t, const struct opid *key, const struct buf *path,
    struct buf *back)
{
	MUST(list_path(t, key, back));
	return back->len == path->len &&
	    memcmp(back->data, path->data, back->len) == 0;
}

/* Paths lead to entries, and keys to their paths. */
static bool
paths_agree(struct tree *t, const struct opid *dirs, size_t n,
    struct buf *path)
{
	const struct list_entry *e;
	size_t len = path->len;
	struct buf back;
	struct list *l;
	bool ok = true;

	buf_init(&back, 1 << 16);
	MUST(list_open(t, dirs, n, &l));
	while (list_next(l, &e) == ZK_OK) {
		MUST(path_join(path, e->name, e->name_len));
		ok &= leads_to(t, path, e->seen, e->seen_len);
		ok &= has_path(t, &e->key, path, &back);
		for (size_t i = 0; i < e->nodes_n; i++)
			ok &= (e->flags & LIST_COPY) != 0 ||
			    has_path(t, &e->nodes[i], path, &back);
		if (e->kind == NODE_DIR)
			ok &= paths_agree(t, e->nodes, e->nodes_n, path);
		buf_truncate(path, len);
	}
	list_close(l);
	buf_release(&back);
	return ok;
}

static enum zk_err
count_conflict(void *arg, const struct buf *path, const struct list_entry *e)
{
	size_t *n = arg;

	(void)path;
	if ((e->flags & LIST_MADE_NAME) == 0)
		return ZK_EBUG;
	(*n)++;
	return ZK_OK;
}

static size_t
made_names(struct tree *t, const struct opid *dirs, size_t n)
{
	const struct list_entry *e;
	size_t made = 0;
	struct list *l;

	MUST(list_open(t, dirs, n, &l));
	while (list_next(l, &e) == ZK_OK) {
		made += (e->flags & LIST_MADE_NAME) != 0;
		if (e->kind == NODE_DIR)
			made += made_names(t, e->nodes, e->nodes_n);
	}
	list_close(l);
	return made;
}

/* All ways of looking at one state say the same. */
static bool
views_agree(struct tree *t)
{
	struct buf path;
	size_t n = 0;
	bool ok;

	buf_init(&path, 1 << 16);
	ok = paths_agree(t, NULL, 0, &path);
	buf_release(&path);
	MUST(list_conflicts(t, count_conflict, &n));
	return ok && n == made_names(t, NULL, 0);
}

/*
 * What is seen of one node, with files beside the entry on one footing with
 * it: an edit may have made them equal, or equal to another node, or settled
 * a choice between them.
 */
static void
level(const uint8_t *seen, size_t len, const struct opid *id, struct buf *out)
{
	struct seen s;

	buf_reset(out);
	MUST(seen_decode(seen, len, &s));
	for (size_t n = 0; n < s.n; n++) {
		const struct seen_node *node = &s.nodes[n];

		for (size_t i = 0; i < node->refs_n; i++) {
			uint8_t what = node->refs[i].what;

			if (opid_cmp(&node->id, id) != 0)
				break;
			if ((what & SEEN_OTHER) != 0)
				what ^= SEEN_OTHER | SEEN_CONTENT;
			what &= (uint8_t)~SEEN_GONE;
			buf_put(out, node->refs[i].id.b, OPID_LEN);
			buf_u8(out, what);
		}
	}
	seen_release(&s);
}

/* Whether base knows the node, whose path this is, as the tree does. */
static bool
knows(struct tree *t, const struct buf *path, const struct opid *id,
    const struct buf *seen)
{
	const struct list_entry *e;
	struct buf a, b;
	struct list *l;
	bool ok;

	buf_init(&a, 1 << 16);
	buf_init(&b, 1 << 16);
	MUST(list_lookup(t, path->data, path->len, &l));
	ok = list_next(l, &e) == ZK_OK;
	if (ok) {
		level(e->seen, e->seen_len, id, &a);
		level(seen->data, seen->len, id, &b);
		ok = a.len > 0 && a.len == b.len &&
		    memcmp(a.data, b.data, a.len) == 0;
	}
	list_close(l);
	buf_release(&a);
	buf_release(&b);
	return ok;
}

/*
 * What emit_* says base holds afterwards is what the tree then lists for the
 * node, if base was up to date.
 */
static bool
recording_agrees(struct sim_replica *r)
{
	struct buf path;
	struct opid id;
	bool ok = true;
	size_t n;
	int i;

	buf_init(&path, 1 << 16);
	for (int k = 0; k < 8 && ok; k++) {
		sim_checkout(r);
		i = sim_act(r);
		if (i < 0)
			continue;
		MUST(seen_ids(r->base[i].seen.data, r->base[i].seen.len, &id,
		    1, &n));
		MUST(list_path(r->tree, &id, &path));
		ok = knows(r->tree, &path, &id, &r->base[i].seen);
	}
	buf_release(&path);
	return ok;
}

/* The directories of a tree, each with a checksum of its listing. */
struct listing {
	struct opid nodes[8];
	size_t n;
	uint64_t sum;
};

/* An entry: checksums of its seen, and of what that promises to fix. */
struct shown {
	uint64_t seen;
	uint64_t what;
};

struct listings {
	struct listing v[256];
	size_t n;
	struct shown shown[1024];
	size_t shown_n;
};

static void
add_sum(uint64_t *sum, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		*sum = (*sum ^ b[i]) * UINT64_C(1099511628211);
}

static void
take_shown(const struct list_entry *e, struct listings *out)
{
	struct shown *at = &out->shown[out->shown_n++];

	at->seen = at->what = 1;
	add_sum(&at->seen, e->seen, e->seen_len);
	add_sum(&at->what, &e->kind, sizeof(e->kind));
	add_sum(&at->what, e->content.hash, CONTENT_HASH_LEN);
	add_sum(&at->what, &e->mode, sizeof(e->mode));
	add_sum(&at->what, &e->mtime_sec, sizeof(e->mtime_sec));
	add_sum(&at->what, &e->mtime_nsec, sizeof(e->mtime_nsec));
}

/* Equal seen, equal entry: at any two times. */
static bool
seen_fixes(const struct listings *a, const struct listings *b)
{
	for (size_t i = 0; i < a->shown_n; i++)
		for (size_t k = 0; k < b->shown_n; k++)
			if (a->shown[i].seen == b->shown[k].seen &&
			    a->shown[i].what != b->shown[k].what)
				return false;
	return true;
}

static void
take_listings(struct tree *t, const struct opid *dirs, size_t n,
    struct listings *out)
{
	struct listing *at = &out->v[out->n++];
	const struct list_entry *e;
	struct list *l;

	if (n > 8)
		abort();
	memset(at, 0, sizeof(*at));
	if (n > 0)
		memcpy(at->nodes, dirs, n * sizeof(*dirs));
	at->n = n > 0 ? n : 1;
	at->sum = 1;
	MUST(list_open(t, dirs, n, &l));
	while (list_next(l, &e) == ZK_OK) {
		add_sum(&at->sum, e->name, e->name_len);
		add_sum(&at->sum, e->seen, e->seen_len);
		add_sum(&at->sum, e->content.hash, CONTENT_HASH_LEN);
		add_sum(&at->sum, &e->mode, sizeof(e->mode));
		add_sum(&at->sum, &e->mtime_sec, sizeof(e->mtime_sec));
		take_shown(e, out);
		if (e->kind == NODE_DIR)
			take_listings(t, e->nodes, e->nodes_n, out);
	}
	list_close(l);
}

static bool
is_dirty(struct tree *t, const struct listing *x)
{
	struct opid ids[64];
	int64_t after = -1;
	size_t got;

	do {
		MUST(tree_dirty(t, &after, ids, 64, &got));
		for (size_t i = 0; i < got; i++)
			for (size_t k = 0; k < x->n; k++)
				if (opid_cmp(&ids[i], &x->nodes[k]) == 0)
					return true;
	} while (got > 0);
	return false;
}

/*
 * A directory of the same nodes that lists otherwise is dirty, and an entry
 * that is seen as before is as before: what a planner leans on.
 */
static bool
planner_may_lean(struct sim_replica *r)
{
	static struct listings before, after;
	uint64_t seq;

	sim_fetch(r, sim.log_n, sim.ops_n / 2);
	before.n = after.n = 0;
	before.shown_n = after.shown_n = 0;
	take_listings(r->tree, NULL, 0, &before);
	MUST(tree_change(r->tree, &seq));
	MUST(tree_dirty_clear(r->tree, seq));
	sim_fetch(r, sim.log_n, SIM_OPS);
	take_listings(r->tree, NULL, 0, &after);
	if (!seen_fixes(&before, &after))
		return false;
	for (size_t i = 0; i < before.n; i++) {
		const struct listing *x = &before.v[i];

		for (size_t k = 0; k < after.n; k++) {
			const struct listing *y = &after.v[k];

			if (x->n == y->n && x->sum != y->sum &&
			    memcmp(x->nodes, y->nodes, sizeof(x->nodes)) ==
			    0 && !is_dirty(r->tree, y))
				return false;
		}
	}
	return true;
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool
run_seed(uint64_t seed, struct buf *a, struct buf *b)
{
	struct sim_replica *late = &sim.r[SIM_LOGS - 1];
	size_t replicas = 2 + seed % 3;
	bool ok;

	sim_open(&sim, seed * 7919 + 1, replicas);
	sim.contents = seed % 2 == 0 ? 3 : 0;
	sim.forge = seed % 4 == 3;
	sim_run(&sim, 20 + seed % 21);
	sim_dump(&sim, sim.r[0].tree, a);
	ok = is_tree(sim.r[0].tree) && (sim.forge || nothing_lost(&sim));
	if (!ok)
		printf("# seed %llu: not a tree, or content lost\n",
		    (unsigned long long)seed);
	for (size_t i = 1; i < replicas && ok; i++) {
		sim_dump(&sim, sim.r[i].tree, b);
		ok = same(a, b);
	}
	sim_join(&sim, late, SIM_LOGS);
	if (!planner_may_lean(late)) {
		printf("# seed %llu: a change is not dirty, or not seen\n",
		    (unsigned long long)seed);
		ok = false;
	}
	sim_dump(&sim, late->tree, b);
	if (ok && !same(a, b))
		printf("# seed %llu: states differ\n",
		    (unsigned long long)seed);
	ok = ok && same(a, b);
	sim_leave(late);
	if (ok && seed % 5 == 0 && (!views_agree(sim.r[0].tree) ||
	    (!sim.forge && !recording_agrees(&sim.r[0])))) {
		printf("# seed %llu: views or recording differ\n",
		    (unsigned long long)seed);
		ok = false;
	}
	sim_close(&sim);
	return ok;
}

static void
run_seeds(uint64_t from)
{
	struct buf a, b;
	int bad = 0;

	buf_init(&a, SIM_DUMP);
	buf_init(&b, SIM_DUMP);
	for (uint64_t seed = from; seed < from + SEEDS_A_CASE; seed++)
		bad += !run_seed(seed, &a, &b);
	CHECK(bad == 0);
	buf_release(&a);
	buf_release(&b);
}

static void
test_0(void)
{
	run_seeds(0);
}

static void
test_1(void)
{
	run_seeds(SEEDS_A_CASE);
}

static void
test_2(void)
{
	run_seeds(2 * SEEDS_A_CASE);
}

static void
test_3(void)
{
	run_seeds(3 * SEEDS_A_CASE);
}

TESTS(
    { "I9_I10_I12_histories_0", test_0 },
    { "I9_I10_I12_histories_1", test_1 },
    { "I9_I10_I12_histories_2", test_2 },
    { "I9_I10_I12_histories_3", test_3 },
)

/*
 * Several replicas of a tree that record, exchange and merge at random under
 * a seed.  Each has a base: what it last "put on its disk", from which its
 * ops are recorded, and which may be older than what it has merged.
 *
 * A failed step aborts with its place: it is a bug whatever the case.
 */
#ifndef ZK_TESTS_SIM_REPLICAS_H
#define ZK_TESTS_SIM_REPLICAS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/emit.h"
#include "crdt/list.h"
#include "crdt/memdb.h"
#include "crdt/seen.h"
#include "crdt/tree.h"
#include "crypto/hash.h"
#include "crypto/labels.h"

#define SIM_LOGS 5
#define SIM_OPS 2048
#define SIM_BASE 256
#define SIM_DUMP ((size_t)1 << 24)

#define MUST(x)                                                              \
	do {                                                                 \
		enum zk_err must_r = (x);                                    \
		if (must_r != ZK_OK) {                                       \
			printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #x,  \
			    err_name(must_r));                               \
			abort();                                             \
		}                                                            \
	} while (0)

/* An op with all it points to, and how much of each log it comes after. */
struct sim_op {
	struct op op;
	uint8_t name[256];
	struct opid *refs;	/* owns all three lists */
	size_t log;
	size_t past[SIM_LOGS];
	bool refused;		/* void, by its writer's judgement */
};

/* A path on a replica's disk. */
struct sim_path {
	int dir;		/* index, -1: in the root */
	bool gone;
	uint8_t kind;
	uint8_t name[256];
	size_t name_len;
	struct buf seen;
};

struct sim_replica {
	struct sim *sim;
	size_t log;		/* where it writes; SIM_LOGS: never */
	struct memdb *mem;	/* owned, or NULL */
	struct tree *tree;
	bool own_tree;
	uint64_t lamport;
	size_t known[SIM_LOGS];
	struct sim_path base[SIM_BASE];
	size_t base_n;
};

struct sim {
	uint64_t rng;
	struct sim_op ops[SIM_OPS];
	size_t ops_n;
	size_t log[SIM_LOGS][SIM_OPS];	/* indices into ops */
	size_t log_n[SIM_LOGS];
	struct sim_replica r[SIM_LOGS];
	size_t r_n;
	unsigned contents;	/* distinct bytes to choose from; 0: all new */
	bool forge;		/* also ops that no device would record */
};

static inline uint64_t
sim_random(struct sim *s)
{
	uint64_t z = s->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0..n-1 */
static inline size_t
sim_below(struct sim *s, size_t n)
{
	return (size_t)(sim_random(s) % n);
}

static inline void
sim_split_id(const struct opid *head, struct opid *out)
{
	uint8_t h[HASH_LEN];

	hash_bytes(LABEL_HASH_SPLIT, head->b, OPID_LEN, h);
	*out = *head;
	memcpy(out->b + OPID_LEN - 20, h, 20);
}

/* A replica over a tree of its own in memory. */
static inline void
sim_join(struct sim *s, struct sim_replica *r, size_t log)
{
	memset(r->known, 0, sizeof(r->known));
	r->sim = s;
	r->log = log;
	r->lamport = 0;
	r->base_n = 0;
	MUST(memdb_new(sim_split_id, &r->mem));
	MUST(tree_new(memdb_cdb(r->mem), &r->tree));
	r->own_tree = true;
}

static inline void
sim_clear_base(struct sim_replica *r)
{
	for (size_t i = 0; i < r->base_n; i++)
		buf_release(&r->base[i].seen);
	r->base_n = 0;
}

static inline void
sim_leave(struct sim_replica *r)
{
	sim_clear_base(r);
	if (r->own_tree)
		tree_free(r->tree);
	memdb_free(r->mem);
}

static inline void
sim_open(struct sim *s, uint64_t seed, size_t replicas)
{
	s->rng = seed;
	s->ops_n = 0;
	memset(s->log_n, 0, sizeof(s->log_n));
	s->r_n = replicas;
	s->contents = 0;
	s->forge = false;
	for (size_t i = 0; i < replicas; i++)
		sim_join(s, &s->r[i], i);
}

static inline void
sim_close(struct sim *s)
{
	for (size_t i = 0; i < s->r_n; i++)
		sim_leave(&s->r[i]);
	for (size_t i = 0; i < s->ops_n; i++)
		free(s->ops[i].refs);
}

/* Copies *op into the history as the next of r's log. */
static inline struct sim_op *
sim_keep_op(struct sim_replica *r, const struct op *op)
{
	struct sim *s = r->sim;
	struct sim_op *to = &s->ops[s->ops_n];
	size_t n = op->place_refs_n + op->content_refs_n + op->attr_refs_n;
	struct opid *p;

	if (s->ops_n == SIM_OPS)
		abort();
	to->op = *op;
	to->log = r->log;
	memcpy(to->past, r->known, sizeof(to->past));
	if (op->name_len > 0)
		memcpy(to->name, op->name, op->name_len);
	to->op.name = to->name;
	p = malloc((n + 1) * sizeof(*p));
	if (p == NULL)
		abort();
	to->refs = p;
	for (size_t i = 0; i < op->place_refs_n; i++)
		*p++ = op->place_refs[i];
	for (size_t i = 0; i < op->content_refs_n; i++)
		*p++ = op->content_refs[i];
	for (size_t i = 0; i < op->attr_refs_n; i++)
		*p++ = op->attr_refs[i];
	to->op.place_refs = to->refs;
	to->op.content_refs = to->refs + op->place_refs_n;
	to->op.attr_refs = to->op.content_refs + op->content_refs_n;
	s->log[r->log][s->log_n[r->log]++] = s->ops_n++;
	return to;
}

/* emit.put: gives the op its id and applies it to the replica's tree. */
static inline enum zk_err
sim_put(void *arg, struct op *op)
{
	struct sim_replica *r = arg;
	struct sim *s = r->sim;
	struct sim_op *to;
	enum zk_err ret;

	r->lamport++;
	for (int i = 0; i < 6; i++)
		op->id.b[i] = (uint8_t)(r->lamport >> (8 * (5 - i)));
	memset(op->id.b + 6, (int)r->log + 1, 6);
	for (size_t i = 12; i < OPID_LEN; i++)
		op->id.b[i] = (uint8_t)sim_random(s);
	if (op->type == OP_CREATE)
		op->node = op->id;
	memset(op->device, (int)(r->log * 37 + 1), sizeof(op->device));
	op->wall_ms = (int64_t)(sim_random(s) % UINT64_C(4000000000000));
	to = sim_keep_op(r, op);
	r->known[r->log]++;
	ret = tree_apply(r->tree, &to->op);
	to->refused = ret == ZK_EREFUSED;
	return ret;
}

static inline struct emit
sim_emit(struct sim_replica *r)
{
	struct emit e = { .tree = r->tree, .put = sim_put, .arg = r };

	return e;
}

/* Takes one op of the history in. */
static inline void
sim_take(struct sim_replica *r, const struct sim_op *op)
{
	uint64_t l = opid_lamport(&op->op.id);
	enum zk_err ret = tree_apply(r->tree, &op->op);

	if (op->refused && ret == ZK_EREFUSED)
		ret = ZK_OK;
	else if (op->refused)
		ret = ZK_EBUG;	/* judged otherwise than by its writer */
	MUST(ret);
	if (l > r->lamport)
		r->lamport = l;
}

/* The next op of a log that r may take by now; NULL: none, or not yet. */
static inline const struct sim_op *
sim_next(const struct sim_replica *r, size_t log, size_t upto)
{
	const struct sim *s = r->sim;
	const struct sim_op *op;

	if (r->known[log] >= upto)
		return NULL;
	op = &s->ops[s->log[log][r->known[log]]];
	for (size_t i = 0; i < SIM_LOGS; i++)
		if (op->past[i] > r->known[i])
			return NULL;
	return op;
}

/*
 * r takes up to max ops of what upto says, from logs in random order, in
 * batches of random length, now and then one that it has already.
 */
static inline void
sim_fetch(struct sim_replica *r, const size_t upto[SIM_LOGS], size_t max)
{
	struct sim *s = r->sim;
	size_t done = 0;
	bool any = true;

	MUST(tree_begin(r->tree));
	while (any && done < max) {
		size_t at = sim_below(s, SIM_LOGS);

		any = false;
		for (size_t k = 0; k < SIM_LOGS && !any; k++) {
			size_t log = (at + k) % SIM_LOGS;
			const struct sim_op *op = sim_next(r, log, upto[log]);

			if (op == NULL)
				continue;
			sim_take(r, op);
			r->known[log]++;
			any = true;
			done++;
			if (sim_below(s, 8) == 0)
				sim_take(r, &s->ops[s->log[log][
				    sim_below(s, r->known[log])]]);
		}
		if (sim_below(s, 6) == 0) {
			MUST(tree_end(r->tree));
			MUST(tree_begin(r->tree));
		}
	}
	MUST(tree_end(r->tree));
}

static inline void
sim_base_dir(struct sim_replica *r, const struct opid *dirs, size_t n,
    int at)
{
	const struct list_entry *e;
	struct list *l;
	enum zk_err ret;

	MUST(list_open(r->tree, dirs, n, &l));
	while ((void)(ret = list_next(l, &e)), ret == ZK_OK) {
		struct sim_path *p = &r->base[r->base_n];

		if (r->base_n == SIM_BASE)
			break;
		p->dir = at;
		p->gone = false;
		p->kind = e->kind;
		memcpy(p->name, e->name, e->name_len);
		p->name_len = e->name_len;
		buf_init(&p->seen, 1 << 20);
		MUST(buf_put(&p->seen, e->seen, e->seen_len));
		r->base_n++;
		if (e->kind == NODE_DIR)
			sim_base_dir(r, e->nodes, e->nodes_n,
			    (int)r->base_n - 1);
	}
	list_close(l);
}

/* The disk becomes what is merged. */
static inline void
sim_checkout(struct sim_replica *r)
{
	sim_clear_base(r);
	sim_base_dir(r, NULL, 0, -1);
}

static inline int
sim_find(const struct sim_replica *r, int dir, const void *name, size_t len)
{
	for (size_t i = 0; i < r->base_n; i++) {
		const struct sim_path *p = &r->base[i];

		if (!p->gone && p->dir == dir && p->name_len == len &&
		    memcmp(p->name, name, len) == 0)
			return (int)i;
	}
	return -1;
}

static inline struct emit_at
sim_at(const struct sim_replica *r, int dir, const void *name, size_t len)
{
	struct emit_at at = { .name = name, .name_len = len };

	if (dir >= 0) {
		at.dir_seen = r->base[dir].seen.data;
		at.dir_seen_len = r->base[dir].seen.len;
	}
	return at;
}

static inline struct content
sim_content(unsigned value)
{
	struct content c = { .form = CONTENT_INLINE, .size = 5 };

	memset(c.hash, 0x11, sizeof(c.hash));
	memcpy(c.hash, &value, sizeof(value));
	c.locator = value;
	return c;
}

static inline int
sim_create(struct sim_replica *r, int dir, const char *name, uint8_t kind,
    unsigned value)
{
	struct emit e = sim_emit(r);
	struct emit_at at = sim_at(r, dir, name, strlen(name));
	struct content c = sim_content(value);
	struct emit_file f = { .kind = kind, .has_mode = true, .mode = 0644,
		.has_mtime = true, .mtime_sec = value };
	struct sim_path *p = &r->base[r->base_n];

	if (r->base_n == SIM_BASE)
		return -1;
	if (kind != NODE_DIR)
		f.content = &c;
	p->dir = dir;
	p->gone = false;
	p->kind = kind;
	memcpy(p->name, name, strlen(name));
	p->name_len = strlen(name);
	buf_init(&p->seen, 1 << 20);
	MUST(tree_begin(r->tree));
	MUST(emit_create(&e, &at, &f, &p->seen));
	MUST(tree_end(r->tree));
	return (int)r->base_n++;
}

static inline void
sim_change(struct sim_replica *r, int i, const struct emit_file *f)
{
	struct sim_path *p = &r->base[i];
	struct emit e = sim_emit(r);
	struct emit_at at = sim_at(r, p->dir, p->name, p->name_len);
	struct buf seen;

	buf_init(&seen, 1 << 20);
	MUST(tree_begin(r->tree));
	MUST(emit_edit(&e, p->seen.data, p->seen.len, &at, f, f, &seen));
	MUST(tree_end(r->tree));
	buf_swap(&p->seen, &seen);
	buf_release(&seen);
}

static inline void
sim_edit(struct sim_replica *r, int i, unsigned value)
{
	struct content c = sim_content(value);
	struct emit_file f = { .kind = r->base[i].kind, .content = &c,
		.has_mtime = true, .mtime_sec = value };

	sim_change(r, i, &f);
}

static inline void
sim_attr(struct sim_replica *r, int i, uint16_t mode)
{
	struct emit_file f = { .kind = r->base[i].kind, .has_mode = true,
		.mode = mode };

	sim_change(r, i, &f);
}

static inline void
sim_move(struct sim_replica *r, int i, int dir, const char *name)
{
	struct sim_path *p = &r->base[i];
	struct emit e = sim_emit(r);
	struct emit_at at = sim_at(r, dir, name, strlen(name));
	struct emit_file f = { .kind = p->kind, .has_mode = true,
		.mode = 0644 };
	struct buf seen;

	buf_init(&seen, 1 << 20);
	MUST(tree_begin(r->tree));
	MUST(emit_move(&e, p->seen.data, p->seen.len, &at, &f, &seen));
	MUST(tree_end(r->tree));
	buf_swap(&p->seen, &seen);
	buf_release(&seen);
	p->dir = dir;
	memcpy(p->name, name, strlen(name));
	p->name_len = strlen(name);
}

/* With all that base has below. */
static inline void
sim_remove(struct sim_replica *r, int i)
{
	struct emit e = sim_emit(r);

	for (size_t k = 0; k < r->base_n; k++)
		if (!r->base[k].gone && r->base[k].dir == i)
			sim_remove(r, (int)k);
	MUST(tree_begin(r->tree));
	MUST(emit_remove(&e, r->base[i].seen.data, r->base[i].seen.len));
	MUST(tree_end(r->tree));
	r->base[i].gone = true;
}

/* A random index of base of these kinds (bit set), or -1. */
static inline int
sim_pick(struct sim_replica *r, unsigned kinds)
{
	for (int tries = 0; tries < 8 && r->base_n > 0; tries++) {
		size_t i = sim_below(r->sim, r->base_n);

		if (!r->base[i].gone && (kinds >> r->base[i].kind & 1) != 0)
			return (int)i;
	}
	return -1;
}

#define SIM_FILES (1u << NODE_FILE | 1u << NODE_SYMLINK | 1u << NODE_TREE)
#define SIM_DIRS (1u << NODE_DIR)

static inline bool
sim_below_dir(const struct sim_replica *r, int i, int dir)
{
	for (; i >= 0; i = r->base[i].dir)
		if (i == dir)
			return true;
	return false;
}

static inline unsigned
sim_value(struct sim *s)
{
	if (s->contents > 0 && sim_below(s, 3) == 0)
		return (unsigned)sim_below(s, s->contents);
	return 1000 + (unsigned)(sim_random(s) & 0xffffff);
}

/* A file of base whose name the conflict rule made, or -1. */
static inline int
sim_pick_copy(struct sim_replica *r)
{
	for (size_t i = 0; i < r->base_n; i++)
		if (!r->base[i].gone && r->base[i].name_len > 20 &&
		    r->base[i].kind != NODE_DIR)
			return (int)i;
	return -1;
}

static inline int
sim_act_copy(struct sim_replica *r, int i, int dir, const char *name,
    bool is_free)
{
	struct sim *s = r->sim;

	switch (sim_below(s, 4)) {
	case 0:
		sim_edit(r, i, sim_value(s));
		return i;
	case 1:
		sim_attr(r, i, (uint16_t)sim_below(s, 0777));
		return i;
	case 2:
		if (!is_free)
			return -1;
		sim_move(r, i, dir, name);
		return i;
	default:
		sim_remove(r, i);
		return -1;
	}
}

/* One random local change: the path in base that it left, or -1. */
static inline int
sim_act(struct sim_replica *r)
{
	static const char *const names[] = { "a", "b", "c.txt", "d" };
	static const uint8_t kinds[] = { NODE_FILE, NODE_TREE, NODE_DIR,
		NODE_DIR, NODE_SYMLINK };
	struct sim *s = r->sim;
	const char *name = names[sim_below(s, 4)];
	int dir = sim_below(s, 3) == 0 ? -1 : sim_pick(r, SIM_DIRS);
	bool is_free = sim_find(r, dir, name, strlen(name)) < 0;
	int i = sim_pick_copy(r);

	if (i >= 0 && sim_below(s, 2) == 0)
		return sim_act_copy(r, i, dir, name, is_free);
	switch (sim_below(s, 9)) {
	case 0:
	case 1:
		if (!is_free)
			return -1;
		return sim_create(r, dir, name, kinds[sim_below(s, 5)],
		    sim_value(s));
	case 2:
	case 3:
		i = sim_pick(r, SIM_FILES);
		if (i >= 0)
			sim_edit(r, i, sim_value(s));
		return i;
	case 4:
		i = sim_pick(r, SIM_FILES | SIM_DIRS);
		if (i >= 0)
			sim_attr(r, i, (uint16_t)sim_below(s, 0777));
		return i;
	case 5:
	case 6:
	case 7:
		i = sim_pick(r, sim_below(s, 3) == 0 ? SIM_FILES : SIM_DIRS);
		if (i < 0 || !is_free || sim_below_dir(r, dir, i))
			return -1;
		sim_move(r, i, dir, name);
		return i;
	default:
		i = sim_pick(r, SIM_FILES | SIM_DIRS);
		if (i >= 0)
			sim_remove(r, i);
		return -1;
	}
}

/* An op that r knows and that is not void, at random; NULL: none. */
static inline const struct op *
sim_known_op(struct sim_replica *r)
{
	struct sim *s = r->sim;

	for (int tries = 0; tries < 8; tries++) {
		size_t log = sim_below(s, SIM_LOGS);
		const struct sim_op *op;

		if (r->known[log] == 0)
			continue;
		op = &s->ops[s->log[log][sim_below(s, r->known[log])]];
		if (!op->refused)
			return &op->op;
	}
	return NULL;
}

static inline struct opid
sim_node_of(const struct op *op)
{
	struct opid id = op->node;

	if (op->type == OP_SPLIT)
		sim_split_id(&op->content_refs[0], &id);
	return id;
}

/* Up to three refs, mostly of ops of that node. */
static inline size_t
sim_forge_refs(struct sim_replica *r, const struct opid *node,
    struct opid *out)
{
	size_t want = sim_below(r->sim, 4);
	size_t n = 0;

	for (int tries = 0; tries < 24 && n < want; tries++) {
		const struct op *op = sim_known_op(r);
		struct opid of;

		if (op == NULL || op->type == OP_REMOVE || op->type == OP_DROP)
			continue;
		of = sim_node_of(op);
		if (opid_cmp(&of, node) != 0 && sim_below(r->sim, 200) != 0)
			continue;
		out[n++] = op->type == OP_SPLIT && sim_below(r->sim, 2) == 0 ?
		    of : op->id;
	}
	return n;
}

/* Any op at all over what r knows; it may be void. */
static inline void
sim_forge(struct sim_replica *r)
{
	static const char *const names[] = { "a", "b", "c.txt", "d" };
	struct sim *s = r->sim;
	const struct op *node = sim_known_op(r);
	const struct op *dir = sim_known_op(r);
	struct opid place[3], content[3], attr[3];
	struct op op = { .type = (uint8_t)(OP_MOVE + sim_below(s, 7)) };
	enum zk_err ret;

	if (node == NULL || dir == NULL)
		return;
	op.node = sim_node_of(node);
	if (sim_below(s, 3) > 0)
		op.parent = sim_node_of(dir);
	op.name = (const uint8_t *)names[sim_below(s, 4)];
	op.name_len = strlen((const char *)op.name);
	op.kind = node->kind != 0 ? node->kind : NODE_FILE;
	if (op.type == OP_EDIT)
		op.content = sim_content(sim_value(s));
	if (op.type == OP_ATTR || (op.type == OP_EDIT && sim_below(s, 2)))
		op.has_mode = true;
	op.mode = (uint16_t)sim_below(s, 0777);
	if (op.type == OP_MOVE || op.type == OP_KEEP || op.type == OP_REMOVE)
		op.place_refs_n = sim_forge_refs(r, &op.node, place);
	if (op.type == OP_EDIT || op.type == OP_REMOVE ||
	    op.type == OP_DROP || op.type == OP_SPLIT)
		op.content_refs_n = sim_forge_refs(r, &op.node, content);
	if (op.type == OP_EDIT || op.type == OP_ATTR || op.type == OP_REMOVE)
		op.attr_refs_n = sim_forge_refs(r, &op.node, attr);
	if (op.type == OP_SPLIT && op.content_refs_n == 0)
		return;
	op.place_refs = place;
	op.content_refs = content;
	op.attr_refs = attr;
	MUST(tree_begin(r->tree));
	ret = sim_put(r, &op);
	if (ret != ZK_EREFUSED)
		MUST(ret);
	MUST(tree_end(r->tree));
}

/* Everything about the state, byte for byte. */
static inline void
sim_dump(const struct sim *s, struct tree *t, struct buf *out)
{
	buf_reset(out);
	MUST(list_dump(t, out));
	for (size_t i = 0; i < s->ops_n; i++) {
		const struct op *op = &s->ops[i].op;
		struct opid id = op->id;

		if (op->type == OP_SPLIT)
			sim_split_id(&op->content_refs[0], &id);
		else if (op->type != OP_CREATE)
			continue;
		if (!s->ops[i].refused)
			MUST(tree_dump_node(t, &id, out));
	}
}

/* What all begin with: a few directories and files. */
static inline void
sim_start(struct sim *s)
{
	struct sim_replica *r = &s->r[0];
	int dir = sim_create(r, -1, "a", NODE_DIR, 0);

	sim_create(r, -1, "b", NODE_DIR, 0);
	sim_create(r, dir, "d", NODE_DIR, 0);
	sim_create(r, dir, "c.txt", NODE_FILE, 7);
	for (size_t i = 1; i < s->r_n; i++) {
		sim_fetch(&s->r[i], s->log_n, SIM_OPS);
		sim_checkout(&s->r[i]);
	}
}

/* A whole history: acts, exchanges, and all replicas complete at the end. */
static inline void
sim_run(struct sim *s, size_t steps)
{
	sim_start(s);
	for (size_t i = 0; i < steps; i++) {
		struct sim_replica *r = &s->r[sim_below(s, s->r_n)];

		switch (sim_below(s, 6)) {
		case 0:
			sim_fetch(r, s->r[sim_below(s, s->r_n)].known,
			    1 + sim_below(s, 20));
			if (sim_below(s, 2) == 0)
				sim_checkout(r);
			break;
		case 1:
			sim_checkout(r);
			break;
		case 2:
			if (s->forge)
				sim_forge(r);
			break;
		default:
			(void)sim_act(r);
			break;
		}
	}
	for (size_t i = 0; i < s->r_n; i++)
		sim_fetch(&s->r[i], s->log_n, SIM_OPS);
}

#endif

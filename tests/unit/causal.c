/*
 * What an op may name is a matter of the segments alone: a hostile member
 * writes ops that name whatever there is, in logs that fork, with heads of
 * its choice; devices that receive the segments in different orders end with
 * the same tree, which is that of a model that follows the definition.
 *
 * CAUSAL_SEEDS sets the number of seeds, CAUSAL_FIRST the first.
 */
#include <inttypes.h>

#include "crdt/list.h"
#include "crdt/memdb.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "format/chunk.h"
#include "format/logop.h"
#include "format/segment.h"
#include "store/logdb.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "sync/ingest_int.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "sync/vault.h"
#include "util/env_fake.h"
#include "util/log.h"

#include "test.h"

#define DEVICES 3		/* two that look on, one that writes */
#define WRITER 2
#define LOGS 3
#define SEGS 24
#define OPS 6
#define REFS 2
#define DUMP_MAX (1u << 22)
#define WALL INT64_C(1767225600000)

struct made {
	struct op op;
	struct opid refs[REFS];
	char name[4];
	uint8_t data[12];
	struct opid node;	/* what it acts on, or made */
	bool valid;		/* by the model */
};

struct mseg {
	int log;
	int prev;		/* index, -1 for seq 1 */
	uint64_t seq, lamport0, last;
	int head[LOGS];		/* indices */
	size_t heads_n;
	struct made ops[OPS];
	size_t n;
	uint8_t hash[32];
	struct buf stored;
	bool past[SEGS];	/* what it may name */
};

struct world {
	uint64_t seed;
	struct fake *dice;
	struct fake *fake[DEVICES];
	struct vault *v[DEVICES];
	struct key *space_seed, *R, *E;
	struct signkey *space;
	struct device_keys *dev[DEVICES];
	struct keys *keys[DEVICES];
	struct buf rec[2 + DEVICES];	/* genesis, rotation, adds */
	uint8_t names[2 + DEVICES][32];
	size_t recs;
	uint8_t vault[32], epoch[32];
	struct key *log_seed[LOGS];
	struct signkey *log[LOGS];
	uint8_t log_id[LOGS][32];
	struct mseg s[SEGS];
	int n;
	bool forks, twins;
	struct memdb *mem;
	struct tree *tree;
	size_t outside;		/* ops that are void by the past alone */
	/* the op that is judged */
	int at;
	size_t at_op;
	bool in_past;
};

static uint64_t
number(const char *name, uint64_t def)
{
	const char *v = getenv(name);

	return v == NULL ? def : strtoull(v, NULL, 10);
}

#define MUST(x)                                                              \
	do {                                                                 \
		enum zk_err must_r = (x);                                    \
		if (must_r != ZK_OK) {                                       \
			printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #x,  \
			    err_name(must_r));                               \
			fflush(stdout);                                      \
			abort();                                             \
		}                                                            \
	} while (0)

static int
below(struct world *w, size_t n)
{
	return (int)fake_below(w->dice, n);
}

/* The vault ---------------------------------------------------------------- */

static void
found(struct world *w)
{
	struct env *env = fake_env(w->fake[0]);
	struct record_genesis_opts g = { .env = env };
	struct record_ctx c = { .env = env, .vault = w->vault };
	struct record_rotate_opts ro = { .epoch_no = 1, .to_n = 1 };
	const struct device_pub *pub = NULL;
	struct epoch_key ek;
	uint8_t sig[64];

	for (int i = 0; i < DEVICES; i++) {
		MUST(keys_new(fake_env(w->fake[i]), &w->keys[i]));
		MUST(device_keys_new(keys_device_seed(w->keys[i]),
		    &w->dev[i]));
	}
	for (int i = 0; i < 2 + DEVICES; i++)
		buf_init(&w->rec[i], RECORD_STORED_MAX);
	MUST(key_random(env, KEY_SIGN, &w->space_seed));
	MUST(key_random(env, KEY_SEED, &w->R));
	MUST(signkey_new(w->space_seed, &w->space));
	g.R = c.R = w->R;
	g.space = w->space;
	g.founder = c.author = w->dev[0];
	MUST(record_genesis_make(&g, &w->rec[0], w->names[0], w->vault));
	c.heads = (const uint8_t (*)[RECORD_ID_LEN])w->names;
	c.heads_n = 1;
	pub = device_keys_pub(w->dev[0]);
	ro.to = &pub;
	MUST(record_rotate_make(&c, &ro, &w->rec[1], w->names[1], &w->E,
	    w->epoch));
	memcpy(ek.id, w->epoch, 32);
	ek.k = w->E;
	w->recs = 2;
	for (int i = 1; i < DEVICES; i++, w->recs++) {
		c.heads = (const uint8_t (*)[RECORD_ID_LEN])
		    &w->names[w->recs - 1];
		record_add_consent(w->dev[i], w->vault,
		    device_keys_id(w->dev[0]), sig);
		MUST(record_add_make(&c, device_keys_pub(w->dev[i]), sig,
		    &ek, 1, &w->rec[w->recs], w->names[w->recs]));
	}
}

static void
assemble(struct world *w, int i)
{
	struct env *env = fake_env(w->fake[i]);
	struct vault_parts p = { .env = env, .dir = "/v", .state = "/s",
		.keys = w->keys[i] };

	w->keys[i] = NULL;
	CHECK(env_mkdirat(env, ENV_CWD, "/v", 0755) == 0);
	CHECK(env_mkdirat(env, ENV_CWD, "/s", 0700) == 0);
	MUST(root_create(env, "/v", NULL));
	MUST(keys_set_vault(p.keys, w->vault, w->space_seed, w->R));
	MUST(keys_epoch_add(p.keys, w->epoch, w->E));
	MUST(store_open(":memory:", true, &p.db));
	MUST(db_begin(p.db));
	MUST(base_init(p.db));
	MUST(store_put(p.db, "name", "dev", 3));
	for (size_t k = 0; k < w->recs; k++)
		MUST(remotedb_rec_put(p.db, w->names[k], w->rec[k].data,
		    w->rec[k].len));
	MUST(db_commit(p.db));
	MUST(vault_assemble(&p, &w->v[i]));
}

static void
split_id(const struct opid *head, struct opid *out)
{
	uint8_t h[HASH_LEN];

	hash_bytes(LABEL_HASH_SPLIT, head->b, OPID_LEN, h);
	*out = *head;
	memcpy(out->b + OPID_LEN - 20, h, 20);
}

static void
world_make(struct world *w)
{
	w->dice = fake_new(w->seed * 11 + 1);
	for (int i = 0; i < DEVICES; i++)
		w->fake[i] = fake_new(w->seed * 11 + 2 + (uint64_t)i);
	found(w);
	for (int i = 0; i < WRITER; i++)
		assemble(w, i);
	for (int i = 0; i < LOGS; i++) {
		MUST(key_random(fake_env(w->dice), KEY_SIGN,
		    &w->log_seed[i]));
		MUST(signkey_new(w->log_seed[i], &w->log[i]));
		hash_bytes(LABEL_HASH_LOG, signkey_pk(w->log[i]), 32,
		    w->log_id[i]);
	}
	MUST(memdb_new(split_id, &w->mem));
	MUST(tree_new(memdb_cdb(w->mem), &w->tree));
}

static void
world_free(struct world *w)
{
	for (int i = 0; i < DEVICES; i++) {
		vault_close(w->v[i]);
		keys_free(w->keys[i]);
		device_keys_free(w->dev[i]);
		fake_free(w->fake[i]);
	}
	for (int i = 0; i < 2 + DEVICES; i++)
		buf_release(&w->rec[i]);
	for (int i = 0; i < LOGS; i++) {
		key_free(w->log_seed[i]);
		signkey_free(w->log[i]);
	}
	for (int i = 0; i < w->n; i++)
		buf_release(&w->s[i].stored);
	key_free(w->space_seed);
	key_free(w->R);
	key_free(w->E);
	signkey_free(w->space);
	tree_free(w->tree);
	memdb_free(w->mem);
	fake_free(w->dice);
}

/* Writing ------------------------------------------------------------------ */

/* The definition: what is at or before these in their logs. */
static void
add_chain(struct world *w, struct mseg *to, int from)
{
	for (; from >= 0; from = w->s[from].prev)
		to->past[from] = true;
}

static void
set_past(struct world *w, struct mseg *to)
{
	add_chain(w, to, to->prev);
	for (size_t h = 0; h < to->heads_n; h++)
		add_chain(w, to, to->head[h]);
	for (int k = to->prev; k >= 0; k = w->s[k].prev)
		for (size_t h = 0; h < w->s[k].heads_n; h++)
			add_chain(w, to, w->s[k].head[h]);
}

/* Whether the op that is judged may name id, by the definition. */
static bool
may_name(struct world *w, const struct opid *id, bool split)
{
	struct mseg *own = &w->s[w->at];

	for (int k = 0; k <= w->at; k++) {
		struct mseg *s = &w->s[k];
		size_t n = s == own ? w->at_op : s->n;

		for (size_t i = 0; i < n && (s == own || own->past[k]); i++)
			if (s->ops[i].valid && (split ?
			    s->ops[i].op.type == OP_SPLIT &&
			    opid_cmp(&s->ops[i].node, id) == 0 :
			    opid_cmp(&s->ops[i].op.id, id) == 0))
				return true;
	}
	return false;
}

static enum zk_err
model_past(void *arg, const struct opid *id, bool split)
{
	struct world *w = arg;

	if (may_name(w, id, split))
		return ZK_OK;
	w->in_past = false;
	return ZK_EREFUSED;
}

/* An op of any segment so far, rather one that may be named. */
static const struct made *
pick(struct world *w)
{
	const struct made *m = NULL;

	for (int tries = 0; tries < 8; tries++) {
		struct mseg *s = &w->s[below(w, (size_t)w->at + 1)];
		size_t n = s == &w->s[w->at] ? w->at_op : s->n;

		if (n == 0)
			continue;
		m = &s->ops[below(w, n)];
		if (below(w, 4) == 0 || may_name(w, &m->op.id, false))
			break;
	}
	return m;
}

static void
set_content(struct world *w, struct made *m)
{
	m->data[0] = 0;	/* packed as it is */
	m->data[1] = (uint8_t)('a' + below(w, 6));
	m->op.content.form = CONTENT_INLINE;
	m->op.content.size = 1;
	m->op.content.data_len = 2;
	chunk_hash(0, m->data + 1, 1, m->op.content.hash);
}

/* Where to: the root, or whatever pick says. */
static void
set_place(struct world *w, struct made *m)
{
	const struct made *dir = below(w, 3) == 0 ? NULL : pick(w);

	memset(&m->op.parent, 0, sizeof(m->op.parent));
	if (dir != NULL && dir->op.type == OP_CREATE &&
	    dir->op.kind == NODE_DIR)
		m->op.parent = dir->node;
	m->name[0] = (char)('a' + below(w, 4));
	m->op.name_len = 1;
}

static void
make_create(struct world *w, struct made *m)
{
	m->op.type = OP_CREATE;
	m->op.kind = below(w, 2) == 0 ? NODE_DIR : NODE_FILE;
	m->op.has_mode = true;
	m->op.mode = 0644;
	set_place(w, m);
	if (m->op.kind == NODE_FILE)
		set_content(w, m);
}

/* One or two refs: the op that was picked, and some other of its node. */
static size_t
make_refs(struct world *w, struct made *m, const struct made *x)
{
	size_t n = 1;
	const struct made *y = pick(w);

	m->refs[0] = below(w, 3) == 0 ? m->op.node : x->op.id;
	if (y != NULL && m->op.type != OP_SPLIT &&
	    opid_cmp(&y->node, &m->op.node) == 0 &&
	    opid_cmp(&y->op.id, &m->refs[0]) != 0) {
		m->refs[1] = y->op.id;
		if (opid_cmp(&m->refs[1], &m->refs[0]) < 0) {
			m->refs[1] = m->refs[0];
			m->refs[0] = y->op.id;
		}
		n = 2;
	}
	return n;
}

static void
make_change(struct world *w, struct made *m, const struct made *x)
{
	static const uint8_t types[] = { OP_MOVE, OP_EDIT, OP_EDIT, OP_ATTR,
		OP_REMOVE, OP_DROP, OP_KEEP, OP_SPLIT, OP_SPLIT };
	size_t n;

	m->op.type = types[below(w, sizeof(types))];
	m->op.node = x->node;
	n = make_refs(w, m, x);
	m->op.place_refs_n = m->op.type == OP_MOVE ||
	    m->op.type == OP_KEEP || m->op.type == OP_REMOVE ? n : 0;
	m->op.content_refs_n = m->op.type == OP_EDIT ||
	    m->op.type == OP_DROP || m->op.type == OP_SPLIT ? n : 0;
	m->op.attr_refs_n = m->op.type == OP_ATTR ? n : 0;
	if (m->op.type == OP_MOVE || m->op.type == OP_SPLIT)
		set_place(w, m);
	if (m->op.type == OP_ATTR) {
		m->op.has_mode = true;
		m->op.mode = (uint16_t)(0600 + below(w, 64));
	}
	if (m->op.type == OP_SPLIT)
		m->op.kind = NODE_FILE;
	if (m->op.type == OP_EDIT)
		set_content(w, m);
}

/* Pointers of an op to what is beside it. */
static void
lend(struct made *m)
{
	m->op.name = (const uint8_t *)m->name;
	m->op.place_refs = m->op.content_refs = m->op.attr_refs = m->refs;
	m->op.content.data = m->data;
	m->op.wall_ms = WALL;
}

/* Adds one op, new or that of the twin, and lets the model judge it. */
static void
add_op(struct world *w, struct segb *b, const struct made *twin)
{
	struct mseg *s = &w->s[w->at];
	struct made *m = &s->ops[s->n];
	const struct made *x = NULL;
	enum zk_err r;

	w->at_op = s->n;
	memset(m, 0, sizeof(*m));
	x = twin == NULL && below(w, 3) > 0 ? pick(w) : NULL;
	if (twin != NULL)
		*m = *twin;
	else if (x == NULL)
		make_create(w, m);
	else
		make_change(w, m, x);
	lend(m);
	MUST(segb_add(b, &m->op, &m->op.id));
	s->n++;
	m->node = m->op.type == OP_CREATE ? m->op.id : m->op.node;
	if (m->op.type == OP_SPLIT)
		split_id(&m->refs[0], &m->node);
	if (m->op.type == OP_CREATE)
		m->op.node = m->op.id;
	memcpy(m->op.device, device_keys_id(w->dev[WRITER]), 32);
	w->in_past = true;
	r = tree_apply(w->tree, &m->op);
	if (r != ZK_EREFUSED)
		MUST(r);
	m->valid = r == ZK_OK;
	w->outside += !w->in_past;
}

static void
add_cert(struct world *w, struct segb *b, int log)
{
	struct logop_cert c = { .incarnation = (uint64_t)log + 1 };
	struct op op = { .type = OP_LOG, .wall_ms = WALL };
	struct opid id;
	struct buf body;

	buf_init(&body, 4096);
	memcpy(c.device, device_keys_id(w->dev[WRITER]), 32);
	MUST(logop_cert_encode(&c, w->vault, signkey_pk(w->log[log]),
	    device_keys_sign(w->dev[WRITER]), &body));
	op.body = body.data;
	op.body_len = body.len;
	MUST(segb_add(b, &op, &id));
	buf_release(&body);
}

/* The newest segment of a log, by index; -1: none. */
static int
newest(const struct world *w, int log)
{
	int at = -1;

	for (int k = 0; k < w->at; k++)
		if (w->s[k].log == log)
			at = k;
	return at;
}

/* Puts the segment at hand behind prev (-1: first) in its log. */
static void
set_place_in(struct world *w, struct mseg *s, int log, int prev)
{
	s->log = log;
	s->prev = prev;
	s->seq = prev < 0 ? 1 : w->s[prev].seq + 1;
	s->lamport0 = 1 + (prev < 0 ? 0 : w->s[prev].last);
}

/* Where the segment at hand goes, and what it names. */
static void
choose_place(struct world *w, struct mseg *s)
{
	s->log = below(w, LOGS);
	s->prev = newest(w, s->log);
	if (w->forks && s->prev >= 0 && below(w, 2) == 0)
		for (int back = below(w, 3); back > 0; back--)
			if (w->s[s->prev].prev >= 0)
				s->prev = w->s[s->prev].prev;
	set_place_in(w, s, s->log, s->prev);
	for (int l = 0; l < LOGS; l++) {
		int h = newest(w, l);

		if (l == s->log || h < 0 || below(w, 3) > 0)
			continue;
		/* any of its segments, an old one or one of another branch */
		for (int tries = below(w, 3); tries > 0; tries--) {
			int k = below(w, (size_t)w->at);

			if (w->s[k].log == l)
				h = k;
		}
		s->head[s->heads_n++] = h;
		if (w->s[h].last + 1 > s->lamport0)
			s->lamport0 = w->s[h].last + 1;
	}
}

/* A segment at the same place whose ops can be written once more. */
static const struct mseg *
find_twin(const struct world *w, const struct mseg *s)
{
	for (int k = 0; w->twins && k < w->at; k++)
		if (w->s[k].log == s->log && w->s[k].prev == s->prev &&
		    w->s[k].lamport0 == s->lamport0)
			return &w->s[k];
	return NULL;
}

/* Writes the segment whose place is chosen. */
static void
write_segment(struct world *w)
{
	struct mseg *s = &w->s[w->at];
	struct seg_head heads[LOGS];
	struct segb_opts o = { .vault = w->vault, .wall_ms = WALL,
		.rec_heads = (const uint8_t (*)[32])
		&w->names[w->recs - 1], .rec_heads_n = 1, .heads = heads };
	const struct mseg *twin = NULL;
	struct segb *b = NULL;
	size_t n = (size_t)below(w, OPS + 1);

	set_past(w, s);
	for (size_t i = 0; i < s->heads_n; i++) {
		const struct mseg *h = &w->s[s->head[i]];

		memcpy(heads[i].log, w->log_id[h->log], 32);
		memcpy(heads[i].hash, h->hash, 32);
		heads[i].seq = h->seq;
	}
	o.log_pk = signkey_pk(w->log[s->log]);
	o.seq = s->seq;
	o.prev = s->prev < 0 ? NULL : w->s[s->prev].hash;
	o.lamport0 = s->lamport0;
	o.heads_n = s->heads_n;
	MUST(segb_new(&o, &b));
	if (s->prev < 0)
		add_cert(w, b, s->log);
	twin = find_twin(w, s);
	for (size_t i = 0; i < (twin != NULL ? twin->n : n); i++)
		add_op(w, b, twin != NULL ? &twin->ops[i] : NULL);
	buf_init(&s->stored, TRANSPORT_OBJ_MAX);
	MUST(segb_seal(b, fake_env(w->dice), w->E, w->epoch, w->log[s->log],
	    &s->stored, s->hash));
	s->last = segb_last_lamport(b);
	segb_free(b);
}

static void
write_all(struct world *w)
{
	MUST(tree_begin(w->tree));
	for (w->at = 0; w->at < SEGS; w->at++) {
		tree_past(w->tree, model_past, w);
		choose_place(w, &w->s[w->at]);
		write_segment(w);
		w->n++;
	}
	MUST(tree_end(w->tree));
}

/* Reading ------------------------------------------------------------------ */

static void
take(struct world *w, struct vault *v, const int *order, int n)
{
	static const struct sync_opts o;
	struct sync_report rep = { 0 };
	struct round rd = { .v = v, .o = &o, .rep = &rep };
	struct page *p = NULL;

	MUST(page_new(&p));
	for (int i = 0; i < n; i++) {
		const struct mseg *m = &w->s[order[i]];
		struct tseg t = { .seq = m->seq, .data = m->stored.data,
			.len = m->stored.len };

		memcpy(t.log, w->log_id[m->log], 32);
		memcpy(t.hash, m->hash, 32);
		MUST(page_add(p, &t));
	}
	MUST(ingest_page(&rd, NULL, p, NULL));
	page_free(p);
	round_release(&rd);
}

/* All segments in a random order, in pages of random length. */
static void
take_all(struct world *w, struct vault *v, bool forgetful)
{
	int order[SEGS];
	uint64_t pending = 1;

	for (int i = 0; i < SEGS; i++) {
		int k = below(w, (size_t)i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (int i = 0, n; i < SEGS; i += n) {
		n = 1 + below(w, 5);
		if (n > SEGS - i)
			n = SEGS - i;
		take(w, v, order + i, n);
		if (forgetful && below(w, 2) == 0)
			MUST(db_exec(v->db, "DELETE FROM segpast"));
	}
	MUST(logdb_pending(v->db, &pending));
	CHECK(pending == 0);
}

/* For each log one that looks like it: nothing is told by prefixes alone. */
static void
look_alike(struct world *w, struct vault *v)
{
	for (int i = 0; i < LOGS; i++) {
		struct logdb_log l = { .incarnation = 9 };

		memset(l.log, 0x55, sizeof(l.log));
		memcpy(l.log, w->log_id[i], 6);
		MUST(logdb_log_put(v->db, &l));
	}
}

static void
dump(const struct world *w, struct tree *t, struct buf *out)
{
	buf_init(out, DUMP_MAX);
	MUST(list_dump(t, out));
	for (int k = 0; k < w->n; k++) {
		for (size_t i = 0; i < w->s[k].n; i++) {
			enum zk_err r = tree_dump_node(t,
			    &w->s[k].ops[i].node, out);

			if (r != ZK_ENOENT)
				MUST(r);
		}
	}
}

static bool
same(const struct world *w, const char *who, const struct buf *a,
    const struct buf *b)
{
	if (a->len == b->len && memcmp(a->data, b->data, a->len) == 0)
		return true;
	printf("# seed %" PRIu64 ": %s has another tree than the model\n",
	    w->seed, who);
	return false;
}

static bool
one_seed(uint64_t seed, size_t *outside)
{
	static struct world w;
	struct buf want, got[2];
	bool good = true;

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.forks = seed % 3 > 0;
	w.twins = seed % 3 > 1;
	world_make(&w);
	write_all(&w);
	dump(&w, w.tree, &want);
	if (seed % 2 > 0)
		look_alike(&w, w.v[1]);
	for (int i = 0; i < 2; i++) {
		take_all(&w, w.v[i], i == 1 && seed % 5 == 0);
		dump(&w, w.v[i]->tree, &got[i]);
		good &= same(&w, i == 0 ? "ann" : "bob", &want, &got[i]);
		buf_release(&got[i]);
	}
	buf_release(&want);
	*outside += w.outside;
	world_free(&w);
	return good;
}

static void
test_any_order(void)
{
	uint64_t first = number("CAUSAL_FIRST", 1), bad = 0;
	uint64_t n = number("CAUSAL_SEEDS", 150);
	size_t outside = 0;

	NEED(crypto_init() == ZK_OK);
	log_set_level(LOG_QUIET);
	for (uint64_t s = first; s < first + n && bad < 5; s++)
		bad += !one_seed(s, &outside);
	CHECK(bad == 0);
	/* the seeds are about something */
	CHECK(outside > n);
}

/* Honest writers ----------------------------------------------------------- */

/* A device records one op; with node NULL a new file of that name. */
static enum zk_err
write_own(struct vault *v, const char *name, const struct opid *node,
    struct opid *id)
{
	struct made m = { .data = { 0, 'x' } };
	struct segw *w = NULL;
	struct emit *e;
	enum zk_err r;

	m.op.type = node == NULL ? OP_CREATE : OP_MOVE;
	m.op.name_len = strlen(name);
	memcpy(m.name, name, m.op.name_len);
	lend(&m);
	if (node == NULL) {
		m.op.kind = NODE_FILE;
		m.op.content.form = CONTENT_INLINE;
		m.op.content.size = 1;
		m.op.content.data_len = 2;
		chunk_hash(0, m.data + 1, 1, m.op.content.hash);
	} else {
		m.op.node = m.refs[0] = *node;
		m.op.place_refs_n = 1;
	}
	MUST(db_begin(v->db));
	MUST(segw_begin(v, &w));
	e = segw_emit(w);
	r = e->put(e->arg, &m.op);
	if (r != ZK_OK) {
		segw_abort(w);
		return r;
	}
	MUST(segw_end(w, false));
	MUST(db_commit(v->db));
	*id = m.op.id;
	return ZK_OK;
}

/* Another device takes all that from holds; nothing of it is void. */
static void
take_from(struct vault *to, struct vault *from)
{
	static const struct sync_opts o;
	struct sync_report rep = { 0 };
	struct round rd = { .v = to, .o = &o, .rep = &rep };
	struct logdb_seg g = { 0 };
	struct page *p = NULL;
	uint64_t pending = 1;

	MUST(page_new(&p));
	while (logdb_next(from->db, g.ord, &g) == ZK_OK) {
		struct tseg t = { .seq = g.seq };
		struct buf b;

		buf_init(&b, TRANSPORT_OBJ_MAX);
		MUST(logdb_data(from->db, g.id, &b));
		memcpy(t.log, g.log, 32);
		memcpy(t.hash, g.hash, 32);
		t.data = b.data;
		t.len = b.len;
		MUST(page_add(p, &t));
		buf_release(&b);
	}
	MUST(ingest_page(&rd, NULL, p, NULL));
	/* a fork of a log is named, and is all */
	CHECK(rd.worst == ZK_OK || rd.worst == ZK_EFORK);
	MUST(logdb_pending(to->db, &pending));
	CHECK(pending == 0);
	page_free(p);
	round_release(&rd);
}

static void
check_same(const struct vault *a, const struct vault *b)
{
	struct buf x, y;

	buf_init(&x, DUMP_MAX);
	buf_init(&y, DUMP_MAX);
	MUST(list_dump(a->tree, &x));
	MUST(list_dump(b->tree, &y));
	CHECK(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
	buf_release(&x);
	buf_release(&y);
}

static bool
has_name(struct vault *v, const char *name)
{
	struct list *l = NULL;
	const struct list_entry *e = NULL;
	enum zk_err r = list_lookup(v->tree, (const uint8_t *)name,
	    strlen(name), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	list_close(l);
	return r == ZK_OK;
}

/* A log with two ends: 0, and 1 and 2 behind it, each with a new node. */
static void
write_two_tips(struct world *w)
{
	static const int prev[] = { -1, 0, 0 };

	MUST(tree_begin(w->tree));
	for (w->at = 0; w->at < 3; w->at++, w->n++) {
		struct mseg *s = &w->s[w->at];

		tree_past(w->tree, model_past, w);
		set_place_in(w, s, 0, prev[w->at]);
		do {
			s->n = 0;
			buf_release(&s->stored);
			write_segment(w);
		} while (s->n == 0 || s->ops[0].op.type != OP_CREATE);
	}
	MUST(tree_end(w->tree));
}

/* Both ends of a forked log are told before what either of them made. */
static void
test_two_tips(void)
{
	static struct world w;
	static const int order[] = { 0, 1, 2 };
	static const char *const names[] = { "one", "two" };
	struct opid id;

	NEED(crypto_init() == ZK_OK);
	log_set_level(LOG_QUIET);
	for (int first = 0; first < 2; first++) {
		memset(&w, 0, sizeof(w));
		w.seed = 4;
		world_make(&w);
		write_two_tips(&w);
		take(&w, w.v[0], order, 3);
		for (int i = 0; i < 2; i++) {
			int k = (first + i) % 2;

			MUST(write_own(w.v[0], names[k],
			    &w.s[1 + k].ops[0].node, &id));
		}
		CHECK(has_name(w.v[0], "one") && has_name(w.v[0], "two"));
		take_from(w.v[1], w.v[0]);
		check_same(w.v[0], w.v[1]);
		world_free(&w);
	}
}

/* A segment in the name of v, behind the first of its log. */
static void
write_clone(struct world *w, struct vault *v, struct mseg *s)
{
	struct made m = { .data = { 0, 'x' }, .name = "cln" };
	struct logdb_seg first;
	struct segb_opts o = { .vault = w->vault, .wall_ms = WALL,
		.rec_heads = (const uint8_t (*)[32])
		&w->names[w->recs - 1], .rec_heads_n = 1, .seq = 2,
		.log_pk = signkey_pk(v->log), .prev = first.hash };
	struct segb *b = NULL;

	MUST(logdb_tip(v->db, v->log_id, &first));
	o.lamport0 = first.last_lamport + 1;
	m.op.type = OP_CREATE;
	m.op.kind = NODE_DIR;
	m.op.name_len = 3;
	lend(&m);
	MUST(segb_new(&o, &b));
	MUST(segb_add(b, &m.op, &m.op.id));
	s->seq = 2;
	s->ops[0] = m;
	buf_init(&s->stored, TRANSPORT_OBJ_MAX);
	MUST(segb_seal(b, v->env, w->E, w->epoch, v->log, &s->stored,
	    s->hash));
	segb_free(b);
}

/* Nothing is written behind one of two histories of the own log. */
static void
test_own_fork(void)
{
	static struct world w;
	static const struct sync_opts o;
	static const int order[] = { 0 };
	struct sync_report rep = { 0 };
	struct round rd = { .o = &o, .rep = &rep };
	struct opid one, two, id;

	NEED(crypto_init() == ZK_OK);
	log_set_level(LOG_QUIET);
	memset(&w, 0, sizeof(w));
	w.seed = 5;
	world_make(&w);
	rd.v = w.v[0];
	MUST(write_own(rd.v, "a", NULL, &one));
	write_clone(&w, rd.v, &w.s[0]);
	w.n = 1;
	MUST(write_own(rd.v, "b", NULL, &two));
	memcpy(w.log_id[0], rd.v->log_id, 32);
	take(&w, rd.v, order, 1);
	CHECK(has_name(rd.v, "cln") && has_name(rd.v, "b"));
	/* a run that was killed here must not go on in this log */
	CHECK(write_own(rd.v, "c", &two, &id) == ZK_EFORK);
	MUST(ingest_own_forked(&rd));
	NEED(rd.own_ahead);
	MUST(ingest_new_incarnation(&rd));
	MUST(write_own(rd.v, "c", &two, &id));
	MUST(write_own(rd.v, "d", &w.s[0].ops[0].op.id, &id));
	take_from(w.v[1], rd.v);
	check_same(w.v[0], w.v[1]);
	CHECK(has_name(w.v[1], "c") && has_name(w.v[1], "d"));
	world_free(&w);
}

/* n more rows that wait, of the log of the segment with that hash. */
static void
fill_waiting(struct world *w, const uint8_t *hash, uint64_t n)
{
	struct db *db = w->v[0]->db;
	struct logdb_seg g = { 0 };

	MUST(logdb_by_hash(db, hash, &g));
	MUST(db_begin(db));
	for (uint64_t i = 0; i < n; i++) {
		struct logdb_seg f = { .seq = 1000 + i };
		int64_t row = 0;

		memcpy(f.log, g.log, sizeof(f.log));
		memcpy(f.hash, &i, sizeof(i));
		MUST(logdb_put(db, &f, "", 1));
		row = f.id;
		MUST(logdb_wait(db, row, f.log, f.seq - 1, f.hash));
	}
	MUST(db_commit(db));
}

/*
 * N22: what names a head that does not exist waits, so many of one log at
 * most, and keeps nobody else waiting.
 */
static void
test_waiting_bound(void)
{
	static struct world w;
	static const int page[] = { 8 % 2, 2 };
	struct seg_head none = { .seq = 7, .log = "no", .hash = "such" };
	struct logdb_seg g = { 0 };
	uint64_t pending = 0;

	NEED(crypto_init() == ZK_OK);
	log_set_level(LOG_QUIET);
	memset(&w, 0, sizeof(w));
	w.seed = 6;
	world_make(&w);
	w.n = 2;
	for (uint64_t seq = 1; seq <= 8; seq++) {
		struct mseg *s = &w.s[seq % 2];
		struct segb_opts o = { .vault = w.vault, .seq = seq,
			.rec_heads = (const uint8_t (*)[32])
			&w.names[w.recs - 1], .rec_heads_n = 1,
			.log_pk = signkey_pk(w.log[0]),
			.prev = w.s[(seq + 1) % 2].hash, .heads = &none,
			.heads_n = seq == 1 ? 1 : 0, .lamport0 = seq };
		const int at = (int)(seq % 2);
		struct segb *b = NULL;

		MUST(segb_new(&o, &b));
		if (seq == 1)
			add_cert(&w, b, 0);
		s->seq = seq;
		buf_release(&s->stored);
		buf_init(&s->stored, TRANSPORT_OBJ_MAX);
		MUST(segb_seal(b, fake_env(w.dice), w.E, w.epoch, w.log[0],
		    &s->stored, s->hash));
		segb_free(b);
		take(&w, w.v[0], &at, 1);
		if (seq == 2)
			fill_waiting(&w, s->hash, INGEST_WAIT_MAX - 4);
	}
	MUST(logdb_pending(w.v[0]->db, &pending));
	CHECK(pending == INGEST_WAIT_MAX);
	w.n = 3;
	w.at = 2;
	MUST(tree_begin(w.tree));
	set_place_in(&w, &w.s[2], 1, -1);
	write_segment(&w);
	/* on one page with the last of those that find no room */
	take(&w, w.v[0], page, 2);
	MUST(logdb_pending(w.v[0]->db, &pending));
	CHECK(pending == INGEST_WAIT_MAX);
	MUST(logdb_by_hash(w.v[0]->db, w.s[2].hash, &g));
	CHECK(g.state == LOGDB_APPLIED);
	world_free(&w);
}

TESTS(
    { "any_order", test_any_order },
    { "two_tips", test_two_tips },
    { "own_fork", test_own_fork },
    { "waiting_bound", test_waiting_bound },
)

/*
 * The rules of zk-merge(7), one case each; those that are also invariants of
 * the product have their number.
 */
#include "../sim/replicas.h"
#include "crdt/cname.h"
#include "test.h"

static struct sim sim;

static struct sim_replica *
replica(size_t i)
{
	return &sim.r[i];
}

/* Everyone has everything, on disk too. */
static void
settle(void)
{
	for (size_t i = 0; i < sim.r_n; i++) {
		sim_fetch(replica(i), sim.log_n, SIM_OPS);
		sim_checkout(replica(i));
	}
}

static void
begin(size_t replicas)
{
	sim_open(&sim, 1, replicas);
}

/* Whether all replicas are in one state; then ends the case. */
static bool
finish(void)
{
	struct buf a, b;
	bool ok = true;

	buf_init(&a, SIM_DUMP);
	buf_init(&b, SIM_DUMP);
	sim_dump(&sim, replica(0)->tree, &a);
	for (size_t i = 1; i < sim.r_n; i++) {
		sim_dump(&sim, replica(i)->tree, &b);
		ok &= a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
	}
	buf_release(&a);
	buf_release(&b);
	sim_close(&sim);
	return ok;
}

/* Index in base of a path with '/' between components, -1: not there. */
static int
path(size_t i, const char *p)
{
	int dir = -1;

	for (;;) {
		const char *slash = strchr(p, '/');
		size_t len = slash != NULL ? (size_t)(slash - p) : strlen(p);

		dir = sim_find(replica(i), dir, p, len);
		if (dir < 0 || slash == NULL)
			return dir;
		p = slash + 1;
	}
}

/* Number of paths on the disk of replica i. */
static size_t
count(size_t i)
{
	return replica(i)->base_n;
}

/* The value of the content at a path, UINT_MAX if there is none. */
static unsigned
value_at(size_t i, const char *p)
{
	const struct list_entry *e;
	struct list *l;
	unsigned v = (unsigned)-1;

	MUST(list_lookup(replica(i)->tree, (const uint8_t *)p, strlen(p), &l));
	if (list_next(l, &e) == ZK_OK && e->kind != NODE_DIR)
		memcpy(&v, e->content.hash, sizeof(v));
	list_close(l);
	return v;
}

/* Index in base of the n-th name that the conflict rule made. */
static int
copy(size_t i, size_t n)
{
	const struct sim_replica *r = replica(i);

	for (size_t k = 0; k < r->base_n; k++) {
		const struct sim_path *p = &r->base[k];

		if (!p->gone && p->name_len > 20 &&
		    memmem(p->name, p->name_len, ".conflict-", 10) != NULL &&
		    n-- == 0)
			return (int)k;
	}
	return -1;
}

static size_t
copies(size_t i)
{
	size_t n = 0;

	while (copy(i, n) >= 0)
		n++;
	return n;
}

static void
test_i11_tie(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	/* equal Lamport times: the higher log wins on both */
	sim_move(replica(0), path(0, "f"), -1, "zero");
	sim_move(replica(1), path(1, "f"), -1, "one");
	settle();
	CHECK(path(0, "one") >= 0 && path(0, "zero") < 0);
	CHECK(count(0) == 1 && count(1) == 1);
	CHECK(finish());
}

static void
test_i12_cycle(void)
{
	begin(2);
	sim_create(replica(0), -1, "a", NODE_DIR, 0);
	sim_create(replica(0), -1, "b", NODE_DIR, 0);
	sim_create(replica(0), path(0, "a"), "x", NODE_FILE, 1);
	sim_create(replica(0), path(0, "b"), "y", NODE_FILE, 2);
	settle();
	sim_move(replica(0), path(0, "a"), path(0, "b"), "a");
	sim_move(replica(1), path(1, "b"), path(1, "a"), "b");
	settle();
	/* the move with the lower id stands, the other is void */
	CHECK(path(0, "b/a/x") >= 0 && path(0, "b/y") >= 0);
	CHECK(count(0) == 4 && count(1) == 4);
	CHECK(finish());
}

/* A void move comes to life when an older one takes its reason away. */
static void
test_i12_redo(void)
{
	begin(3);
	sim_create(replica(0), -1, "a", NODE_DIR, 0);
	sim_create(replica(0), -1, "b", NODE_DIR, 0);
	sim_create(replica(0), -1, "c", NODE_DIR, 0);
	settle();
	/* replica 1 writes later ids than replica 0 */
	sim_attr(replica(1), path(1, "c"), 0700);
	sim_attr(replica(1), path(1, "c"), 0701);
	sim_move(replica(0), path(0, "a"), path(0, "b"), "a");
	sim_move(replica(1), path(1, "b"), path(1, "a"), "b");
	/* replica 2 has the void move first, then what undoes its reason */
	sim_fetch(replica(2), (size_t[SIM_LOGS]){ 4, 3 }, SIM_OPS);
	sim_move(replica(0), path(0, "b/a"), path(0, "c"), "a");
	settle();
	CHECK(path(2, "c/a/b") >= 0);
	CHECK(count(2) == 3);
	CHECK(finish());
}

static void
test_i13_move_and_edit(void)
{
	begin(2);
	sim_create(replica(0), -1, "d", NODE_DIR, 0);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_move(replica(0), path(0, "f"), path(0, "d"), "g");
	sim_edit(replica(1), path(1, "f"), 2);
	settle();
	CHECK(value_at(0, "d/g") == 2 && path(0, "f") < 0);
	CHECK(count(0) == 2);
	CHECK(finish());
}

static void
test_i14_delete_and_edit(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_remove(replica(0), path(0, "f"));
	sim_edit(replica(1), path(1, "f"), 2);
	settle();
	CHECK(value_at(0, "f") == 2 && count(0) == 1);
	/* and seen by all, a delete is one */
	sim_remove(replica(0), path(0, "f"));
	settle();
	CHECK(count(1) == 0);
	CHECK(finish());
}

static void
test_i14_delete_and_move(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	sim_create(replica(0), -1, "d", NODE_DIR, 0);
	sim_create(replica(0), path(0, "d"), "x", NODE_FILE, 3);
	settle();
	sim_remove(replica(0), path(0, "f"));
	sim_remove(replica(0), path(0, "d"));
	sim_move(replica(1), path(1, "f"), -1, "g");
	sim_move(replica(1), path(1, "d"), -1, "e");
	settle();
	CHECK(value_at(0, "g") == 1);
	/* the directory was moved, what is in it was removed */
	CHECK(path(0, "e") >= 0 && path(0, "e/x") < 0);
	CHECK(count(0) == 2);
	CHECK(finish());
}

static void
test_i14_delete_and_add_inside(void)
{
	begin(2);
	sim_create(replica(0), -1, "d", NODE_DIR, 0);
	sim_create(replica(0), path(0, "d"), "old", NODE_FILE, 1);
	settle();
	sim_remove(replica(0), path(0, "d"));
	sim_create(replica(1), path(1, "d"), "new", NODE_FILE, 2);
	settle();
	CHECK(value_at(0, "d/new") == 2 && path(0, "d/old") < 0);
	CHECK(count(0) == 2);
	/* with the addition gone nothing holds the directory */
	sim_remove(replica(0), path(0, "d/new"));
	settle();
	CHECK(count(1) == 0);
	CHECK(finish());
}

static void
test_keep(void)
{
	begin(2);
	sim_create(replica(0), -1, "d", NODE_DIR, 0);
	settle();
	sim_remove(replica(0), path(0, "d"));
	sim_create(replica(1), path(1, "d"), "new", NODE_FILE, 2);
	settle();
	/* whoever works below it wants it for itself */
	sim_edit(replica(0), path(0, "d/new"), 3);
	settle();
	sim_remove(replica(1), path(1, "d/new"));
	settle();
	CHECK(path(0, "d") >= 0 && count(0) == 1);
	sim_remove(replica(0), path(0, "d"));
	settle();
	CHECK(count(1) == 0);
	CHECK(finish());
}

static void
test_i15_equal_edits(void)
{
	begin(3);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 2);
	settle();
	CHECK(value_at(2, "f") == 2 && count(2) == 1);
	/* replacing one replaces all */
	sim_edit(replica(2), path(2, "f"), 3);
	settle();
	CHECK(value_at(0, "f") == 3 && count(0) == 1);
	/* equal bytes by different ways */
	sim_edit(replica(0), path(0, "f"), 5);
	sim_edit(replica(0), path(0, "f"), 4);
	sim_edit(replica(1), path(1, "f"), 4);
	settle();
	CHECK(value_at(2, "f") == 4 && count(2) == 1);
	/* one edit, and one removal, act on both */
	sim_edit(replica(2), path(2, "f"), 6);
	settle();
	CHECK(value_at(0, "f") == 6 && count(0) == 1);
	sim_remove(replica(1), path(1, "f"));
	settle();
	CHECK(count(0) == 0);
	CHECK(finish());
}

static void
test_i15_equal_creates(void)
{
	begin(2);
	sim_create(replica(0), -1, "d", NODE_DIR, 0);
	sim_create(replica(0), path(0, "d"), "f", NODE_FILE, 1);
	sim_create(replica(0), path(0, "d"), "only0", NODE_FILE, 8);
	sim_create(replica(1), -1, "d", NODE_DIR, 0);
	sim_create(replica(1), path(1, "d"), "f", NODE_FILE, 1);
	sim_create(replica(1), path(1, "d"), "only1", NODE_FILE, 9);
	settle();
	CHECK(count(0) == 4 && copies(0) == 0);
	CHECK(value_at(0, "d/only1") == 9 && value_at(1, "d/only0") == 8);
	/* the first op on a united path ends the union */
	sim_edit(replica(0), path(0, "d/f"), 2);
	settle();
	CHECK(value_at(1, "d/f") == 2 && count(1) == 4);
	/* and moving united directories takes along what is in either */
	sim_move(replica(1), path(1, "d"), -1, "e");
	settle();
	CHECK(value_at(0, "e/f") == 2 && value_at(0, "e/only0") == 8 &&
	    value_at(0, "e/only1") == 9 && count(0) == 4);
	sim_remove(replica(0), path(0, "e"));
	settle();
	CHECK(count(1) == 0);
	CHECK(finish());
}

static void
test_i16_copies(void)
{
	uint8_t name[256];
	size_t len;

	begin(4);
	sim_create(replica(0), -1, "f.txt", NODE_FILE, 1);
	settle();
	for (unsigned i = 0; i < 4; i++)
		sim_edit(replica(i), path(i, "f.txt"), 10 + i);
	settle();
	CHECK(count(0) == 4 && copies(0) == 3);
	/* the lowest op has the name */
	CHECK(value_at(0, "f.txt") == 10);
	/* its name stays while its writer, unaware, goes on */
	NEED(copy(1, 0) >= 0);
	len = replica(1)->base[copy(1, 0)].name_len;
	memcpy(name, replica(1)->base[copy(1, 0)].name, len);
	CHECK(name[len - 4] == '.' && name[len - 1] == 't');
	/* two devices resolve alike: the same file, once */
	sim_edit(replica(0), copy(0, 0), 50);
	sim_edit(replica(1), copy(1, 0), 50);
	settle();
	CHECK(count(0) == 4);
	CHECK(sim_find(replica(2), -1, name, len) >= 0);
	/* what was split off is no conflict any more, whatever its name */
	sim_edit(replica(2), sim_find(replica(2), -1, name, len), 51);
	sim_move(replica(3), sim_find(replica(3), -1, name, len), -1, "mine");
	settle();
	CHECK(value_at(0, "mine") == 51);
	CHECK(finish());
}

static void
test_i16_name_stays(void)
{
	uint8_t name[256];
	size_t len;

	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	sim_fetch(replica(0), sim.log_n, SIM_OPS);
	sim_checkout(replica(0));
	NEED(copy(0, 0) >= 0);
	len = replica(0)->base[copy(0, 0)].name_len;
	memcpy(name, replica(0)->base[copy(0, 0)].name, len);
	sim_edit(replica(1), path(1, "f"), 4);
	settle();
	CHECK(sim_find(replica(0), -1, name, len) >= 0);
	CHECK(count(0) == 2);
	CHECK(finish());
}

static void
test_resolve_by_delete(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	CHECK(count(0) == 2);
	/* deleting the file at the name gives the name to the other */
	sim_remove(replica(0), path(0, "f"));
	settle();
	CHECK(count(1) == 1 && value_at(1, "f") == 3);
	sim_remove(replica(1), path(1, "f"));
	settle();
	CHECK(count(0) == 0);
	CHECK(finish());
}

static void
test_delete_both_at_once(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	sim_remove(replica(0), path(0, "f"));
	sim_remove(replica(0), copy(0, 0));
	settle();
	CHECK(count(1) == 0);
	CHECK(finish());
}

static void
test_drops_of_all_are_ignored(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	sim_remove(replica(0), path(0, "f"));
	sim_remove(replica(1), copy(1, 0));
	settle();
	CHECK(count(0) == 2 && value_at(0, "f") == 2 && copies(0) == 1);
	CHECK(finish());
}

/* A move beats the removal of every file that the node shows as. */
static void
test_move_keeps_copies(void)
{
	begin(3);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	sim_remove(replica(0), copy(0, 0));
	sim_edit(replica(1), path(1, "f"), 4);
	settle();
	CHECK(count(0) == 1 && value_at(0, "f") == 4);
	sim_edit(replica(0), path(0, "f"), 5);
	sim_edit(replica(1), path(1, "f"), 6);
	settle();
	sim_remove(replica(0), copy(0, 0));
	sim_remove(replica(0), path(0, "f"));
	sim_move(replica(1), path(1, "f"), -1, "g");
	settle();
	NEED(count(2) >= 1 && path(2, "g") >= 0);
	sim_edit(replica(2), path(2, "g"), 7);
	settle();
	CHECK(value_at(0, "g") == 7);
	CHECK(finish());
}

/* Both are removed at once and moved: both stay, also after an edit. */
static void
test_move_brings_back(void)
{
	struct opid refs[2];
	struct op op = { .type = OP_REMOVE };

	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	refs[0] = sim.ops[1].op.id;
	refs[1] = sim.ops[2].op.id;
	op.node = sim.ops[0].op.id;
	op.place_refs = &op.node;
	op.place_refs_n = 1;
	op.content_refs = refs;
	op.content_refs_n = 2;
	MUST(tree_begin(replica(0)->tree));
	MUST(sim_put(replica(0), &op));
	MUST(tree_end(replica(0)->tree));
	sim_move(replica(1), path(1, "f"), -1, "g");
	settle();
	CHECK(count(0) == 2 && value_at(0, "g") == 2);
	sim_edit(replica(0), path(0, "g"), 4);
	settle();
	CHECK(count(0) == 2 && value_at(0, "g") == 4 && copies(0) == 1);
	CHECK(finish());
}

static void
test_split_and_drop(void)
{
	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	/* one takes the copy as a file of its own, one deletes the other */
	sim_move(replica(0), copy(0, 0), -1, "g");
	sim_remove(replica(1), path(1, "f"));
	settle();
	CHECK(count(0) == 1 && value_at(0, "g") == 3);
	CHECK(finish());
}

static void
test_names_collide(void)
{
	begin(3);
	sim_create(replica(0), -1, "x", NODE_FILE, 1);
	sim_create(replica(1), -1, "x", NODE_DIR, 0);
	sim_create(replica(1), path(1, "x"), "in", NODE_FILE, 4);
	sim_create(replica(2), -1, "x", NODE_FILE, 2);
	settle();
	/* the eldest has the name; the directory is whole elsewhere */
	CHECK(value_at(0, "x") == 1);
	CHECK(count(0) == 4 && copies(0) == 2);
	sim_move(replica(1), copy(1, 0), -1, "y");
	sim_move(replica(1), copy(1, 0), -1, "z");
	settle();
	CHECK(copies(0) == 0 && count(0) == 4);
	CHECK(value_at(0, "y/in") == 4 || value_at(0, "z/in") == 4);
	CHECK(finish());
}

/* The name made for a copy is taken by a real file: more digits. */
static void
test_made_name_taken(void)
{
	char name[256];
	size_t len;

	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	sim_edit(replica(0), path(0, "f"), 2);
	sim_edit(replica(1), path(1, "f"), 3);
	settle();
	NEED(copy(0, 0) >= 0);
	len = replica(0)->base[copy(0, 0)].name_len;
	memcpy(name, replica(0)->base[copy(0, 0)].name, len);
	name[len] = '\0';
	sim_create(replica(1), -1, name, NODE_FILE, 7);
	settle();
	CHECK(count(0) == 3 && value_at(0, name) == 7);
	CHECK(copies(0) == 2);
	for (size_t i = 0; i < replica(0)->base_n; i++)
		CHECK(replica(0)->base[i].name_len == 1 ||
		    replica(0)->base[i].name_len == len ||
		    replica(0)->base[i].name_len == len + 1);
	CHECK(finish());
}

static void
test_n16_file_and_directory(void)
{
	begin(2);
	sim_create(replica(0), -1, "p", NODE_FILE, 1);
	sim_create(replica(0), -1, "q", NODE_DIR, 0);
	sim_create(replica(0), path(0, "q"), "in", NODE_FILE, 2);
	settle();
	sim_remove(replica(0), path(0, "p"));
	sim_create(replica(0), -1, "p", NODE_DIR, 0);
	sim_create(replica(0), path(0, "p"), "new", NODE_FILE, 3);
	sim_remove(replica(1), path(1, "q"));
	sim_create(replica(1), -1, "q", NODE_FILE, 4);
	settle();
	CHECK(value_at(0, "p/new") == 3 && value_at(0, "q") == 4);
	CHECK(count(0) == 3);
	CHECK(finish());
}

/* A directory kept as one is to the merge a file, and no other kind. */
static void
test_trees(void)
{
	begin(2);
	sim_create(replica(0), -1, "t", NODE_TREE, 1);
	settle();
	sim_edit(replica(0), path(0, "t"), 2);
	sim_edit(replica(1), path(1, "t"), 3);
	settle();
	CHECK(count(0) == 2 && copies(0) == 1);
	/* equal ones unite; what else has these bytes does not */
	sim_create(replica(0), -1, "u", NODE_TREE, 4);
	sim_create(replica(1), -1, "u", NODE_TREE, 4);
	settle();
	CHECK(count(0) == 3 && copies(0) == 1);
	sim_create(replica(0), -1, "v", NODE_TREE, 5);
	sim_create(replica(1), -1, "v", NODE_FILE, 5);
	settle();
	CHECK(count(0) == 5 && copies(0) == 2);
	/* an edit beats a removal, a move goes along with one */
	sim_remove(replica(0), path(0, "u"));
	sim_edit(replica(1), path(1, "u"), 6);
	settle();
	CHECK(value_at(0, "u") == 6);
	sim_move(replica(0), path(0, "u"), -1, "w");
	sim_edit(replica(1), path(1, "u"), 7);
	settle();
	CHECK(value_at(0, "w") == 7 && count(0) == 5);
	CHECK(finish());
}

static void
test_attributes(void)
{
	const struct list_entry *e;
	struct emit_file f = { .kind = NODE_FILE, .has_mtime = true,
		.mtime_sec = 77, .mtime_nsec = 5 };
	struct list *l;

	begin(2);
	sim_create(replica(0), -1, "f", NODE_FILE, 1);
	settle();
	/* fields merge on their own: no conflict */
	sim_attr(replica(0), path(0, "f"), 0755);
	sim_change(replica(1), path(1, "f"), &f);
	settle();
	MUST(list_lookup(replica(0)->tree, (const uint8_t *)"f", 1, &l));
	MUST(list_next(l, &e));
	CHECK(e->mode == 0755 && e->mtime_sec == 77 && e->mtime_nsec == 5);
	list_close(l);
	CHECK(finish());
}

/* Ops that cannot be meant are void by themselves and change nothing. */
static void
test_void_ops(void)
{
	struct sim_replica *r;
	struct opid file, other, whole;
	struct op op;
	struct buf a, b;

	begin(1);
	r = replica(0);
	sim_create(r, -1, "d", NODE_DIR, 0);
	sim_create(r, -1, "f", NODE_FILE, 1);
	sim_create(r, -1, "g", NODE_FILE, 2);
	sim_create(r, -1, "t", NODE_TREE, 3);
	file = sim.ops[1].op.id;
	other = sim.ops[2].op.id;
	whole = sim.ops[3].op.id;
	buf_init(&a, SIM_DUMP);
	buf_init(&b, SIM_DUMP);
	sim_dump(&sim, r->tree, &a);
	MUST(tree_begin(r->tree));
	for (int i = 0; i < 10; i++) {
		memset(&op, 0, sizeof(op));
		memset(op.id.b, 0x70, OPID_LEN);
		op.type = OP_EDIT;
		op.node = file;
		op.content = sim_content(9);
		op.content_refs = &file;
		op.content_refs_n = 1;
		op.name = (const uint8_t *)"n";
		op.name_len = 1;
		if (i == 0)
			op.content_refs_n = 0;
		if (i == 1)	/* a ref of another node */
			op.content_refs = &other;
		if (i == 2)	/* a node that is not there */
			op.node.b[31] ^= 1;
		if (i == 3)	/* a directory has no content */
			op.node = sim.ops[0].op.id;
		if (i == 4)	/* below what it names */
			memset(op.id.b, 0, OPID_LEN - 1);
		if (i == 5 || i == 6 || i == 7) {
			op.type = OP_MOVE;
			memset(&op.content, 0, sizeof(op.content));
			op.content_refs_n = 0;
			op.place_refs = &file;
			op.place_refs_n = 1;
		}
		if (i == 5)	/* into a file */
			op.parent = other;
		if (i == 6)	/* the root */
			memset(&op.node, 0, sizeof(op.node));
		if (i == 7) {	/* into what is not there */
			op.parent = file;
			op.parent.b[20] ^= 1;
		}
		if (i == 8) {	/* splits name the kind that the node has */
			op.type = OP_SPLIT;
			memset(&op.content, 0, sizeof(op.content));
			op.kind = NODE_SYMLINK;
		}
		if (i == 9) {	/* a tree is no text */
			op.node = whole;
			op.content_refs = &whole;
			op.content.merge = MERGE_TEXT;
		}
		CHECK(tree_apply(r->tree, &op) == ZK_EREFUSED);
	}
	MUST(tree_end(r->tree));
	sim_dump(&sim, r->tree, &b);
	CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	buf_release(&a);
	buf_release(&b);
	CHECK(finish());
}

static bool
made_is(const char *base, bool ext, int64_t wall_ms, unsigned attempt,
    const char *want)
{
	struct cname_stamp st = { .wall_ms = wall_ms };
	struct cdb_name in = { .len = (uint8_t)strlen(base) };
	struct cdb_name out;

	memcpy(in.b, base, in.len);
	for (size_t i = 0; i < 20; i++)
		st.id.b[12 + i] = (uint8_t)(0xa0 + i);
	memset(st.device, 0xff, sizeof(st.device));
	cname_make(&in, ext, &st, attempt, &out);
	if (out.len != strlen(want) || memcmp(out.b, want, out.len) != 0)
		printf("# made %.*s\n", out.len, (const char *)out.b);
	return out.len == strlen(want) &&
	    memcmp(out.b, want, out.len) == 0;
}

static void
test_made_names(void)
{
	CHECK(made_is("a.txt", true, 0, 0,
	    "a.conflict-19700101-000000-777777-a0a1.txt"));
	CHECK(made_is("a.txt", false, 0, 1,
	    "a.txt.conflict-19700101-000000-777777-a0a1a"));
	CHECK(made_is(".profile", true, INT64_C(951782399999), 0,
	    ".profile.conflict-20000228-235959-777777-a0a1"));
	CHECK(made_is("x.", true, INT64_C(951782400000), 0,
	    "x..conflict-20000229-000000-777777-a0a1"));
	CHECK(made_is("x.y.z", true, INT64_C(4107542400000), 0,
	    "x.y.conflict-21000301-000000-777777-a0a1.z"));
	CHECK(made_is("n", true, -1, 0,
	    "n.conflict-19691231-235959-777777-a0a1"));
	CHECK(made_is("n", true, INT64_MIN, 0,
	    "n.conflict-00010101-000000-777777-a0a1"));
	CHECK(made_is("n", true, INT64_MAX, 0,
	    "n.conflict-99991231-235959-777777-a0a1"));
	CHECK(made_is("n", true, 0, 38, "n.conflict-19700101-000000-777777-"
	    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3-2"));
}

static void
test_made_names_fit(void)
{
	struct cname_stamp st = { .wall_ms = 0 };
	struct cdb_name in, out;

	memset(&st.id, 0, sizeof(st.id));
	/* two-byte characters: the cut falls between them */
	in.len = 255;
	for (size_t i = 0; i < 254; i += 2)
		memcpy(in.b + i, "\xc3\xa9", 2);
	in.b[254] = 'x';
	cname_make(&in, true, &st, 0, &out);
	CHECK(out.len == 254 || out.len == 255);
	CHECK(memcmp(out.b + out.len - 39 - 1, "\xa9.conflict", 10) == 0 ||
	    memmem(out.b, out.len, "\xa9.conflict", 10) != NULL);
	/* bytes that are no text are cut anywhere */
	memset(in.b, 0xff, 251);
	memcpy(in.b + 251, ".bin", 4);
	cname_make(&in, true, &st, 0, &out);
	CHECK(out.len == 255 && memcmp(out.b + 251, ".bin", 4) == 0);
}

/* The bytes that base keeps are read with care. */
static void
test_seen_bytes(void)
{
	struct opid id;
	struct seen s;
	struct buf b;
	size_t n;

	memset(&id, 7, sizeof(id));
	buf_init(&b, 4096);
	MUST(seen_born(&id, NODE_FILE, &b));
	for (size_t i = 0; i < b.len; i++) {
		CHECK(seen_decode(b.data, i, &s) == ZK_EFORMAT);
		CHECK(seen_ids(b.data, i, NULL, 0, &n) == ZK_EFORMAT);
	}
	MUST(seen_decode(b.data, b.len, &s));
	CHECK(s.n == 1 && s.nodes[0].refs_n == 1);
	CHECK(s.nodes[0].refs[0].what ==
	    (SEEN_PLACE | SEEN_CONTENT | SEEN_ATTR));
	seen_release(&s);
	buf_u8(&b, 0);
	CHECK(seen_decode(b.data, b.len, &s) == ZK_EFORMAT);
	buf_release(&b);
}

TESTS(
    { "I11_tie_break", test_i11_tie },
    { "I12_cycle", test_i12_cycle },
    { "I12_void_move_comes_back", test_i12_redo },
    { "I13_move_and_edit", test_i13_move_and_edit },
    { "I14_delete_and_edit", test_i14_delete_and_edit },
    { "I14_delete_and_move", test_i14_delete_and_move },
    { "I14_delete_and_add_inside", test_i14_delete_and_add_inside },
    { "I15_equal_edits", test_i15_equal_edits },
    { "I15_equal_creates", test_i15_equal_creates },
    { "I16_copies", test_i16_copies },
    { "I16_name_stays", test_i16_name_stays },
    { "keep", test_keep },
    { "resolve_by_delete", test_resolve_by_delete },
    { "delete_both_at_once", test_delete_both_at_once },
    { "drops_of_all_are_ignored", test_drops_of_all_are_ignored },
    { "move_keeps_copies", test_move_keeps_copies },
    { "move_brings_back", test_move_brings_back },
    { "split_and_drop", test_split_and_drop },
    { "names_collide", test_names_collide },
    { "made_name_taken", test_made_name_taken },
    { "N16_file_and_directory", test_n16_file_and_directory },
    { "trees", test_trees },
    { "attributes", test_attributes },
    { "void_ops", test_void_ops },
    { "made_names", test_made_names },
    { "made_names_fit", test_made_names_fit },
    { "seen_bytes", test_seen_bytes },
)

/* Which contents a checkpoint leaves out: the rules by themselves. */
#include "crdt/cdb.h"
#include "store/cpscan.h"
#include "test.h"

#define CUT true
#define LATER false
#define CREATED (REG_PLACE | REG_ATTR | REG_CONTENT)

/* Ids are by letter, those of nodes that of their CREATE. */
static struct opid
id_of(char c)
{
	struct opid id;

	memset(&id, 0, sizeof(id));
	id.b[5] = (uint8_t)c;
	id.b[31] = 7;
	return id;
}

static void
op(struct cpscan *s, char id, char node, unsigned regs, bool cut)
{
	struct opid a = id_of(id), b = id_of(node);

	CHECK(cpscan_op(s, &a, &b, regs, cut) == ZK_OK);
}

static void
create(struct cpscan *s, char id, bool cut)
{
	op(s, id, id, CREATED, cut);
}

/* An op of the registers regs takes the place of those in old. */
static void
over(struct cpscan *s, const char *old, unsigned regs, bool cut)
{
	for (; *old != '\0'; old++) {
		struct opid id = id_of(*old);

		CHECK(cpscan_replaced(s, &id, regs, cut) == ZK_OK);
	}
}

static void
edit(struct cpscan *s, char id, char node, const char *old, bool cut)
{
	op(s, id, node, REG_CONTENT, cut);
	over(s, old, REG_CONTENT, cut);
}

static void
move(struct cpscan *s, char id, char node, const char *old, bool cut)
{
	op(s, id, node, REG_PLACE, cut);
	over(s, old, REG_PLACE | REG_KEEP, cut);
}

static void
removal(struct cpscan *s, const char *ids)
{
	for (; *ids != '\0'; ids++) {
		struct opid id = id_of(*ids);

		CHECK(cpscan_covered(s, &id) == ZK_OK);
	}
}

static void
keep(struct cpscan *s, char node)
{
	struct opid id = id_of(node);

	CHECK(cpscan_keep(s, &id) == ZK_OK);
}

static struct cpscan *
fresh(void)
{
	struct cpscan *s = NULL;

	if (cpscan_new(&s) != ZK_OK)
		abort();
	return s;
}

/* Of all letters those in want are past, and no other.  Frees s. */
static void
settled(struct cpscan *s, const char *want)
{
	char got[64];
	size_t n = 0;

	CHECK(cpscan_settle(s) == ZK_OK);
	for (char c = 'a'; c <= 'z'; c++) {
		struct opid id = id_of(c);
		bool past = true;

		CHECK(cpscan_past(s, &id, &past) == ZK_OK);
		if (past)
			got[n++] = c;
	}
	got[n] = '\0';
	if (strcmp(got, want) != 0)
		printf("# past is '%s', not '%s'\n", got, want);
	CHECK(strcmp(got, want) == 0);
	cpscan_free(s);
}

/* A chain of edits: all go that an edit within the cut replaced. */
static void
test_edits(void)
{
	struct cpscan *s = fresh();

	settled(s, "");
	s = fresh();
	create(s, 'a', CUT);
	settled(s, "");
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "b", CUT);
	settled(s, "ab");
	/* the last one came after it */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "b", LATER);
	edit(s, 'd', 'a', "c", LATER);
	settled(s, "a");
	/* all but the first did */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", LATER);
	settled(s, "");
	/* replaced by one that came late, and one in the cut */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", LATER);
	edit(s, 'c', 'a', "ab", CUT);
	settled(s, "ab");
	/* other files are others */
	s = fresh();
	create(s, 'a', CUT);
	create(s, 'b', CUT);
	edit(s, 'c', 'a', "a", CUT);
	edit(s, 'd', 'b', "b", LATER);
	settled(s, "a");
}

/* What replaces place or mode replaces no content. */
static void
test_registers(void)
{
	struct cpscan *s = fresh();

	create(s, 'a', CUT);
	move(s, 'b', 'a', "a", CUT);
	op(s, 'c', 'a', REG_ATTR, CUT);
	over(s, "a", REG_ATTR, CUT);
	settled(s, "");
	/* contents that went before are not undone by it */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	move(s, 'c', 'a', "a", LATER);
	settled(s, "a");
	/* what never was put in */
	s = fresh();
	create(s, 'a', CUT);
	over(s, "xyz", REG_CONTENT, CUT);
	removal(s, "xy");
	settled(s, "");
	/* directories have none */
	s = fresh();
	op(s, 'a', 'a', REG_PLACE | REG_ATTR, CUT);
	removal(s, "a");
	settled(s, "");
	/* the second with an id is not there */
	s = fresh();
	create(s, 'a', CUT);
	create(s, 'b', CUT);
	op(s, 'a', 'b', REG_CONTENT, LATER);
	edit(s, 'c', 'a', "a", CUT);
	settled(s, "a");
}

/* Two ends: what they came of may be needed to merge them, until they are. */
static void
test_ends(void)
{
	struct cpscan *s = fresh();

	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "a", CUT);
	settled(s, "");
	/* ever so late */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "b", CUT);
	edit(s, 'd', 'a', "a", LATER);
	settled(s, "");
	/* a merge within the cut */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "a", CUT);
	edit(s, 'd', 'a', "bc", CUT);
	settled(s, "abc");
	/* a merge after it: the ends of then stay */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "a", LATER);
	edit(s, 'd', 'a', "bc", LATER);
	settled(s, "a");
	/* a merge of only some of three */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "a", CUT);
	edit(s, 'd', 'a', "a", CUT);
	edit(s, 'e', 'a', "bc", CUT);
	settled(s, "");
	/* the other file has one */
	s = fresh();
	create(s, 'a', CUT);
	create(s, 'b', CUT);
	edit(s, 'c', 'a', "a", CUT);
	edit(s, 'd', 'a', "a", CUT);
	edit(s, 'e', 'b', "b", CUT);
	settled(s, "b");
}

/* A node that was removed whole, within the cut. */
static void
test_removed(void)
{
	struct cpscan *s = fresh();

	create(s, 'a', CUT);
	removal(s, "a");
	settled(s, "a");
	/* with its last version, and each place it had */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	move(s, 'c', 'a', "a", CUT);
	removal(s, "abc");
	settled(s, "ab");
	/* what was replaced in all it says need not be named */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "b", CUT);
	removal(s, "ac");
	settled(s, "abc");
	/* both ends of what came apart */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "a", CUT);
	removal(s, "abc");
	settled(s, "abc");
	/* others stay */
	s = fresh();
	create(s, 'a', CUT);
	create(s, 'b', CUT);
	removal(s, "a");
	settled(s, "a");
}

/* One of which something was not seen by who removed it. */
static void
test_not_whole(void)
{
	struct cpscan *s = fresh();

	/* an edit after the cut */
	create(s, 'a', CUT);
	removal(s, "a");
	edit(s, 'b', 'a', "a", LATER);
	settled(s, "");
	/* a move after it */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	removal(s, "ab");
	move(s, 'c', 'a', "a", LATER);
	settled(s, "a");
	/* an edit within the cut that is not covered */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	removal(s, "a");
	settled(s, "a");
	/* of two ends one is not */
	s = fresh();
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	edit(s, 'c', 'a', "a", CUT);
	removal(s, "ab");
	settled(s, "");
	/* a move within the cut that is not covered */
	s = fresh();
	create(s, 'a', CUT);
	move(s, 'b', 'a', "a", CUT);
	removal(s, "a");
	settled(s, "");
	/* nothing removed it, though every register was replaced */
	s = fresh();
	create(s, 'a', CUT);
	over(s, "a", CREATED, LATER);
	settled(s, "");
}

/* Of what comes apart nothing goes. */
static void
test_kept(void)
{
	struct cpscan *s = fresh();

	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	keep(s, 'a');
	keep(s, 'a');
	settled(s, "");
	/* said before anything else is */
	s = fresh();
	keep(s, 'a');
	create(s, 'a', CUT);
	edit(s, 'b', 'a', "a", CUT);
	removal(s, "ab");
	settled(s, "");
	/* of that alone */
	s = fresh();
	keep(s, 'a');
	create(s, 'a', CUT);
	create(s, 'b', CUT);
	edit(s, 'c', 'a', "a", CUT);
	edit(s, 'd', 'b', "b", CUT);
	settled(s, "b");
	/* a node that lives on its own is not removed whole */
	s = fresh();
	create(s, 'a', CUT);
	op(s, 'b', 'a', REG_KEEP, CUT);
	removal(s, "a");
	settled(s, "");
	s = fresh();
	create(s, 'a', CUT);
	op(s, 'b', 'a', REG_KEEP, CUT);
	removal(s, "ab");
	settled(s, "a");
}

TESTS(
    { "edits", test_edits },
    { "registers", test_registers },
    { "ends", test_ends },
    { "removed", test_removed },
    { "not_whole", test_not_whole },
    { "kept", test_kept },
)

/* Conformance of transports: logs whose first segments will not come. */
#include "tests/unit/transport_conform.h"

#define SEGS 60

/* A remote, a log, and what was read of it so far. */
struct scene {
	struct fix *f;
	struct transport *t;
	struct fix_log a;
	struct fix_got got;
	struct tmark mark;
};

static struct scene *
scene_new(struct fix *f)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->f = f;
	s->t = fix_begin(f);
	if (s->t == NULL || !fix_log(&s->a, SEGS, 1)) {
		printf("# no remote to begin on\n");
		test_failed = true;
	}
	return s;
}

static void
scene_free(struct scene *s)
{
	fix_log_release(&s->a);
	transport_free(s->t);
	free(s);
}

/* The segment of that number, from 1. */
static struct tseg *
seg(struct scene *s, uint64_t seq)
{
	return &s->a.seg[seq - 1];
}

static enum zk_err
begin(struct scene *s, uint64_t seq)
{
	return transport_log_begin(s->t, s->a.seg[0].log, seq,
	    seg(s, seq)->hash);
}

/* What appending segments from..to gives, if it is the same for all. */
static int
append(struct scene *s, uint64_t from, uint64_t to)
{
	enum tseg_result res[SEGS];

	if (transport_append(s->t, seg(s, from), to - from + 1, res) != ZK_OK)
		return -1;
	for (uint64_t i = 1; i <= to - from; i++)
		if (res[i] != res[0])
			return -2;
	return (int)res[0];
}

static enum zk_err
drop(struct scene *s, uint64_t from, uint64_t to)
{
	enum zk_err r = ZK_OK;

	for (uint64_t i = from; i <= to && r == ZK_OK; i++)
		r = transport_seg_delete(s->t, s->a.seg[0].log, i);
	return r;
}

/* Whether the log ends with that segment. */
static bool
ends(struct scene *s, uint64_t seq)
{
	uint8_t hash[32];
	uint64_t at = 0;

	return transport_head(s->t, s->a.seg[0].log, &at, hash) == ZK_OK &&
	    at == seq && memcmp(hash, seg(s, seq)->hash, 32) == 0;
}

/* Whether reading on gives segments from..to and no more, in order. */
static bool
gives(struct scene *s, uint64_t from, uint64_t to)
{
	size_t n = s->got.n;

	if (fix_read(s->t, &s->mark, 0, 0, &s->got) != ZK_OK ||
	    s->got.damaged || s->got.n != n + to - from + 1)
		return false;
	for (size_t i = n; i < s->got.n; i++)
		if (s->got.seg[i].seq != from + i - n)
			return false;
	return true;
}

/* Reads from the start again, as a new device. */
static void
anew(struct scene *s)
{
	memset(&s->got, 0, sizeof(s->got));
	memset(&s->mark, 0, sizeof(s->mark));
}

static void
case_empty(struct fix *f)
{
	struct scene *s = scene_new(f);

	NEED(s != NULL && !test_failed);
	CHECK(append(s, 57, 57) == TSEG_GAP);
	CHECK(begin(s, 56) == ZK_OK);
	CHECK(begin(s, 56) == ZK_OK);
	CHECK(ends(s, 56));
	CHECK(gives(s, 1, 0));
	CHECK(transport_read_at(s->t, s->a.seg[0].log, 56, fix_take,
	    &s->got) == ZK_ENOENT);
	CHECK(append(s, 58, 58) == TSEG_GAP);
	CHECK(append(s, 57, 58) == TSEG_STORED);
	CHECK(ends(s, 58));
	/* as another process finds it */
	transport_free(s->t);
	s->t = fix_open(f);
	NEED(s->t != NULL);
	CHECK(append(s, 57, 60) == -2 && append(s, 57, 60) == TSEG_HAVE);
	CHECK(gives(s, 57, 60));
	CHECK(gives(s, 1, 0));
	/* what nothing needs any more is not taken */
	CHECK(append(s, 1, 56) == TSEG_HAVE);
	CHECK(append(s, 1, 1) == TSEG_HAVE);
	CHECK(append(s, 30, 31) == TSEG_HAVE);
	CHECK(begin(s, 56) == ZK_OK && ends(s, 60));
	anew(s);
	CHECK(gives(s, 57, 60));
	CHECK(transport_read_at(s->t, s->a.seg[0].log, 1, fix_take,
	    &s->got) == ZK_ENOENT);
	CHECK(transport_read_at(s->t, s->a.seg[0].log, 57, fix_take,
	    &s->got) == ZK_OK);
	scene_free(s);
}

/* Behind the end of what is there: a hole stays. */
static void
case_hole(struct fix *f)
{
	struct scene *s = scene_new(f);

	NEED(s != NULL && !test_failed);
	CHECK(append(s, 1, 20) == TSEG_STORED);
	CHECK(gives(s, 1, 20));
	CHECK(begin(s, 56) == ZK_OK && ends(s, 56));
	CHECK(append(s, 21, 22) == TSEG_HAVE);
	CHECK(append(s, 30, 56) == TSEG_HAVE);
	CHECK(ends(s, 56));
	CHECK(append(s, 57, 58) == TSEG_STORED);
	CHECK(gives(s, 57, 58));
	CHECK(append(s, 19, 20) == TSEG_HAVE);
	CHECK(append(s, 21, 21) == TSEG_HAVE);
	anew(s);
	CHECK(fix_read(s->t, &s->mark, 0, 0, &s->got) == ZK_OK);
	CHECK(s->got.n == 22 && s->got.seg[19].seq == 20 &&
	    s->got.seg[20].seq == 57 && s->got.seg[21].seq == 58);
	/* some go, the places stay as they are */
	CHECK(drop(s, 1, 3) == ZK_OK && ends(s, 58));
	CHECK(append(s, 4, 58) == TSEG_HAVE);
	anew(s);
	CHECK(fix_read(s->t, &s->mark, 0, 0, &s->got) == ZK_OK);
	CHECK(s->got.n == 19 && s->got.seg[0].seq == 4);
	scene_free(s);
}

/* Below the end nothing happens, whatever the hash. */
static void
case_below(struct fix *f)
{
	struct scene *s = scene_new(f);

	NEED(s != NULL && !test_failed);
	CHECK(append(s, 1, 5) == TSEG_STORED);
	CHECK(begin(s, 5) == ZK_OK && begin(s, 2) == ZK_OK && ends(s, 5));
	CHECK(transport_log_begin(s->t, s->a.seg[0].log, 3,
	    seg(s, 9)->hash) == ZK_OK);
	CHECK(ends(s, 5));
	CHECK(append(s, 1, 5) == TSEG_HAVE);
	CHECK(append(s, 6, 7) == TSEG_STORED && ends(s, 7));
	CHECK(gives(s, 1, 7));
	/* once more, moving up */
	CHECK(begin(s, 10) == ZK_OK && begin(s, 20) == ZK_OK);
	CHECK(begin(s, 15) == ZK_OK && ends(s, 20));
	CHECK(append(s, 11, 11) == TSEG_HAVE);
	CHECK(append(s, 21, 21) == TSEG_STORED);
	CHECK(gives(s, 21, 21));
	scene_free(s);
}

/* One who lies about the hash stops the log there, until it moves on. */
static void
case_wrong(struct fix *f)
{
	struct scene *s = scene_new(f);

	NEED(s != NULL && !test_failed);
	CHECK(transport_log_begin(s->t, s->a.seg[0].log, 4,
	    seg(s, 9)->hash) == ZK_OK);
	CHECK(append(s, 5, 5) == TSEG_GAP);
	CHECK(append(s, 4, 4) == TSEG_TAKEN);
	CHECK(append(s, 3, 3) == TSEG_HAVE);
	CHECK(gives(s, 1, 0));
	CHECK(begin(s, 4) == ZK_OK);
	CHECK(begin(s, 5) == ZK_OK && ends(s, 5));
	CHECK(append(s, 6, 7) == TSEG_STORED);
	CHECK(gives(s, 6, 7));
	/* no such places */
	CHECK(transport_log_begin(s->t, s->a.seg[0].log, 0,
	    seg(s, 9)->hash) == ZK_OK && ends(s, 7));
	CHECK(transport_log_begin(s->t, s->a.seg[0].log,
	    SEGHDR_SEQ_MAX + 1, seg(s, 9)->hash) == ZK_ELIMIT);
	CHECK(ends(s, 7));
	CHECK(transport_log_begin(s->t, s->a.seg[0].log, SEGHDR_SEQ_MAX,
	    seg(s, 9)->hash) == ZK_OK);
	CHECK(append(s, 8, 8) == TSEG_HAVE);
	scene_free(s);
}

/* Deleting leaves the same behind as beginning. */
static void
case_deleted(struct fix *f)
{
	struct scene *s = scene_new(f);

	NEED(s != NULL && !test_failed);
	CHECK(append(s, 1, 3) == TSEG_STORED);
	CHECK(drop(s, 1, 3) == ZK_OK && ends(s, 3));
	CHECK(append(s, 1, 3) == TSEG_HAVE);
	CHECK(gives(s, 1, 0));
	CHECK(append(s, 5, 5) == TSEG_GAP);
	CHECK(append(s, 4, 5) == TSEG_STORED && ends(s, 5));
	CHECK(gives(s, 4, 5));
	/* the newest first, as well */
	CHECK(drop(s, 5, 5) == ZK_OK && drop(s, 4, 4) == ZK_OK);
	CHECK(ends(s, 5) && append(s, 4, 5) == TSEG_HAVE);
	CHECK(begin(s, 4) == ZK_OK && ends(s, 5));
	CHECK(begin(s, 10) == ZK_OK && append(s, 11, 12) == TSEG_STORED);
	CHECK(drop(s, 1, 11) == ZK_OK && ends(s, 12));
	anew(s);
	CHECK(gives(s, 12, 12));
	scene_free(s);
}

/* Said before what is there is deleted: that is not taken again. */
static void
case_cut(struct fix *f)
{
	struct scene *s = scene_new(f);

	NEED(s != NULL && !test_failed);
	CHECK(append(s, 1, 8) == TSEG_STORED);
	CHECK(begin(s, 4) == ZK_OK && ends(s, 8));
	CHECK(drop(s, 1, 4) == ZK_OK && ends(s, 8));
	CHECK(append(s, 1, 8) == TSEG_HAVE);
	CHECK(append(s, 3, 3) == TSEG_HAVE);
	CHECK(gives(s, 5, 8));
	scene_free(s);
}

/* One log's end is none of another's. */
static void
case_others(struct fix *f)
{
	struct scene *s = scene_new(f);
	enum tseg_result res[3];
	struct fix_log b;

	NEED(s != NULL && !test_failed && fix_log(&b, 3, 2));
	CHECK(begin(s, 50) == ZK_OK);
	NEED(transport_append(s->t, &b.seg[1], 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_GAP);
	NEED(transport_append(s->t, b.seg, 3, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED && res[2] == TSEG_STORED);
	CHECK(append(s, 51, 51) == TSEG_STORED && ends(s, 51));
	CHECK(fix_read(s->t, &s->mark, 0, 0, &s->got) == ZK_OK);
	CHECK(s->got.n == 4 && !s->got.damaged);
	fix_log_release(&b);
	scene_free(s);
}

#define CASES(X)                                                             \
	X(empty) X(hole) X(below) X(wrong) X(deleted) X(cut) X(others)

CASES(CONFORM_DEFINE)

TESTS(
    CASES(CONFORM_ENTRY)
)

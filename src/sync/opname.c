#include "sync/opname.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/segment.h"
#include "store/logdb.h"
#include "sync/oplog.h"
#include "sync/vault.h"
#include "util/hex.h"
#include "util/log.h"

/*
 * A recording is cut into batches of so many changes, each with the time of
 * its beginning (sync/capture.c): one with less is its last.
 */
#define BATCH_N 4096

/* n hex digits of s in lower case into out; false if they are none. */
static bool
hex_lower(const char *s, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (hex_value(c) < 0)
			return false;
		out[i] = c;
	}
	out[n] = '\0';
	return true;
}

/* The 64 digits of an id. */
static enum zk_err
parse_full(const char *s, struct opname *out)
{
	char hex[2 * OPID_LEN + 1];

	if (!hex_lower(s, 2 * OPID_LEN, hex))
		return ZK_EUSAGE;
	out->lamport = 0;
	for (size_t i = 0; i < 12; i++)
		out->lamport = out->lamport << 4 | (unsigned)hex_value(hex[i]);
	memcpy(out->rest, hex + 12, OPNAME_REST_MAX + 1);
	return ZK_OK;
}

enum zk_err
opname_parse(const char *s, struct opname *out)
{
	size_t n = strlen(s), i = 0;

	memset(out, 0, sizeof(*out));
	if (n == 2 * OPID_LEN)
		return parse_full(s, out);
	for (; s[i] >= '0' && s[i] <= '9'; i++) {
		out->lamport = out->lamport * 10 + (unsigned)(s[i] - '0');
		if (out->lamport > OPID_LAMPORT_MAX)
			return ZK_EUSAGE;
	}
	if (i == 0 || (i > 1 && s[0] == '0'))
		return ZK_EUSAGE;
	if (s[i] == '\0')
		return ZK_OK;
	if (s[i] != '.' || n - i - 1 > OPNAME_REST_MAX ||
	    !hex_lower(s + i + 1, n - i - 1, out->rest))
		return ZK_EUSAGE;
	return ZK_OK;
}

void
opname_full(const struct opid *id, char out[static 2 * OPID_LEN + 1])
{
	hex_text(id->b, OPID_LEN, out);
}

void
opname_short(const struct opid *id, char out[static OPNAME_SHORT_MAX])
{
	snprintf(out, OPNAME_SHORT_MAX, "%" PRIu64 ".%02x%02x",
	    opid_lamport(id), id->b[6], id->b[7]);
}

static bool
is_named(const struct opname *n, const struct opid *id)
{
	char full[2 * OPID_LEN + 1];

	if (opid_lamport(id) != n->lamport)
		return false;
	opname_full(id, full);
	return strncmp(full + 12, n->rest, strlen(n->rest)) == 0;
}

struct search {
	struct vault *v;
	struct opname name;
	struct opname_op *out;
	unsigned found;
	int64_t seg;		/* at hand */
	/* opname_removals */
	struct opid last;	/* the op that the row ends with */
	struct opid first;	/* the op that the row at hand begins with */
	int64_t wall_ms;	/* of the op before: all have the same */
	size_t n;		/* ops before */
	bool within;		/* the op before is in a row */
	bool begins;		/* which begins the segment */
	bool done;
};

/* oplog_fn: the op itself. */
static enum zk_err
match(void *arg, struct op *op)
{
	struct search *s = arg;
	struct opname_op *o = s->out;

	if (!is_named(&s->name, &op->id) ||
	    (s->found > 0 && opid_cmp(&o->op.id, &op->id) == 0))
		return ZK_OK;
	s->found++;
	memset(o, 0, sizeof(*o));
	o->seg = s->seg;
	for (size_t i = 0; i < op->content_refs_n; i++)
		if (opid_cmp(&op->content_refs[i], &o->content_ref) > 0)
			o->content_ref = op->content_refs[i];
	o->op = *op;
	o->op.name = NULL;
	o->op.content.data = NULL;
	o->op.content.data_len = 0;
	o->op.content.script = NULL;
	o->op.content.script_len = 0;
	o->op.place_refs = o->op.content_refs = o->op.attr_refs = NULL;
	o->op.place_refs_n = o->op.content_refs_n = o->op.attr_refs_n = 0;
	return ZK_OK;
}

static enum zk_err
match_in(void *arg, int64_t id)
{
	struct search *s = arg;

	s->seg = id;
	return oplog_segment(s->v, id, match, s);
}

enum zk_err
opname_find(struct vault *v, const char *text, struct opname_op *out)
{
	struct search s = { .v = v, .out = out };
	enum zk_err r = opname_parse(text, &s.name);

	memset(out, 0, sizeof(*out));
	if (r == ZK_OK)
		r = logdb_around(v->db, s.name.lamport, match_in, &s);
	if (r != ZK_OK)
		return r;
	if (s.found == 0) {
		log_error(ZK_ENOENT, NULL, "no change has the id '%s': 'zk "
		    "log' shows them", text);
		return ZK_ENOENT;
	}
	if (s.found > 1) {
		log_error(ZK_EUSAGE, NULL, "%u changes have an id that "
		    "begins with '%s': give more of it, 'zk log --json' "
		    "shows all of each", s.found, text);
		return ZK_EUSAGE;
	}
	return ZK_OK;
}

/* Rows of removals; what only keeps a directory belongs to one. */
static enum zk_err
follow_row(void *arg, struct op *op)
{
	struct search *s = arg;
	bool row = op->type == OP_REMOVE || op->type == OP_KEEP;

	if (s->done)
		return ZK_OK;
	if (row && !s->within) {
		s->first = op->id;
		s->begins = s->n == 0;
	}
	s->n++;
	s->within = row;
	s->wall_ms = op->wall_ms;
	s->done = opid_cmp(&op->id, &s->last) == 0;
	return ZK_OK;
}

enum zk_err
opname_removals(struct vault *v, int64_t seg, const struct opid *id,
    struct opid *first)
{
	struct search s = { .v = v, .last = *id };
	struct logdb_seg g = { 0 };
	enum zk_err r = oplog_segment(v, seg, follow_row, &s);

	*first = s.within ? s.first : *id;
	/* as long as one begins its segment, the one before may go on */
	while (r == ZK_OK && s.within && s.begins) {
		int64_t wall_ms = s.wall_ms;

		r = logdb_by_id(v->db, seg, &g);
		if (r == ZK_OK && g.seq == 1)
			break;
		if (r == ZK_OK)
			r = logdb_by_hash(v->db, g.prev, &g);
		if (r != ZK_OK)
			break;
		seg = g.id;
		s = (struct search){ .v = v };
		r = oplog_segment(v, seg, follow_row, &s);
		if (r != ZK_OK || !s.within ||
		    (s.wall_ms != wall_ms && s.n < BATCH_N))
			break;
		*first = s.first;
	}
	return r;
}

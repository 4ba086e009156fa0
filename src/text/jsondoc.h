/*
 * Documents of JSON (RFC 8259) as trees of spans: where in its text each
 * value stands, and which values are equal.
 *
 * A merge has to give back numbers, escapes and white space as they were
 * written, and to see members that are there twice.  A library that reads
 * JSON into values (cJSON, which proto uses) loses all of these.  So this
 * reads strictly, keeps nothing but offsets, and never writes.
 *
 * Refused is what no two readers need agree on: other than UTF-8, a byte
 * order mark, two members of one object with the same name, however spelled,
 * what nests deeper than JSONDOC_DEPTH, and all that the RFC has not (NaN,
 * comments, commas at the end).
 *
 * Values are equal if they are of one kind and: strings of the same
 * characters, however escaped; numbers of the same bytes (1.0 is not 1, as
 * no reader's arithmetic is presumed); arrays of equal values in order;
 * objects with equal values by name, in any order.
 */
#ifndef ZK_TEXT_JSONDOC_H
#define ZK_TEXT_JSONDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define JSONDOC_MAX ((size_t)1 << 20)	/* bytes of one document */
#define JSONDOC_DOCS ((size_t)17)	/* documents of one set */
#define JSONDOC_DEPTH 128u		/* containers around a value */
#define JSONDOC_NODES ((size_t)1 << 20)	/* values and names of a set */
#define JSONDOC_NONE UINT32_MAX		/* no node */

enum jsondoc_kind {
	JSONDOC_WORD,		/* number, true, false or null */
	JSONDOC_STRING,
	JSONDOC_ARRAY,
	JSONDOC_OBJECT
};

/* A value, or the name of a member. */
struct jsondoc_node {
	uint32_t start, end;	/* its bytes in the text, quotes too */
	uint32_t up;		/* what it is in; JSONDOC_NONE: the document */
	uint32_t key;		/* its name, of a member; else JSONDOC_NONE */
	uint32_t kids;		/* of a container: its values are the n nodes */
	uint32_t n;		/* kids[kids], in order; names are not in it */
	uint32_t class;		/* equal for equal values of the set */
	uint8_t kind;		/* enum jsondoc_kind */
	uint8_t doc;
	uint8_t depth;		/* containers around it */
	bool name;		/* it is the name of a member */
};

/* A set of documents; parents stand before what is in them. */
struct jsondoc {
	struct jsondoc_node *v;	/* owned */
	size_t n, cap;
	uint32_t *kids;		/* owned */
	const uint8_t *text[JSONDOC_DOCS]; /* not owned */
	size_t len[JSONDOC_DOCS];
	uint32_t root[JSONDOC_DOCS];
	size_t docs;
};

void jsondoc_init(struct jsondoc *d);
void jsondoc_release(struct jsondoc *d);

/*
 * Reads one more document, which has to stay where it is.  ZK_EREFUSED: it is
 * none, or over a bound above; ZK_ENOMEM.  After a failure d can only be
 * released.
 */
ZK_CHECKED enum zk_err jsondoc_add(struct jsondoc *d, const uint8_t *text,
    size_t len);

/* One more that has no value: its root is JSONDOC_NONE, its text empty. */
void jsondoc_add_none(struct jsondoc *d);

/*
 * When all are there: fills kids, n and class.  A class is less than d->n.
 * Time is linear but for sorting, whatever the documents.  ZK_EREFUSED: an
 * object has a name twice, or too many values share a place in the table;
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err jsondoc_finish(struct jsondoc *d);

/* The i-th value in node's container. */
uint32_t jsondoc_kid(const struct jsondoc *d, uint32_t node, uint32_t i);

/* The class of strings that are the ASCII text s; JSONDOC_NONE if none is. */
uint32_t jsondoc_class(const struct jsondoc *d, const char *s);

/* Whether the bytes of both are the same. */
bool jsondoc_same(const struct jsondoc *d, uint32_t a, uint32_t b);

/* Where the white space around the bytes from and up to at begins, ends. */
size_t jsondoc_before(const struct jsondoc *d, size_t doc, size_t at);
size_t jsondoc_behind(const struct jsondoc *d, size_t doc, size_t at);

#endif

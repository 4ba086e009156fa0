/*
 * The head of a request and the framing of its body: a strict check of ours
 * over the buffered head, then the packaged parser over the same bytes.
 * Both must agree; what is in doubt is refused, since a proxy in front may
 * read doubtful bytes another way (request smuggling).  The five functions
 * here are all that knows of the parser.
 *
 * Strict means: lines end in CR LF; no line folding; a field name is a token
 * and the colon follows it; one Host; Content-Length once, digits only;
 * Transfer-Encoding is exactly "chunked" and then there is no
 * Content-Length; the target is a path of plain characters without empty or
 * dot segments; chunks have no extensions and no trailer.
 */
#ifndef ZK_HTTP_HEAD_H
#define ZK_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define HEAD_MAX (16u * 1024)		/* bytes of a head */
#define HEAD_FIELDS_MAX 64		/* header fields */
#define HEAD_TARGET_MAX 2048		/* bytes of path, '?' and query */
#define HEAD_METHOD_MAX 16		/* bytes */

/* A header field; name and value are lent from the head's bytes. */
struct head_field {
	const char *name;
	const char *value;	/* without blanks around it */
	uint16_t name_len;
	uint16_t value_len;
};

/* A decoded head.  Pointers live as long as the bytes it came from. */
struct head {
	char method[HEAD_METHOD_MAX + 1];
	const char *path;	/* starts with '/' */
	size_t path_len;
	const char *query;	/* behind '?', "" if there is none */
	size_t query_len;
	struct head_field field[HEAD_FIELDS_MAX];
	size_t fields;
	bool http10;
	bool keep_alive;
	bool expect_continue;
	bool chunked;
	bool has_length;
	uint64_t length;	/* Content-Length, bytes */
};

/*
 * Length of the head at p, its empty line included, or 0 if it does not end
 * within n bytes.
 */
size_t head_end(const uint8_t *p, size_t n);

/*
 * Decodes a head of n bytes as head_end measured it.  ZK_ELIMIT: too long or
 * too many fields.  ZK_EREFUSED: an Expect that is not 100-continue.
 * ZK_EFORMAT: all else that is not strictly right.
 */
ZK_CHECKED enum zk_err head_parse(const uint8_t *p, size_t n,
    struct head *out);

/* Value of the field NAME (any case), or NULL. */
const struct head_field *head_find(const struct head *h, const char *name);

/* Where a body stands; small, no memory of its own. */
struct head_body {
	uint64_t left;		/* bytes of the body or chunk to come */
	uint8_t state;
	uint8_t digits;		/* of a chunk's size, so far */
	bool chunked;
};

/* Ready for the body that h announces. */
void head_body_init(struct head_body *b, const struct head *h);

/*
 * Takes the next bytes: *used of the n at p are done with, of which the
 * *data_len at *data belong to the body (call again while bytes are left).
 * *done once the body is complete.  ZK_EFORMAT: bad framing.
 */
ZK_CHECKED enum zk_err head_body_step(struct head_body *b, const uint8_t *p,
    size_t n, size_t *used, const uint8_t **data, size_t *data_len,
    bool *done);

#endif

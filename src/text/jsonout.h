/*
 * Writing parts of documents of JSON: byte for byte where the document is
 * laid out as the result is, and otherwise with the line ends, indentation
 * and spaces behind colons and commas of the result.
 *
 * The layout has four parts: how a line ends (or that all is one line), what
 * a level is indented by, what stands behind a colon and, in a line, behind a
 * comma.  Each is a register: that of the last document that says other than
 * the first one, else of the first.
 */
#ifndef ZK_TEXT_JSONOUT_H
#define ZK_TEXT_JSONOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/jsondoc.h"
#include "util/buf.h"

enum jsonout_part {
	JSONOUT_LINE,		/* empty: all is one line */
	JSONOUT_INDENT,
	JSONOUT_COLON,
	JSONOUT_COMMA,
	JSONOUT_PARTS
};

/* A part of a layout; p is NULL if the document does not show it. */
struct jsonout_space {
	const uint8_t *p;
	size_t n;
};

struct jsonout {
	const struct jsondoc *d;
	struct buf *out;
	struct jsonout_space to[JSONOUT_PARTS];
	bool other[JSONDOC_DOCS]; /* that document has another layout */
};

/* Looks at the layouts of d, which is finished; writes to out. */
void jsonout_init(struct jsonout *o, const struct jsondoc *d,
    struct buf *out);

/* Errors are in out (buf_err).  The value of a node. */
void jsonout_value(struct jsonout *o, uint32_t node);

/* The bracket that opens node, or the one that closes it. */
void jsonout_open(struct jsonout *o, uint32_t node);
void jsonout_close(struct jsonout *o, uint32_t node);

/*
 * What stands before the value of node in its container: behind the first
 * bracket if first, else behind a comma, which is written; its name too.
 */
void jsonout_before(struct jsonout *o, uint32_t node, bool first);

/* What stands behind it, before the last bracket if last, else the comma. */
void jsonout_behind(struct jsonout *o, uint32_t node, bool last);

#endif

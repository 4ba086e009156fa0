/*
 * A writer of one-line JSON objects into a buf.  Strings that are not valid
 * UTF-8 have each bad byte written as U+FFFD and a second member
 * NAME_b64 with the raw bytes in base64 (zk(1), JSON).  Characters that are
 * dangerous on a terminal (utf8.h) are written as \uXXXX.
 */
#ifndef ZK_UTIL_JSONW_H
#define ZK_UTIL_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

struct jsonw {
	struct buf *out;
	bool first;	/* no member written yet at this level */
};

/* '{' ; members follow. */
void jsonw_begin(struct jsonw *w, struct buf *out);
void jsonw_str(struct jsonw *w, const char *name, const char *value);
void jsonw_bytes(struct jsonw *w, const char *name, const void *p, size_t n);
void jsonw_int(struct jsonw *w, const char *name, int64_t value);
void jsonw_bool(struct jsonw *w, const char *name, bool value);
void jsonw_null(struct jsonw *w, const char *name);
/* Opens and closes a nested array or object. name NULL inside an array. */
void jsonw_open(struct jsonw *w, const char *name, char bracket);
void jsonw_close(struct jsonw *w, char bracket);
/* '}' and a newline. */
void jsonw_end(struct jsonw *w);

#endif

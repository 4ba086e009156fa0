/*
 * The one user of the JSON library: flat objects of strings and integers,
 * as replies of a relay have them.  Depth and size are bounded before the
 * library sees a byte.
 */
#ifndef ZK_PROTO_JSON_H
#define ZK_PROTO_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct json;	/* a parsed object */

#define JSON_MAX (64u * 1024)	/* bytes of a document */
#define JSON_DEPTH 8		/* nested brackets */

/*
 * Parses one object, n bytes, nothing behind it.  ZK_ELIMIT: over JSON_MAX
 * or JSON_DEPTH.  ZK_EFORMAT: not JSON or not an object.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err json_parse(const void *in, size_t n,
    struct json **out);
void json_free(struct json *j);

/* String member of the object, NULL if there is none; lives as long as j. */
const char *json_str(const struct json *j, const char *name);

/* Integer member in -2^53..2^53, def if there is none. */
int64_t json_int(const struct json *j, const char *name, int64_t def);

#endif

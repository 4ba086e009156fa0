/*
 * Extension fields: how a later version adds to an op, segment or record
 * (zk-format(5), EXTENSIONS).  A field is type (varint), length (varint),
 * bytes; types ascend.  Odd types are critical: a reader that does not know
 * one stops with ZK_EVERSION; even ones may be passed over.  This version
 * knows none.
 */
#ifndef ZK_FORMAT_EXT_H
#define ZK_FORMAT_EXT_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct rd;

/*
 * Checks n bytes of fields.  ZK_EVERSION: a critical one.  ZK_EFORMAT: none
 * at all, not ascending, or malformed.
 */
ZK_CHECKED enum zk_err ext_check(const uint8_t *p, size_t n);

/*
 * Reads length and fields (length 0 for none), at most max bytes, and checks
 * them; the reader fails with the codes of ext_check.  Lends the bytes.
 */
const uint8_t *ext_get(struct rd *r, size_t max, size_t *n);

#endif

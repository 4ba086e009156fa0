/*
 * Edit scripts (text/script.h) as content ops carry them: the length of the
 * encoding as a varint, then the encoding packed (zk-format(5), TEXT
 * SCRIPTS).  The bytes alone: what they mean is text's.
 */
#ifndef ZK_FORMAT_OPSCRIPT_H
#define ZK_FORMAT_OPSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;
struct compress;

/* Bytes of an encoding: all of a text goes and comes, each by itself. */
#define OPSCRIPT_PLAIN_MAX (8u * 1024 * 1024)

/*
 * Appends the packed form of an encoded script of n bytes.  ZK_ELIMIT: it has
 * no room in an op (OP_SCRIPT_MAX); ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err opscript_pack(struct compress *z, const uint8_t *p,
    size_t n, struct buf *out);

/*
 * Appends the encoded script that n packed bytes hold.  ZK_EFORMAT: not what
 * opscript_pack writes; ZK_ELIMIT beyond out->max; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err opscript_unpack(struct compress *z, const uint8_t *in,
    size_t n, struct buf *out);

#endif

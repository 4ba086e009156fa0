/*
 * An edit script: what makes one text from another.
 *
 * As bytes it is its edits, each a varint of the bytes that stay since the
 * edit before, a varint of those that go, and those that come, length-prefixed
 * (lp).  Only the first may have nothing before it that stays, and none has
 * nothing that goes or comes; what comes is UTF-8 without NUL.
 *
 * Its edits go forward through the text and leave at least one byte between
 * them, so that a change has one script for the bytes that it touches.
 * Neither a deletion nor an insertion cuts a character.
 */
#ifndef ZK_TEXT_SCRIPT_H
#define ZK_TEXT_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "text/text.h"
#include "util/buf.h"
#include "util/err.h"

struct script {
	struct text_edit *edits; /* owned; in bytes, pos in the new text */
	size_t n, cap;
	struct buf ins;		/* what they insert, one after another */
	uint32_t old_end;	/* bytes of the old text up to the last edit */
};

/* No edits. */
void script_init(struct script *s);
void script_release(struct script *s);

/*
 * Adds an edit behind the others: of the old text keep bytes stay as they
 * are, del go, and the ins_len bytes at ins come.  With keep 0 it goes on
 * with the edit before.  ZK_ELIMIT: more than TEXT_MAX in the old or new
 * text; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err script_add(struct script *s, size_t keep, size_t del,
    const uint8_t *ins, size_t ins_len);

/* Appends the encoding.  ZK_ELIMIT, ZK_ENOMEM of out. */
ZK_CHECKED enum zk_err script_encode(const struct script *s,
    struct buf *out);

/*
 * Reads a whole encoding; out is as after script_init when that fails.
 * ZK_EFORMAT: not the canonical form, or what it inserts is no text;
 * ZK_ELIMIT: it needs more than TEXT_MAX; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err script_decode(const uint8_t *in, size_t in_len,
    struct script *out);

/*
 * Appends the new text.  old is text.  ZK_EFORMAT: an edit reaches beyond it
 * or cuts a character; ZK_ELIMIT: the result is over TEXT_MAX or what out may
 * hold; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err script_apply(const struct script *s,
    const uint8_t *old, size_t old_len, struct buf *out);

#endif

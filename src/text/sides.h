/*
 * Two texts in tokens, and which of these changed.
 */
#ifndef ZK_TEXT_SIDES_H
#define ZK_TEXT_SIDES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/token.h"
#include "util/err.h"

/* Both in tokens of one kind; fresh says what was done to them. */
struct sides {
	struct tokens a, b;
	enum token_kind kind;
};

/* Changed tokens, [a0, a1) and [b0, b1). */
struct hunk {
	size_t a0, a1, b0, b1;
};

/* The texts are borrowed; ZK_ENOMEM.  Released always. */
ZK_CHECKED enum zk_err sides_init(struct sides *s, enum token_kind kind,
    const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
void sides_release(struct sides *s);

/*
 * Marks as fresh what has no partner on the other side; the partners are
 * those in order, and as many as there can be unless the texts have little in
 * common (myers.h).  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err sides_compare(struct sides *s);

/* The next hunk from (h->a1, h->b1) on; false at the end. */
bool sides_next(const struct sides *s, struct hunk *h);

#endif

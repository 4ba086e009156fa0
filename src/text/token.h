/*
 * Text in pieces to compare: lines, words or characters.
 *
 * A character here is a code point with the marks that combine with it, an
 * emoji with all that is joined to it, or a pair of regional indicators, so
 * that no edit takes one apart.  CR LF is one word but two characters.
 */
#ifndef ZK_TEXT_TOKEN_H
#define ZK_TEXT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum token_kind { TOKEN_LINE, TOKEN_WORD, TOKEN_CHAR };

struct tokens {
	const uint8_t *text;
	uint32_t *end;		/* owned; offset in text behind token i */
	uint32_t *class;	/* owned; equal for equal bytes */
	uint8_t *fresh;		/* owned; 1: no partner over there */
	size_t n;
};

/* The pieces of n bytes of text; ZK_ENOMEM.  t is released always. */
ZK_CHECKED enum zk_err tokens_init(struct tokens *t, enum token_kind kind,
    const uint8_t *text, size_t n);
void tokens_release(struct tokens *t);

/* Where token i begins, i <= n. */
size_t tokens_at(const struct tokens *t, size_t i);

/*
 * Gives the tokens of both sides their classes.  *n is how many there are;
 * with (*in)[class] saying on which sides it occurs, 1, 2 or both; caller
 * frees.  Time is linear whatever the text: where too many tokens share a
 * place in the table, some count as different that are not.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err tokens_classes(struct tokens *a, struct tokens *b,
    size_t *n, uint8_t **in);

/* Whether the token has a letter, a digit or an end of line in it. */
bool tokens_strong(const struct tokens *t, size_t i);

#endif

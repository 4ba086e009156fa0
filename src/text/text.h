/*
 * What text is to the product, and one edit of it.
 *
 * The layer text compares, edits and merges texts: pure code, no I/O, no
 * clock, no randomness; equal input gives equal output on every machine.
 */
#ifndef ZK_TEXT_TEXT_H
#define ZK_TEXT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the largest file that is merged as text. */
#define TEXT_MAX ((size_t)1 << 20)

/*
 * One edit of a sequence of them: at pos, del units go and ins units come in
 * their place.  pos counts in the text as the edits before this one left it.
 * A unit is a byte, but for callers of replay_run that say otherwise.
 */
struct text_edit {
	uint32_t pos;
	uint32_t del;
	uint32_t ins;
};

/* Whether the n bytes are text: at most TEXT_MAX, UTF-8, no NUL. */
bool text_is(const uint8_t *p, size_t n);

/* Whether no character of the text of n bytes lies across offset at <= n. */
bool text_boundary(const uint8_t *p, size_t n, size_t at);

#endif

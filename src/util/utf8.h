/*
 * Characters of UTF-8, one at a time, as RFC 3629 has them: no overlong
 * forms, no surrogates, nothing beyond U+10FFFF.
 */
#ifndef ZK_UTIL_UTF8_H
#define ZK_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The number of bytes, 1 to 4, of the character at the n bytes (at least 1)
 * at s, and its number in *cp; 0 if there is none, *cp then meaning nothing.
 */
size_t utf8_at(const uint8_t *s, size_t n, uint32_t *cp);

/*
 * Whether a terminal could act on the character cp, or a reader be misled by
 * it: controls (C0, DEL, C1), line separators, direction and invisible ones.
 */
bool utf8_dangerous(uint32_t cp);

#endif

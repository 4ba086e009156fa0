/*
 * Lower-case hexadecimal, the one text form of names, keys and marks in
 * zk-protocol(7).  One byte string has one form: upper case is refused.
 */
#ifndef ZK_UTIL_HEX_H
#define ZK_UTIL_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;

/* Writes the n bytes at p as 2*n digits and a NUL. */
void hex_text(const void *p, size_t n, char *out);

/* Appends the 2*n digits of the n bytes at p; as buf_put. */
enum zk_err hex_put(struct buf *b, const void *p, size_t n);

/* The digit of v, 0 to 15; the value of a digit, -1 if it is none. */
char hex_digit(unsigned v);
int hex_value(char c);

/* Decodes exactly 2*n digits at s (no NUL needed) to out.  ZK_EFORMAT. */
ZK_CHECKED enum zk_err hex_get(const char *s, size_t s_len, void *out,
    size_t n);

#endif

/*
 * Lines for people whose columns stand one below the other.  A column is as
 * wide as its widest cell on a terminal, and two blanks from the next; the
 * last is as long as it is.  Lines are held until table_print.
 */
#ifndef ZK_CLI_TABLE_H
#define ZK_CLI_TABLE_H

#include <stddef.h>

#include "util/err.h"

#define TABLE_COLUMNS 8		/* at most, in a line */

struct out;
struct table;

ZK_CHECKED enum zk_err table_new(struct table **out);
void table_free(struct table *t);

/* Adds to the cell at hand; raw bytes, which are escaped. */
void table_name(struct table *t, const void *p, size_t n);
void table_printf(struct table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the cell at hand; and that with its line. */
void table_cell(struct table *t);
void table_line(struct table *t);

/* Prints the lines and forgets them.  ZK_ENOMEM: some were lost. */
ZK_CHECKED enum zk_err table_print(struct table *t, struct out *o);

/* Columns of a terminal that n bytes of UTF-8 without controls take. */
size_t table_width(const void *p, size_t n);

#endif

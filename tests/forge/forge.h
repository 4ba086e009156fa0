/*
 * What the parts of forge share: main.c has its usage.
 */
#ifndef ZK_TESTS_FORGE_FORGE_H
#define ZK_TESTS_FORGE_FORGE_H

#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "format/segment.h"
#include "store/logdb.h"
#include "util/buf.h"
#include "util/err.h"

struct segb;
struct vault;

#define FORGE_OPS 8192
#define FORGE_TEXT 8192
#define FORGE_BODY_MAX 65536

struct forge {
	struct vault *v;
	const char *url;
	struct segb *b;
	struct logdb_seg row;
	struct opid id[FORGE_OPS];
	size_t n;
	uint8_t name[FORGE_TEXT];
	uint8_t data[FORGE_TEXT + 1];
	uint8_t ext[FORGE_TEXT];
	uint8_t script[FORGE_TEXT];
	size_t ext_len;
	struct buf cut, stream;	/* of a checkpoint */
};

/* Ends the program with a line on stderr. */
_Noreturn void die(const char *what, enum zk_err r);

/* The script (script.c). */

/* Bytes of a word in hex, at most FORGE_TEXT. */
size_t unhex(const char *s, uint8_t *out);
/* The next word; one has to be there. */
char *word(char **rest);
/* One line; refs has room for one. */
void read_op(struct forge *f, char *line, struct op *op, struct opid *refs);

/* Adds the two ops of a line "swapped" (large.c). */
void add_swapped(struct forge *f, char **rest);

#endif

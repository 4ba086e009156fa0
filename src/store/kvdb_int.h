/* Between kvdb.c and kvdb_read.c. */
#ifndef ZK_STORE_KVDB_INT_H
#define ZK_STORE_KVDB_INT_H

#include "db/db.h"

#define KVDB_HEAD 32	/* bytes of a member by which it is looked up */

/* As stmt_blob; nothing at all is an empty blob, and not NULL. */
static inline void
kvdb_bind(struct stmt *s, int i, const void *p, size_t n)
{
	stmt_blob(s, i, n == 0 ? "" : p, n);
}

#endif

/*
 * What basedb.c and basedb_stat.c share.  For them alone.
 */
#ifndef ZK_STORE_BASEDB_INT_H
#define ZK_STORE_BASEDB_INT_H

#include "store/basedb.h"

#define BASEDB_STAT_LEN 68	/* bytes of a stat in a row */

/* Stat data as bytes, little endian, and back. */
void basedb_stat_put(const struct base_stat *st,
    uint8_t out[static BASEDB_STAT_LEN]);
void basedb_stat_get(const uint8_t *p, struct base_stat *st);

#endif

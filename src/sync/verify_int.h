/*
 * What the parts of zk verify share.  Internal to sync/.
 */
#ifndef ZK_SYNC_VERIFY_INT_H
#define ZK_SYNC_VERIFY_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/compress.h"
#include "store/logdb.h"
#include "store/treedb.h"
#include "sync/download.h"
#include "sync/round.h"

/* Findings named of one table; beyond, they are only counted. */
#define VERIFY_NAMED_MAX 20

struct verify {
	struct round *rd;
	struct download *d;
	struct compress *z;
	char *db_path;
	/*
	 * The merge over again: the operations of all segments held, applied
	 * to a database without a name, which is gone when it is closed, or
	 * with the process.
	 */
	struct db *again;
	struct treedb *td;
	bool partial;		/* a segment is missing from it */
	bool damaged;		/* something went bad here, after it came */
	/* whose each log is, from the certificates */
	struct logdb_log *logs;
	size_t logs_n, logs_cap;
	/* findings in the table at hand */
	const char *table;
	size_t named;
};

/* Whether r says what is held, and not what is wrong with the machine. */
bool verify_is_damage(enum zk_err r);

/*
 * Names something damaged in a table; path in the vault, or NULL: the database.
 * Always ZK_OK: the check goes on.  A check_bad_fn.
 */
enum zk_err verify_bad(void *verify, const char *table, const char *what,
    const char *path);
/* The same of what is as its writer signed it, and yet cannot be right. */
enum zk_err verify_lie(struct verify *vf, const char *table,
    const char *what);

/*
 * Checks one held segment whole, applied or not, and applies the operations
 * of an applied one to the merge over again (sync/verify_seg.c).
 */
ZK_CHECKED enum zk_err verify_segment(struct verify *vf,
    const struct logdb_seg *g);

/*
 * Checks each row of base against the operations and contents that it says
 * it stands for (sync/verify_base.c).
 */
ZK_CHECKED enum zk_err verify_base(struct verify *vf);

#endif

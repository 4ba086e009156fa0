/*
 * What a job does to the database, inside the writer's transaction.  For
 * depot.c alone.
 */
#ifndef ZK_RELAY_COMMIT_H
#define ZK_RELAY_COMMIT_H

#include "relay/depot.h"

struct db;

extern const char commit_schema[];	/* DDL of a new database */
#define COMMIT_VERSION 1		/* of the schema */

/* Numbers of files. */
struct numbers {
	uint64_t *v;
	size_t n, cap;
};
ZK_CHECKED enum zk_err numbers_add(struct numbers *s, uint64_t no);

/* Number for the next file placed, and what the batch has to tell. */
struct commit {
	struct db *db;
	uint64_t quota;
	uint64_t next_file;	/* grows; stored when files_used */
	bool files_used;	/* the batch placed files */
	bool keys_changed;	/* a space or its keys changed */
	struct numbers graves;	/* files whose rows went to dead */
	int64_t *spaces;	/* with new segments, room for spaces_max */
	size_t n_spaces, spaces_max;
};

/*
 * Does job's work and sets its outcome.  The return value is ZK_OK unless
 * the database or a file failed: then the transaction must be rolled back.
 */
ZK_CHECKED enum zk_err commit_job(struct commit *c, struct depot_job *job);

/* Stores next_file if it moved. */
ZK_CHECKED enum zk_err commit_end(struct commit *c);

#endif

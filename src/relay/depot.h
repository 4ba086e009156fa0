/*
 * What the relay keeps: spaces with their request keys, segments in order
 * of arrival, records and blobs.  One interface in front of the engine; this
 * engine is SQLite for rows and small bodies, files for the rest.
 *
 * Writing goes through one thread that commits many jobs at once; a job is
 * done when its effect is durable.  Reading goes through a struct view of
 * each thread (relay/view.h), beside the writer.
 */
#ifndef ZK_RELAY_DEPOT_H
#define ZK_RELAY_DEPOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/body.h"
#include "util/err.h"

#define DEPOT_NAME_LEN 32
#define DEPOT_GENERATION_LEN 16

struct db;
struct env;
struct files;
struct depot;

enum depot_op {
	DEPOT_APPEND,
	DEPOT_BEGIN,
	DEPOT_PUT_REC,
	DEPOT_PUT_BLOB,
	DEPOT_DEL_SEG,
	DEPOT_DEL_BLOB,
	DEPOT_CREATE,
	DEPOT_KEYS
};

/* A segment to append, checked by the caller. */
struct depot_seg {
	uint8_t log[DEPOT_NAME_LEN];
	uint64_t seq;
	uint8_t hash[DEPOT_NAME_LEN];
	uint8_t prev[DEPOT_NAME_LEN];
	struct body *body;	/* owned by the job */
	uint8_t result;		/* out: enum msg_seg_result */
};

/*
 * A job.  The caller owns the struct and all it points to, and leaves it
 * alone from depot_submit until done.
 */
struct depot_job {
	struct depot_job *next;	/* the store's */
	enum depot_op op;
	int64_t space;		/* row of the space; not for CREATE */
	uint8_t name[DEPOT_NAME_LEN];	/* record, blob; BEGIN, DEL_SEG: log;
					 * CREATE: locator */
	uint64_t seq;		/* BEGIN, DEL_SEG */
	uint8_t hash[DEPOT_NAME_LEN];	/* BEGIN: of segment seq */
	struct body *body;	/* PUT_* */
	struct depot_seg *segs;	/* APPEND */
	size_t n_segs;
	const uint8_t *space_pk;	/* CREATE */
	const uint8_t *recovery_pk;	/* CREATE; NULL for none */
	const uint8_t *active;	/* CREATE (one), KEYS: keys of 32 bytes */
	size_t n_active;
	const uint8_t *retired;	/* KEYS */
	size_t n_retired;

	/*
	 * out.  ZK_OK.  ZK_EEXIST: CREATE, there with other keys.
	 * ZK_EREFUSED: KEYS, a key to make active was retired, or too many.
	 * ZK_EREMOTEFULL: over the quota; BEGIN, too many logs.
	 * ZK_EDISKFULL, ZK_EIO and so on: nothing of the job happened.
	 */
	enum zk_err r;
	bool fresh;		/* out: CREATE made it */
	bool stored;		/* out: PUT_* wrote it; else it was there */
	void (*done)(struct depot_job *job);	/* on the writer's thread */
	void *arg;		/* the caller's */
};

/* Borrowed for the life of the store. */
struct depot_opts {
	struct env *env;
	const char *dir;	/* existing directory */
	uint64_t quota;		/* bytes a space; 0: none */
	uint64_t body_mem;	/* bytes of bodies in memory */
	/* after a commit: these spaces have new segments; writer's thread */
	void (*changed)(void *arg, const int64_t *spaces, size_t n);
	void *arg;
};

/*
 * Opens or makes the store in dir and starts its threads.  ZK_ELOCKED:
 * another process has it.  ZK_EVERSION: made by a newer version.  ZK_ETAMPER,
 * ZK_EIO and so on, logged.
 */
ZK_CHECKED enum zk_err depot_open(const struct depot_opts *opts,
    struct depot **out);

/*
 * Finishes all jobs and ends the threads.  Bodies of answers not yet fetched
 * still belong to the store: depot_close comes after them.  NULL is fine.
 */
void depot_stop(struct depot *s);

/* depot_stop, then closes.  NULL is fine. */
void depot_close(struct depot *s);

/* Queues job; its done is called, always. */
void depot_submit(struct depot *s, struct depot_job *job);

/* Where new bodies are made. */
struct body_shop *depot_shop(struct depot *s);
struct files *depot_files(struct depot *s);
const char *depot_db_path(const struct depot *s);
uint64_t depot_quota(const struct depot *s);

/* Random bytes made with the store, DEPOT_GENERATION_LEN. */
const uint8_t *depot_generation(const struct depot *s);

/*
 * Grows by one whenever a space or its keys change; what was read under an
 * older number may be out of date.
 */
unsigned depot_keys_epoch(const struct depot *s);

#endif

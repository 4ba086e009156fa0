#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "db/db.h"
#include "proto/msg.h"
#include "relay/commit.h"
#include "relay/files.h"
#include "relay/depot.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

#define BATCH_MAX 1024		/* jobs of one commit */
#define DEAD_MAX 256		/* rows of dead kept */
#define SYNCERS 4		/* threads that make files durable */
#define PATH_ROOM 4096

/* Jobs in order; guarded by the store's lock. */
struct queue {
	struct depot_job *first, **end;
};

struct depot {
	struct depot_opts opts;
	struct body_shop shop;
	struct files *files;
	struct db *db;		/* the writer's */
	struct commit commit;
	int dirfd;
	int lockfd;
	size_t dead;		/* rows of dead whose files are gone */
	bool undead;		/* one's file is not: all rows stay */
	struct numbers doubtful; /* placed, of jobs that failed in a commit */
	uint8_t generation[DEPOT_GENERATION_LEN];
	char path[PATH_ROOM];
	atomic_uint keys_epoch;

	pthread_mutex_t lock;	/* guards all below */
	pthread_cond_t to_write, to_sync;
	struct queue write, sync;
	unsigned syncing;	/* jobs that a syncer has in hand */
	bool stop;
	pthread_t writer, syncer[SYNCERS];
	unsigned threads;	/* running: writer first */
};

static void
queue_init(struct queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

static void
queue_put(struct queue *q, struct depot_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct depot_job *
queue_take(struct queue *q)
{
	struct depot_job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->end = &q->first;
	job->next = NULL;
	return job;
}

static enum zk_err
meta_get(struct depot *s, const char *key, void *blob, size_t n, int64_t *num)
{
	struct stmt *st = db_stmt(s->db,
	    "SELECT value FROM meta WHERE key = ?");
	enum zk_err r;

	stmt_text(st, 1, key);
	r = stmt_step(s->db, st);
	if (r != ZK_OK)
		return r;
	if (blob != NULL)
		r = stmt_col_copy(st, 0, blob, n);
	else
		*num = stmt_col_int(st, 0);
	stmt_reset(st);
	return r;
}

static enum zk_err
create_schema(struct depot *s)
{
	struct stmt *st;
	enum zk_err r = db_begin(s->db);

	if (r != ZK_OK)
		return r;
	rand_bytes(s->opts.env, s->generation, DEPOT_GENERATION_LEN);
	r = db_exec(s->db, commit_schema);
	if (r == ZK_OK) {
		st = db_stmt(s->db, "INSERT INTO meta(key, value)"
		    " VALUES('version', ?), ('generation', ?),"
		    " ('next_file', 1)");
		stmt_int(st, 1, COMMIT_VERSION);
		stmt_blob(st, 2, s->generation, DEPOT_GENERATION_LEN);
		r = stmt_run(s->db, st);
	}
	return db_end(s->db, r);
}

/* True if there is a schema at all. */
static enum zk_err
has_schema(struct depot *s, bool *yes)
{
	struct stmt *st = db_stmt(s->db,
	    "SELECT 1 FROM sqlite_master WHERE name = 'meta'");
	enum zk_err r = stmt_step(s->db, st);

	*yes = r == ZK_OK;
	stmt_reset(st);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
open_db(struct depot *s)
{
	int64_t version = 0, next = 0;
	bool there = false;
	enum zk_err r = db_open(s->path, DB_CREATE | DB_UNTRUSTED, &s->db);

	if (r == ZK_OK)
		r = db_exec(s->db, "PRAGMA wal_autocheckpoint = 8000");
	if (r == ZK_OK)
		r = has_schema(s, &there);
	if (r == ZK_OK && !there)
		r = create_schema(s);
	if (r == ZK_OK)
		r = meta_get(s, "version", NULL, 0, &version);
	if (r == ZK_OK && version > COMMIT_VERSION)
		r = ZK_EVERSION;
	if (r == ZK_OK)
		r = meta_get(s, "generation", s->generation,
		    DEPOT_GENERATION_LEN, NULL);
	if (r == ZK_OK)
		r = meta_get(s, "next_file", NULL, 0, &next);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_ETAMPER : r;
	s->commit.db = s->db;
	s->commit.quota = s->opts.quota;
	s->commit.next_file = (uint64_t)next;
	return ZK_OK;
}

/*
 * Removes the file of a row that is gone.  The rows of dead go once many
 * removals are made durable together: a file without either would stay.  What
 * cannot be removed is tried again at each start.
 */
static void
remove_one(struct depot *s, uint64_t no)
{
	s->undead |= files_remove(s->files, no) != ZK_OK;
	s->dead++;
}

/* All of them, at the start. */
static enum zk_err
remove_dead(struct depot *s)
{
	struct stmt *st = db_stmt(s->db, "SELECT file FROM dead");
	enum zk_err r = stmt_step(s->db, st);

	while (r == ZK_OK) {
		remove_one(s, (uint64_t)stmt_col_int(st, 0));
		r = stmt_step(s->db, st);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
open_dir(struct depot *s)
{
	struct env *env = s->opts.env;
	int r = env_openat(env, ENV_CWD, s->opts.dir,
	    O_RDONLY | O_DIRECTORY, 0);

	if (r < 0)
		return err_from_errno(-r);
	s->dirfd = r;
	r = env_openat(env, s->dirfd, "lock", O_RDWR | O_CREAT, 0600);
	if (r < 0)
		return err_from_errno(-r);
	s->lockfd = r;
	r = env_flock(env, s->lockfd);
	if (r < 0)
		return r == -EWOULDBLOCK ? ZK_ELOCKED : err_from_errno(-r);
	return files_open(env, s->dirfd, &s->files);
}

/* Files that a row names, or may name, stay. */
static void
keep_bodies(const struct depot_job *job)
{
	if (job->body != NULL && job->stored)
		body_keep(job->body);
	for (size_t i = 0; i < job->n_segs; i++)
		if (job->segs[i].result == MSG_SEG_STORED)
			body_keep(job->segs[i].body);
}

/*
 * The job failed, and its files were kept for a commit that may come to life.
 * That cannot be once another one has taken its place: see settle.  Where it
 * did not fail, a row may name them.
 */
static void
doubt(struct depot *s, const struct depot_job *job)
{
	enum zk_err r = ZK_OK;

	if (job->r == ZK_OK)
		return;
	if (job->body != NULL && body_kept(job->body))
		r = numbers_add(&s->doubtful, body_file(job->body));
	for (size_t i = 0; r == ZK_OK && i < job->n_segs; i++)
		if (body_kept(job->segs[i].body))
			r = numbers_add(&s->doubtful,
			    body_file(job->segs[i].body));
	if (r != ZK_OK)
		log_debug("files of a failed commit stay");
}

/* After a commit: what it buried goes, and what an earlier one may have. */
static void
settle(struct depot *s, bool many)
{
	struct commit *c = &s->commit;

	if (many)
		s->dead = 0;
	for (size_t i = 0; i < c->graves.n; i++)
		remove_one(s, c->graves.v[i]);
	for (size_t i = 0; i < s->doubtful.n; i++)
		files_drop(s->files, s->doubtful.v[i]);
	s->doubtful.n = 0;
}

/*
 * One transaction over the jobs from first to last.  On failure nothing of
 * it happened; but where the commit itself failed, what was written of it may
 * come to life at the next start: its files stay then, whatever is answered.
 */
static enum zk_err
try_batch(struct depot *s, struct depot_job *first)
{
	struct commit *c = &s->commit;
	bool many = s->dead >= DEAD_MAX && !s->undead, tried = false;
	enum zk_err r = db_begin(s->db);

	c->n_spaces = c->graves.n = 0;
	c->files_used = c->keys_changed = false;
	many = many && files_sync_removed(s->files) == ZK_OK;
	if (r == ZK_OK && many)
		r = db_exec(s->db, "DELETE FROM dead");
	for (struct depot_job *j = first; j != NULL && r == ZK_OK;
	    j = j->next)
		r = commit_job(c, j);
	if (r == ZK_OK)
		r = commit_end(c);
	if (r == ZK_OK && c->files_used)
		r = files_sync(s->files);
	tried = r == ZK_OK;
	r = db_end(s->db, r);
	for (struct depot_job *j = first; j != NULL && tried; j = j->next)
		if (r != ZK_OK || j->r == ZK_OK)
			keep_bodies(j);
	if (r == ZK_OK)
		settle(s, many);
	return r;
}

static void
announce(struct depot *s, struct depot_job *first)
{
	struct depot_job *next;

	if (s->commit.keys_changed)
		atomic_fetch_add(&s->keys_epoch, 1);
	if (s->commit.n_spaces > 0)
		s->opts.changed(s->opts.arg, s->commit.spaces,
		    s->commit.n_spaces);
	for (; first != NULL; first = next) {
		next = first->next;
		first->done(first);
	}
}

/* A failed batch is tried job by job: only the culprits fail. */
static void
run_batch(struct depot *s, struct depot_job *first)
{
	struct depot_job *next;
	enum zk_err r = try_batch(s, first);

	if (r == ZK_OK) {
		announce(s, first);
		return;
	}
	for (; first != NULL; first = next) {
		next = first->next;
		first->next = NULL;
		r = try_batch(s, first);
		if (r != ZK_OK) {
			s->commit.n_spaces = 0;
			s->commit.keys_changed = false;
			first->r = r;
		}
		doubt(s, first);
		announce(s, first);
	}
}

static bool
has_file(const struct depot_job *job)
{
	if (job->body != NULL && body_mem(job->body) == NULL)
		return true;
	for (size_t i = 0; i < job->n_segs; i++)
		if (body_mem(job->segs[i].body) == NULL)
			return true;
	return false;
}

static void *
writer_main(void *arg)
{
	struct depot *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct depot_job *first = NULL, **end = &first;
		unsigned n = 0;

		while (n < BATCH_MAX && s->write.first != NULL) {
			*end = queue_take(&s->write);
			end = &(*end)->next;
			n++;
		}
		if (n == 0) {
			if (s->stop && s->sync.first == NULL &&
			    s->syncing == 0)
				break;
			pthread_cond_wait(&s->to_write, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		run_batch(s, first);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static enum zk_err
sync_job(struct depot_job *job)
{
	enum zk_err r = ZK_OK;

	if (job->body != NULL)
		r = body_sync(job->body);
	for (size_t i = 0; i < job->n_segs && r == ZK_OK; i++)
		r = body_sync(job->segs[i].body);
	return r;
}

static void *
syncer_main(void *arg)
{
	struct depot *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct depot_job *job = queue_take(&s->sync);
		enum zk_err r;

		if (job == NULL && s->stop)
			break;
		if (job == NULL) {
			pthread_cond_wait(&s->to_sync, &s->lock);
			continue;
		}
		s->syncing++;
		pthread_mutex_unlock(&s->lock);
		r = sync_job(job);
		if (r != ZK_OK) {
			job->r = r;
			job->done(job);
		}
		pthread_mutex_lock(&s->lock);
		s->syncing--;
		if (r == ZK_OK)
			queue_put(&s->write, job);
		pthread_cond_signal(&s->to_write);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void
depot_submit(struct depot *s, struct depot_job *job)
{
	bool file = has_file(job);

	job->r = ZK_EBUG;
	job->fresh = job->stored = false;
	pthread_mutex_lock(&s->lock);
	queue_put(file ? &s->sync : &s->write, job);
	pthread_cond_signal(file ? &s->to_sync : &s->to_write);
	pthread_mutex_unlock(&s->lock);
}

static enum zk_err
start_threads(struct depot *s)
{
	if (pthread_create(&s->writer, NULL, writer_main, s) != 0)
		return ZK_ENOMEM;
	s->threads = 1;
	while (s->threads <= SYNCERS) {
		if (pthread_create(&s->syncer[s->threads - 1], NULL,
		    syncer_main, s) != 0)
			return ZK_ENOMEM;
		s->threads++;
	}
	return ZK_OK;
}

enum zk_err
depot_open(const struct depot_opts *opts, struct depot **out)
{
	struct depot *s = calloc(1, sizeof(*s));
	enum zk_err r = ZK_ENOMEM;
	struct buf path;

	*out = NULL;
	if (s == NULL)
		return r;
	s->opts = *opts;
	s->dirfd = s->lockfd = -1;
	atomic_init(&s->keys_epoch, 1);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->to_write, NULL);
	pthread_cond_init(&s->to_sync, NULL);
	queue_init(&s->write);
	queue_init(&s->sync);
	s->commit.spaces_max = BATCH_MAX;
	s->commit.spaces = calloc(BATCH_MAX, sizeof(*s->commit.spaces));
	buf_init(&path, PATH_ROOM - 1);
	buf_printf(&path, "%s/relay.db", opts->dir);
	if (buf_err(&path) == ZK_OK && s->commit.spaces != NULL) {
		memcpy(s->path, path.data, path.len);
		r = open_dir(s);
	}
	buf_release(&path);
	if (r == ZK_OK)
		r = open_db(s);
	if (r == ZK_OK)
		r = remove_dead(s);
	if (r == ZK_OK) {
		files_sweep(s->files, s->commit.next_file - 1);
		s->shop.env = opts->env;
		s->shop.files = s->files;
		s->shop.mem_max = opts->body_mem;
		atomic_init(&s->shop.mem, 0);
		r = start_threads(s);
	}
	if (r != ZK_OK) {
		struct log_where where = { opts->dir, NULL };

		if (r == ZK_ELOCKED)
			log_error(r, &where, "another relay is using '%s': "
			    "stop it, or give this one a '--data' of its own",
			    opts->dir);
		else
			log_error(r, &where, "cannot open the relay's data "
			    "in '%s': %s", opts->dir, err_text(r));
		depot_close(s);
		return r;
	}
	*out = s;
	return ZK_OK;
}

void
depot_stop(struct depot *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->to_write);
	pthread_cond_broadcast(&s->to_sync);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 1; i < s->threads; i++)
		pthread_join(s->syncer[i - 1], NULL);
	if (s->threads > 0)
		pthread_join(s->writer, NULL);
	s->threads = 0;
}

void
depot_close(struct depot *s)
{
	if (s == NULL)
		return;
	depot_stop(s);
	db_close(s->db);
	files_close(s->files);
	if (s->lockfd >= 0)
		(void)env_close(s->opts.env, s->lockfd);
	if (s->dirfd >= 0)
		(void)env_close(s->opts.env, s->dirfd);
	free(s->commit.spaces);
	free(s->commit.graves.v);
	free(s->doubtful.v);
	pthread_cond_destroy(&s->to_write);
	pthread_cond_destroy(&s->to_sync);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct body_shop *
depot_shop(struct depot *s)
{
	return &s->shop;
}

struct files *
depot_files(struct depot *s)
{
	return s->files;
}

const char *
depot_db_path(const struct depot *s)
{
	return s->path;
}

uint64_t
depot_quota(const struct depot *s)
{
	return s->opts.quota;
}

const uint8_t *
depot_generation(const struct depot *s)
{
	return s->generation;
}

unsigned
depot_keys_epoch(const struct depot *s)
{
	return atomic_load(&s->keys_epoch);
}

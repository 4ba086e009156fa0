/*
 * What the tests of the pipelines share: a database with the chunk index, a
 * remote in memory, keys, and files of given content.
 */
#ifndef ZK_TESTS_UNIT_BLOB_FIX_H
#define ZK_TESTS_UNIT_BLOB_FIX_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "db/db.h"
#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "store/largedb.h"
#include "store/listdb.h"
#include "sync/download.h"
#include "sync/upload.h"
#include "transport/lie_fake.h"
#include "transport/remote_fake.h"
#include "transport/transport.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

#include "test.h"

#define MIB (1024u * 1024)

struct fix {
	struct env env;		/* the real one; a test may make it single */
	struct db *db;
	struct remote_fake *fake;
	struct transport *t;
	struct key *cut;
	uint8_t cut_id[CUT_ID_LEN];
	uint8_t vault[CHUNK_VAULT_LEN];
	uint8_t locator[32];
	struct upload_opts uo;
	struct download_remote remote;
	struct download_opts dlo;
	struct buf data;	/* of the content at hand */
	struct content c;
};

/* A vault of its own: database, keys; its remote is fake or a new one. */
static inline bool
fix_init(struct fix *f, uint8_t seed, struct remote_fake *fake)
{
	struct transport_opts to = { .env = env_posix() };
	uint8_t raw[KEY_LEN];

	memset(f, 0, sizeof(*f));
	f->env = *env_posix();
	log_set_level(LOG_QUIET);
	buf_init(&f->data, UPLOAD_DATA_MAX);
	memset(raw, seed, sizeof(raw));
	memset(f->vault, seed, sizeof(f->vault));
	memset(f->cut_id, seed, sizeof(f->cut_id));
	to.locator = f->locator;
	f->fake = fake != NULL ? fake : remote_fake_new(1);
	if (f->fake == NULL || crypto_init() != ZK_OK ||
	    key_import(KEY_PRF, raw, &f->cut) != ZK_OK ||
	    db_open(":memory:", DB_CREATE, &f->db) != ZK_OK ||
	    db_exec(f->db, chunkdb_schema) != ZK_OK ||
	    db_exec(f->db, gcdb_schema) != ZK_OK ||
	    db_exec(f->db, largedb_schema) != ZK_OK ||
	    db_exec(f->db, listdb_schema) != ZK_OK ||
	    remote_fake_open(f->fake, "fake", &to, &f->t) != ZK_OK ||
	    transport_create(f->t) != ZK_OK)
		return false;
	f->uo = (struct upload_opts){ .env = &f->env, .db = f->db,
	    .vault = f->vault, .cut = f->cut, .cut_id = f->cut_id,
	    .remote = f->t, .remote_id = 1 };
	f->remote = (struct download_remote){ f->t, 1 };
	f->dlo = (struct download_opts){ .env = &f->env, .db = f->db,
	    .vault = f->vault, .remotes = &f->remote, .remotes_n = 1 };
	return true;
}

/* fake: also the remote, if it was made here. */
static inline void
fix_release(struct fix *f, bool fake)
{
	transport_free(f->t);
	if (fake)
		remote_fake_free(f->fake);
	db_close(f->db);
	key_free(f->cut);
	buf_release(&f->data);
}

/* Bytes that look random, the same every time. */
static inline void
fix_fill(uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, 8);
	}
}

/* An unnamed file of n bytes. */
static inline int
fix_file(const uint8_t *p, size_t n)
{
	char name[] = "/tmp/zk-test-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0)
		return -1;
	unlink(name);
	for (size_t off = 0; off < n;) {
		ssize_t w = write(fd, p + off, n - off);

		if (w <= 0)
			return -1;
		off += (size_t)w;
	}
	return fd;
}

static inline bool
fix_same(int fd, const uint8_t *p, size_t n)
{
	uint8_t *q = malloc(n + 1);
	struct stat st;
	bool ok;

	ok = q != NULL && fstat(fd, &st) == 0 && (size_t)st.st_size == n;
	for (size_t off = 0; ok && off < n;) {
		ssize_t r = pread(fd, q + off, n - off, (off_t)off);

		if (r <= 0)
			ok = false;
		else
			off += (size_t)r;
	}
	ok = ok && memcmp(p, q, n) == 0;
	free(q);
	return ok;
}

/* Uploads n bytes as a file to the end; f->c is its content. */
static inline enum zk_err
fix_push(struct fix *f, const uint8_t *p, size_t n,
    const struct content *prev, struct upload_stats *stats)
{
	struct upload *u = NULL;
	enum zk_err r;
	int fd = fix_file(p, n);

	r = upload_new(&f->uo, &u);
	if (r == ZK_OK)
		r = upload_file(u, fd, prev, &f->data, &f->c);
	if (r == ZK_OK)
		r = upload_flush(u);
	if (r == ZK_OK && stats != NULL)
		upload_stats(u, stats);
	upload_free(u);
	close(fd);
	return r;
}

/* Fetches f->c to a new file; *fd is the caller's also on failure. */
static inline enum zk_err
fix_pull(struct fix *f, int *fd, struct download_stats *stats)
{
	struct download_item it = { .c = &f->c, .old_fd = -1 };
	struct download *d = NULL;
	enum zk_err r;

	*fd = it.fd = fix_file(NULL, 0);
	r = download_new(&f->dlo, &d);
	if (r == ZK_OK)
		r = download_file(d, &it);
	if (r == ZK_OK && stats != NULL)
		download_stats(d, stats);
	download_free(d);
	return r;
}

/* How fetching f->c ends. */
static inline enum zk_err
fix_fetch(struct fix *f)
{
	int fd;
	enum zk_err r = fix_pull(f, &fd, NULL);

	close(fd);
	return r;
}

/* True if f->c comes back as these n bytes. */
static inline bool
fix_back(struct fix *f, const uint8_t *p, size_t n)
{
	int fd;
	bool ok = fix_pull(f, &fd, NULL) == ZK_OK && fix_same(fd, p, n);

	close(fd);
	return ok;
}

/* f->c, with its data in root: the next push uses f->data again. */
static inline struct content
fix_keep(const struct fix *f, uint8_t root[static UPLOAD_DATA_MAX])
{
	struct content c = f->c;

	memcpy(root, c.data, c.data_len);
	c.data = root;
	return c;
}

/* Another remote for the same vault; the caller frees both. */
static inline bool
fix_second(const struct fix *f, struct remote_fake **fake,
    struct transport **t)
{
	struct transport_opts to = { .env = env_posix(),
		.locator = f->locator };

	*fake = remote_fake_new(2);
	return *fake != NULL &&
	    remote_fake_open(*fake, "second", &to, t) == ZK_OK &&
	    transport_create(*t) == ZK_OK;
}

/* For the stop of a pipeline, whose arg is an int: ends at 0. */
static inline bool
fix_stop_after(void *arg)
{
	int *left = arg;

	return --*left < 0;
}

#endif

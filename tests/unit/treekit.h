/*
 * A vault's folder for tests of tree/: a root, a database in memory, a
 * recorder that does with differences what a real one does, without ops.
 */
#ifndef ZK_TESTS_UNIT_TREEKIT_H
#define ZK_TESTS_UNIT_TREEKIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "crypto/labels.h"
#include "db/db.h"
#include "store/diffdb.h"
#include "store/largedb.h"
#include "tree/apply.h"
#include "tree/moves.h"
#include "tree/scan.h"
#include "tree/trash.h"
#include "util/env_fake.h"
#include "util/io.h"
#include "util/path.h"

#define KIT_MAX 400
#define KIT_DIR "/v"

struct kit {
	struct fake *fake;	/* NULL on the real file system */
	struct env *env;
	struct db *db;
	struct root *root;
	char dir[200];		/* absolute path of the root */
	uint32_t next;		/* node numbers for what the disk brings */
	struct read_hasher hasher;
	const struct kit_goal *goal;	/* of the apply under way */
	int goal_n;
	uint32_t many;		/* the key of it that stands for these, 0: none */
	const struct opid *nodes;
	size_t nodes_n;
	const uint8_t *refs;
	size_t refs_len;
	int edit_at;		/* edits edit_path when this key is asked */
	const char *edit_path;
	struct scan_result scan;
	struct apply_result res;
};

static inline struct opid
kit_id(uint32_t key)
{
	struct opid o;

	memset(&o, 0, sizeof(o));
	for (int i = 0; i < 4; i++)
		o.b[2 + i] = (uint8_t)(key >> (24 - 8 * i));
	o.b[31] = (uint8_t)key;
	return o;
}

/* Large files have the same hash here: it is up to the caller of tree/. */
static inline enum zk_err
kit_hash_large(void *ctx, int fd, const void *refs, size_t refs_len,
    uint8_t out[static HASH_LEN])
{
	struct kit *k = ctx;
	struct hash h;
	uint8_t b[4096];

	(void)refs;
	(void)refs_len;
	hash_init(&h, LABEL_HASH_CONTENT);
	for (;;) {
		ssize_t n = env_read(k->env, fd, b, sizeof(b));

		if (n < 0)
			return ZK_EIO;
		if (n == 0)
			break;
		hash_update(&h, b, (size_t)n);
	}
	hash_final(&h, out);
	return ZK_OK;
}

static inline bool
kit_open_db(struct kit *k)
{
	return db_open(":memory:", DB_CREATE, &k->db) == ZK_OK &&
	    db_exec(k->db, basedb_schema) == ZK_OK &&
	    db_exec(k->db, aliasdb_schema) == ZK_OK &&
	    db_exec(k->db, largedb_schema) == ZK_OK &&
	    base_init(k->db) == ZK_OK;
}

static inline bool
kit_begin(struct kit *k, uint64_t seed)
{
	memset(k, 0, sizeof(*k));
	k->fake = fake_new(seed);
	k->env = fake_env(k->fake);
	k->next = 100000;
	k->hasher = (struct read_hasher) { kit_hash_large, k };
	snprintf(k->dir, sizeof(k->dir), KIT_DIR);
	if (env_mkdirat(k->env, ENV_CWD, KIT_DIR, 0755) != 0 ||
	    root_create(k->env, KIT_DIR, NULL) != ZK_OK ||
	    root_find(k->env, KIT_DIR, false, &k->root) != ZK_OK ||
	    !kit_open_db(k) || root_check(k->root, k->db) != ZK_OK)
		return false;
	fake_advance(k->fake, 60000);
	return true;
}

/* As kit_begin on the real file system, in dir, which exists. */
static inline bool
kit_begin_real(struct kit *k, const char *dir)
{
	memset(k, 0, sizeof(*k));
	k->env = env_posix();
	k->next = 100000;
	k->hasher = (struct read_hasher) { kit_hash_large, k };
	snprintf(k->dir, sizeof(k->dir), "%s", dir);
	return root_create(k->env, dir, NULL) == ZK_OK &&
	    root_find(k->env, dir, false, &k->root) == ZK_OK &&
	    kit_open_db(k) && root_check(k->root, k->db) == ZK_OK;
}

static inline void
kit_end(struct kit *k)
{
	root_free(k->root);
	db_close(k->db);
	fake_free(k->fake);
}

/* A process that starts anew on what is on the disk. */
static inline bool
kit_restart(struct kit *k)
{
	root_free(k->root);
	k->root = NULL;
	return root_find(k->env, k->dir, false, &k->root) == ZK_OK &&
	    root_check(k->root, k->db) == ZK_OK;
}

/* dir/name, or name alone below "". */
static inline void
kit_join(char *out, size_t cap, const char *dir, const char *name)
{
	size_t a = strlen(dir), b = strlen(name) + 1, sep = a > 0;

	if (a + sep + b > cap)
		abort();
	memmove(out, dir, a);
	if (sep)
		out[a] = '/';
	memcpy(out + a + sep, name, b);
}

static inline const char *
kit_abs(const struct kit *k, const char *path)
{
	static char b[4][5000];
	static int i;

	i = (i + 1) % 4;
	kit_join(b[i], sizeof(b[i]), k->dir, path);
	return b[i];
}

static inline bool
kit_write(struct kit *k, const char *path, const char *text)
{
	int fd = env_openat(k->env, ENV_CWD, kit_abs(k, path),
	    O_WRONLY | O_CREAT | O_TRUNC, 0644);
	enum zk_err r;

	if (fd < 0)
		return false;
	r = io_write_full(k->env, fd, text, strlen(text));
	env_close(k->env, fd);
	if (k->fake != NULL)
		fake_advance(k->fake, 10);
	return r == ZK_OK;
}

static inline bool
kit_mkdir(struct kit *k, const char *path)
{
	return env_mkdirat(k->env, ENV_CWD, kit_abs(k, path), 0755) == 0;
}

static inline bool
kit_move(struct kit *k, const char *from, const char *to)
{
	return env_renameat(k->env, ENV_CWD, kit_abs(k, from), ENV_CWD,
	    kit_abs(k, to), 0) == 0;
}

static inline bool
kit_rm(struct kit *k, const char *path)
{
	return io_remove_tree(k->env, ENV_CWD, kit_abs(k, path)) == ZK_OK;
}

static inline bool
kit_exists(struct kit *k, const char *path)
{
	struct env_stat st;

	return env_statat(k->env, ENV_CWD, kit_abs(k, path), &st) == 0;
}

/* True if the file at path has exactly this text. */
static inline bool
kit_has(struct kit *k, const char *path, const char *text)
{
	static char got[3 << 20];
	size_t n = 0;
	int fd = env_openat(k->env, ENV_CWD, kit_abs(k, path),
	    O_RDONLY | O_NOFOLLOW, 0);
	enum zk_err r;

	if (fd < 0)
		return false;
	r = io_read_some(k->env, fd, got, sizeof(got), &n);
	env_close(k->env, fd);
	return r == ZK_OK && n == strlen(text) && memcmp(got, text, n) == 0;
}

static inline void
kit_wait(struct kit *k)
{
	if (k->fake != NULL)
		fake_advance(k->fake, 5000);
}

/* Entries below dir (absolute), .zk left out. */
static inline int
kit_count(struct kit *k, const char *dir)
{
	int err, n = 0, fd = env_openat(k->env, ENV_CWD, dir,
	    O_RDONLY | O_DIRECTORY, 0);
	struct env_dirent e;
	struct env_dir *d;

	if (fd < 0)
		return 0;
	d = env_dir_open(k->env, fd, &err);
	while (d != NULL && env_dir_next(k->env, d, &e) > 0) {
		char sub[6000];

		if (strcmp(e.name, ".zk") == 0)
			continue;
		kit_join(sub, sizeof(sub), dir, e.name);
		n += 1 + kit_count(k, sub);
	}
	if (d != NULL)
		env_dir_close(k->env, d);
	env_close(k->env, fd);
	return n;
}

/* ---- recording ---- */

static inline enum zk_err
kit_parent(struct kit *k, const char *path, int64_t *row)
{
	const char *slash = strrchr(path, '/');
	char dir[5000];
	struct base_entry e;
	enum zk_err r;

	*row = BASE_ROOT;
	if (slash == NULL)
		return ZK_OK;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	r = base_find_path(k->db, dir, &e);
	*row = e.id;
	return r;
}

static inline enum zk_err
kit_put(struct kit *k, const char *path, int64_t id, const struct diff *d)
{
	const char *slash = strrchr(path, '/');
	struct read_result res;
	struct base_entry e, like = { .kind = NODE_TREE };
	struct opid node = kit_id(k->next++);
	enum zk_err r;

	memset(&e, 0, sizeof(e));
	memset(&res, 0, sizeof(res));
	r = kit_parent(k, path, &e.parent);
	if (r == ZK_OK && d->kind != NODE_DIR) {
		r = read_entry(k->root, &k->hasher, path,
		    d->kind == NODE_TREE ? &like : NULL, NULL, &res);
		base_stat_from(&res.st, &e.st);
		e.size = res.size;
		memcpy(e.hash, res.hash, sizeof(e.hash));
		e.mtime = res.st.mtime;
		if (res.racy)
			e.flags |= BASE_RACY;
	} else {
		e.st = d->st;
	}
	e.id = id;
	e.name = (const uint8_t *)(slash ? slash + 1 : path);
	e.name_len = strlen((const char *)e.name);
	e.kind = d->kind;
	e.mode = e.st.mode & 0777;
	if (d->st.fsid != 0 && d->kind == NODE_DIR)
		e.flags |= BASE_MOUNT;
	e.nodes = &node;
	e.nodes_n = 1;
	e.refs = node.b;
	e.refs_len = OPID_LEN;
	if (r == ZK_OK)
		r = base_claim(k->db, e.parent, e.name, e.name_len);
	return r == ZK_OK ? base_put(k->db, &e) : r;
}

/* Moved: the place; the content may have changed as well. */
static inline enum zk_err
kit_moved(struct kit *k, const char *path, const struct diff *d)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct base_entry e;
	int64_t parent;
	enum zk_err r = kit_parent(k, path, &parent);

	if (r == ZK_OK)
		r = base_claim(k->db, parent, name, strlen(name));
	if (r == ZK_OK)
		r = base_move(k->db, d->row, parent, name, strlen(name));
	if (r == ZK_OK)
		r = base_get(k->db, d->row, &e);
	if (r == ZK_OK)
		r = base_set_stat(k->db, d->row, &d->st,
		    e.flags | (e.kind == NODE_DIR ? 0 : BASE_RACY));
	return r;
}

/* Changed: 1 in *real if it truly did. */
static inline enum zk_err
kit_changed(struct kit *k, const char *path, const struct diff *d, int *real)
{
	struct read_result res;
	struct base_entry e, like = { .kind = NODE_TREE };
	struct base_stat st;
	enum zk_err r;

	r = read_entry(k->root, &k->hasher, path,
	    d->kind == NODE_TREE ? &like : NULL, NULL, &res);
	if (r == ZK_OK)
		r = base_get(k->db, d->row, &e);
	if (r != ZK_OK)
		return r;
	base_stat_from(&res.st, &st);
	*real = e.kind != res.kind || e.size != res.size ||
	    memcmp(e.hash, res.hash, sizeof(e.hash)) != 0 ||
	    ((e.st.mode ^ st.mode) & 0777) != 0 || (e.kind != NODE_TREE &&
	    (e.st.mtime.sec != st.mtime.sec ||
	    e.st.mtime.nsec != st.mtime.nsec));
	if (*real)
		return kit_put(k, path, d->row, d);
	return base_set_stat(k->db, d->row, &st,
	    (e.flags & ~(unsigned)BASE_RACY) |
	    (res.racy ? BASE_RACY : 0));
}

static inline enum zk_err
kit_record_one(struct kit *k, const struct diff *d, const char *path,
    int *real)
{
	struct base_entry e;
	enum zk_err r;

	*real = 1;
	switch (d->what) {
	case DIFF_NEW:
		return kit_put(k, path, 0, d);
	case DIFF_KEPT:
		return kit_put(k, path, d->row, d);
	case DIFF_MOVED:
		return kit_moved(k, path, d);
	case DIFF_CHANGED:
		return kit_changed(k, path, d, real);
	case DIFF_ATTR:
		r = base_get(k->db, d->row, &e);
		return r != ZK_OK ? r :
		    base_set_stat(k->db, d->row, &d->st, e.flags);
	case DIFF_KIND:
		r = base_remove(k->db, d->row);
		return r == ZK_OK ? kit_put(k, path, 0, d) : r;
	case DIFF_VANISHED:
	case DIFF_TAKEN:
		return base_remove(k->db, d->row);
	default:
		*real = 0;
		return ZK_OK;
	}
}

/*
 * Scans and records; the number of true differences, -1 on an error.  what
 * (may be NULL, cap bytes) gets a line "W path" for each, W one of NMKCAVRT.
 */
static inline int
kit_record(struct kit *k, char *what, size_t cap)
{
	static const char letters[] = ".NMKCAVRT";
	int64_t after = 0;
	struct diff d;
	int n = 0;
	enum zk_err r;

	if (what != NULL)
		what[0] = '\0';
	r = scan_run(k->root, k->db, NULL, &k->scan);
	if (r == ZK_OK)
		r = moves_find(k->root, k->db, &k->hasher);
	if (r == ZK_OK)
		r = db_begin(k->db);
	while (r == ZK_OK) {
		char path[5000];
		int real;
		uint8_t w;

		r = diff_next(k->db, ~0u, &after, &d);
		if (r != ZK_OK)
			break;
		memcpy(path, d.path, d.path_len);
		path[d.path_len] = '\0';
		w = d.what;
		r = kit_record_one(k, &d, path, &real);
		n += real;
		if (what != NULL && (real || w >= DIFF_UNKNOWN)) {
			size_t at = strlen(what);

			snprintf(what + at, cap - at, "%c %s\n",
			    w >= DIFF_UNKNOWN ? "UXBDH"[w - DIFF_UNKNOWN] :
			    letters[w], path);
		}
	}
	if (r == ZK_ENOENT)
		r = db_commit(k->db);
	db_rollback(k->db);
	if (r != ZK_OK)
		printf("# record: %s\n", err_name(r));
	return r == ZK_OK ? n : -1;
}

#endif

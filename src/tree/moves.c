#include "tree/moves.h"

#include <string.h>

#include "util/path.h"

static enum zk_err
by_inode(struct db *db)
{
	int64_t after = 0, row;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = diff_next_inode_pair(db, &after, &row);
		if (r == ZK_OK)
			r = diff_make_move(db, after, row);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Hashes the appeared files that have the size of a vanished one. */
static enum zk_err
hash_new(struct root *root, struct db *db, const struct read_hasher *h)
{
	int64_t after = 0;
	struct diff d;
	struct buf path;
	enum zk_err r = ZK_OK;

	buf_init(&path, 2 * PATH_LEN_MAX);
	while (r == ZK_OK) {
		struct read_result res;

		r = diff_next_to_hash(db, &after, &d);
		if (r != ZK_OK)
			break;
		buf_reset(&path);
		r = buf_put(&path, d.path, d.path_len);
		if (r != ZK_OK)
			break;
		/* one that cannot be read now is no move */
		if (read_entry(root, h, buf_cstr(&path), NULL, NULL,
		    &res) != ZK_OK || res.kind != NODE_FILE)
			continue;
		r = diff_set_hash(db, after, res.hash);
	}
	buf_release(&path);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
by_hash(struct db *db)
{
	int64_t after = 0, row;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = diff_next_hash_pair(db, &after, &row);
		if (r == ZK_OK)
			r = diff_make_move(db, after, row);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
moves_find(struct root *root, struct db *db, const struct read_hasher *h)
{
	bool any = false;
	enum zk_err r = diff_any_gone(db, &any);

	if (r != ZK_OK || !any)
		return r;
	r = by_inode(db);
	if (r == ZK_OK)
		r = hash_new(root, db, h);
	return r == ZK_OK ? by_hash(db) : r;
}

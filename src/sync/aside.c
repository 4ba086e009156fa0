#include "sync/aside.h"

#include <string.h>

#include "sync/histpath.h"
#include "sync/vault.h"
#include "util/buf.h"

bool
aside_is(const char *path)
{
	return strncmp(path, ASIDE_NAME, strlen(ASIDE_NAME)) == 0;
}

/* The number of the row, and what is behind it in the path. */
static int64_t
row_of(const char *path, const char **rest)
{
	const char *p = path + strlen(ASIDE_NAME);
	int64_t row = 0;

	for (; *p >= '0' && *p <= '9' && row < INT64_MAX / 10; p++)
		row = row * 10 + (*p - '0');
	*rest = p;
	return row;
}

/* Where the merged tree has the entry of a row. */
static enum zk_err
entry_path(struct vault *v, int64_t row, struct buf *out)
{
	const struct cdb *db = treedb_cdb(v->td);
	struct histpath h;
	struct base_entry e;
	struct cdb_node n;
	enum zk_err r = base_get(v->db, row, &e);

	if (r == ZK_OK && e.nodes_n == 0)
		r = ZK_ENOENT;
	if (r == ZK_OK)
		r = db->impl->node_by_id(db->db, &e.nodes[0], &n);
	if (r != ZK_OK)
		return r;
	r = histpath_init(&h, v, "");
	if (r == ZK_OK)
		r = histpath_of(&h, n.parent, &n.name, out);
	histpath_release(&h);
	return r;
}

enum zk_err
aside_path(struct vault *v, const char *path, struct buf *out)
{
	const char *rest = NULL;
	enum zk_err r = ZK_EBUG;

	buf_reset(out);
	if (!aside_is(path))
		return buf_str(out, path);
	r = entry_path(v, row_of(path, &rest), out);
	if (r == ZK_OK)
		return buf_str(out, rest);
	buf_reset(out);
	return r == ZK_ENOENT ? buf_str(out, path) : r;
}

#include "db/row.h"

enum zk_err
row_any(struct db *db, struct stmt *s, bool *yes)
{
	enum zk_err r = stmt_step(db, s);

	*yes = r == ZK_OK;
	if (r == ZK_OK)
		stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
row_int(struct db *db, struct stmt *s, int64_t *out)
{
	enum zk_err r = stmt_step(db, s);

	if (r != ZK_OK)
		return r;
	*out = stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
row_count(struct db *db, struct stmt *s, uint64_t *out)
{
	int64_t n = 0;
	enum zk_err r = row_int(db, s, &n);

	*out = (uint64_t)n;
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

enum zk_err
row_bytes(struct db *db, struct stmt *s, struct buf *out)
{
	const void *p = NULL;
	size_t n = 0;
	enum zk_err r = stmt_step(db, s);

	if (r != ZK_OK)
		return r;
	p = stmt_col_blob(s, 0, &n);
	r = buf_put(out, p, n);
	stmt_reset(s);
	return r;
}

enum zk_err
row_each(struct db *db, struct stmt *s,
    enum zk_err (*fn)(void *arg, struct stmt *s), void *arg)
{
	enum zk_err r = stmt_step(db, s);

	while (r == ZK_OK) {
		r = fn(arg, s);
		if (r != ZK_OK) {
			stmt_reset(s);
			return r;
		}
		r = stmt_step(db, s);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

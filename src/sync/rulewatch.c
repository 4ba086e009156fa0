/* Changes of ignore rules.  See rulewatch.h. */
#include "sync/rulewatch.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "store/diffdb.h"
#include "store/store.h"
#include "tree/ignore.h"

bool
rulewatch_is(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash == NULL ? path : slash + 1, IGNORE_FILE) == 0;
}

/* Whether the local patterns are others than in the last run. */
static enum zk_err
local_changed(struct round *rd, uint8_t hash[static HASH_LEN],
    bool *changed)
{
	struct buf text, was;
	enum zk_err r = ZK_OK;

	buf_init(&text, IGNORE_BYTES_MAX * 2);
	buf_init(&was, HASH_LEN);
	r = root_local_ignore(rd->v->root, &text);
	if (r == ZK_OK) {
		hash_bytes(LABEL_HASH_CONTENT, text.data, text.len, hash);
		r = store_get(rd->v->db, "ignore", &was);
		*changed = r == ZK_ENOENT ? text.len > 0 :
		    was.len != HASH_LEN ||
		    memcmp(was.data, hash, HASH_LEN) != 0;
		if (r == ZK_ENOENT)
			r = ZK_OK;
	}
	buf_release(&was);
	buf_release(&text);
	return r;
}

static enum zk_err
diffs_changed(struct round *rd, bool *changed)
{
	int64_t after = 0;
	struct diff d;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && !*changed) {
		r = diff_next(rd->v->db, ROUND_CHANGES | ROUND_GONE, &after,
		    &d);
		if (r == ZK_OK)
			*changed = rulewatch_is(d.path);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
rulewatch_again(struct round *rd)
{
	struct db *db = rd->v->db;
	enum zk_err r = db_begin(db);

	if (r == ZK_OK)
		r = store_put_int(db, "relook", 1);
	return db_end(db, r);
}

enum zk_err
rulewatch_scan(struct round *rd)
{
	struct db *db = rd->v->db;
	uint8_t hash[HASH_LEN];
	bool local = false, changed = false;
	enum zk_err r = local_changed(rd, hash, &local);

	changed = local;
	if (r == ZK_OK)
		r = diffs_changed(rd, &changed);
	if (r != ZK_OK || !changed)
		return r;
	r = rulewatch_again(rd);
	if (r != ZK_OK || !local)
		return r;
	r = db_begin(db);
	if (r == ZK_OK)
		r = store_put(db, "ignore", hash, sizeof(hash));
	return db_end(db, r);
}

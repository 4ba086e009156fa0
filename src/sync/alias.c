/* Names that this disk cannot hold.  See alias.h. */
#include "sync/alias.h"

#include <string.h>

#include "crdt/list.h"
#include "db/db.h"
#include "store/aliasdb.h"
#include "util/path.h"

/* plan_opts.fold */
static enum zk_err
fold(void *arg, int64_t dir, const void *name, size_t len, struct buf *out,
    enum alias_how *how)
{
	struct alias_forms *f = arg;
	enum zk_err r = ZK_OK;

	*how = ALIAS_PLAIN;
	if (dir <= 0)
		return buf_put(out, name, len);
	if (f->dir != dir) {
		r = aliasdb_forms(f->db, dir, &f->any);
		f->dir = r == ZK_OK ? dir : 0;
	}
	if (r != ZK_OK)
		return r;
	return f->any ? aliasdb_form(f->db, dir, name, len, out, how) :
	    buf_put(out, name, len);
}

enum zk_err
alias_plan(struct db *db, struct alias_forms *f, struct plan **out)
{
	struct plan_opts po = { .fold = NULL, .arg = f };
	bool any = false;
	enum zk_err r = aliasdb_forms(db, 0, &any);

	*out = NULL;
	*f = (struct alias_forms){ .db = db };
	po.fold = any ? fold : NULL;
	return r == ZK_OK ? plan_new(&po, out) : r;
}

static bool
is_own_name(const struct plan_place *at)
{
	return at->name_len == at->goal->name_len &&
	    memcmp(at->name, at->goal->name, at->name_len) == 0;
}

/* One entry of the plan: its row is where the plan has it, or elsewhere. */
static enum zk_err
note_one(struct db *db, const struct plan *p, const struct plan_place *at,
    bool any)
{
	int64_t dir = plan_dir_row(p, at->dir);
	struct base_entry e;
	enum zk_err r;

	if ((is_own_name(at) && !any) || at->held || dir == 0)
		return ZK_OK;
	r = base_find(db, dir, at->name, at->name_len, &e);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	/* what lies there may not be it */
	if (e.nodes_n == 0 || opid_cmp(&e.nodes[0], &at->goal->nodes[0]) != 0)
		return ZK_OK;
	return is_own_name(at) ? aliasdb_drop(db, e.id) :
	    aliasdb_put(db, e.id, at->goal->name, at->goal->name_len);
}

enum zk_err
alias_note(struct round *rd, const struct plan *p)
{
	struct db *db = rd->v->db;
	struct plan_place at;
	bool any = false, need = false;
	enum zk_err r = aliasdb_any(db, &any);

	for (size_t i = 0; !need && plan_place_at(p, i, &at); i++)
		need = any || !is_own_name(&at);
	if (r != ZK_OK || !need)
		return r;
	r = db_begin(db);
	for (size_t i = 0; r == ZK_OK && plan_place_at(p, i, &at); i++)
		r = note_one(db, p, &at, any);
	if (r == ZK_OK)
		r = aliasdb_tidy(db);
	return db_end(db, r);
}

enum zk_err
alias_place(struct db *db, int64_t row, const struct emit_at *at,
    struct buf *name, struct emit_at *out)
{
	struct base_entry e;
	enum zk_err r = row == 0 ? ZK_ENOENT : base_get(db, row, &e);

	*out = *at;
	buf_reset(name);
	if (r == ZK_OK && (e.name_len != at->name_len ||
	    memcmp(e.name, at->name, at->name_len) != 0))
		return ZK_OK;
	if (r == ZK_OK)
		r = aliasdb_get(db, row, name);
	if (r == ZK_OK) {
		out->name = name->data;
		out->name_len = name->len;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
tell_one(struct vault *v, const struct sync_ui *ui, int64_t row,
    const struct buf *name)
{
	struct sync_alias a;
	struct base_entry e;
	struct buf path, of;
	enum zk_err r;

	buf_init(&path, 1 << 20);
	buf_init(&of, 1 << 20);
	r = base_path(v->db, row, &path);
	if (r == ZK_OK)
		r = base_get(v->db, row, &e);
	if (r == ZK_OK)
		r = base_path(v->db, e.parent, &of);
	if (r == ZK_OK)
		r = path_join(&of, name->data, name->len);
	a.path = buf_cstr(&path);
	a.of = buf_cstr(&of);
	if (r == ZK_OK)
		ui->alias(ui->arg, &a);
	buf_release(&path);
	buf_release(&of);
	return r;
}

enum zk_err
alias_tell(struct vault *v, const struct sync_ui *ui)
{
	struct buf name;
	int64_t row = 0;
	enum zk_err r = ui->alias == NULL ? ZK_ENOENT : ZK_OK;

	buf_init(&name, 4096);
	while (r == ZK_OK) {
		buf_reset(&name);
		r = aliasdb_next(v->db, &row, &name);
		if (r == ZK_OK)
			r = tell_one(v, ui, row, &name);
	}
	buf_release(&name);
	return r == ZK_ENOENT ? ZK_OK : r;
}

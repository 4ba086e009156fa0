#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "http/httpd.h"
#include "proto/msg.h"
#include "relay/files.h"
#include "relay/view.h"
#include "util/env.h"
#include "util/log.h"
#include "util/rd.h"

#define CHECK_LEN 8		/* bytes of a hash in a mark */
#define PARTS_MAX 256		/* of one page */
#define HEAD_ROOM 128		/* bytes of a page's head */

struct view {
	struct depot *depot;
	struct db *db;
};

enum zk_err
view_new(struct depot *s, struct view **out)
{
	struct view *r = calloc(1, sizeof(*r));
	enum zk_err e = ZK_ENOMEM;

	*out = NULL;
	if (r == NULL)
		return e;
	r->depot = s;
	e = db_open(depot_db_path(s), DB_READONLY | DB_UNTRUSTED, &r->db);
	if (e != ZK_OK) {
		view_free(r);
		return e;
	}
	*out = r;
	return ZK_OK;
}

void
view_free(struct view *r)
{
	if (r == NULL)
		return;
	db_close(r->db);
	free(r);
}

enum zk_err
view_space(struct view *r, const uint8_t locator[static DEPOT_NAME_LEN],
    int64_t *space, uint8_t pk[static DEPOT_NAME_LEN])
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT id, pk FROM space WHERE locator = ?");
	enum zk_err e;

	stmt_blob(s, 1, locator, DEPOT_NAME_LEN);
	e = stmt_step(r->db, s);
	if (e != ZK_OK)
		return e;
	*space = stmt_col_int(s, 0);
	e = stmt_col_copy(s, 1, pk, DEPOT_NAME_LEN);
	stmt_reset(s);
	return e;
}

enum zk_err
view_key(struct view *r, const uint8_t locator[static DEPOT_NAME_LEN],
    const uint8_t pk[static DEPOT_NAME_LEN], int64_t *space, bool *retired)
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT s.id, k.retired FROM space s JOIN request_key k"
	    " ON k.space = s.id WHERE s.locator = ? AND k.pk = ?");
	enum zk_err e;

	stmt_blob(s, 1, locator, DEPOT_NAME_LEN);
	stmt_blob(s, 2, pk, DEPOT_NAME_LEN);
	e = stmt_step(r->db, s);
	if (e != ZK_OK)
		return e;
	*space = stmt_col_int(s, 0);
	*retired = stmt_col_int(s, 1) != 0;
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
view_used(struct view *r, int64_t space, uint64_t *bytes)
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT bytes FROM space WHERE id = ?");
	enum zk_err e;

	stmt_int(s, 1, space);
	e = stmt_step(r->db, s);
	if (e != ZK_OK)
		return e;
	*bytes = (uint64_t)stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}

/* Columns size, file, body of the row at hand; resets s. */
static enum zk_err
take_body(struct view *r, struct stmt *s, struct view_body *out)
{
	const void *p;
	size_t n;
	enum zk_err e = ZK_OK;

	buf_init(&out->mem, MSG_OBJ_MAX);
	out->fd = -1;
	out->len = (size_t)stmt_col_int(s, 0);
	if (!stmt_col_null(s, 1)) {
		e = files_read(depot_files(r->depot),
		    (uint64_t)stmt_col_int(s, 1), &out->fd);
	} else {
		p = stmt_col_blob(s, 2, &n);
		if (n != out->len)
			e = ZK_ETAMPER;
		if (e == ZK_OK)
			e = buf_put(&out->mem, p, n);
	}
	stmt_reset(s);
	if (e != ZK_OK)
		buf_release(&out->mem);
	return e;
}

enum zk_err
view_object(struct view *r, bool blob, int64_t space,
    const uint8_t name[static DEPOT_NAME_LEN], struct view_body *out)
{
	struct stmt *s = blob ?
	    db_stmt(r->db, "SELECT size, file, body FROM blob"
	    " WHERE space = ? AND name = ?") :
	    db_stmt(r->db, "SELECT size, file, body FROM record"
	    " WHERE space = ? AND name = ?");
	enum zk_err e;

	stmt_int(s, 1, space);
	stmt_blob(s, 2, name, DEPOT_NAME_LEN);
	e = stmt_step(r->db, s);
	return e == ZK_OK ? take_body(r, s, out) : e;
}

enum zk_err
view_has(struct view *r, bool blob, int64_t space,
    const uint8_t name[static DEPOT_NAME_LEN], bool *has)
{
	struct stmt *s = blob ?
	    db_stmt(r->db, "SELECT 1 FROM blob WHERE space = ? AND name = ?") :
	    db_stmt(r->db, "SELECT 1 FROM record"
	    " WHERE space = ? AND name = ?");
	enum zk_err e;

	stmt_int(s, 1, space);
	stmt_blob(s, 2, name, DEPOT_NAME_LEN);
	e = stmt_step(r->db, s);
	*has = e == ZK_OK;
	stmt_reset(s);
	return e == ZK_ENOENT ? ZK_OK : e;
}

enum zk_err
view_seg(struct view *r, int64_t space,
    const uint8_t log[static DEPOT_NAME_LEN], uint64_t seq,
    struct view_body *out)
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT s.size, s.file, s.body FROM log"
	    " JOIN segment s ON s.log = log.id WHERE log.space = ?"
	    " AND log.name = ? AND s.seq = ? AND s.size > 0");
	enum zk_err e;

	stmt_int(s, 1, space);
	stmt_blob(s, 2, log, DEPOT_NAME_LEN);
	stmt_int(s, 3, (int64_t)seq);
	e = stmt_step(r->db, s);
	return e == ZK_OK ? take_body(r, s, out) : e;
}

enum zk_err
view_head(struct view *r, int64_t space,
    const uint8_t log[static DEPOT_NAME_LEN], uint64_t *seq,
    uint8_t hash[static DEPOT_NAME_LEN])
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT seq, hash FROM log WHERE space = ? AND name = ?");
	enum zk_err e;

	stmt_int(s, 1, space);
	stmt_blob(s, 2, log, DEPOT_NAME_LEN);
	e = stmt_step(r->db, s);
	if (e != ZK_OK)
		return e;
	*seq = (uint64_t)stmt_col_int(s, 0);
	e = stmt_col_copy(s, 1, hash, DEPOT_NAME_LEN);
	stmt_reset(s);
	return e;
}

enum zk_err
view_missing(struct view *r, int64_t space, const uint8_t *names,
    size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		bool has;
		enum zk_err e = view_has(r, true, space,
		    names + i * DEPOT_NAME_LEN, &has);

		if (e != ZK_OK)
			return e;
		out[i] = has ? 0 : 1;
	}
	return ZK_OK;
}

/* Where a page starts, and what its last row was. */
struct place {
	int64_t row;		/* 0: before the first */
	uint8_t check[CHECK_LEN];
};

static void
put_mark(struct view *r, const struct place *p, struct buf *out)
{
	buf_put(out, depot_generation(r->depot), DEPOT_GENERATION_LEN);
	buf_u64(out, (uint64_t)p->row);
	buf_put(out, p->check, CHECK_LEN);
}

/*
 * The place of a mark, if the row that sql (space and row bound) finds still
 * has the hash that the mark remembers; else the start.
 */
static enum zk_err
find_place(struct view *r, struct stmt *s, int64_t space,
    const uint8_t *mark, size_t mark_len, struct place *out)
{
	const uint8_t *gen;
	struct place p;
	const uint8_t *hash;
	size_t n;
	struct rd rd;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	rd_init(&rd, mark, mark_len);
	gen = rd_bytes(&rd, DEPOT_GENERATION_LEN);
	p.row = (int64_t)rd_u64(&rd);
	rd_copy(&rd, p.check, CHECK_LEN);
	if (rd_end(&rd) != ZK_OK || p.row <= 0 ||
	    memcmp(gen, depot_generation(r->depot),
	    DEPOT_GENERATION_LEN) != 0)
		return ZK_OK;
	stmt_int(s, 1, space);
	stmt_int(s, 2, p.row);
	e = stmt_step(r->db, s);
	if (e != ZK_OK)
		return e == ZK_ENOENT ? ZK_OK : e;
	hash = stmt_col_blob(s, 0, &n);
	if (n == DEPOT_NAME_LEN && memcmp(hash, p.check, CHECK_LEN) == 0)
		*out = p;
	stmt_reset(s);
	return ZK_OK;
}

static void
page_init(struct view_page *page)
{
	memset(page, 0, sizeof(*page));
	buf_init(&page->head, HEAD_ROOM);
}

void
view_page_release(struct view *r, struct view_page *page)
{
	for (size_t i = 0; i < page->n_parts; i++) {
		free(page->parts[i].mem);
		if (page->parts[i].mem == NULL)
			files_close_fd(depot_files(r->depot),
			    page->parts[i].fd);
	}
	free(page->parts);
	buf_release(&page->head);
	page_init(page);
}

static enum zk_err
page_done(struct view *r, struct view_page *page,
    const struct place *end, bool more)
{
	uint8_t mark[VIEW_MARK_LEN];
	struct msg_page m = { more, mark, VIEW_MARK_LEN, page->count };
	struct buf b;

	buf_init(&b, VIEW_MARK_LEN);
	put_mark(r, end, &b);
	if (buf_err(&b) != ZK_OK)
		return buf_err(&b);
	memcpy(mark, b.data, VIEW_MARK_LEN);
	buf_release(&b);
	return msg_page_head(&page->head, &m);
}

static enum zk_err
add_part(struct view_page *page, struct httpd_part part)
{
	if (page->parts == NULL)
		page->parts = calloc(PARTS_MAX, sizeof(*page->parts));
	if (page->parts == NULL)
		return ZK_ENOMEM;
	page->parts[page->n_parts++] = part;
	return ZK_OK;
}

/* Hands what run has collected to the page as one part. */
static enum zk_err
flush_run(struct view_page *page, struct buf *run)
{
	struct httpd_part part = { NULL, -1, 0, 0 };
	enum zk_err e;

	if (buf_err(run) != ZK_OK || run->len == 0)
		return buf_err(run);
	part.mem = buf_take(run, &part.len);
	e = add_part(page, part);
	if (e != ZK_OK)
		free(part.mem);
	return e;
}

/* Adds the row at hand: small bodies to run, files as parts of their own. */
static enum zk_err
add_seg(struct view *r, struct stmt *s, struct view_page *page,
    struct buf *run)
{
	struct httpd_part part = { NULL, -1, 0, 0 };
	size_t size = (size_t)stmt_col_int(s, 2);
	const void *body;
	size_t n;
	enum zk_err e;

	buf_u32(run, (uint32_t)size);
	if (stmt_col_null(s, 3)) {
		body = stmt_col_blob(s, 4, &n);
		return n == size ? buf_put(run, body, n) : ZK_ETAMPER;
	}
	e = flush_run(page, run);
	if (e == ZK_OK)
		e = files_read(depot_files(r->depot),
		    (uint64_t)stmt_col_int(s, 3), &part.fd);
	if (e != ZK_OK)
		return e;
	part.len = size;
	e = add_part(page, part);
	if (e != ZK_OK)
		files_close_fd(depot_files(r->depot), part.fd);
	return e;
}

/* Whether the row at hand, n bytes, still belongs on the page. */
static bool
fits(const struct view_page *page, size_t used, size_t n, size_t max)
{
	if (page->count == 0)
		return true;
	return used + n <= max && page->n_parts < PARTS_MAX - 2;
}

static void
set_end(struct stmt *s, int col, struct place *end)
{
	const uint8_t *hash;
	size_t n;

	end->row = stmt_col_int(s, 0);
	hash = stmt_col_blob(s, col, &n);
	memset(end->check, 0, CHECK_LEN);
	if (n >= CHECK_LEN)
		memcpy(end->check, hash, CHECK_LEN);
}

enum zk_err
view_segs(struct view *r, int64_t space, const uint8_t *mark,
    size_t mark_len, size_t max, struct view_page *out)
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT hash FROM segment WHERE space = ? AND id = ?");
	struct place end;
	struct buf run;
	size_t used = 0;
	bool more = false;
	enum zk_err e;

	page_init(out);
	buf_init(&run, TARGET_PAGE_MAX + MSG_OBJ_MAX);
	e = find_place(r, s, space, mark, mark_len, &end);
	s = db_stmt(r->db, "SELECT id, hash, size, file, body FROM segment"
	    " WHERE space = ? AND id > ? ORDER BY id");
	stmt_int(s, 1, space);
	stmt_int(s, 2, end.row);
	while (e == ZK_OK) {
		size_t size;

		e = stmt_step(r->db, s);
		if (e != ZK_OK)
			break;
		size = (size_t)stmt_col_int(s, 2);
		more = size > 0 && !fits(out, used, size, max);
		if (more)
			break;
		set_end(s, 1, &end);
		if (size == 0)
			continue;	/* was deleted */
		e = add_seg(r, s, out, &run);
		used += size + 4;
		out->count++;
		/* its file went after its row was read: not the end of all */
		if (e == ZK_ENOENT) {
			log_warn("the file of a segment is not there: it was "
			    "deleted just now, or is lost");
			e = ZK_EBUSY;
		}
	}
	stmt_reset(s);
	if (e == ZK_ENOENT)
		e = ZK_OK;
	if (e == ZK_OK)
		e = flush_run(out, &run);
	if (e == ZK_OK)
		e = page_done(r, out, &end, more);
	buf_release(&run);
	if (e != ZK_OK)
		view_page_release(r, out);
	return e;
}

enum zk_err
view_recs(struct view *r, int64_t space, const uint8_t *mark,
    size_t mark_len, size_t max, struct view_page *out)
{
	struct stmt *s = db_stmt(r->db,
	    "SELECT name FROM record WHERE space = ? AND id = ?");
	struct place end;
	struct buf run;
	bool more = false;
	enum zk_err e;

	page_init(out);
	buf_init(&run, TARGET_PAGE_MAX);
	e = find_place(r, s, space, mark, mark_len, &end);
	s = db_stmt(r->db, "SELECT id, name FROM record"
	    " WHERE space = ? AND id > ? ORDER BY id");
	stmt_int(s, 1, space);
	stmt_int(s, 2, end.row);
	while (e == ZK_OK) {
		const void *name;
		size_t n;

		e = stmt_step(r->db, s);
		if (e != ZK_OK)
			break;
		more = !fits(out, run.len, DEPOT_NAME_LEN, max);
		if (more)
			break;
		set_end(s, 1, &end);
		name = stmt_col_blob(s, 1, &n);
		e = n == DEPOT_NAME_LEN ? buf_put(&run, name, n) : ZK_ETAMPER;
		out->count++;
	}
	stmt_reset(s);
	if (e == ZK_ENOENT)
		e = ZK_OK;
	if (e == ZK_OK)
		e = flush_run(out, &run);
	if (e == ZK_OK)
		e = page_done(r, out, &end, more);
	buf_release(&run);
	if (e != ZK_OK)
		view_page_release(r, out);
	return e;
}

enum zk_err
view_blobs(struct view *r, int64_t space, const uint8_t *after,
    struct view_page *out)
{
	static const uint8_t none[1];
	struct stmt *s = db_stmt(r->db, "SELECT name FROM blob"
	    " WHERE space = ? AND name > ? ORDER BY name LIMIT ?");
	struct msg_page m = { 0 };
	struct buf run;
	enum zk_err e = ZK_OK;

	page_init(out);
	buf_init(&run, MSG_LIST_MAX * DEPOT_NAME_LEN);
	stmt_int(s, 1, space);
	/* what is empty is below every name */
	stmt_blob(s, 2, after == NULL ? none : after,
	    after == NULL ? 0 : DEPOT_NAME_LEN);
	stmt_int(s, 3, MSG_LIST_MAX + 1);
	while (e == ZK_OK && !m.more) {
		const void *name;
		size_t n;

		e = stmt_step(r->db, s);
		if (e != ZK_OK)
			break;
		m.more = out->count == MSG_LIST_MAX;
		if (m.more)
			break;
		name = stmt_col_blob(s, 0, &n);
		e = n == DEPOT_NAME_LEN ? buf_put(&run, name, n) : ZK_ETAMPER;
		out->count++;
	}
	stmt_reset(s);
	m.count = out->count;
	if (e == ZK_ENOENT)
		e = ZK_OK;
	if (e == ZK_OK && m.count > 0) {
		m.mark = run.data + run.len - DEPOT_NAME_LEN;
		m.mark_len = DEPOT_NAME_LEN;
	}
	if (e == ZK_OK)
		e = msg_page_head(&out->head, &m);
	if (e == ZK_OK)
		e = flush_run(out, &run);
	buf_release(&run);
	if (e != ZK_OK)
		view_page_release(r, out);
	return e;
}

/* What a round tells and counts on its way.  See round.h. */
#include "sync/round.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "sync/keyset.h"
#include "util/log.h"

void
round_note(struct round *rd, enum zk_err r)
{
	rd->worst = err_worse(rd->worst, r);
}

void
round_left_out(struct round *rd, struct vremote *vr, enum zk_err r)
{
	vr->err = r;
	if (err_status(r) == 5 || r == ZK_EPIN)	/* the transport said it */
		log_debug("%s: %s", transport_url(vr->t), err_text(r));
	else
		log_error(r, &(struct log_where){ .remote =
		    transport_url(vr->t) }, "%s: %s", transport_url(vr->t),
		    err_text(r));
	if (err_status(r) != 5)
		round_note(rd, r);
}

bool
round_stopped(const struct round *rd)
{
	return rd->o->ui.stop != NULL && rd->o->ui.stop(rd->o->ui.arg);
}

/* What was done is at most all there is. */
static void
at_least(uint64_t *total, uint64_t n)
{
	if (*total > 0 && *total < n)
		*total = n;
}

void
round_progress(struct round *rd, enum sync_phase phase)
{
	struct sync_progress *p = &rd->progress;

	p->phase = phase;
	at_least(&p->files_total, p->files);
	at_least(&p->segments_total, p->segments);
	at_least(&p->bytes_total, p->bytes);
	if (rd->o->ui.progress != NULL)
		rd->o->ui.progress(rd->o->ui.arg, &rd->progress);
}

char
round_type(uint8_t kind)
{
	switch (kind) {
	case NODE_DIR:
		return 'd';
	case NODE_SYMLINK:
		return 'l';
	case NODE_TREE:
		return 't';
	default:
		return 'f';
	}
}

void
round_count(struct round *rd, uint8_t kind, uint64_t bytes)
{
	if (kind == NODE_DIR)
		rd->rep->dirs++;
	else
		rd->rep->files++;
	rd->rep->bytes += bytes;
}

enum zk_err
round_of_step(enum zk_err r)
{
	return r == ZK_EPERM || r == ZK_EIO || r == ZK_ELIMIT ? ZK_EPARTIAL :
	    r;
}

void
round_not_applied(struct round *rd, const char *path, enum zk_err r)
{
	if (r == ZK_EPARTIAL || round_of_step(r) != ZK_EPARTIAL ||
	    !round_says(rd, path, err_text(r)))
		return;
	log_error(ZK_EPARTIAL, &(struct log_where){ .path = path },
	    "'%s' cannot be brought to what others have: %s", path,
	    err_text(r));
	rd->rep->skipped++;
}

void
round_phase(struct round *rd, enum sync_phase phase,
    const struct sync_progress *total)
{
	rd->progress = *total;
	round_progress(rd, phase);
}

void
round_moved(struct round *rd, enum sync_phase phase, uint64_t n)
{
	if (rd->progress.phase == phase)
		rd->progress.bytes += n;
	round_progress(rd, rd->progress.phase);
}

void
round_passed(void *arg, bool up, size_t n)
{
	struct round *rd = arg;

	if (rd->progress.phase == (up ? SYNC_PUBLISH : SYNC_FETCH))
		round_moved(rd, rd->progress.phase, n);
}

bool
round_says(struct round *rd, const char *path, const char *what)
{
	struct opid key;
	struct buf b;
	bool fresh = true;
	enum zk_err r = ZK_OK;

	if (rd->said == NULL)
		return true;
	buf_init(&b, 1 << 20);
	r = buf_put(&b, path, strlen(path) + 1);
	if (r == ZK_OK)
		r = buf_str(&b, what);
	hash_bytes(LABEL_HASH_CONTENT, b.data, b.len, key.b);
	/* without memory it is said again */
	if (r == ZK_OK && keyset_add(rd->said, &key, &fresh) != ZK_OK)
		fresh = true;
	buf_release(&b);
	return fresh;
}

enum zk_err
round_skip(struct round *rd, const char *path, enum zk_err r)
{
	const char *why = r == ZK_ECHANGED ?
	    "it kept changing while it was read" : err_text(r);

	if (r == ZK_ENOENT)
		return ZK_ENOENT;
	round_note(rd, ZK_EPARTIAL);
	if (!round_says(rd, path, why))
		return ZK_EPARTIAL;
	log_error(ZK_EPARTIAL, &(struct log_where){ .path = path },
	    "skipped '%s': %s", path, why);
	rd->rep->skipped++;
	return ZK_EPARTIAL;
}

void
round_report(struct round *rd, size_t i, uint64_t behind)
{
	struct vremote *vr = rd->remotes[i];
	struct sync_report_remote *out = &rd->rep->remotes[i];
	const char *url = transport_url(vr->t);
	size_t n = strnlen(url, sizeof(out->url) - 1);

	memcpy(out->url, url, n);
	out->url[n] = '\0';
	out->ok = vr->err == ZK_OK;
	out->err = vr->err;
	out->behind = behind;
	rd->rep->remotes_n = i + 1;
}

enum zk_err
round_report_all(struct round *rd)
{
	struct db *db = rd->v->db;
	/* when a remote was reached last is only told */
	enum zk_err r = db_begin_light(db);

	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++) {
		struct vremote *vr = rd->remotes[i];
		uint64_t behind = 0;

		r = remotedb_behind(db, vr->info.id, &behind);
		round_report(rd, i, behind);
		if (r == ZK_OK && vr->err == ZK_OK)
			r = remotedb_ok(db, vr->info.id,
			    env_now_ms(rd->v->env));
	}
	return db_end(db, r);
}

void
round_conflict_of(const char *path, struct buf *of)
{
	const char *mark = strstr(path, ".conflict-");
	const char *ext = NULL;

	if (mark == NULL) {
		(void)buf_str(of, path);
		return;
	}
	/* STEM.conflict-DATE-TIME-DEVICE-xxxx.EXT */
	ext = strchr(mark + 1, '.');
	(void)buf_put(of, path, (size_t)(mark - path));
	(void)buf_str(of, ext == NULL ? "" : ext);
}

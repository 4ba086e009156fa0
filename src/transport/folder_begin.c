#include "transport/folder_begin.h"

#include "transport/folder_list.h"
#include "util/env.h"

/* Whether a segment at seq with this hash, or a later one, is noted. */
static bool
noted(const struct folder_list *l, const uint8_t *log, uint64_t seq,
    const uint8_t *hash)
{
	const struct folder_name *end = folder_list_last(l, log);

	if (end == NULL || end->seq < seq)
		return false;
	return end->seq > seq || folder_list_holds(l, log, seq, hash, NULL);
}

/* Notes it, then removes what it replaces. */
static enum zk_err
note(struct folder *f, const struct folder_list *l, const uint8_t *log,
    uint64_t seq, const uint8_t *hash)
{
	char name[NAMES_CAP];
	size_t i = folder_list_find(l, log, 0);
	size_t end = folder_list_find(l, log, seq);
	int fd = folder_dir_sub(f, f->dir, "begin", true);
	enum zk_err r;

	if (fd < 0)
		return folder_dir_fail(f, fd, "open", "begin");
	names_hint(log, seq, hash, name);
	r = folder_dir_put(f, fd, name, "", 0);
	for (; r == ZK_OK && i < end; i++) {
		names_hint(log, l->v[i].seq, l->v[i].hash, name);
		(void)env_unlinkat(f->t.opts.env, fd, name, 0);
	}
	(void)env_close(f->t.opts.env, fd);
	return r;
}

/* It is there, perhaps from a run that was cut off before it was durable. */
static enum zk_err
sync_noted(struct folder *f)
{
	int fd = folder_dir_sub(f, f->dir, "begin", true);
	enum zk_err r;

	if (fd < 0)
		return folder_dir_fail(f, fd, "open", "begin");
	r = folder_dir_sync(f, fd);
	(void)env_close(f->t.opts.env, fd);
	return r;
}

enum zk_err
folder_begin_at(struct folder *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN])
{
	struct folder_list begun = { 0 };
	enum zk_err r = folder_list_begun(f, &begun);

	if (r == ZK_OK)
		r = noted(&begun, log, seq, hash) ? sync_noted(f) :
		    note(f, &begun, log, seq, hash);
	folder_list_release(&begun);
	return r;
}

enum zk_err
folder_begin(struct transport *t, const uint8_t *log, uint64_t seq,
    const uint8_t *hash)
{
	struct folder *f = (struct folder *)t;
	enum zk_err r = folder_dir_open(f);

	return r == ZK_OK ? folder_begin_at(f, log, seq, hash) : r;
}

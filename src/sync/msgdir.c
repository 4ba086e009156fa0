#include "sync/msgdir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crdt/cname.h"
#include "format/filehash.h"
#include "sync/cuts.h"
#include "sync/opname.h"
#include "util/log.h"

#define PENDING_MAX 64	/* files put between two commits */
#define TMP_NAME (sizeof(".zk-tmp-recv-") + SYNC_TAG_LEN + MSGDIR_NAME)

struct msgdir {
	struct round *rd;
	const char *path;
	int fd;
	uint32_t uid;			/* whose files may be gone on with */
	char tag[SYNC_TAG_LEN + 1];	/* this device's */
	char pending[PENDING_MAX][MSGDIR_NAME];
	size_t n;
	bool dirty;			/* names may not be durable */
};

void
msgdir_name(const struct opid *id, const char *tag,
    char out[static MSGDIR_NAME])
{
	char hex[2 * OPID_LEN + 1];

	opname_full(id, hex);
	(void)snprintf(out, MSGDIR_NAME, "%s-%s", hex, tag);
}

/* Two devices of one machine may put into one directory. */
static void
tmp_name(const struct msgdir *d, const char *name, char out[static TMP_NAME])
{
	(void)snprintf(out, TMP_NAME, ".zk-tmp-recv-%s-%s", d->tag, name);
}

static enum zk_err
cannot(const struct msgdir *d, const char *name, int e)
{
	enum zk_err r = e == -EEXIST ? ZK_EEXIST : err_from_errno(-e);

	log_error(r, &(struct log_where){ .path = d->path },
	    "cannot write '%s/%s': %s", d->path, name, err_text(r));
	return r;
}

enum zk_err
msgdir_open(struct round *rd, const char *path, struct msgdir **out)
{
	struct msgdir *d = calloc(1, sizeof(*d));
	struct env_stat st;
	int e = 0;

	*out = NULL;
	if (d == NULL)
		return ZK_ENOMEM;
	d->rd = rd;
	d->path = path;
	cname_tag(vault_device(rd->v), d->tag);
	d->fd = env_openat(rd->v->env, ENV_CWD, path,
	    O_RDONLY | O_DIRECTORY, 0);
	e = d->fd < 0 ? d->fd : env_fstat(rd->v->env, rd->v->state_fd, &st);
	if (e < 0) {
		enum zk_err r = err_from_errno(-e);

		log_error(r, &(struct log_where){ .path = path },
		    "cannot open the directory '%s': %s", path, err_text(r));
		msgdir_close(d);
		return r;
	}
	d->uid = st.uid;
	*out = d;
	return ZK_OK;
}

void
msgdir_close(struct msgdir *d)
{
	if (d == NULL)
		return;
	if (d->fd >= 0)
		(void)env_close(d->rd->v->env, d->fd);
	free(d);
}

void
msgdir_forget(struct msgdir *d, const char *name)
{
	char tmp[TMP_NAME];

	tmp_name(d, name, tmp);
	(void)env_unlinkat(d->rd->v->env, d->fd, tmp, 0);
}

/* Whether the file name has this content; ZK_ENOENT: there is none. */
static enum zk_err
compare(struct msgdir *d, const char *name, const struct content *c,
    bool *equal)
{
	struct env *env = d->rd->v->env;
	struct upload *u = NULL;
	struct env_stat st;
	uint8_t hash[CONTENT_HASH_LEN];
	uint64_t size = 0;
	enum zk_err r = ZK_OK;
	int fd = -1, e = env_statat(env, d->fd, name, &st);

	*equal = false;
	if (e == -ENOENT)
		return ZK_ENOENT;
	if (e < 0)
		return cannot(d, name, e);
	if (!S_ISREG(st.mode) || st.size != c->size)
		return ZK_OK;
	r = cuts_upload(d->rd, NULL, &u);
	if (r != ZK_OK)
		return r;
	fd = env_openat(env, d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
	    0);
	if (fd < 0)
		return cannot(d, name, fd);
	r = upload_hash(u, fd, c->size > FILEHASH_WHOLE ? c : NULL, &size,
	    hash);
	(void)env_close(env, fd);
	*equal = r == ZK_OK && size == c->size &&
	    memcmp(hash, c->hash, sizeof(hash)) == 0;
	return r;
}

/* A run before made the file, or something else is in its place. */
static enum zk_err
look(struct msgdir *d, const char *name, const struct content *c)
{
	bool equal = false;
	enum zk_err r = compare(d, name, c, &equal);

	if (r == ZK_OK && !equal) {
		r = ZK_EEXIST;
		log_error(r, &(struct log_where){ .path = d->path },
		    "'%s/%s' is there and is not the message of that name: "
		    "move it away", d->path, name);
	}
	return r;
}

/*
 * Opens the file to write into; *resume: there is something in it.  Only a
 * file of ours alone is gone on with.
 */
static int
open_tmp(struct msgdir *d, const char *tmp, bool *resume)
{
	struct env *env = d->rd->v->env;
	struct env_stat st;
	int fd = env_openat(env, d->fd, tmp, O_RDWR | O_NOFOLLOW | O_NONBLOCK,
	    0);

	*resume = false;
	if (fd >= 0) {
		if (env_fstat(env, fd, &st) == 0 && S_ISREG(st.mode) &&
		    st.nlink == 1 && st.uid == d->uid) {
			*resume = st.size > 0;
			return fd;
		}
		(void)env_close(env, fd);
	}
	(void)env_unlinkat(env, d->fd, tmp, 0);
	return env_openat(env, d->fd, tmp,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
}

enum zk_err
msgdir_put(struct msgdir *d, struct download *from, const char *name,
    const struct content *c)
{
	struct env *env = d->rd->v->env;
	struct download_item it = { .c = c, .old_fd = -1, .path = name };
	char tmp[TMP_NAME];
	enum zk_err r = look(d, name, c);
	int e = 0;

	if (r == ZK_OK) {
		/* its name may not have been made durable */
		d->dirty = true;
		msgdir_forget(d, name);
		return ZK_OK;
	}
	if (r != ZK_ENOENT)
		return r;
	if (d->n == PENDING_MAX)
		BUG("a commit of messages that is overdue");
	tmp_name(d, name, tmp);
	it.fd = open_tmp(d, tmp, &it.resume);
	if (it.fd < 0)
		return cannot(d, tmp, it.fd);
	r = download_file(from, &it);
	if (r == ZK_OK)
		e = env_fsync(env, it.fd);
	(void)env_close(env, it.fd);
	if (r == ZK_OK && e < 0)
		r = cannot(d, tmp, e);
	if (r == ZK_OK)
		memcpy(d->pending[d->n++], name, strlen(name) + 1);
	/* what a retry may complete stays */
	else if (err_status(r) != 5 && r != ZK_ESIGNAL)
		msgdir_forget(d, name);
	return r;
}

/* The last step: create-only, where the file system can. */
static int
give_name(struct msgdir *d, const char *name)
{
	struct env *env = d->rd->v->env;
	struct env_stat st;
	char tmp[TMP_NAME];
	int e = 0;

	tmp_name(d, name, tmp);
	e = env_renameat(env, d->fd, tmp, d->fd, name, RENAME_NOREPLACE);
	if (e != -EINVAL && e != -ENOSYS)
		return e;
	if (env_statat(env, d->fd, name, &st) == 0)
		return -EEXIST;
	return env_renameat(env, d->fd, tmp, d->fd, name, 0);
}

enum zk_err
msgdir_commit(struct msgdir *d)
{
	int e = 0;

	for (size_t i = 0; i < d->n; i++) {
		e = give_name(d, d->pending[i]);
		if (e < 0)
			return cannot(d, d->pending[i], e);
		d->dirty = true;
	}
	d->n = 0;
	if (d->dirty)
		e = env_fsync(d->rd->v->env, d->fd);
	if (e < 0)
		return cannot(d, "", e);
	d->dirty = false;
	return ZK_OK;
}

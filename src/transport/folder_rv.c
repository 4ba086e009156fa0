#include "transport/folder_rv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"
#include "util/io.h"
#include "util/log.h"

#define POLL_MS 100
#define STALE_S 3600	/* a mailbox this old was left behind */
#define TRIES 40	/* numbers tried for a fresh plate */

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

/* Opens DIR/rv, made if need be. */
static enum zk_err
open_rv(struct folder *f, int *out)
{
	struct env *env = f->t.opts.env;
	int top = env_openat(env, ENV_CWD, f->path, O_RDONLY | O_DIRECTORY, 0);
	int fd;

	*out = -1;
	if (top == -ENOENT)
		return ZK_ENET;
	if (top < 0)
		return folder_dir_fail(f, top, "open", f->path);
	fd = folder_dir_sub(f, top, "rv", true);
	(void)env_close(env, top);
	if (fd < 0)
		return folder_dir_fail(f, fd, "make", "rv");
	*out = fd;
	return ZK_OK;
}

static void
plate_name(uint64_t plate, char out[static NAMES_CAP])
{
	(void)snprintf(out, NAMES_CAP, "%" PRIu64, plate);
}

/* Opens the mailbox of rv.  ZK_EEXPIRED: it is not there. */
static enum zk_err
open_plate(struct folder *f, const struct trv *rv, int *out)
{
	struct env *env = f->t.opts.env;
	char name[NAMES_CAP];
	int top;
	int fd;
	enum zk_err r = open_rv(f, &top);

	*out = -1;
	if (r != ZK_OK)
		return r;
	plate_name(rv->plate, name);
	fd = env_openat(env, top, name, DIR_FLAGS, 0);
	(void)env_close(env, top);
	if (fd == -ENOENT)
		return ZK_EEXPIRED;
	if (fd < 0)
		return folder_dir_fail(f, fd, "open", name);
	*out = fd;
	return ZK_OK;
}

/*
 * Writes a whole file that is not there yet under a temporary name and
 * renames it.  ZK_EEXIST: it is there.
 */
static enum zk_err
put_new(struct folder *f, int fd, const char *name, const void *p, size_t n)
{
	struct env *env = f->t.opts.env;
	char tmp[NAMES_CAP] = "t-";
	struct env_stat st;
	uint8_t rnd[16];
	enum zk_err r;
	int file;
	int e;

	env_random(env, rnd, sizeof(rnd));
	hex_text(rnd, sizeof(rnd), tmp + 2);
	file = env_openat(env, fd, tmp, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW, 0666);
	if (file < 0)
		return folder_dir_fail(f, file, "create", tmp);
	r = io_write_full(env, file, p, n);
	(void)env_close(env, file);
	if (r != ZK_OK)
		goto out;
	e = env_renameat(env, fd, tmp, fd, name, RENAME_NOREPLACE);
	/* a file system without the flag: look, then rename */
	if (e == -EINVAL || e == -ENOSYS)
		e = env_statat(env, fd, name, &st) == 0 ? -EEXIST :
		    env_renameat(env, fd, tmp, fd, name, 0);
	if (e == -EEXIST)
		r = ZK_EEXIST;
	else if (e < 0)
		r = folder_dir_fail(f, e, "rename", name);
out:
	if (r != ZK_OK)
		(void)env_unlinkat(env, fd, tmp, 0);
	return r;
}

/* As put_new; the same bytes there already are as good. */
static enum zk_err
put_once(struct folder *f, int fd, const char *name, const void *p, size_t n)
{
	enum zk_err r = put_new(f, fd, name, p, n);
	struct buf b;

	if (r != ZK_EEXIST)
		return r;
	buf_init(&b, TRANSPORT_RV_MAX);
	r = folder_dir_get(f, fd, name, TRANSPORT_RV_MAX, &b);
	if (r == ZK_OK && (b.len != n || (n > 0 &&
	    memcmp(b.data, p, n) != 0)))
		r = ZK_EEXIST;
	buf_release(&b);
	return r;
}

/* Removes a mailbox that nobody closed. */
static void
drop_stale(struct folder *f, int top, const char *name)
{
	struct env *env = f->t.opts.env;
	struct env_stat st;

	if (env_statat(env, top, name, &st) == 0 &&
	    st.mtime.sec < env_now(env).sec - STALE_S &&
	    io_remove_tree(env, top, name) != ZK_OK)
		log_debug("cannot remove the old mailbox '%s'", name);
}

/* Makes a mailbox with a number that is free, the shorter the better. */
static enum zk_err
make_fresh(struct folder *f, int top, struct trv *rv)
{
	struct env *env = f->t.opts.env;
	char name[NAMES_CAP];
	uint32_t rnd;

	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t span = i < TRIES / 2 ? 900 : 900000;
		uint32_t low = span / 9;
		int e;

		env_random(env, &rnd, sizeof(rnd));
		rv->plate = low + rnd % span;
		plate_name(rv->plate, name);
		drop_stale(f, top, name);
		e = env_mkdirat(env, top, name, 0777);
		if (e == 0)
			return ZK_OK;
		if (e != -EEXIST)
			return folder_dir_fail(f, e, "make", name);
	}
	return ZK_EBUSY;
}

enum zk_err
folder_rv_claim(struct transport *t, struct trv *rv)
{
	struct folder *f = (struct folder *)t;
	struct env *env = t->opts.env;
	const char *claim = rv->side == 0 ? "c0" : "c1";
	char name[NAMES_CAP];
	enum zk_err r;
	int top;
	int fd = -1;
	int e;

	r = open_rv(f, &top);
	if (r != ZK_OK)
		return r;
	if (rv->plate == 0) {
		r = make_fresh(f, top, rv);
	} else if (rv->side == 0) {
		plate_name(rv->plate, name);
		drop_stale(f, top, name);
		e = env_mkdirat(env, top, name, 0777);
		if (e < 0 && e != -EEXIST)
			r = folder_dir_fail(f, e, "make", name);
	}
	(void)env_close(env, top);
	if (r == ZK_OK)
		r = open_plate(f, rv, &fd);
	if (r == ZK_OK)
		r = put_once(f, fd, claim, rv->id, sizeof(rv->id));
	if (fd >= 0)
		(void)env_close(env, fd);
	return r;
}

enum zk_err
folder_rv_put(struct transport *t, const struct trv *rv, unsigned seq,
    const void *p, size_t n)
{
	struct folder *f = (struct folder *)t;
	char name[NAMES_CAP];
	enum zk_err r;
	int fd;

	r = open_plate(f, rv, &fd);
	if (r != ZK_OK)
		return r;
	/* only who holds the side speaks for it */
	r = put_once(f, fd, rv->side == 0 ? "c0" : "c1", rv->id,
	    sizeof(rv->id));
	if (r == ZK_EEXIST)
		r = ZK_EREFUSED;
	(void)snprintf(name, sizeof(name), "m%u-%u", rv->side, seq);
	if (r == ZK_OK)
		r = put_once(f, fd, name, p, n);
	(void)env_close(t->opts.env, fd);
	return r;
}

enum zk_err
folder_rv_get(struct transport *t, const struct trv *rv, unsigned seq,
    unsigned wait_ms, struct buf *out)
{
	struct folder *f = (struct folder *)t;
	struct env *env = t->opts.env;
	int64_t end = env_mono_ms(env) + wait_ms;
	char name[NAMES_CAP];
	enum zk_err r;
	int64_t left;
	int fd;

	(void)snprintf(name, sizeof(name), "m%u-%u", 1 - rv->side, seq);
	for (;;) {
		r = open_plate(f, rv, &fd);
		if (r != ZK_OK)
			return r;
		r = folder_dir_get(f, fd, name, TRANSPORT_RV_MAX, out);
		(void)env_close(env, fd);
		if (r != ZK_ENOENT)
			return r;
		left = end - env_mono_ms(env);
		if (left <= 0)
			return ZK_ETIMEDOUT;
		if (transport_stopped(&t->opts))
			return ZK_ESIGNAL;
		env_sleep_ms(env, left < POLL_MS ? (unsigned)left : POLL_MS);
	}
}

enum zk_err
folder_rv_close(struct transport *t, const struct trv *rv)
{
	struct folder *f = (struct folder *)t;
	char name[NAMES_CAP];
	enum zk_err r;
	int top;

	if (rv->side != 0)
		return ZK_OK;	/* the other may have to read yet */
	r = open_rv(f, &top);
	if (r != ZK_OK)
		return r;
	plate_name(rv->plate, name);
	r = io_remove_tree(t->opts.env, top, name);
	(void)env_close(t->opts.env, top);
	return r == ZK_ENOENT ? ZK_OK : r;
}

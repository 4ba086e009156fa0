/* A tree from its stream. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/whole_int.h"
#include "util/io.h"

struct unpack {
	struct env *env;
	struct bundle_reader *r;
	struct whole_digest d;
	uint8_t *block;
};

/* The bytes of the file at hand; whole blocks of zeroes become holes. */
static enum zk_err
write_bytes(struct unpack *u, int fd, uint64_t size)
{
	uint64_t off = 0;
	size_t n = 0;
	enum zk_err r = bundle_bytes(u->r, u->block, WHOLE_BLOCK, &n);

	while (r == ZK_OK && n > 0) {
		const uint8_t *p = u->block;
		size_t left = n;

		while (left > 0) {
			ssize_t k = left == WHOLE_BLOCK &&
			    whole_is_zero(p, left) ? (ssize_t)left :
			    env_pwrite(u->env, fd, p, left, off);

			if (k < 0)
				return err_from_errno((int)-k);
			off += (uint64_t)k;
			p += k;
			left -= (size_t)k;
		}
		r = bundle_bytes(u->r, u->block, WHOLE_BLOCK, &n);
	}
	if (r == ZK_OK) {
		int e = env_ftruncate(u->env, fd, size);

		r = e < 0 ? err_from_errno(-e) : ZK_OK;
	}
	return r;
}

static enum zk_err
make_file(struct unpack *u, int dir, const struct bundle_entry *from)
{
	struct bundle_entry e = *from;	/* reading on changes it */
	struct env_stat st;
	int err, fd = env_open_beneath(u->env, dir, e.name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	enum zk_err r;

	if (fd < 0)
		return err_from_errno(-fd);
	r = write_bytes(u, fd, e.size);
	err = r == ZK_OK ? env_fchmod(u->env, fd, e.mode) : 0;
	if (r == ZK_OK && err == 0)
		err = env_utimeat(u->env, dir, e.name, e.mtime);
	if (r == ZK_OK && err == 0)
		err = env_fstat(u->env, fd, &st);
	(void)env_close(u->env, fd);
	if (r == ZK_OK && err < 0)
		r = err_from_errno(-err);
	if (r == ZK_OK)
		whole_digest_add(&u->d, BUNDLE_FILE, e.name, &st);
	return r;
}

static enum zk_err
make_link(struct unpack *u, int dir, const struct bundle_entry *e)
{
	struct env_stat st;
	int err = env_symlinkat(u->env, e->target, dir, e->name);

	if (err == 0)
		err = env_statat(u->env, dir, e->name, &st);
	if (err < 0)
		return err_from_errno(-err);
	whole_digest_add(&u->d, BUNDLE_LINK, e->name, &st);
	return ZK_OK;
}

/* A new directory: the process's mask has no say. */
static enum zk_err
make_dir(struct unpack *u, int at, const char *name, unsigned mode, int *fd,
    struct env_stat *st)
{
	int e = env_mkdirat(u->env, at, name, 0700);

	*fd = -1;
	if (e < 0)
		return err_from_errno(-e);
	*fd = env_open_beneath(u->env, at, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (*fd < 0)
		return err_from_errno(-*fd);
	e = env_fchmod(u->env, *fd, (mode & 0777) | 0700);
	if (e == 0)
		e = env_fstat(u->env, *fd, st);
	if (e == 0)
		return ZK_OK;
	(void)env_close(u->env, *fd);
	return err_from_errno(-e);
}

/* Fills the directory fd up to its end in the stream. */
static enum zk_err
fill(struct unpack *u, int fd)
{
	enum zk_err r = ZK_OK;

	for (;;) {
		const struct bundle_entry *e = NULL;
		struct env_stat st;
		int sub = -1;

		r = bundle_next(u->r, &e);
		if (r != ZK_OK || e == NULL)
			return r;
		if (e->type == BUNDLE_END) {
			whole_digest_leave(&u->d);
			return ZK_OK;
		}
		if (e->type == BUNDLE_FILE)
			r = make_file(u, fd, e);
		else if (e->type == BUNDLE_LINK)
			r = make_link(u, fd, e);
		else
			r = make_dir(u, fd, e->name, e->mode, &sub, &st);
		if (r == ZK_OK && e->type == BUNDLE_DIR) {
			whole_digest_add(&u->d, BUNDLE_DIR, e->name, &st);
			r = fill(u, sub);
			(void)env_close(u->env, sub);
		}
		if (r != ZK_OK)
			return r;
	}
}

enum zk_err
whole_write(struct env *env, int dirfd, const char *name, unsigned mode,
    const struct bundle_source *src, struct whole *out)
{
	struct unpack u = { .env = env };
	const struct bundle_entry *more = NULL;
	struct env_stat st;
	int fd = -1;
	enum zk_err r = bundle_reader_new(src, &u.r);

	memset(out, 0, sizeof(*out));
	whole_digest_init(&u.d, env, true);
	u.block = malloc(WHOLE_BLOCK);
	if (r == ZK_OK && u.block == NULL)
		r = ZK_ENOMEM;
	if (r == ZK_OK)
		r = make_dir(&u, dirfd, name, mode, &fd, &st);
	if (r == ZK_OK) {
		r = fill(&u, fd);
		(void)env_close(env, fd);
	}
	if (r == ZK_OK)
		r = bundle_next(u.r, &more);
	if (r == ZK_OK)
		whole_digest_final(&u.d, &st, out);
	bundle_reader_free(u.r);
	free(u.block);
	return r;
}

/* Sources ------------------------------------------------------------------ */

static enum zk_err
read_bytes(void *ctx, void *p, size_t n, size_t *got)
{
	struct whole_bytes *b = ctx;

	*got = n < b->n ? n : b->n;
	if (*got > 0)
		memcpy(p, b->p, *got);
	b->p += *got;
	b->n -= *got;
	return ZK_OK;
}

struct bundle_source
whole_from_bytes(struct whole_bytes *b)
{
	return (struct bundle_source){ read_bytes, b, b->n };
}

static enum zk_err
read_file(void *ctx, void *p, size_t n, size_t *got)
{
	struct whole_file *f = ctx;
	ssize_t k = env_pread(f->env, f->fd, p, n, f->off);

	*got = k > 0 ? (size_t)k : 0;
	f->off += *got;
	return k < 0 ? err_from_errno((int)-k) : ZK_OK;
}

struct bundle_source
whole_from_file(struct whole_file *f, uint64_t size)
{
	f->off = 0;
	return (struct bundle_source){ read_file, f, size };
}

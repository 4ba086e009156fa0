/* The system calls of the file system in memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fs_fake.h"

static int
fd_new(struct fs *fs, struct fs_node *n, int flags)
{
	size_t i = 0;

	while (i < fs->fds_n && fs->fds[i].node != NULL)
		i++;
	if (i == fs->fds_n) {
		size_t cap = i == 0 ? 16 : i * 2;
		struct fs_fd *p;

		if (i >= FS_FDS_MAX)
			return -EMFILE;
		p = realloc(fs->fds, cap * sizeof(*p));
		if (p == NULL)
			return -ENOMEM;
		memset(p + i, 0, (cap - i) * sizeof(*p));
		fs->fds = p;
		fs->fds_n = cap;
	}
	fs->fds[i] = (struct fs_fd){ n, 0, flags };
	return FS_FD0 + (int)i;
}

/* Makes a node at a free place; the caller fills it. */
static int
make(struct fs *fs, const struct fs_at *at, uint32_t mode,
    struct fs_node **out)
{
	struct fs_node *n;

	*out = NULL;
	if (at->node != NULL || at->len == 0)
		return -EEXIST;
	/* a removed directory takes no new names */
	if (at->parent->parent == NULL && at->parent != fs->root &&
	    at->parent->covers == NULL)
		return -ENOENT;
	n = fs_node_new(fs, mode, at->parent->dev);
	if (n == NULL)
		return -ENOMEM;
	*out = n;
	return 0;
}

static int
open_check(const struct fs_node *n, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;

	if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
		return -EEXIST;
	if (S_ISLNK(n->mode) && ((flags & O_PATH) == 0 ||
	    (flags & O_DIRECTORY) != 0))
		return (flags & O_DIRECTORY) != 0 ? -ENOTDIR : -ELOOP;
	if (S_ISDIR(n->mode) && (flags & O_PATH) == 0 &&
	    (writes || (flags & O_CREAT) != 0))
		return -EISDIR;
	if (!S_ISDIR(n->mode) && (flags & O_DIRECTORY) != 0)
		return -ENOTDIR;
	return 0;
}

int
fs_open(struct fs *fs, int dirfd, const char *path, int flags,
    unsigned mode, unsigned walk)
{
	struct fs_at at;
	struct fs_node *n = NULL;
	int r;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if ((flags & O_NOFOLLOW) == 0 && (flags & O_EXCL) == 0)
		walk |= FS_FOLLOW;
	r = fs_walk(fs, dirfd, path, walk, &at);
	if (r != 0)
		return r;
	if (at.node == NULL) {
		if ((flags & O_CREAT) == 0)
			return -ENOENT;
		r = make(fs, &at, S_IFREG | (mode & 07777), &n);
		if (r == 0)
			r = fs_link(fs, at.parent, at.name, at.len, n);
		return r != 0 ? r : fd_new(fs, n, flags);
	}
	r = open_check(at.node, flags);
	if (r == 0 && (flags & O_TRUNC) != 0 && S_ISREG(at.node->mode))
		r = fs_resize(fs, at.node, 0);
	return r != 0 ? r : fd_new(fs, at.node, flags);
}

int
fs_close(struct fs *fs, int fd)
{
	struct fs_fd *d = fs_fd(fs, fd);

	if (d == NULL)
		return -EBADF;
	if (d->node->lock == fd)
		d->node->lock = -1;
	d->node = NULL;
	return 0;
}

/* The file behind fd if it may be read or written. */
static int
file_at(struct fs *fs, int fd, bool writes, struct fs_fd **out)
{
	struct fs_fd *d = fs_fd(fs, fd);
	int access;

	*out = d;
	if (d == NULL || (d->flags & O_PATH) != 0)
		return -EBADF;
	if (S_ISDIR(d->node->mode))
		return -EISDIR;
	access = d->flags & O_ACCMODE;
	return access == (writes ? O_RDONLY : O_WRONLY) ? -EBADF : 0;
}

ssize_t
fs_pread(struct fs *fs, int fd, void *p, size_t n, uint64_t off)
{
	struct fs_fd *d;
	int r = file_at(fs, fd, false, &d);
	size_t len;

	if (r != 0)
		return r;
	len = d->node->data == NULL ? 0 : d->node->data->len;
	if (off >= len)
		return 0;
	if (n > len - off)
		n = len - (size_t)off;
	if (n > 0)
		memcpy(p, d->node->data->b + off, n);
	return (ssize_t)n;
}

ssize_t
fs_read(struct fs *fs, int fd, void *p, size_t n)
{
	struct fs_fd *d = fs_fd(fs, fd);
	ssize_t k = d == NULL ? -EBADF : fs_pread(fs, fd, p, n, d->off);

	if (k > 0)
		d->off += (uint64_t)k;
	return k;
}

ssize_t
fs_pwrite(struct fs *fs, int fd, const void *p, size_t n, uint64_t off)
{
	struct fs_fd *d;
	int r = file_at(fs, fd, true, &d);

	if (r == 0)
		r = fs_store(fs, d->node, p, n, off);
	return r != 0 ? r : (ssize_t)n;
}

ssize_t
fs_write(struct fs *fs, int fd, const void *p, size_t n)
{
	struct fs_fd *d;
	int r = file_at(fs, fd, true, &d);

	if (r != 0)
		return r;
	if ((d->flags & O_APPEND) != 0)
		d->off = d->node->data == NULL ? 0 : d->node->data->len;
	r = fs_store(fs, d->node, p, n, d->off);
	if (r != 0)
		return r;
	d->off += n;
	return (ssize_t)n;
}

int
fs_truncate(struct fs *fs, int fd, uint64_t len)
{
	struct fs_fd *d;
	int r = file_at(fs, fd, true, &d);

	return r != 0 ? r : fs_resize(fs, d->node, len);
}

void
fs_stat(const struct fs_node *n, struct env_stat *st)
{
	size_t len = n->data == NULL ? 0 : n->data->len;

	*st = (struct env_stat){
		.dev = n->dev, .ino = n->ino, .mode = n->mode,
		.uid = (uint32_t)geteuid(),
		.nlink = n->nlink,
		.size = S_ISDIR(n->mode) ? 4096 : len,
		.blocks = (len + 511) / 512, .mtime = n->mtime,
		.ctime = n->ctime, .btime = n->btime,
		.mount_root = n->covers != NULL || (n->ino == 2 &&
		    S_ISDIR(n->mode))
	};
}

/* As fs_walk, and -ENOENT when nothing is there. */
static int
find(struct fs *fs, int dirfd, const char *path, struct fs_at *at)
{
	int r = fs_walk(fs, dirfd, path, 0, at);

	return r == 0 && at->node == NULL ? -ENOENT : r;
}

int
fs_statat(struct fs *fs, int dirfd, const char *path, struct env_stat *st)
{
	struct fs_at at;
	int r = find(fs, dirfd, path, &at);

	if (r == 0)
		fs_stat(at.node, st);
	return r;
}

int
fs_utime(struct fs *fs, int dirfd, const char *path, struct env_time t)
{
	struct fs_at at;
	int r = find(fs, dirfd, path, &at);

	if (r != 0)
		return r;
	at.node->mtime = t;
	at.node->ctime = fs->now;
	return 0;
}

int
fs_mkdir(struct fs *fs, int dirfd, const char *path, unsigned mode)
{
	struct fs_at at;
	struct fs_node *n = NULL;
	int r = fs_walk(fs, dirfd, path, 0, &at);

	if (r == 0)
		r = make(fs, &at, S_IFDIR | (mode & 07777), &n);
	return r != 0 ? r : fs_link(fs, at.parent, at.name, at.len, n);
}

int
fs_unlink(struct fs *fs, int dirfd, const char *path, int flags)
{
	struct fs_at at;
	bool dir = (flags & AT_REMOVEDIR) != 0;
	int r = find(fs, dirfd, path, &at);

	if (r != 0)
		return r;
	if (at.len == 0)
		return dir ? -EINVAL : -EISDIR;
	if (dir != S_ISDIR(at.node->mode))
		return dir ? -ENOTDIR : -EISDIR;
	if (at.node->covers != NULL)
		return -EBUSY;
	if (at.node->ents_n > 0)
		return -ENOTEMPTY;
	return fs_link(fs, at.parent, at.name, at.len, NULL);
}

/* True if n is dir or stands above it. */
static bool
is_above(const struct fs_node *n, const struct fs_node *dir)
{
	while (dir != NULL) {
		if (dir == n)
			return true;
		dir = dir->covers != NULL ? dir->covers->parent : dir->parent;
	}
	return false;
}

static int
rename_check(const struct fs_at *a, const struct fs_at *b, unsigned flags)
{
	if (a->node == NULL)
		return -ENOENT;
	if (a->len == 0 || b->len == 0 || a->node->covers != NULL ||
	    (b->node != NULL && b->node->covers != NULL))
		return -EBUSY;
	if (a->parent->dev != b->parent->dev)
		return -EXDEV;
	if ((b->parent->names & FAKE_STRICT) != 0 &&
	    memchr(b->name, ':', b->len) != NULL)
		return -EINVAL;
	if ((flags & RENAME_NOREPLACE) != 0 && b->node != NULL)
		return -EEXIST;
	if (S_ISDIR(a->node->mode) && is_above(a->node, b->parent))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) != 0) {
		if (b->node == NULL)
			return -ENOENT;
		return S_ISDIR(b->node->mode) &&
		    is_above(b->node, a->parent) ? -EINVAL : 0;
	}
	if (b->node == NULL)
		return 0;
	if (S_ISDIR(b->node->mode) != S_ISDIR(a->node->mode))
		return S_ISDIR(b->node->mode) ? -EISDIR : -ENOTDIR;
	return b->node->ents_n > 0 && b->node != a->node ? -ENOTEMPTY : 0;
}

int
fs_rename(struct fs *fs, int fromfd, const char *from, int tofd,
    const char *to, unsigned flags)
{
	struct fs_at a;
	struct fs_at b;
	int r = fs_walk(fs, fromfd, from, 0, &a);

	if (r == 0)
		r = fs_walk(fs, tofd, to, 0, &b);
	if (r == 0)
		r = rename_check(&a, &b, flags);
	if (r != 0 || a.node == b.node)
		return r;
	/* first both names away: a node's parent follows its last name */
	r = fs_link(fs, a.parent, a.name, a.len, NULL);
	if (r == 0 && b.node != NULL)
		r = fs_link(fs, b.parent, b.name, b.len, NULL);
	if (r == 0)
		r = fs_link(fs, b.parent, b.name, b.len, a.node);
	if (r == 0 && (flags & RENAME_EXCHANGE) != 0)
		r = fs_link(fs, a.parent, a.name, a.len, b.node);
	return r;
}

int
fs_symlink(struct fs *fs, const char *target, int dirfd, const char *path)
{
	struct fs_at at;
	struct fs_node *n = NULL;
	int r = fs_walk(fs, dirfd, path, 0, &at);

	if (target[0] == '\0')
		return -ENOENT;
	if (r == 0)
		r = make(fs, &at, S_IFLNK | 0777, &n);
	if (r == 0)
		r = fs_store(fs, n, target, strlen(target), 0);
	if (r != 0)
		return r;
	fs_sync_node(fs, n);
	return fs_link(fs, at.parent, at.name, at.len, n);
}

ssize_t
fs_readlink(struct fs *fs, int dirfd, const char *path, char *out,
    size_t cap)
{
	struct fs_at at;
	int r = find(fs, dirfd, path, &at);
	size_t n;

	if (r != 0)
		return r;
	if (!S_ISLNK(at.node->mode))
		return -EINVAL;
	n = at.node->data->len < cap ? at.node->data->len : cap;
	memcpy(out, at.node->data->b, n);
	return (ssize_t)n;
}

int
fs_flock(struct fs *fs, int fd)
{
	struct fs_fd *d = fs_fd(fs, fd);

	if (d == NULL)
		return -EBADF;
	if (d->node->lock >= 0 && d->node->lock != fd)
		return -EWOULDBLOCK;
	d->node->lock = fd;
	return 0;
}

int64_t
fs_seek(struct fs *fs, int fd, int64_t off, int whence)
{
	struct fs_fd *d = fs_fd(fs, fd);
	int64_t len;

	if (d == NULL || (d->flags & O_PATH) != 0)
		return -EBADF;
	len = d->node->data == NULL ? 0 : (int64_t)d->node->data->len;
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (off < 0 || off >= len)
			return -ENXIO;
		off = whence == SEEK_DATA ? off : len;
	} else if (whence == SEEK_CUR) {
		off += (int64_t)d->off;
	} else if (whence == SEEK_END) {
		off += len;
	} else if (whence != SEEK_SET) {
		return -EINVAL;
	}
	if (off < 0)
		return -EINVAL;
	d->off = (uint64_t)off;
	return off;
}

int
fs_mount(struct fs *fs, const char *path)
{
	struct fs_at at;
	struct fs_node *n;
	int r = find(fs, ENV_CWD, path, &at);

	if (r != 0)
		return r;
	if (!S_ISDIR(at.node->mode) || at.len == 0)
		return -ENOTDIR;
	if (at.node->covers != NULL)
		return -EBUSY;
	n = fs_node_new(fs, S_IFDIR | 0755, ++fs->dev);
	if (n == NULL)
		return -ENOMEM;
	n->covers = at.node;
	at.node->cover = n;
	return 0;
}

int
fs_umount(struct fs *fs, const char *path)
{
	struct fs_at at;
	int r = find(fs, ENV_CWD, path, &at);

	if (r != 0)
		return r;
	if (at.node->covers == NULL)
		return -EINVAL;
	at.node->covers->cover = NULL;
	at.node->covers = NULL;
	return 0;
}

int
fs_sync(struct fs *fs, int fd, bool all)
{
	struct fs_fd *d = fs_fd(fs, fd);

	if (d == NULL)
		return -EBADF;
	if (all)
		fs_sync_all(fs);
	else
		fs_sync_node(fs, d->node);
	return 0;
}

int
fs_fstat(struct fs *fs, int fd, struct env_stat *st)
{
	struct fs_fd *d = fs_fd(fs, fd);

	if (d == NULL)
		return -EBADF;
	fs_stat(d->node, st);
	return 0;
}

int
fs_info(struct fs *fs, int fd, struct env_fsinfo *out)
{
	struct fs_fd *d = fs_fd(fs, fd);

	if (d == NULL)
		return -EBADF;
	out->id = d->node->dev;
	out->type = 0xef53;
	out->total = fs->space;
	out->free = fs->used > fs->space ? 0 : fs->space - fs->used;
	return 0;
}

int
fs_chmod(struct fs *fs, int fd, unsigned mode)
{
	struct fs_fd *d = fs_fd(fs, fd);

	if (d == NULL || (d->node->mode & S_IFMT) == S_IFLNK)
		return -EBADF;
	d->node->mode = (d->node->mode & S_IFMT) | (mode & 07777);
	d->node->ctime = fs->now;
	return 0;
}

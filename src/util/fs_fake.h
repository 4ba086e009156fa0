/*
 * The file system behind env_fake.h: nodes, names, descriptors, and what a
 * crash of the machine leaves.  Calls return what the system calls do, as a
 * negative errno (util/env.h).  Nodes live until fs_free.
 */
#ifndef ZK_UTIL_FS_FAKE_H
#define ZK_UTIL_FS_FAKE_H

#include "util/env.h"
#include "util/env_fake.h"

/* Content, shared between what is and what was synced; never NULL when used
 * through fs_*; refs counts its owners. */
struct fs_blob {
	unsigned refs;
	size_t len;
	size_t cap;
	uint8_t b[];
};

struct fs_node;

struct fs_ent {
	char *name;		/* owned */
	struct fs_node *node;
};

struct fs_node {
	struct fs_node *next;	/* all nodes of the file system */
	struct fs_node *parent;	/* of a directory; NULL when removed */
	struct fs_node *cover;	/* the root of what is mounted here */
	struct fs_node *covers;	/* of a mounted root: what it hides */
	struct fs_ent *ents;	/* sorted by name */
	size_t ents_n;
	size_t ents_cap;
	struct fs_blob *data;	/* file, symlink target; NULL: empty */
	struct fs_blob *synced;	/* the content a crash cannot take */
	uint64_t ino;
	uint64_t dev;
	uint32_t mode;		/* type and permission bits */
	uint32_t nlink;
	struct env_time mtime;
	struct env_time ctime;
	struct env_time btime;
	int lock;		/* descriptor that holds flock, or -1 */
	bool dirty;		/* content differs from synced */
	unsigned names;		/* enum fake_names, of a directory */
};

/* One name's former node, so that a crash can take a change back. */
struct fs_undo {
	uint64_t op;		/* changes of one call have one number */
	struct fs_node *dir;
	struct fs_node *node;	/* NULL: the name was not there */
	char *name;		/* owned */
};

struct fs_fd {
	struct fs_node *node;	/* NULL: free */
	uint64_t off;
	int flags;
};

struct fs {
	struct fs_node *root;
	struct fs_node *all;
	struct fs_fd *fds;	/* descriptor FS_FD0 + i */
	size_t fds_n;
	struct fs_undo *undo;
	size_t undo_n;
	size_t undo_cap;
	uint64_t op;
	uint64_t ino;		/* last given */
	uint64_t dev;
	uint64_t used;		/* bytes of content */
	uint64_t space;
	unsigned names;		/* enum fake_names, of new directories */
	struct env_time now;	/* what file times get; set by the caller */
};

#define FS_FD0 1000		/* far from the real ones */
#define FS_FDS_MAX 4096
#define FS_FILE_MAX (UINT64_C(1) << 30)

int fs_init(struct fs *fs);
void fs_free(struct fs *fs);

/*
 * The end of a path: parent and last component, and what is there (NULL:
 * nothing).  name lies in the caller's path, len bytes; len 0: the path is a
 * directory itself ("/", "."), parent is then NULL.
 */
struct fs_at {
	struct fs_node *parent;
	const char *name;
	size_t len;
	struct fs_node *node;
};

enum fs_walk {
	FS_FOLLOW = 1,		/* a symlink at the end too */
	FS_BENEATH = 2		/* as env.h open_beneath */
};
int fs_walk(struct fs *fs, int dirfd, const char *path, unsigned flags,
    struct fs_at *at);

/* Makes name in dir mean node (NULL: nothing), remembering the old. */
int fs_link(struct fs *fs, struct fs_node *dir, const char *name, size_t len,
    struct fs_node *node);

struct fs_node *fs_node_new(struct fs *fs, uint32_t mode, uint64_t dev);
struct fs_fd *fs_fd(struct fs *fs, int fd);

/* Content of n: new length (zeros behind the old), bytes at off. */
int fs_resize(struct fs *fs, struct fs_node *n, uint64_t len);
int fs_store(struct fs *fs, struct fs_node *n, const void *p, size_t len,
    uint64_t off);

void fs_sync_node(struct fs *fs, struct fs_node *n);
void fs_sync_all(struct fs *fs);
/* below(arg, n) gives a number under n. */
void fs_crash(struct fs *fs, uint64_t (*below)(void *arg, uint64_t n),
    void *arg);

/* The calls, fsop_fake.c. */
int fs_open(struct fs *fs, int dirfd, const char *path, int flags,
    unsigned mode, unsigned walk);
int fs_close(struct fs *fs, int fd);
ssize_t fs_pread(struct fs *fs, int fd, void *p, size_t n, uint64_t off);
ssize_t fs_read(struct fs *fs, int fd, void *p, size_t n);
ssize_t fs_pwrite(struct fs *fs, int fd, const void *p, size_t n,
    uint64_t off);
ssize_t fs_write(struct fs *fs, int fd, const void *p, size_t n);
int fs_truncate(struct fs *fs, int fd, uint64_t len);
void fs_stat(const struct fs_node *n, struct env_stat *st);
int fs_statat(struct fs *fs, int dirfd, const char *path,
    struct env_stat *st);
int fs_utime(struct fs *fs, int dirfd, const char *path, struct env_time t);
int fs_mkdir(struct fs *fs, int dirfd, const char *path, unsigned mode);
int fs_unlink(struct fs *fs, int dirfd, const char *path, int flags);
int fs_rename(struct fs *fs, int fromfd, const char *from, int tofd,
    const char *to, unsigned flags);
int fs_symlink(struct fs *fs, const char *target, int dirfd,
    const char *path);
ssize_t fs_readlink(struct fs *fs, int dirfd, const char *path, char *out,
    size_t cap);
int fs_flock(struct fs *fs, int fd);
int64_t fs_seek(struct fs *fs, int fd, int64_t off, int whence);
int fs_sync(struct fs *fs, int fd, bool all);
int fs_fstat(struct fs *fs, int fd, struct env_stat *st);
int fs_info(struct fs *fs, int fd, struct env_fsinfo *out);
int fs_chmod(struct fs *fs, int fd, unsigned mode);
int fs_mount(struct fs *fs, const char *path);
int fs_umount(struct fs *fs, const char *path);

#endif

/* Nodes, names, content and crashes of the file system in memory. */
#include "util/fs_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "util/path.h"

#define LINKS_MAX 40	/* symlinks on one walk, as Linux */

struct fs_node *
fs_node_new(struct fs *fs, uint32_t mode, uint64_t dev)
{
	struct fs_node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->next = fs->all;
	fs->all = n;
	n->ino = ++fs->ino;
	n->dev = dev;
	n->mode = mode;
	n->nlink = S_ISDIR(mode) ? 2 : 0;
	n->mtime = n->ctime = n->btime = fs->now;
	n->lock = -1;
	n->names = fs->names;
	return n;
}

int
fs_init(struct fs *fs)
{
	memset(fs, 0, sizeof(*fs));
	fs->space = UINT64_MAX;
	fs->dev = 64;
	fs->ino = 1;
	fs->root = fs_node_new(fs, S_IFDIR | 0755, fs->dev);
	return fs->root == NULL ? -ENOMEM : 0;
}

static void
blob_put(struct fs_blob *b)
{
	if (b != NULL && --b->refs == 0)
		free(b);
}

static struct fs_blob *
blob_ref(struct fs_blob *b)
{
	if (b != NULL)
		b->refs++;
	return b;
}

static void
undo_clear(struct fs *fs)
{
	while (fs->undo_n > 0)
		free(fs->undo[--fs->undo_n].name);
}

void
fs_free(struct fs *fs)
{
	undo_clear(fs);
	free(fs->undo);
	free(fs->fds);
	while (fs->all != NULL) {
		struct fs_node *n = fs->all;

		fs->all = n->next;
		for (size_t i = 0; i < n->ents_n; i++)
			free(n->ents[i].name);
		free(n->ents);
		blob_put(n->data);
		blob_put(n->synced);
		free(n);
	}
}

/* The name of this case or another, in a directory that takes no note. */
static size_t
ent_find_folded(const struct fs_node *dir, const char *name, size_t len)
{
	size_t i = 0;

	while (i < dir->ents_n && (strlen(dir->ents[i].name) != len ||
	    strncasecmp(dir->ents[i].name, name, len) != 0))
		i++;
	return i;
}

/* Index of name in dir, or where it would be; *found tells which. */
static size_t
ent_find(const struct fs_node *dir, const char *name, size_t len,
    bool *found)
{
	size_t lo = 0;
	size_t hi = dir->ents_n;

	*found = (dir->names & FAKE_FOLD) != 0 &&
	    ent_find_folded(dir, name, len) < hi;
	if (*found)
		return ent_find_folded(dir, name, len);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *have = dir->ents[mid].name;
		int c = strncmp(have, name, len);

		if (c == 0 && have[len] != '\0')
			c = 1;
		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct fs_node *
ent_get(const struct fs_node *dir, const char *name, size_t len)
{
	bool found;
	size_t i = ent_find(dir, name, len, &found);

	if (!found)
		return NULL;
	return dir->ents[i].node->cover != NULL ? dir->ents[i].node->cover :
	    dir->ents[i].node;
}

/* The bookkeeping of a node that lost (-1) or got (1) a name in dir. */
static void
ent_count(struct fs *fs, struct fs_node *dir, struct fs_node *n, int by)
{
	n->ctime = fs->now;
	if (S_ISDIR(n->mode)) {
		dir->nlink = (uint32_t)((int)dir->nlink + by);
		if (by > 0)
			n->parent = dir;
		else if (n->parent == dir)
			n->parent = NULL;
		return;
	}
	n->nlink = (uint32_t)((int)n->nlink + by);
	if (n->data != NULL && n->nlink == 0 && by < 0)
		fs->used -= n->data->len;
	if (n->data != NULL && n->nlink == 1 && by > 0)
		fs->used += n->data->len;
}

static int
ent_insert(struct fs_node *dir, size_t i, char *name, struct fs_node *node)
{
	if (dir->ents_n == dir->ents_cap) {
		size_t cap = dir->ents_cap == 0 ? 8 : dir->ents_cap * 2;
		struct fs_ent *p = realloc(dir->ents, cap * sizeof(*p));

		if (p == NULL)
			return -ENOMEM;
		dir->ents = p;
		dir->ents_cap = cap;
	}
	memmove(dir->ents + i + 1, dir->ents + i,
	    (dir->ents_n - i) * sizeof(*dir->ents));
	dir->ents[i] = (struct fs_ent){ name, node };
	dir->ents_n++;
	return 0;
}

/* Sets name; *old is what it was.  Takes no note of it. */
static int
ent_set(struct fs *fs, struct fs_node *dir, const char *name, size_t len,
    struct fs_node *node, struct fs_node **old)
{
	bool found;
	size_t i = ent_find(dir, name, len, &found);

	*old = found ? dir->ents[i].node : NULL;
	if (!found && node != NULL) {
		char *copy = strndup(name, len);

		if (copy == NULL || ent_insert(dir, i, copy, node) != 0) {
			free(copy);
			return -ENOMEM;
		}
	} else if (found && node != NULL) {
		dir->ents[i].node = node;
	} else if (found) {
		free(dir->ents[i].name);
		dir->ents_n--;
		memmove(dir->ents + i, dir->ents + i + 1,
		    (dir->ents_n - i) * sizeof(*dir->ents));
	}
	if (*old != NULL)
		ent_count(fs, dir, *old, -1);
	if (node != NULL)
		ent_count(fs, dir, node, 1);
	dir->mtime = dir->ctime = fs->now;
	return 0;
}

/* The name as the directory has it, or as given; the caller's. */
static char *
ent_name(const struct fs_node *dir, const char *name, size_t len)
{
	bool found;
	size_t i = ent_find(dir, name, len, &found);

	return found ? strdup(dir->ents[i].name) : strndup(name, len);
}

int
fs_link(struct fs *fs, struct fs_node *dir, const char *name, size_t len,
    struct fs_node *node)
{
	struct fs_node *old = NULL;
	char *copy = NULL;
	int r;

	if (fs->undo_n == fs->undo_cap) {
		size_t cap = fs->undo_cap == 0 ? 32 : fs->undo_cap * 2;
		struct fs_undo *p = realloc(fs->undo, cap * sizeof(*p));

		if (p == NULL)
			return -ENOMEM;
		fs->undo = p;
		fs->undo_cap = cap;
	}
	if ((dir->names & FAKE_STRICT) != 0 && node != NULL &&
	    memchr(name, ':', len) != NULL)
		return -EINVAL;
	/* what a crash brings back has the name that it had */
	copy = ent_name(dir, name, len);
	if (copy == NULL)
		return -ENOMEM;
	r = ent_set(fs, dir, name, len, node, &old);
	if (r != 0) {
		free(copy);
		return r;
	}
	fs->undo[fs->undo_n++] = (struct fs_undo){ fs->op, dir, old, copy };
	return 0;
}

struct fs_fd *
fs_fd(struct fs *fs, int fd)
{
	size_t i = (size_t)fd - FS_FD0;

	if (fd < FS_FD0 || i >= fs->fds_n || fs->fds[i].node == NULL)
		return NULL;
	return &fs->fds[i];
}

/* Where a walk is; path is what is left of it. */
struct walk {
	struct fs *fs;
	struct fs_node *start;	/* BENEATH: never above this */
	struct fs_node *at;
	unsigned flags;
	unsigned links;
};

static int
walk_up(struct walk *w)
{
	struct fs_node *n = w->at;

	if ((w->flags & FS_BENEATH) != 0 && n == w->start)
		return -EXDEV;
	if (n->covers != NULL)
		n = n->covers;
	if (n->parent != NULL)
		w->at = n->parent;
	return 0;
}

static int walk_path(struct walk *w, const char *path, struct fs_at *at);

/* Goes on at the target of the symlink n, which stands in w->at. */
static int
walk_link(struct walk *w, struct fs_node *n, struct fs_at *at)
{
	char target[PATH_LEN_MAX + 1];
	size_t len = n->data == NULL ? 0 : n->data->len;
	unsigned flags = w->flags;
	int r;

	if ((flags & FS_BENEATH) != 0 || ++w->links > LINKS_MAX)
		return -ELOOP;
	if (len == 0 || len > PATH_LEN_MAX)
		return -ENOENT;
	memcpy(target, n->data->b, len);
	target[len] = '\0';
	w->flags |= FS_FOLLOW;
	r = walk_path(w, target, at);
	w->flags = flags;
	/* its name lies in target: fine for what is there, else not kept */
	if (r == 0 && at->node == NULL)
		r = -ENOENT;
	at->name = "";
	at->len = 0;
	return r;
}

/* One component of len bytes; last tells whether another follows. */
static int
walk_step(struct walk *w, const char *name, size_t len, bool last,
    struct fs_at *at)
{
	struct fs_node *n;
	int r;

	if (!S_ISDIR(w->at->mode))
		return -ENOTDIR;
	if (len > PATH_NAME_MAX)
		return -ENAMETOOLONG;
	*at = (struct fs_at){ NULL, "", 0, w->at };
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		r = walk_up(w);
		at->node = w->at;
		return r;
	}
	while ((w->at->names & FAKE_TRIM) != 0 && len > 1 &&
	    name[len - 1] == '.')
		len--;
	n = ent_get(w->at, name, len);
	*at = (struct fs_at){ w->at, name, len, n };
	if (n == NULL)
		return last ? 0 : -ENOENT;
	if (S_ISLNK(n->mode) && (!last || (w->flags & FS_FOLLOW) != 0)) {
		r = walk_link(w, n, at);
		w->at = at->node;
		return r;
	}
	w->at = n;
	return 0;
}

static int
walk_path(struct walk *w, const char *path, struct fs_at *at)
{
	if (path[0] == '/') {
		if ((w->flags & FS_BENEATH) != 0)
			return -EXDEV;
		w->at = w->fs->root;
	}
	*at = (struct fs_at){ NULL, "", 0, w->at };
	for (;;) {
		size_t len;
		bool last;
		int r;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			return 0;
		last = path[len + strspn(path + len, "/")] == '\0';
		r = walk_step(w, path, len, last && path[len] == '\0', at);
		/* "name/" may be made by mkdir, else must be a directory */
		if (r == -ENOENT && last && at->node == NULL && at->len > 0)
			return 0;
		if (r != 0 || last)
			return r;
		path += len;
	}
}

int
fs_walk(struct fs *fs, int dirfd, const char *path, unsigned flags,
    struct fs_at *at)
{
	struct walk w = { .fs = fs, .at = fs->root, .flags = flags };

	if (strlen(path) >= PATH_LEN_MAX)
		return -ENAMETOOLONG;
	if (path[0] == '\0' && (flags & FS_BENEATH) == 0)
		return -ENOENT;
	if (path[0] != '/' && dirfd != ENV_CWD) {
		struct fs_fd *d = fs_fd(fs, dirfd);

		if (d == NULL)
			return -EBADF;
		w.at = d->node;
		if (!S_ISDIR(w.at->mode))
			return -ENOTDIR;
	}
	w.start = w.at;
	return walk_path(&w, path, at);
}

/* An own copy of the content with room for cap bytes. */
static int
data_own(struct fs_node *n, size_t cap)
{
	struct fs_blob *old = n->data;
	size_t len = old == NULL ? 0 : old->len;
	struct fs_blob *b;

	if (old != NULL && old->refs == 1 && old->cap >= cap)
		return 0;
	if (cap < len)
		cap = len;
	cap += cap / 2 + 16;
	b = malloc(sizeof(*b) + cap);
	if (b == NULL)
		return -ENOMEM;
	b->refs = 1;
	b->len = len;
	b->cap = cap;
	if (len > 0)
		memcpy(b->b, old->b, len);
	blob_put(old);
	n->data = b;
	return 0;
}

int
fs_resize(struct fs *fs, struct fs_node *n, uint64_t len)
{
	size_t old = n->data == NULL ? 0 : n->data->len;
	int r;

	if (len > FS_FILE_MAX)
		return -EFBIG;
	if (len > old && (fs->used > fs->space ||
	    len - old > fs->space - fs->used))
		return -ENOSPC;
	r = data_own(n, (size_t)len);
	if (r != 0)
		return r;
	if (len > old)
		memset(n->data->b + old, 0, (size_t)len - old);
	n->data->len = (size_t)len;
	if (n->nlink > 0)
		fs->used += len - old;
	n->mtime = n->ctime = fs->now;
	n->dirty = true;
	return 0;
}

int
fs_store(struct fs *fs, struct fs_node *n, const void *p, size_t len,
    uint64_t off)
{
	size_t old = n->data == NULL ? 0 : n->data->len;
	int r = 0;

	if (off > FS_FILE_MAX || len > FS_FILE_MAX - off)
		return -EFBIG;
	if (off + len > old)
		r = fs_resize(fs, n, off + len);
	else
		r = data_own(n, old);
	if (r != 0)
		return r;
	if (len > 0)
		memcpy(n->data->b + off, p, len);
	n->mtime = n->ctime = fs->now;
	n->dirty = true;
	return 0;
}

void
fs_sync_node(struct fs *fs, struct fs_node *n)
{
	if (S_ISDIR(n->mode)) {
		undo_clear(fs);
		return;
	}
	if (!n->dirty)
		return;
	blob_put(n->synced);
	n->synced = blob_ref(n->data);
	n->dirty = false;
}

void
fs_sync_all(struct fs *fs)
{
	undo_clear(fs);
	for (struct fs_node *n = fs->all; n != NULL; n = n->next)
		if (n->dirty)
			fs_sync_node(fs, n);
}

/* What a crash makes of content that was not synced. */
static void
crash_content(struct fs_node *n, uint64_t (*below)(void *, uint64_t),
    void *arg)
{
	size_t len = n->data == NULL ? 0 : n->data->len;
	uint64_t kind = below(arg, 3);

	if (kind == 0) {
		blob_put(n->data);
		n->data = blob_ref(n->synced);
	} else if (kind == 1 && len > 0 && data_own(n, len) == 0) {
		size_t from = (size_t)below(arg, len);

		memset(n->data->b + from, 0, len - from);
	}
	blob_put(n->synced);
	n->synced = blob_ref(n->data);
	n->dirty = false;
}

/* Takes back the changes of names from a call chosen by the seed on. */
static void
crash_names(struct fs *fs, uint64_t (*below)(void *, uint64_t), void *arg)
{
	uint64_t first = fs->undo_n == 0 ? 0 : fs->undo[0].op;
	uint64_t keep = first + (fs->undo_n == 0 ? 0 :
	    below(arg, fs->undo[fs->undo_n - 1].op - first + 2));

	while (fs->undo_n > 0 && fs->undo[fs->undo_n - 1].op >= keep) {
		struct fs_undo *u = &fs->undo[--fs->undo_n];
		struct fs_node *old;

		/* the name was there before: putting it back needs room for
		 * one entry at most */
		if (ent_set(fs, u->dir, u->name, strlen(u->name), u->node,
		    &old) != 0)
			BUG("out of memory in a simulated crash");
		free(u->name);
	}
	undo_clear(fs);
}

void
fs_crash(struct fs *fs, uint64_t (*below)(void *, uint64_t), void *arg)
{
	crash_names(fs, below, arg);
	fs->used = 0;
	for (struct fs_node *n = fs->all; n != NULL; n = n->next) {
		if (n->dirty && S_ISREG(n->mode))
			crash_content(n, below, arg);
		if (n->cover != NULL)
			n->cover->covers = NULL;
		n->cover = NULL;
		n->lock = -1;
		if (n->data != NULL && n->nlink > 0)
			fs->used += n->data->len;
	}
	if (fs->fds_n > 0)
		memset(fs->fds, 0, fs->fds_n * sizeof(*fs->fds));
}

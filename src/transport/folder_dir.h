/*
 * The folder remote's own view of its files: struct folder and what its
 * parts share.  Errors are network codes where trying again can help (the
 * stick is out, the mount is gone), and reported here.
 */
#ifndef ZK_TRANSPORT_FOLDER_DIR_H
#define ZK_TRANSPORT_FOLDER_DIR_H

#include <stdbool.h>

#include "transport/impl.h"
#include "transport/names.h"
#include "transport/rate.h"

#define FOLDER_GEN_LEN 8	/* bytes of the generation */
#define FOLDER_SETTLED 16
#define FOLDER_ENTRIES_MAX (1u << 22)	/* entries of one listing */

struct folder {
	struct transport t;	/* first: the part that transport.c knows */
	char *path;		/* DIR, absolute; owned */
	int dir;		/* descriptor of DIR/SPACE, or -1 */
	bool stale;		/* an error that a new descriptor may heal */
	struct {
		uint64_t ino, dev;
	} settled[FOLDER_SETTLED]; /* directories whose parts are durable */
	unsigned settled_n;
	uint8_t gen[FOLDER_GEN_LEN]; /* valid while dir >= 0 */
	struct txfer *first;	/* submitted, not begun, in order */
	struct txfer **last;
	struct rate up, down;	/* transport/folder_pace.h */
	int64_t deadline;	/* ms: of the call under way */
};

/* Makes DIR (its parent must be there), DIR/SPACE and what is in it. */
ZK_CHECKED enum zk_err folder_dir_create(struct folder *f);

/* Opens DIR/SPACE unless it is open.  ZK_ENET: it is not there. */
ZK_CHECKED enum zk_err folder_dir_open(struct folder *f);

/* Closes it. */
void folder_dir_close(struct folder *f);

/*
 * Opens the directory path below base, made if make, and durable then, whoever
 * made it; -errno on failure.
 */
int folder_dir_sub(struct folder *f, int base, const char *path, bool make);

/*
 * The code for -errno e of doing `what` to name, reported unless it is
 * ZK_ENOENT.
 */
enum zk_err folder_dir_fail(struct folder *f, int e, const char *what,
    const char *name);

/*
 * Calls each() for every entry of the directory fd; an
 * error of each() ends it.  ZK_ELIMIT beyond FOLDER_ENTRIES_MAX.
 */
ZK_CHECKED enum zk_err folder_dir_list(struct folder *f, int fd,
    enum zk_err (*each)(void *arg, const char *name), void *arg);

/*
 * Writes n bytes to a new temporary in tmp/, and fsyncs it if sync; its name
 * is in tmp.  Nothing is left behind on failure.
 */
ZK_CHECKED enum zk_err folder_dir_stage(struct folder *f, const void *p,
    size_t n, bool sync, char tmp[static NAMES_CAP]);

/* Everything written so far becomes durable: one syncfs. */
ZK_CHECKED enum zk_err folder_dir_sync_all(struct folder *f);

/* Renames the staged tmp to name in the directory fd (no fsync). */
ZK_CHECKED enum zk_err folder_dir_place(struct folder *f,
    const char *tmp, int fd, const char *name);

/* fsync of the directory fd. */
ZK_CHECKED enum zk_err folder_dir_sync(struct folder *f, int fd);

/* All of it: one durable file.  name is a plain name. */
ZK_CHECKED enum zk_err folder_dir_put(struct folder *f, int fd,
    const char *name, const void *p, size_t n);

/*
 * Appends at most max bytes of the file name to out; one byte more than max
 * is ZK_ELIMIT.  ZK_ENOENT.
 */
ZK_CHECKED enum zk_err folder_dir_get(struct folder *f, int fd,
    const char *name, size_t max, struct buf *out);

#endif

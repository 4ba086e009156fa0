/* zk restore: a file or directory as it was, zk-restore(1). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/at.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "sync/sync.h"
#include "tree/whole.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

#define SAY_PATH 120		/* bytes of a path in the summary */
#define NOTHING "; nothing was done"
#define LATER "; the next push tells others"

struct restore_opts {
	const char *output;
	bool trash;
};

#define AT(member) offsetof(struct restore_opts, member)

static const struct opt restore_opts[] = {
	{ .letter = 'o', .name = "output", .kind = OPT_STR,
	    .off = AT(output), .arg = "FILE", .complete = OPT_C_FILE,
	    .help = "write it to FILE, - for stdout; nothing else" },
	{ .name = "trash", .kind = OPT_FLAG, .off = AT(trash),
	    .help = "bring back an entry that 'zk log --trash' lists" },
	{ .kind = OPT_END }
};

/* A new file beside the one that is wanted, to take its name when whole. */
struct target {
	struct env *env;
	const char *name;	/* NULL: standard output */
	struct buf tmp;		/* "": a file without a name */
	int fd;
	bool tree;		/* tmp is a directory */
};

static enum zk_err
cannot_write(const struct target *t, int e)
{
	const char *name = t->name == NULL ? "-" : t->name;
	enum zk_err r = e == -EEXIST ? ZK_EEXIST : err_from_errno(-e);

	log_error(r, &(struct log_where){ .path = name },
	    "cannot write '%s': %s", name, err_text(r));
	return r;
}

static enum zk_err
target_open(struct target *t)
{
	const char *dir = env_var("TMPDIR");
	uint8_t id[8];
	struct env_stat st;
	enum zk_err r = ZK_OK;

	if (t->name == NULL) {
		dir = dir != NULL && dir[0] == '/' ? dir : "/tmp";
		t->fd = env_openat(t->env, ENV_CWD, dir, O_TMPFILE | O_RDWR,
		    0600);
		return t->fd < 0 ? cannot_write(t, t->fd) : ZK_OK;
	}
	/* what is there may be the only copy of something */
	if (env_statat(t->env, ENV_CWD, t->name, &st) == 0)
		return cannot_write(t, -EEXIST);
	env_random(t->env, id, sizeof(id));
	r = buf_printf(&t->tmp, "%s.", t->name);
	if (r == ZK_OK)
		r = hex_put(&t->tmp, id, sizeof(id));
	if (r != ZK_OK)
		return r;
	t->fd = env_openat(t->env, ENV_CWD, buf_cstr(&t->tmp),
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
	if (t->fd < 0) {
		buf_reset(&t->tmp);
		return cannot_write(t, t->fd);
	}
	return ZK_OK;
}

static enum zk_err
copy_out(struct target *t, struct out *o)
{
	static uint8_t block[65536];
	uint64_t off = 0;
	ssize_t n = 0;

	out_release_now(o);
	do {
		n = env_pread(t->env, t->fd, block, sizeof(block), off);
		if (n < 0)
			return cannot_write(t, (int)n);
		out_raw(o, block, (size_t)n);
		off += (uint64_t)n;
	} while (n > 0 && out_error(o) == ZK_OK);
	return ZK_OK;
}

/* It is whole: it gets its name, or goes out. */
static enum zk_err
target_done(struct target *t, struct out *o)
{
	int e = 0;

	if (t->name == NULL)
		return copy_out(t, o);
	e = env_fsync(t->env, t->fd);
	if (e == 0)
		e = env_renameat(t->env, ENV_CWD, buf_cstr(&t->tmp), ENV_CWD,
		    t->name, RENAME_NOREPLACE);
	if (e == -EINVAL || e == -ENOSYS)
		e = env_renameat(t->env, ENV_CWD, buf_cstr(&t->tmp), ENV_CWD,
		    t->name, 0);
	if (e == 0)
		buf_reset(&t->tmp);
	return e < 0 ? cannot_write(t, e) : ZK_OK;
}

/* Makes the directory tmp from its stream. */
static enum zk_err
unpack(struct target *t, unsigned mode, const struct bundle_source *src)
{
	const char *tmp = buf_cstr(&t->tmp);
	const char *slash = strrchr(tmp, '/');
	struct buf dir;
	struct whole w;
	int fd;
	enum zk_err r = ZK_OK;

	buf_init(&dir, t->tmp.max);
	r = slash == NULL ? buf_str(&dir, ".") :
	    buf_put(&dir, tmp, (size_t)(slash - tmp) + 1);
	fd = r == ZK_OK ? env_openat(t->env, ENV_CWD, buf_cstr(&dir),
	    O_RDONLY | O_DIRECTORY, 0) : -ENOMEM;
	buf_release(&dir);
	if (fd < 0)
		return err_from_errno(-fd);
	r = whole_write(t->env, fd, slash == NULL ? tmp : slash + 1, mode,
	    src, &w);
	if (r == ZK_OK && env_syncfs(t->env, fd) < 0)
		r = ZK_EIO;
	(void)env_close(t->env, fd);
	return r;
}

/* The file holds the stream of a directory: this becomes tmp. */
static enum zk_err
target_unpack(struct target *t, const struct sync_restored *got)
{
	struct whole_file f = { .env = t->env, .fd = t->fd };
	struct bundle_source src;
	struct env_stat st;
	int e = env_fstat(t->env, t->fd, &st);
	enum zk_err r = ZK_EUSAGE;

	if (e < 0)
		return cannot_write(t, e);
	if (t->name == NULL) {
		log_error(r, NULL, "a directory that is kept as one does not "
		    "go to standard output: name a directory for it");
		return r;
	}
	/* the open file alone holds the stream from here on */
	(void)env_unlinkat(t->env, ENV_CWD, buf_cstr(&t->tmp), 0);
	src = whole_from_file(&f, st.size);
	t->tree = true;
	r = unpack(t, got->tree_mode, &src);
	if (r != ZK_OK)
		log_error(r, &(struct log_where){ .path = t->name },
		    "cannot write '%s': %s", t->name, err_text(r));
	return r;
}

static void
target_close(struct target *t)
{
	if (t->fd >= 0)
		(void)env_close(t->env, t->fd);
	if (t->tmp.len > 0 && t->tree &&
	    io_remove_tree(t->env, ENV_CWD, buf_cstr(&t->tmp)) != ZK_OK)
		log_warn("'%s' could not be removed", buf_cstr(&t->tmp));
	else if (t->tmp.len > 0 && !t->tree)
		(void)env_unlinkat(t->env, ENV_CWD, buf_cstr(&t->tmp), 0);
	buf_release(&t->tmp);
}

/* Puts what arg means into the empty file fd; *got: whether that is a tree. */
typedef enum zk_err fill_fn(struct cmd_ctx *c, const void *arg, int fd,
    struct sync_restored *got);

static enum zk_err
fill_version(struct cmd_ctx *c, const void *arg, int fd,
    struct sync_restored *got)
{
	struct sync_restore_opts ro = *(const struct sync_restore_opts *)arg;
	struct sync_opts o;

	cmd_sync_opts(c, &o);
	o.dir = c->g->dir;
	ro.fd = fd;
	return sync_restore(c->vault, &o, &ro, c->rep, got);
}

static enum zk_err
fill_trash(struct cmd_ctx *c, const void *arg, int fd,
    struct sync_restored *got)
{
	struct sync_untrash_opts u = *(const struct sync_untrash_opts *)arg;
	struct sync_untrashed back;
	enum zk_err r = ZK_EBUG;

	memset(got, 0, sizeof(*got));
	u.fd = fd;
	r = sync_untrash(c->vault, &u, &back);
	c->rep->files = 1;
	c->rep->bytes = back.bytes;
	free(back.path);
	return r;
}

static enum zk_err
to_file(struct cmd_ctx *c, const char *name, fill_fn *fill, const void *arg)
{
	struct target t = { .env = c->env, .fd = -1,
		.name = strcmp(name, "-") == 0 ? NULL : name };
	struct sync_restored got = { .tree = false };
	char size[16];
	enum zk_err r = ZK_EBUG;

	buf_init(&t.tmp, PATH_LEN_MAX);
	r = target_open(&t);
	if (r == ZK_OK)
		r = fill(c, arg, t.fd, &got);
	if (r == ZK_OK && got.tree)
		r = target_unpack(&t, &got);
	if (r == ZK_OK)
		r = target_done(&t, c->out);
	target_close(&t);
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), "wrote 1 %s (%s)",
		    got.tree ? "directory" : "file",
		    progress_size(size, (double)c->rep->bytes));
	return r;
}

/* More of the summary, as far as there is room. */
static void
add(struct cmd_ctx *c, const char *before, uint64_t n, const char *after)
{
	size_t len = strlen(c->say);

	if (n > 0)
		snprintf(c->say + len, sizeof(c->say) - len, "%s%" PRIu64
		    "%s", before, n, after);
}

static void
say(struct cmd_ctx *c, const struct sync_restored *got)
{
	const char *entries = got->brought == 1 ? "entry" : "entries";
	char size[16];

	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "restored");

		jsonw_int(w, "brought", (int64_t)got->brought);
		jsonw_int(w, "same", (int64_t)got->same);
		jsonw_int(w, "kept", (int64_t)got->kept);
		out_end(c->out);
	}
	if (c->g->dry_run)
		snprintf(c->say, sizeof(c->say), "dry run: %" PRIu64
		    " %s to restore", got->brought, entries);
	else
		snprintf(c->say, sizeof(c->say), "restored %" PRIu64 " %s (%s)",
		    got->brought, entries, progress_size(size,
		    (double)c->rep->bytes));
	add(c, ", ", got->same, " already as then");
	add(c, ", ", got->kept, " not there then left alone");
	if (!c->g->dry_run)
		add(c, ", ", c->rep->skipped, " skipped");
	if (c->g->dry_run || got->brought > 0)
		snprintf(c->say + strlen(c->say), sizeof(c->say) -
		    strlen(c->say), "%s", c->g->dry_run ? NOTHING : LATER);
}

static void
say_back(struct cmd_ctx *c, const struct sync_untrashed *got, bool elsewhere)
{
	const struct sync_change ch = { .kind = SYNC_NEW, .incoming = true,
		.type = got->type, .path = got->path, .bytes = got->bytes };
	char size[16];

	if (c->g->dry_run)
		show_change(c, &ch);
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "restored");

		jsonw_int(w, "brought", (int64_t)got->entries);
		jsonw_int(w, "same", 0);
		jsonw_int(w, "kept", 0);
		jsonw_bytes(w, "path", got->path, strlen(got->path));
		out_end(c->out);
	}
	snprintf(c->say, sizeof(c->say), c->g->dry_run ? "dry run: %" PRIu64
	    " %s to restore" : "restored %" PRIu64 " %s (%s)", got->entries,
	    got->entries == 1 ? "entry" : "entries",
	    progress_size(size, (double)got->bytes));
	if (strlen(got->path) <= SAY_PATH)
		snprintf(c->say + strlen(c->say), sizeof(c->say) -
		    strlen(c->say), " as '%s'", got->path);
	if (c->g->dry_run || !elsewhere)
		snprintf(c->say + strlen(c->say), sizeof(c->say) -
		    strlen(c->say), "%s", c->g->dry_run ? NOTHING : LATER);
}

static enum zk_err
from_trash(struct cmd_ctx *c, const struct restore_opts *own)
{
	struct sync_untrash_opts u = { .name = c->argv[0], .fd = -1,
		.dir = c->g->dir, .output = own->output,
		.dry_run = c->g->dry_run };
	struct sync_untrashed got = { .path = NULL };
	enum zk_err r = ZK_EBUG;

	if (own->output != NULL && strcmp(own->output, "-") == 0)
		return to_file(c, "-", fill_trash, &u);
	r = sync_untrash(c->vault, &u, &got);
	if (r == ZK_OK) {
		c->rep->files = got.type != 'd';
		c->rep->bytes = got.bytes;
		say_back(c, &got, own->output != NULL);
	}
	free(got.path);
	return r;
}

static enum zk_err
restore_run(struct cmd_ctx *c)
{
	const struct restore_opts *own = c->opts;
	struct sync_restore_opts ro = { .fd = -1 };
	struct sync_restored got;
	struct sync_opts o;
	enum zk_err r = ZK_EBUG;

	if (own->output != NULL && (c->g->dry_run || (c->g->json &&
	    strcmp(own->output, "-") == 0))) {
		log_error(ZK_EUSAGE, NULL, c->g->dry_run ? "with -o there is "
		    "no dry run" : "standard output cannot take both the "
		    "file and --json");
		return ZK_EUSAGE;
	}
	if (own->trash)
		return from_trash(c, own);
	r = at_parse(c->argv[0], env_now_ms(c->env), &ro.path, &ro.at);
	if (r != ZK_OK)
		return r;
	if (own->output != NULL)
		return to_file(c, own->output, fill_version, &ro);
	cmd_sync_opts(c, &o);
	o.dir = c->g->dir;
	if (c->g->dry_run || c->g->verbosity > 0)
		o.ui.change = show_change;
	o.ui.conflict = show_conflict;
	r = sync_restore(c->vault, &o, &ro, c->rep, &got);
	int status = err_status(r);
	if (status == 0 || status == 3 || status == 4)
		say(c, &got);
	return r;
}

const struct cmd cmd_restore = {
	.name = "restore",
	.args = "PATH[@TIME|@ID]",
	.summary = "bring back a file or directory as it was",
	.opts = restore_opts,
	.opts_size = sizeof(struct restore_opts),
	.flags = CMD_VAULT,
	.globals = G_VAULT | G_DRY_RUN | G_NET | G_MAX_DELETE | G_PROGRESS,
	.min_args = 1,
	.max_args = 1,
	.operand = OPERAND_PATH,
	.run = restore_run,
};

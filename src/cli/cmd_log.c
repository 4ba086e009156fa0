/* zk log: what was done, by whom and when, zk-log(1). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/value.h"
#include "sync/sync.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

#define LOG_MAX 100	/* changes, where nothing else was asked for */

struct log_opts {
	const char *max;
	bool trash;
};

#define AT(member) offsetof(struct log_opts, member)

static const struct opt log_opts[] = {
	{ .name = "max", .kind = OPT_STR, .off = AT(max), .arg = "N",
	    .help = "show the newest N changes, 0 for all (default 100)" },
	{ .name = "trash", .kind = OPT_FLAG, .off = AT(trash),
	    .help = "list what applied removals left in the trash" },
	{ .kind = OPT_END }
};

static const char *
what_name(enum sync_log_what what)
{
	static const char *const names[] = { "created", "edited", "merged",
		"moved", "removed", "mode", "time", "dropped", "split" };

	if (what > SYNC_LOG_SPLIT)
		BUG("a change of no known kind");
	return names[what];
}

static const char *
kind_name(char type)
{
	return type == 'd' ? "directory" : type == 'l' ? "symlink" :
	    type == 't' ? "tree" : "file";
}

static void
item_json(struct out *o, const struct sync_log_item *it)
{
	struct jsonw *w = out_begin(o, "log");
	char text[2 * SYNC_DEVICE_LEN + 1];

	jsonw_str(w, "id", it->id);
	jsonw_str(w, "short", it->brief);
	jsonw_int(w, "time", it->wall_ms);
	hex_text(it->device, SYNC_DEVICE_LEN, text);
	jsonw_str(w, "device", text);
	jsonw_bytes(w, "name", it->device_name, strlen(it->device_name));
	jsonw_str(w, "change", what_name(it->what));
	jsonw_str(w, "kind", kind_name(it->type));
	jsonw_bytes(w, "path", it->path, strlen(it->path));
	if (it->from != NULL)
		jsonw_bytes(w, "from", it->from, strlen(it->from));
	if (it->has_mode) {
		snprintf(text, sizeof(text), "%04o", it->mode);
		jsonw_str(w, "mode", text);
	}
	if (it->has_bytes)
		jsonw_int(w, "bytes", (int64_t)it->bytes);
	out_end(o);
}

/* The local time of a moment; a clock may have said anything. */
static void
local_time(int64_t ms, char out[static 32])
{
	time_t t = (time_t)(ms >= 0 ? ms / 1000 : -((999 - ms) / 1000));
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(out, 32, "at no known time   ");
}

/* "mode 755" and the like: at most 8 characters. */
static void
what_text(const struct sync_log_item *it, char out[static 16])
{
	if (it->what == SYNC_LOG_MODE)
		snprintf(out, 16, "mode %03o", it->mode);
	else
		snprintf(out, 16, "%s", what_name(it->what));
}

static void
put_name(struct out *o, const char *path, char type)
{
	out_name_str(o, path);
	if (type == 'd' || type == 't')
		out_printf(o, "/");
}

/* What a listing is made with. */
struct listing {
	struct cmd_ctx *c;
	size_t name_width;	/* of the devices' names, on a terminal */
};

/* Columns that a name takes, as out_name_str prints it. */
static size_t
name_width(const char *name)
{
	struct buf b;
	size_t n = 0;

	buf_init(&b, 8 * SYNC_NAME_MAX);
	if (log_escape(&b, name, strlen(name)) == ZK_OK)
		n = table_width(b.data, b.len);
	buf_release(&b);
	return n;
}

static void
widen(void *arg, const struct sync_device *d)
{
	struct listing *l = arg;
	size_t n = name_width(d->name);

	if (n > l->name_width)
		l->name_width = n;
}

static void
put_device(const struct listing *l, const char *name)
{
	out_name_str(l->c->out, name);
	for (size_t n = name_width(name); n < l->name_width; n++)
		out_raw(l->c->out, " ", 1);
}

static void
show_item(void *arg, const struct sync_log_item *it)
{
	const struct listing *l = arg;
	struct cmd_ctx *c = l->c;
	char at[32], size[16] = "-", what[16];

	c->changes++;
	if (out_json(c->out)) {
		item_json(c->out, it);
		return;
	}
	local_time(it->wall_ms, at);
	what_text(it, what);
	if (it->has_bytes)
		(void)progress_size(size, (double)it->bytes);
	out_printf(c->out, "%-10s  %s  ", it->brief, at);
	put_device(l, it->device_name);
	out_printf(c->out, "  %-8s  %9s  ", what, size);
	if (it->from != NULL) {
		put_name(c->out, it->from, it->type);
		out_printf(c->out, " -> ");
	}
	put_name(c->out, it->path, it->type);
	out_printf(c->out, "\n");
}

static void
show_trash(void *arg, const struct sync_trash_item *it)
{
	struct cmd_ctx *c = arg;
	char size[16];

	c->changes++;
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "trash");

		jsonw_str(w, "day", it->day);
		jsonw_str(w, "kind", kind_name(it->type));
		jsonw_int(w, "bytes", (int64_t)it->bytes);
		jsonw_bytes(w, "path", it->path, strlen(it->path));
		jsonw_bytes(w, "file", it->file, strlen(it->file));
		out_end(c->out);
		return;
	}
	out_printf(c->out, "%s  %9s  ", it->day,
	    progress_size(size, (double)it->bytes));
	put_name(c->out, it->file, it->type);
	out_printf(c->out, "\n");
}

static enum zk_err
log_trash(struct cmd_ctx *c)
{
	const struct log_opts *own = c->opts;

	if (c->argc > 0 || own->max != NULL) {
		log_error(ZK_EUSAGE, NULL, "--trash lists all of the trash: "
		    "it takes no %s", c->argc > 0 ? "PATH" : "--max");
		return ZK_EUSAGE;
	}
	return sync_trash(c->vault, show_trash, c);
}

static enum zk_err
log_run(struct cmd_ctx *c)
{
	const struct log_opts *own = c->opts;
	struct sync_opts net;
	struct listing l = { .c = c };
	struct sync_ui widths = { .arg = &l, .device = widen };
	struct sync_log_opts o = { .dir = c->g->dir,
		.path = c->argc > 0 ? c->argv[0] : NULL, .max = LOG_MAX,
		.item = show_item, .arg = &l };
	bool more = false;
	enum zk_err r = ZK_OK;

	c->until_closed = true;
	if (own->trash)
		return log_trash(c);
	if (own->max != NULL &&
	    value_number(own->max, UINT64_MAX, &o.max) != ZK_OK) {
		log_error(ZK_EUSAGE, NULL, "'%s' is no number of changes, for "
		    "--max", own->max);
		return ZK_EUSAGE;
	}
	cmd_sync_opts(c, &net);
	o.ui = net.ui;
	if (!out_json(c->out))
		r = sync_device_ls(c->vault, &widths);
	if (r == ZK_OK)
		r = sync_log(c->vault, &o, &more);
	if (r == ZK_OK && more && out_json(c->out)) {
		jsonw_int(out_begin(c->out, "more"), "shown",
		    (int64_t)c->changes);
		out_end(c->out);
	}
	if (r == ZK_OK && more)
		snprintf(c->say, sizeof(c->say), "the newest %" PRIu64
		    " changes; for more, give --max N, or 0 for all", o.max);
	return r;
}

const struct cmd cmd_log = {
	.name = "log",
	.args = "[PATH]",
	.summary = "show what was done, by whom and when",
	.opts = log_opts,
	.opts_size = sizeof(struct log_opts),
	.flags = CMD_VAULT,
	.globals = G_READER,
	.max_args = 1,
	.operand = OPERAND_PATH,
	.run = log_run,
};

#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "sync/sync.h"
#include "util/env.h"
#include "util/hex.h"

#define JUST_NOW "just now"

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *
kind_name(enum sync_change_kind kind)
{
	static const char *const names[] = { "new", "changed", "deleted",
		"moved", "attributes", "skipped" };

	if (kind > SYNC_SKIPPED)
		BUG("a change of no known kind");
	return names[kind];
}

static const char *
type_name(char type)
{
	return type == 'd' ? "directory" : type == 'l' ? "symlink" :
	    type == 't' ? "tree" : "file";
}

/* Raw bytes as a member; those that are not UTF-8 as jsonw_bytes has it. */
static void
put_path(struct jsonw *w, const char *name, const char *path)
{
	jsonw_bytes(w, name, path, strlen(path));
}

static void
change_json(struct out *o, const struct sync_change *ch)
{
	struct jsonw *w = out_begin(o, "change");

	jsonw_str(w, "change", kind_name(ch->kind));
	jsonw_str(w, "direction", ch->incoming ? "in" : "out");
	jsonw_str(w, "kind", type_name(ch->type));
	put_path(w, "path", ch->path);
	if (ch->from != NULL)
		put_path(w, "from", ch->from);
	if (ch->why != NULL)
		jsonw_str(w, "why", ch->why);
	jsonw_int(w, "bytes", (int64_t)ch->bytes);
	out_end(o);
}

void
show_change(void *arg, const struct sync_change *ch)
{
	struct cmd_ctx *c = arg;

	c->changes++;
	if (out_json(c->out)) {
		change_json(c->out, ch);
		return;
	}
	out_printf(c->out, "%s %-10s ", ch->incoming ? "<" : ">",
	    kind_name(ch->kind));
	if (ch->from != NULL) {
		out_name_str(c->out, ch->from);
		out_printf(c->out, " -> ");
	}
	out_name_str(c->out, ch->path);
	if (ch->type == 'd' || ch->type == 't')
		out_printf(c->out, "/");
	if (ch->why != NULL) {
		out_printf(c->out, " (");
		out_name_str(c->out, ch->why);
		out_printf(c->out, ")");
	}
	out_printf(c->out, "\n");
}

void
show_conflict(void *arg, const struct sync_conflict *cf)
{
	struct cmd_ctx *c = arg;

	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "conflict");

		put_path(w, "path", cf->path);
		if (cf->of != NULL)
			put_path(w, "of", cf->of);
		out_end(c->out);
		return;
	}
	out_printf(c->out, "! conflict   ");
	out_name_str(c->out, cf->path);
	out_printf(c->out, "\n");
}

void
show_merged(void *arg, const char *path)
{
	struct cmd_ctx *c = arg;

	if (out_json(c->out)) {
		put_path(out_begin(c->out, "merged"), "path", path);
		out_end(c->out);
		return;
	}
	out_printf(c->out, "= merged     ");
	out_name_str(c->out, path);
	out_printf(c->out, "\n");
}

void
show_alias(void *arg, const struct sync_alias *al)
{
	struct cmd_ctx *c = arg;

	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "alias");

		put_path(w, "path", al->path);
		put_path(w, "of", al->of);
		out_end(c->out);
		return;
	}
	out_printf(c->out, "~ alias      ");
	out_name_str(c->out, al->path);
	out_printf(c->out, " for ");
	out_name_str(c->out, al->of);
	out_printf(c->out, "\n");
}

/* "today" is too coarse to tell whether sync runs, so units fall to seconds */
const char *
show_ago(struct cmd_ctx *c, int64_t at_ms, char out[static 32])
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" },
		{ 1, "second" } };
	int64_t s = (env_now_ms(c->env) - at_ms) / 1000;

	if (at_ms == 0) {
		snprintf(out, 32, "never");
		return out;
	}
	if (s < 1) {
		snprintf(out, 32, JUST_NOW);
		return out;
	}
	size_t u = 0;
	while (s < units[u].s)
		u++;
	int64_t n = s / units[u].s;
	snprintf(out, 32, "%" PRId64 " %s%s ago", n, units[u].name,
	    n == 1 ? "" : "s");
	return out;
}

/* Why a remote that was asked did not answer. */
static const char *
trouble(const struct sync_remote *rm)
{
	return rm->why != NULL ? rm->why : err_text(rm->err);
}

static void
remote_json(struct out *o, const struct sync_remote *rm)
{
	struct jsonw *w = out_begin(o, "remote");

	jsonw_str(w, "url", rm->url);
	jsonw_bool(w, "primary", rm->pos == 0);
	jsonw_bool(w, "transit", rm->transit);
	jsonw_int(w, "behind", (int64_t)rm->behind);
	if (rm->last_ok_ms == 0)
		jsonw_null(w, "last_success");
	else
		jsonw_int(w, "last_success", rm->last_ok_ms);
	if (rm->asked) {
		jsonw_bool(w, "ok", rm->ok);
		jsonw_int(w, "ahead", (int64_t)rm->ahead);
		if (!rm->ok) {
			jsonw_str(w, "code", err_name(rm->err));
			jsonw_str(w, "message", trouble(rm));
		}
	}
	out_end(o);
}

enum zk_err
show_table(struct cmd_ctx *c, char kind)
{
	enum zk_err r = ZK_OK;

	if (c->table != NULL && c->table_of != kind)
		r = table_print(c->table, c->out);
	c->table_of = kind;
	return r;
}

/* The table for a line of that kind; NULL: no memory, which is noted. */
static struct table *
table_for(struct cmd_ctx *c, char kind)
{
	enum zk_err r = show_table(c, kind);

	if (r == ZK_OK && c->table == NULL)
		r = table_new(&c->table);
	if (r != ZK_OK)
		out_fail(c->out, r);
	return r == ZK_OK ? c->table : NULL;
}

void
show_remote(void *arg, const struct sync_remote *rm)
{
	struct cmd_ctx *c = arg;
	bool bad = rm->asked && !rm->ok;
	struct table *t = NULL;
	char ago[32];

	if (out_json(c->out)) {
		remote_json(c->out, rm);
		return;
	}
	t = table_for(c, 'r');
	if (t == NULL)
		return;
	table_printf(t, "remote ");
	table_name(t, rm->url, strlen(rm->url));
	table_cell(t);
	(void)show_ago(c, rm->last_ok_ms, ago);
	if (rm->transit)
		table_printf(t, "transit, ");
	if (bad) {
		table_printf(t, "%s: ", err_status(rm->err) ==
		    err_status(ZK_ENET) ? "not reachable" : "failed");
		table_name(t, trouble(rm), strlen(trouble(rm)));
		table_printf(t, ", ");
	}
	/* "just now" would read as if all were well */
	if (rm->last_ok_ms == 0)
		table_printf(t, "no success yet");
	else
		table_printf(t, "last success %s",
		    bad && strcmp(ago, JUST_NOW) == 0 ? "a moment ago" : ago);
	if (rm->behind > 0)
		table_printf(t, ", lacks %" PRIu64 " object%s", rm->behind,
		    plural(rm->behind));
	if (rm->asked && rm->ok && rm->ahead > 0)
		table_printf(t, ", offers %" PRIu64 " segment%s", rm->ahead,
		    plural(rm->ahead));
	table_line(t);
}

static void
device_json(struct out *o, const struct sync_device *d)
{
	struct jsonw *w = out_begin(o, "device");
	char id[2 * SYNC_DEVICE_LEN + 1];

	hex_text(d->id, SYNC_DEVICE_LEN, id);
	jsonw_str(w, "id", id);
	jsonw_str(w, "tag", d->tag);
	jsonw_bytes(w, "name", d->name, strlen(d->name));
	jsonw_bool(w, "self", d->self);
	if (d->last_seen_ms == 0)
		jsonw_null(w, "last_seen");
	else
		jsonw_int(w, "last_seen", d->last_seen_ms);
	jsonw_int(w, "behind", (int64_t)d->behind);
	jsonw_bool(w, "parked", d->parked);
	jsonw_bool(w, "silent", d->silent);
	out_end(o);
}

void
show_device(void *arg, const struct sync_device *d)
{
	struct cmd_ctx *c = arg;
	struct table *t = NULL;
	char ago[32];

	if (out_json(c->out)) {
		device_json(c->out, d);
		return;
	}
	t = table_for(c, 'd');
	if (t == NULL)
		return;
	table_printf(t, "device ");
	table_name(t, d->name, strlen(d->name));
	table_cell(t);
	table_printf(t, "%02x%02x%02x%02x", d->id[0], d->id[1], d->id[2],
	    d->id[3]);
	table_cell(t);
	table_printf(t, "%s", d->tag);
	table_cell(t);
	if (d->self)
		table_printf(t, "this one");
	else if (d->last_seen_ms == 0)
		table_printf(t, "not seen yet");
	else
		table_printf(t, "last seen %s",
		    show_ago(c, d->last_seen_ms, ago));
	if (d->behind > 0)
		table_printf(t, ", %" PRIu64 " behind", d->behind);
	if (d->parked)
		table_printf(t, ", parked");
	if (d->silent)
		table_printf(t, ", silent: 'zk device park' if it stays away");
	table_line(t);
}

/* "12 files (3.4 MiB)"; directories are named where nothing else went. */
static void
put_what(char out[static 80], const struct sync_report *rep)
{
	char size[16];

	if (rep->files == 0 && rep->dirs > 0)
		snprintf(out, 80, "%" PRIu64 " director%s", rep->dirs,
		    rep->dirs == 1 ? "y" : "ies");
	else
		snprintf(out, 80, "%" PRIu64 " file%s (%s)", rep->files,
		    plural(rep->files), progress_size(size,
		    (double)rep->bytes));
}

void
show_summary(struct cmd_ctx *c, const char *verb, const char *towards)
{
	const struct sync_report *rep = c->rep;
	char what[80];
	size_t ok = 0;
	int n;

	if (c->g->dry_run) {
		snprintf(c->say, sizeof(c->say), "dry run: %" PRIu64
		    " change%s, nothing was done", c->changes,
		    plural(c->changes));
		return;
	}
	for (size_t i = 0; i < rep->remotes_n; i++)
		ok += rep->remotes[i].ok;
	put_what(what, rep);
	n = snprintf(c->say, sizeof(c->say), "%s %s %s %zu of %zu remote%s, %"
	    PRIu64 " conflict%s", verb, what, towards, ok, rep->remotes_n,
	    plural(rep->remotes_n), rep->conflicts, plural(rep->conflicts));
	if (rep->merged > 0 && n > 0 && (size_t)n < sizeof(c->say))
		n += snprintf(c->say + n, sizeof(c->say) - (size_t)n,
		    ", %" PRIu64 " merged", rep->merged);
	if (rep->deleted > 0 && n > 0 && (size_t)n < sizeof(c->say))
		n += snprintf(c->say + n, sizeof(c->say) - (size_t)n,
		    ", %" PRIu64 " deleted", rep->deleted);
	if (rep->skipped > 0 && n > 0 && (size_t)n < sizeof(c->say))
		snprintf(c->say + n, sizeof(c->say) - (size_t)n,
		    ", %" PRIu64 " skipped", rep->skipped);
}

void
show_line(struct cmd_ctx *c, const char *type, const char *member,
    const char *value)
{
	if (out_json(c->out)) {
		jsonw_bytes(out_begin(c->out, type), member, value,
		    strlen(value));
		out_end(c->out);
		return;
	}
	out_name_str(c->out, value);
	out_printf(c->out, "\n");
}

/* zk diff: what changed in a text between two versions, zk-diff(1). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/at.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/unidiff.h"
#include "sync/sync.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

#define SIDE_MAX (16u << 20)	/* bytes of either version */
#define NOTHING "/dev/null"

struct side {
	const char *label;	/* as typed, or NOTHING */
	const char *path;
	struct sync_at at;
	struct buf bytes;
};

/* A version; or with disk set, where none is named, the file on the disk. */
static enum zk_err
load(struct cmd_ctx *c, const struct sync_opts *o, struct side *s, bool disk)
{
	enum zk_err r = ZK_EBUG;

	if (disk && s->at.kind == SYNC_AT_NONE)
		r = sync_disk_bytes(c->vault, o, s->path, &s->bytes);
	else
		r = sync_version_bytes(c->vault, o, s->path, &s->at,
		    &s->bytes);
	if (disk && s->at.kind == SYNC_AT_NONE && r == ZK_ENOENT) {
		s->label = NOTHING;
		return ZK_OK;
	}
	if (r == ZK_ELIMIT) {
		/* no lie, only more than is compared here */
		r = ZK_EUSAGE;
		log_error(r, &(struct log_where){ .path = s->path },
		    "'%s' is larger than 16 MiB: write both versions out with "
		    "'zk restore -o' and compare them", s->label);
	}
	return r;
}

/* On a terminal nothing goes out that it could act on, but line ends, tabs. */
static void
print_safely(struct out *o, const struct buf *text)
{
	const uint8_t *p = text->data, *end = p + text->len;

	while (p < end) {
		const uint8_t *q = p;

		while (q < end && *q != '\n' && *q != '\t')
			q++;
		out_name(o, p, (size_t)(q - p));
		if (q < end)
			out_raw(o, q++, 1);
		p = q;
	}
}

static void
show(struct cmd_ctx *c, const struct side *a, const struct side *b,
    const struct buf *text)
{
	struct jsonw *w = NULL;

	if (!out_json(c->out)) {
		if (isatty(STDOUT_FILENO) != 0)
			print_safely(c->out, text);
		else if (text->len > 0)
			out_raw(c->out, text->data, text->len);
		return;
	}
	w = out_begin(c->out, "diff");
	jsonw_bytes(w, "from", a->label, strlen(a->label));
	jsonw_bytes(w, "to", b->label, strlen(b->label));
	jsonw_bool(w, "same", text->len == 0);
	jsonw_bytes(w, "text", text->len == 0 ? "" : (char *)text->data,
	    text->len);
	out_end(c->out);
}

static enum zk_err
compare(struct cmd_ctx *c, struct side *a, struct side *b)
{
	struct unidiff_side ua = { a->label, a->bytes.data, a->bytes.len };
	struct unidiff_side ub = { b->label, b->bytes.data, b->bytes.len };
	struct buf text;
	enum zk_err r = ZK_EBUG;

	buf_init_secret(&text, 4 * SIDE_MAX);
	r = unidiff(&ua, &ub, &text);
	if (r == ZK_ELIMIT) {
		r = ZK_EUSAGE;
		log_error(r, &(struct log_where){ .path = a->path },
		    "'%s' has too many lines to be compared here: write both "
		    "versions out with 'zk restore -o'", a->label);
	}
	if (r == ZK_OK)
		show(c, a, b, &text);
	buf_release(&text);
	return r;
}

static enum zk_err
diff_run(struct cmd_ctx *c)
{
	const char *typed = c->argv[c->argc - 1];
	char *labels[2] = { strdup(c->argv[0]), strdup(typed) };
	struct side a = { .label = labels[0] }, b = { .label = labels[1] };
	struct sync_opts o;
	int64_t now = env_now_ms(c->env);
	enum zk_err r = labels[0] == NULL || labels[1] == NULL ? ZK_ENOMEM :
	    at_parse(c->argv[0], now, &a.path, &a.at);

	buf_init_secret(&a.bytes, SIDE_MAX);
	buf_init_secret(&b.bytes, SIDE_MAX);
	cmd_sync_opts(c, &o);
	o.dir = c->g->dir;
	if (r == ZK_OK && c->argc > 1)
		r = at_parse(c->argv[1], now, &b.path, &b.at);
	/* one alone is compared with what is there now */
	if (c->argc == 1)
		b.label = b.path = a.path;
	if (r == ZK_OK)
		r = load(c, &o, &a, false);
	if (r == ZK_OK)
		r = load(c, &o, &b, true);
	if (r == ZK_OK)
		r = compare(c, &a, &b);
	buf_release(&a.bytes);
	buf_release(&b.bytes);
	free(labels[0]);
	free(labels[1]);
	return r;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "PATH[@TIME|@ID] [PATH[@TIME|@ID]]",
	.summary = "compare versions of a text line by line",
	.flags = CMD_VAULT | CMD_NO_SUMMARY,
	.globals = G_READER | G_NET | G_PROGRESS,
	.min_args = 1,
	.max_args = 2,
	.operand = OPERAND_PATH,
	.run = diff_run,
};

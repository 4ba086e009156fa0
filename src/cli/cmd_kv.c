/* zk kv: small shared values, zk-kv(1); here what writes them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/kv.h"
#include "cli/out.h"
#include "cli/prompt.h"
#include "cli/value.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define IMPORT_MAX (32u * 1024 * 1024)	/* bytes of one import */

const char *
kv_kind_name(uint8_t kind)
{
	static const char *const names[] = { "", "register", "set",
		"counter", "list" };

	return kind <= KV_LIST ? names[kind] : "";
}

enum zk_err
kv_key_of(const struct kv_opts *o, const char *name, uint8_t kind,
    struct kv_key *out)
{
	const char *ns = o->ns == NULL ? "" : o->ns;

	*out = (struct kv_key){ kind, (const uint8_t *)ns, strlen(ns),
		(const uint8_t *)name, strlen(name) };
	if (out->name_len >= 1 && out->name_len <= KV_NAME_MAX &&
	    out->ns_len <= KV_NAME_MAX)
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "a key has 1 to %d bytes, a namespace at "
	    "most %d", KV_NAME_MAX, KV_NAME_MAX);
	return ZK_EUSAGE;
}

enum zk_err
kv_missing(const struct kv_key *key)
{
	log_error(ZK_ENOENT, NULL,
	    "there is no %s under the key '%.*s'%s%.*s%s",
	    key->kind == KV_REGISTER ? "value" : key->kind == 0 ? "value" :
	    kv_kind_name(key->kind), (int)key->name_len,
	    (const char *)key->name, key->ns_len > 0 ? " in '" : "",
	    (int)key->ns_len, (const char *)key->ns,
	    key->ns_len > 0 ? "'" : "");
	return ZK_ENOENT;
}

/* Input ------------------------------------------------------------------- */

/* All of file, "-": standard input. */
static enum zk_err
read_input(struct cmd_ctx *c, const char *file, struct buf *out)
{
	int fd = -1;
	enum zk_err r = prompt_input(c->env, file, &fd);

	if (r != ZK_OK)
		return r;
	r = prompt_read_all(c->env, fd, out);
	prompt_input_close(c->env, fd);
	if (r != ZK_OK && r != ZK_ESIGNAL && r != ZK_ELIMIT)
		log_error(r, &(struct log_where){ .path = file },
		    "cannot read '%s': %s", file, err_text(r));
	return r;
}

/* The value of the operand at, or of stdin where it is '-' or not there. */
static enum zk_err
read_value(struct cmd_ctx *c, int at, struct buf *out)
{
	enum zk_err r = ZK_OK;

	if (c->argc > at && strcmp(c->argv[at], "-") != 0)
		r = buf_str(out, c->argv[at]);
	else
		r = read_input(c, "-", out);
	if (r == ZK_ELIMIT) {
		log_error(ZK_EUSAGE, NULL, "a value has at most %u bytes; "
		    "keep what is larger as a file", KV_VALUE_MAX);
		r = ZK_EUSAGE;
	}
	return r;
}

/* Writing ----------------------------------------------------------------- */

/* A kv_next_fn over one write. */
struct one {
	struct kv_write w;
	bool done;
};

static enum zk_err
next_one(void *arg, struct kv_write *w)
{
	struct one *o = arg;

	if (o->done)
		return ZK_ENOENT;
	o->done = true;
	*w = o->w;
	return ZK_OK;
}

static enum zk_err
write_all(struct cmd_ctx *c, kv_next_fn *next, void *arg,
    struct kv_result *res)
{
	const struct kv_opts *own = c->opts;
	struct sync_opts o;
	enum zk_err r = cmd_open_vault(c);

	cmd_sync_opts(c, &o);
	if (r == ZK_OK)
		r = sync_kv_write(c->vault, &o, own->offline, next, arg, res,
		    c->rep);
	if (r == ZK_OK && own->offline && res->recorded)
		snprintf(c->say, sizeof(c->say), "recorded on this device "
		    "alone; the next run without --offline sends it");
	return r;
}

/* Writes the operands of a subcommand with a key and maybe a value. */
static enum zk_err
write_one(struct cmd_ctx *c, enum kv_verb verb, uint8_t kind, bool value)
{
	const struct kv_opts *own = c->opts;
	struct one one = { .w = { .verb = verb } };
	struct kv_result res;
	struct buf b;
	enum zk_err r = kv_key_of(own, c->argv[0], kind, &one.w.key);

	buf_init_secret(&b, KV_VALUE_MAX);
	/* before the lock is taken: input may be long in coming */
	if (r == ZK_OK && value)
		r = read_value(c, 1, &b);
	one.w.value = b.data;
	one.w.value_len = b.len;
	one.w.kinds = own->type == 0 ? 1u << KV_REGISTER | 1u << KV_SET |
	    1u << KV_COUNTER | 1u << KV_LIST : 1u << own->type;
	if (r == ZK_OK) {
		r = write_all(c, next_one, &one, &res);
		if (r == ZK_ENOENT && verb == KV_DO_TAKE)
			log_error(r, NULL, "the value is not in the %s '%s'",
			    kv_kind_name(kind), c->argv[0]);
		else if (r == ZK_ENOENT)
			(void)kv_missing(&one.w.key);
	}
	buf_release(&b);
	return r;
}

static enum zk_err
set_run(struct cmd_ctx *c)
{
	return write_one(c, KV_DO_SET, KV_REGISTER, true);
}

static enum zk_err
rm_run(struct cmd_ctx *c)
{
	const struct kv_opts *own = c->opts;

	return write_one(c, KV_DO_RM, (uint8_t)own->type, false);
}

static enum zk_err
add_run(struct cmd_ctx *c)
{
	return write_one(c, KV_DO_ADD, KV_SET, true);
}

static enum zk_err
remove_run(struct cmd_ctx *c)
{
	const struct kv_opts *own = c->opts;

	return write_one(c, KV_DO_TAKE, own->list ? KV_LIST : KV_SET, true);
}

static enum zk_err
push_run(struct cmd_ctx *c)
{
	return write_one(c, KV_DO_PUSH, KV_LIST, true);
}

/* A number with a sign. */
static enum zk_err
read_number(const char *s, int64_t *out)
{
	uint64_t n = 0;
	enum zk_err r = value_number(s[0] == '-' || s[0] == '+' ? s + 1 : s,
	    KV_TOTAL_MAX, &n);

	if (r != ZK_OK)
		log_error(r, NULL, "'%s' is not a number from -%" PRId64
		    " to %" PRId64, s, KV_TOTAL_MAX, KV_TOTAL_MAX);
	*out = s[0] == '-' ? -(int64_t)n : (int64_t)n;
	return r;
}

static enum zk_err
incr_run(struct cmd_ctx *c)
{
	struct one one = { .w = { .verb = KV_DO_INCR, .by = 1 } };
	struct kv_result res;
	int64_t now = 0;
	enum zk_err r = kv_key_of(c->opts, c->argv[0], KV_COUNTER,
	    &one.w.key);

	if (r == ZK_OK && c->argc > 1)
		r = read_number(c->argv[1], &one.w.by);
	if (r == ZK_OK)
		r = write_all(c, next_one, &one, &res);
	if (r == ZK_ELIMIT) {
		log_error(ZK_EUSAGE, NULL, "one device can add no more than %"
		    PRId64 " to a counter", KV_TOTAL_MAX);
		r = ZK_EUSAGE;
	}
	if (r == ZK_OK)
		r = sync_kv_sum(c->vault, &one.w.key, &now);
	if (r != ZK_OK)
		return r;
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "value");

		kv_json_key(w, &one.w.key);
		jsonw_int(w, "total", now);
		out_end(c->out);
	}
	out_printf(c->out, "%" PRId64 "\n", now);
	return ZK_OK;
}

/* Import ------------------------------------------------------------------ */

struct import {
	const struct kv_opts *own;
	uint8_t *p;		/* what is left */
	size_t left;
	uint64_t pairs;
};

/* What comes before the next byte end, which may be missing at the end. */
static const uint8_t *
cut(struct import *im, uint8_t end, size_t *len, bool *ended)
{
	const uint8_t *from = im->p;
	const uint8_t *at = memchr(im->p, end, im->left);

	*ended = at != NULL;
	*len = at == NULL ? im->left : (size_t)(at - from);
	im->left -= *len + (*ended ? 1 : 0);
	im->p += *len + (*ended ? 1 : 0);
	return from;
}

static enum zk_err
bad_pair(const struct import *im, const char *what)
{
	log_error(ZK_EUSAGE, NULL, "%s %" PRIu64 " of the input %s: nothing "
	    "was recorded", im->own->zero ? "pair" : "line", im->pairs, what);
	return ZK_EUSAGE;
}

static enum zk_err
next_pair(void *arg, struct kv_write *w)
{
	struct import *im = arg;
	const uint8_t *line = NULL, *tab = NULL;
	const char *ns = im->own->ns == NULL ? "" : im->own->ns;
	size_t n = 0;
	bool ended = false;

	if (im->left == 0)
		return ZK_ENOENT;
	im->pairs++;
	w->verb = KV_DO_SET;
	w->if_new = true;
	w->key.ns = (const uint8_t *)ns;
	w->key.ns_len = strlen(ns);
	if (im->own->zero) {
		w->key.name = cut(im, '\0', &w->key.name_len, &ended);
		if (!ended)
			return bad_pair(im, "has no value");
		w->value = im->left == 0 ? NULL :
		    cut(im, '\0', &w->value_len, &ended);
		if (w->value == NULL || !ended)
			return bad_pair(im, "does not end with a NUL");
	} else {
		line = cut(im, '\n', &n, &ended);
		tab = memchr(line, '\t', n);
		if (tab == NULL)
			return bad_pair(im, "has no tab");
		w->key.name = line;
		w->key.name_len = (size_t)(tab - line);
		w->value = tab + 1;
		w->value_len = n - w->key.name_len - 1;
	}
	if (w->key.name_len < 1 || w->key.name_len > KV_NAME_MAX ||
	    memchr(w->key.name, '\0', w->key.name_len) != NULL)
		return bad_pair(im, "has no key of 1 to 255 bytes");
	if (w->value_len > KV_VALUE_MAX)
		return bad_pair(im, "has a value over 1 MiB");
	return ZK_OK;
}

static enum zk_err
import_run(struct cmd_ctx *c)
{
	struct import im = { .own = c->opts };
	const char *file = c->argc > 0 ? c->argv[0] : "-";
	struct kv_result res = { .wrote = 0 };
	struct kv_key key;
	struct buf b;
	enum zk_err r = kv_key_of(im.own, "k", KV_REGISTER, &key);

	buf_init_secret(&b, IMPORT_MAX);
	if (r == ZK_OK)
		r = read_input(c, file, &b);
	if (r == ZK_ELIMIT) {
		log_error(ZK_EUSAGE, NULL, "one import takes at most 32 MiB: "
		    "divide it");
		r = ZK_EUSAGE;
	}
	im.p = b.data;
	im.left = b.len;
	if (r == ZK_OK)
		r = write_all(c, next_pair, &im, &res);
	buf_release(&b);
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say), "imported %" PRIu64
		    " value%s, %" PRIu64 " stood there already%s", res.wrote,
		    res.wrote == 1 ? "" : "s", im.pairs - res.wrote,
		    im.own->offline ? "; the next run without --offline "
		    "sends them" : "");
	return r;
}

/* The table --------------------------------------------------------------- */

static const char *const type_words[] = { "any", "register", "set",
	"counter", "list", NULL };

static const struct opt write_opts[] = { KV_OPT_NS, KV_OPT_OFFLINE,
	{ .kind = OPT_END } };

static const struct opt rm_opts[] = { KV_OPT_NS, KV_OPT_OFFLINE,
	{ .name = "type", .kind = OPT_WORD, .off = KV_OPT(type),
	    .arg = "TYPE", .words = type_words,
	    .help = "only the register, set, counter or list" },
	{ .kind = OPT_END } };

static const struct opt remove_opts[] = { KV_OPT_NS, KV_OPT_OFFLINE,
	{ .name = "list", .kind = OPT_FLAG, .off = KV_OPT(list),
	    .help = "from the list of that name" },
	{ .kind = OPT_END } };

static const struct opt import_opts[] = { KV_OPT_NS, KV_OPT_OFFLINE,
	{ .letter = '0', .name = "null", .kind = OPT_FLAG,
	    .off = KV_OPT(zero),
	    .help = "KEY, NUL, VALUE, NUL instead of lines" },
	{ .kind = OPT_END } };

/* The members that all subcommands that write have in common. */
#define KV_WRITER .opts_size = sizeof(struct kv_opts), \
	.globals = G_VAULT | G_NET | G_PROGRESS

static const struct cmd kv_set = {
	.name = "set", .args = "KEY [VALUE|-]",
	.summary = "set a value, from stdin without VALUE",
	.opts = write_opts, .min_args = 1, .max_args = 2, .run = set_run,
	KV_WRITER
};

static const struct cmd kv_rm = {
	.name = "rm", .args = "KEY", .summary = "remove all under a key",
	.opts = rm_opts, .min_args = 1, .max_args = 1, .run = rm_run,
	KV_WRITER
};

static const struct cmd kv_add = {
	.name = "add", .args = "KEY [VALUE|-]",
	.summary = "add a member to a set",
	.opts = write_opts, .min_args = 1, .max_args = 2, .run = add_run,
	KV_WRITER
};

static const struct cmd kv_remove = {
	.name = "remove", .args = "KEY [VALUE|-]",
	.summary = "remove a member of a set",
	.opts = remove_opts, .min_args = 1, .max_args = 2, .run = remove_run,
	KV_WRITER
};

static const struct cmd kv_incr = {
	.name = "incr", .args = "KEY [N]",
	.summary = "add N, or 1, to a counter",
	.opts = write_opts, .min_args = 1, .max_args = 2, .run = incr_run,
	KV_WRITER
};

static const struct cmd kv_push = {
	.name = "push", .args = "KEY [VALUE|-]",
	.summary = "add an item at the end of a list",
	.opts = write_opts, .min_args = 1, .max_args = 2, .run = push_run,
	KV_WRITER
};

static const struct cmd kv_import = {
	.name = "import", .args = "[FILE|-]",
	.summary = "set many values at once",
	.opts = import_opts, .max_args = 1, .operand = OPERAND_PATH,
	.run = import_run,
	KV_WRITER
};

static const struct cmd *const kv_subs[] = { &kv_ls, &kv_set, &kv_get,
	&kv_rm, &kv_add, &kv_remove, &kv_members, &kv_incr, &kv_push,
	&kv_list, &kv_watch, &kv_import, NULL };

const struct cmd cmd_kv = {
	.name = "kv",
	.args = "[SUBCOMMAND ...]",
	.summary = "share small values between devices",
	.subs = kv_subs,
};

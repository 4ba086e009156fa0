/* zk kv: what reads values.  See kv.h. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/kv.h"
#include "cli/out.h"
#include "cli/show.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

void
kv_json_hex(struct jsonw *w, const char *name, const uint8_t *p, size_t n)
{
	struct buf b;

	buf_init(&b, 2 * n + 1);
	(void)hex_put(&b, p, n);
	jsonw_str(w, name, buf_cstr(&b));
	buf_release(&b);
}

void
kv_json_key(struct jsonw *w, const struct kv_key *key)
{
	jsonw_bytes(w, "namespace", key->ns, key->ns_len);
	jsonw_bytes(w, "key", key->name, key->name_len);
	jsonw_str(w, "kind", kv_kind_name(key->kind));
}

void
kv_json_by(struct jsonw *w, const struct kv_value *val)
{
	jsonw_bytes(w, "device", val->name, strlen(val->name));
	kv_json_hex(w, "device_id", val->device, SYNC_DEVICE_LEN);
	jsonw_int(w, "time", val->wall_ms);
	kv_json_hex(w, "op", val->op, 32);
}

/* Opens the vault to read; with --fetch the remotes are read before. */
static enum zk_err
open_to_read(struct cmd_ctx *c)
{
	const struct kv_opts *own = c->opts;
	struct sync_opts o;
	enum zk_err r = ZK_EBUG;

	if (own->fetch && c->g->dry_run) {
		log_error(ZK_EUSAGE, NULL, "'--fetch' has no dry run");
		return ZK_EUSAGE;
	}
	r = own->fetch ? cmd_open_vault(c) : cmd_peek_vault(c);
	if (r != ZK_OK || !own->fetch)
		return r;
	cmd_sync_opts(c, &o);
	return sync_kv_fetch(c->vault, &o, c->rep);
}

/* What a reading is shown with. */
struct showing {
	struct cmd_ctx *c;
	const struct kv_key *key;
	bool tty;
	uint64_t n;
};

/*
 * A name or value on a line of its own: escaped where a terminal could act
 * on it, else as it is.
 */
static void
put_line(const struct showing *s, const void *p, size_t n)
{
	const struct kv_opts *own = s->c->opts;

	if (s->tty && !own->zero)
		out_name(s->c->out, p, n);
	else
		out_raw(s->c->out, n == 0 ? "" : p, n);
	out_raw(s->c->out, own->zero ? "\0" : "\n", 1);
}

static void
put_json(struct cmd_ctx *c, const struct kv_key *key,
    const struct kv_value *val)
{
	struct jsonw *w = out_begin(c->out, "value");

	kv_json_key(w, key);
	jsonw_bytes(w, "value", val->value_len == 0 ?
	    (const uint8_t *)"" : val->value, val->value_len);
	kv_json_by(w, val);
	out_end(c->out);
}

/* get ---------------------------------------------------------------------- */

static enum zk_err
get_one(void *arg, const struct kv_value *val)
{
	struct showing *s = arg;
	const struct kv_opts *own = s->c->opts;
	char ago[32];

	if (s->n++ > 0 && !own->all)
		return ZK_OK;
	if (out_json(s->c->out)) {
		put_json(s->c, s->key, val);
		return ZK_OK;
	}
	if (!own->all) {
		out_raw(s->c->out, val->value_len == 0 ? (const uint8_t *)"" :
		    val->value, val->value_len);
		if (s->tty)
			out_printf(s->c->out, "\n");
		return ZK_OK;
	}
	out_name_str(s->c->out, val->name);
	out_printf(s->c->out, "  %s  ", show_ago(s->c, val->wall_ms, ago));
	out_name(s->c->out, val->value_len == 0 ? (const uint8_t *)"" :
	    val->value, val->value_len);
	out_printf(s->c->out, "\n");
	return ZK_OK;
}

static enum zk_err
get_counter(struct cmd_ctx *c, struct kv_key *key)
{
	int64_t v = 0;
	enum zk_err r = ZK_EBUG;

	key->kind = KV_COUNTER;
	r = sync_kv_sum(c->vault, key, &v);
	if (r != ZK_OK)
		return r;
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "value");

		kv_json_key(w, key);
		jsonw_int(w, "total", v);
		out_end(c->out);
	}
	out_printf(c->out, "%" PRId64 "\n", v);
	return ZK_OK;
}

static enum zk_err
put_proof(void *arg, const struct kv_proof *p)
{
	struct showing *s = arg;
	struct jsonw *w = NULL;

	/* a proof is for programs, in whatever form it was asked for */
	out_set_json(s->c->out, true);
	w = out_begin(s->c->out, "proof");
	kv_json_key(w, s->key);
	jsonw_bytes(w, "value", p->val.value_len == 0 ?
	    (const uint8_t *)"" : p->val.value, p->val.value_len);
	kv_json_by(w, &p->val);
	kv_json_hex(w, "device_key", p->device_key, 32);
	kv_json_hex(w, "log", p->log, 32);
	kv_json_hex(w, "log_key", p->log_key, 32);
	kv_json_hex(w, "certificate", p->cert, p->cert_len);
	jsonw_int(w, "seq", (int64_t)p->seq);
	jsonw_int(w, "index", (int64_t)p->index);
	kv_json_hex(w, "header", p->header, p->header_len);
	kv_json_hex(w, "body", p->body, 32);
	kv_json_hex(w, "segment", p->segment, 32);
	kv_json_hex(w, "signature", p->sig, 64);
	out_end(s->c->out);
	return ZK_OK;
}

static enum zk_err
get_run(struct cmd_ctx *c)
{
	const struct kv_opts *own = c->opts;
	struct kv_key key;
	struct showing s = { c, &key, isatty(STDOUT_FILENO) != 0, 0 };
	enum zk_err r = kv_key_of(own, c->argv[0], KV_REGISTER, &key);

	if (own->counter && (own->all || own->proof)) {
		log_error(ZK_EUSAGE, NULL, "--counter goes with neither --all "
		    "nor --proof");
		return ZK_EUSAGE;
	}
	if (own->all && own->proof) {
		log_error(ZK_EUSAGE, NULL, "--all does not go with --proof");
		return ZK_EUSAGE;
	}
	if (r == ZK_OK)
		r = open_to_read(c);
	if (r != ZK_OK)
		return r;
	if (own->counter)
		r = get_counter(c, &key);
	else if (own->proof)
		r = sync_kv_proof(c->vault, &key, put_proof, &s);
	else
		r = sync_kv_values(c->vault, &key, get_one, &s);
	if (r == ZK_ENOENT && !own->counter && !own->all && !own->proof)
		r = get_counter(c, &key);
	if (r != ZK_ENOENT)
		return r;
	key.kind = own->counter ? KV_COUNTER : KV_REGISTER;
	return kv_missing(&key);
}

/* members, list ------------------------------------------------------------ */

static enum zk_err
one_value(void *arg, const struct kv_value *val)
{
	struct showing *s = arg;

	if (out_json(s->c->out))
		put_json(s->c, s->key, val);
	else
		put_line(s, val->value, val->value_len);
	return ZK_OK;
}

static enum zk_err
all_run(struct cmd_ctx *c, uint8_t kind)
{
	struct kv_key key;
	struct showing s = { c, &key, isatty(STDOUT_FILENO) != 0, 0 };
	enum zk_err r = kv_key_of(c->opts, c->argv[0], kind, &key);

	if (r == ZK_OK)
		r = open_to_read(c);
	if (r == ZK_OK) {
		r = sync_kv_values(c->vault, &key, one_value, &s);
		if (r == ZK_ENOENT)
			r = kv_missing(&key);
	}
	return r;
}

static enum zk_err
members_run(struct cmd_ctx *c)
{
	return all_run(c, KV_SET);
}

static enum zk_err
list_run(struct cmd_ctx *c)
{
	return all_run(c, KV_LIST);
}

/* ls ----------------------------------------------------------------------- */

/* What was listed last, so that each name stands there once. */
struct naming {
	struct showing s;
	bool namespaces;
	struct buf last;
	bool any;
};

static enum zk_err
one_key(void *arg, const struct kv_seen *seen)
{
	struct naming *n = arg;
	struct cmd_ctx *c = n->s.c;
	const uint8_t *p = n->namespaces ? seen->key.ns : seen->key.name;
	size_t len = n->namespaces ? seen->key.ns_len : seen->key.name_len;
	struct jsonw *w = NULL;

	if (out_json(c->out) && !n->namespaces) {
		w = out_begin(c->out, "key");
		kv_json_key(w, &seen->key);
		if (seen->key.kind != KV_COUNTER)
			jsonw_int(w, "count", (int64_t)seen->count);
		out_end(c->out);
		return ZK_OK;
	}
	if (n->any && n->last.len == len &&
	    (len == 0 || memcmp(n->last.data, p, len) == 0))
		return ZK_OK;
	n->any = true;
	buf_reset(&n->last);
	if (out_json(c->out)) {
		w = out_begin(c->out, "namespace");
		jsonw_bytes(w, "namespace", p, len);
		out_end(c->out);
	} else {
		put_line(&n->s, p, len);
	}
	return buf_put(&n->last, len == 0 ? (const uint8_t *)"" : p, len);
}

static enum zk_err
ls_run(struct cmd_ctx *c)
{
	const struct kv_opts *own = c->opts;
	struct naming n = { .s = { c, NULL, isatty(STDOUT_FILENO) != 0, 0 },
		.namespaces = own->namespaces };
	struct kv_key key;
	enum zk_err r = kv_key_of(own, "k", KV_REGISTER, &key);

	buf_init(&n.last, KV_NAME_MAX);
	if (r == ZK_OK)
		r = open_to_read(c);
	if (r == ZK_OK)
		r = sync_kv_keys(c->vault, own->namespaces ? NULL : key.ns,
		    key.ns_len, one_key, &n);
	buf_release(&n.last);
	return r;
}

/* The table ---------------------------------------------------------------- */

static const struct opt get_opts[] = { KV_OPT_NS, KV_OPT_FETCH,
	{ .name = "all", .kind = OPT_FLAG, .off = KV_OPT(all),
	    .help = "concurrent values, too, with device and time" },
	{ .name = "counter", .kind = OPT_FLAG, .off = KV_OPT(counter),
	    .help = "the counter, even beside a value" },
	{ .name = "proof", .kind = OPT_FLAG, .off = KV_OPT(proof),
	    .help = "what was signed, as JSON" },
	{ .kind = OPT_END } };

static const struct opt all_opts[] = { KV_OPT_NS, KV_OPT_FETCH, KV_OPT_ZERO,
	{ .kind = OPT_END } };

static const struct opt ls_opts[] = { KV_OPT_NS, KV_OPT_FETCH, KV_OPT_ZERO,
	{ .name = "namespaces", .kind = OPT_FLAG, .off = KV_OPT(namespaces),
	    .help = "list the namespaces instead" },
	{ .kind = OPT_END } };

/* The members that all subcommands that read have in common. */
#define KV_READER .opts_size = sizeof(struct kv_opts), \
	.globals = G_READER | G_NET | G_PROGRESS

const struct cmd kv_get = {
	.name = "get", .args = "KEY", .summary = "print a value",
	.opts = get_opts, .min_args = 1, .max_args = 1, .run = get_run,
	KV_READER
};

const struct cmd kv_ls = {
	.name = "ls", .args = "", .summary = "list keys",
	.opts = ls_opts, .run = ls_run,
	KV_READER
};

const struct cmd kv_members = {
	.name = "members", .args = "KEY",
	.summary = "print the members of a set",
	.opts = all_opts, .min_args = 1, .max_args = 1, .run = members_run,
	KV_READER
};

const struct cmd kv_list = {
	.name = "list", .args = "KEY", .summary = "print the items of a list",
	.opts = all_opts, .min_args = 1, .max_args = 1, .run = list_run,
	KV_READER
};

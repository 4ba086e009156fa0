#include "tests/sim/values.h"

#include <stdio.h>
#include <string.h>

#include "sync/kv.h"
#include "sync/sync.h"
#include "util/env_fake.h"

/* A kv_next_fn's argument. */
struct some_writes {
	struct fake *dice;
	unsigned left;
	int64_t added;		/* to the counter "sum" */
	char text[4];
};

static enum zk_err
next_write(void *arg, struct kv_write *out)
{
	static const enum kv_verb verbs[] = { KV_DO_SET, KV_DO_ADD,
		KV_DO_PUSH, KV_DO_TAKE, KV_DO_RM, KV_DO_INCR, KV_DO_INCR,
		KV_DO_INCR };
	struct some_writes *a = arg;

	if (a->left == 0)
		return ZK_ENOENT;
	a->left--;
	out->verb = verbs[fake_below(a->dice, 8)];
	out->key.kind = fake_below(a->dice, 2) == 0 ? KV_SET : KV_LIST;
	out->key.name = (const uint8_t *)(fake_below(a->dice, 2) == 0 ?
	    "a" : "b");
	if (out->verb == KV_DO_INCR && fake_below(a->dice, 2) == 0)
		out->key.name = (const uint8_t *)"sum";
	out->key.name_len = strlen((const char *)out->key.name);
	(void)snprintf(a->text, sizeof(a->text), "%u",
	    (unsigned)fake_below(a->dice, 4));
	out->value = (const uint8_t *)a->text;
	out->value_len = strlen(a->text);
	out->by = (int64_t)fake_below(a->dice, 9) - 3;
	out->kinds = 1u << (1 + fake_below(a->dice, 4));
	if (out->verb == KV_DO_INCR && out->key.name_len == 3)
		a->added += out->by;
	return ZK_OK;
}

enum zk_err
values_write(struct vault *v, struct fake *dice, int64_t *sum)
{
	const struct sync_opts o = { .paths = NULL };
	struct some_writes a = { .dice = dice,
		.left = 1 + (unsigned)fake_below(dice, 3) };
	bool offline = fake_below(dice, 3) == 0;
	struct kv_result res;
	struct sync_report rep;
	enum zk_err r = sync_kv_write(v, &o, offline, next_write, &a, &res,
	    &rep);

	if (res.recorded)
		*sum += a.added;
	if (r == ZK_OK && fake_below(dice, 4) == 0)
		r = sync_kv_fetch(v, &o, &rep);
	return r;
}

struct saying {
	struct vault *v;
	struct buf *out;
	int64_t sum;
};

static enum zk_err
say_value(void *arg, const struct kv_value *val)
{
	return buf_printf(arg, " %.*s %02x%02x", (int)val->value_len,
	    (const char *)val->value, val->op[12], val->op[13]);
}

static enum zk_err
say_key(void *arg, const struct kv_seen *seen)
{
	struct saying *a = arg;
	int64_t n = 0;
	enum zk_err r = buf_printf(a->out, "%.*s %u:",
	    (int)seen->key.name_len, (const char *)seen->key.name,
	    seen->key.kind);

	if (r == ZK_OK && seen->key.kind == KV_COUNTER)
		r = sync_kv_sum(a->v, &seen->key, &n);
	else if (r == ZK_OK)
		r = sync_kv_values(a->v, &seen->key, say_value, a->out);
	if (seen->key.name_len == 3)
		a->sum = n;
	return r == ZK_OK ? buf_printf(a->out, " %lld\n", (long long)n) : r;
}

enum zk_err
values_dump(struct vault *v, struct buf *out, int64_t *sum)
{
	struct saying a = { v, out, 0 };
	enum zk_err r = sync_kv_keys(v, NULL, 0, say_key, &a);

	*sum = a.sum;
	return r;
}

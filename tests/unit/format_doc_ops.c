/* The worked examples of zk-format(5) that are single ops and their bodies. */
#include "crypto/hash.h"
#include "crypto/labels.h"
#include "dockit.h"
#include "format/compress.h"
#include "format/kvop.h"
#include "format/logop.h"
#include "format/msgop.h"
#include "format/opscript.h"
#include "text/diff.h"
#include "tree/bundle.h"

/* The script from one text to another, as an op has it. */
static void
doc_script(const char *old, const char *new, struct buf *out)
{
	struct compress *z = NULL;
	struct script s;
	struct buf plain;

	buf_init(&plain, 4096);
	NEED(compress_new(&z) == ZK_OK);
	NEED(text_diff((const uint8_t *)old, strlen(old),
	    (const uint8_t *)new, strlen(new), &s) == ZK_OK);
	NEED(script_encode(&s, &plain) == ZK_OK);
	buf_reset(out);
	NEED(opscript_pack(z, plain.data, plain.len, out) == ZK_OK);
	/* and back */
	buf_reset(&plain);
	NEED(opscript_unpack(z, out->data, out->len, &plain) == ZK_OK);
	script_release(&s);
	NEED(script_decode(plain.data, plain.len, &s) == ZK_OK);
	buf_reset(&plain);
	NEED(script_apply(&s, (const uint8_t *)old, strlen(old), &plain) ==
	    ZK_OK);
	CHECK(plain.len == strlen(new) &&
	    memcmp(plain.data, new, plain.len) == 0);
	script_release(&s);
	compress_free(z);
	buf_release(&plain);
}

/* Noise as long as a text fits; more than an op takes does not. */
static void
large_scripts(struct compress *z)
{
	size_t n = OP_SCRIPT_MAX + 1;
	uint8_t *p = malloc(n);
	uint32_t x = 1;
	struct buf b;

	NEED(p != NULL);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
	buf_init(&b, 2 * n);
	CHECK(opscript_pack(z, p, TEXT_MAX + 4096, &b) == ZK_OK);
	CHECK(opscript_pack(z, p, n, &b) == ZK_ELIMIT);
	buf_release(&b);
	free(p);
}

static void
test_scripts(void)
{
	struct compress *z = NULL;
	struct buf b, out;

	buf_init(&b, OP_SCRIPT_MAX + 1);
	buf_init(&out, OPSCRIPT_PLAIN_MAX);
	doc_script("one\ntwo\n", "one\n2\nthree\n", &b);
	doc_check("script", b.data, b.len);
	NEED(compress_new(&z) == ZK_OK);
	/* cut off, no length, a length over the bound, an unknown codec */
	CHECK(opscript_unpack(z, b.data, b.len - 1, &out) == ZK_EFORMAT);
	CHECK(opscript_unpack(z, b.data, 0, &out) == ZK_EFORMAT);
	CHECK(opscript_unpack(z, b.data, 1, &out) == ZK_EFORMAT);
	CHECK(opscript_unpack(z, (const uint8_t *)"\xff\xff\xff\x7f\0", 5,
	    &out) == ZK_EFORMAT);
	b.data[1] = 9;
	CHECK(opscript_unpack(z, b.data, b.len, &out) == ZK_EFORMAT);
	large_scripts(z);
	compress_free(z);
	buf_release(&b);
	buf_release(&out);
}

/* The stream of a tree, and the op that begins its node. */
static void
doc_tree(struct opdict *d, const struct opid *root)
{
	static struct op_ids ids;
	struct bundle_entry file = { .type = BUNDLE_FILE, .name = "f",
	    .name_len = 1, .mode = 0644, .mtime = { 1767225600, 0 },
	    .size = 2 };
	struct bundle_entry dir = { .type = BUNDLE_DIR, .name = "s",
	    .name_len = 1, .mode = 0755 };
	struct bundle_entry end = { .type = BUNDLE_END };
	struct compress *z = NULL;
	struct buf stream, packed, b;
	struct op op = { .type = OP_CREATE, .kind = NODE_TREE,
	    .wall_ms = 1767225600000, .has_mode = true, .mode = 0755,
	    .parent = *root, .name = (const uint8_t *)"repo", .name_len = 4 };

	buf_init(&stream, 4096);
	buf_init(&packed, 4096);
	buf_init(&b, 4096);
	NEED(bundle_put_head(&stream) == ZK_OK &&
	    bundle_put(&file, &stream) == ZK_OK &&
	    buf_str(&stream, "hi") == ZK_OK &&
	    bundle_put(&dir, &stream) == ZK_OK &&
	    bundle_put(&end, &stream) == ZK_OK &&
	    bundle_put(&end, &stream) == ZK_OK);
	doc_check("tree", stream.data, stream.len);
	NEED(compress_new(&z) == ZK_OK);
	NEED(compress_pack(z, stream.data, stream.len, &packed) == ZK_OK);
	op.content.form = CONTENT_INLINE;
	op.content.size = stream.len;
	op.content.data = packed.data;
	op.content.data_len = packed.len;
	hash_bytes(LABEL_HASH_CONTENT, stream.data, stream.len,
	    op.content.hash);
	NEED(op_encode(d, &op, &ids, &b) == ZK_OK);
	doc_check("create tree", b.data, b.len);
	compress_free(z);
	buf_release(&stream);
	buf_release(&packed);
	buf_release(&b);
}

/* Ops by themselves: an edit, a removal, an alias, a name. */
static void
test_ops(void)
{
	static const uint8_t log_id[32] = "the log";
	static struct op_ids ids;
	struct logop_alias a = { .plain_len = 1000, .stored_len = 1088 };
	struct logop_end ends[2] = { { .seq = 7 }, { .seq = 300 } };
	uint8_t condemned[2][32];
	struct opid node, head, root;
	struct opdict *d;
	struct buf b, script;
	struct op op;

	memset(&root, 0, sizeof(root));
	memset(node.b, 0x11, OPID_LEN);
	memset(head.b, 0x22, OPID_LEN);
	buf_init(&b, 4096);
	NEED(opdict_new(log_id, 100, 1767225600000, &d) == ZK_OK);
	op = doc_create(&root);
	op.type = OP_EDIT;
	op.kind = 0;
	op.node = node;
	op.has_mode = false;
	op.content_refs = &head;
	op.content_refs_n = 1;
	buf_init(&script, OP_SCRIPT_MAX + 1);
	doc_script("hi\n", "hello\n", &script);
	op.content.merge = MERGE_TEXT;
	op.content.script = script.data;
	op.content.script_len = script.len;
	NEED(op_encode(d, &op, &ids, &b) == ZK_OK);
	buf_release(&script);
	doc_check("edit", b.data, b.len);
	buf_reset(&b);
	op = (struct op){ .type = OP_REMOVE, .node = node,
	    .wall_ms = 1767225600000, .place_refs = &node,
	    .place_refs_n = 1, .content_refs = &head, .content_refs_n = 1 };
	NEED(op_encode(d, &op, &ids, &b) == ZK_OK);
	doc_check("remove", b.data, b.len);
	doc_tree(d, &root);
	buf_reset(&b);
	memset(a.hash, 0xa1, sizeof(a.hash));
	memset(a.name, 0xa2, sizeof(a.name));
	memset(a.key, 0xa3, sizeof(a.key));
	memset(a.nonce, 0xa4, sizeof(a.nonce));
	NEED(logop_alias_encode(&a, &b) == ZK_OK);
	doc_check("alias", b.data, b.len);
	buf_reset(&b);
	NEED(logop_setting_encode(&(struct logop_setting){ "history", "90d" },
	    &b) == ZK_OK);
	doc_check("setting", b.data, b.len);
	memset(condemned[0], 0x11, 32);
	memset(condemned[1], 0x22, 32);
	buf_reset(&b);
	NEED(logop_condemn_encode(&(struct logop_condemn){
	    (const uint8_t (*)[32])condemned, 2 }, &b) == ZK_OK);
	doc_check("condemn", b.data, b.len);
	buf_reset(&b);
	NEED(logop_name_encode("laptop", &b) == ZK_OK);
	doc_check("name", b.data, b.len);
	memset(ends[0].log, 0x11, sizeof(ends[0].log));
	memset(ends[0].hash, 0x22, sizeof(ends[0].hash));
	memset(ends[1].log, 0x33, sizeof(ends[1].log));
	memset(ends[1].hash, 0x44, sizeof(ends[1].hash));
	buf_reset(&b);
	NEED(logop_cut_encode(ends, 2, &b) == ZK_OK);
	doc_check("checkpoint", b.data, b.len);
	opdict_free(d);
	buf_release(&b);
}

/* Value ops: one whole, two bodies. */
static void
test_values(void)
{
	static const uint8_t log_id[32] = "the log";
	static struct op_ids ids;
	struct kv_op v = { .type = OP_KV_SET, .key = { KV_REGISTER,
		(const uint8_t *)"ui", 2, (const uint8_t *)"color", 5 },
		.value = (const uint8_t *)"blue", .value_len = 4 };
	struct opid node;
	struct opdict *d;
	struct buf body, b;
	struct op op;

	memset(node.b, 0x11, OPID_LEN);
	buf_init(&body, 4096);
	buf_init(&b, 4096);
	NEED(opdict_new(log_id, 100, 1767225600000, &d) == ZK_OK);
	NEED(kvop_encode(&v, &body) == ZK_OK);
	op = (struct op){ .type = OP_KV_SET, .wall_ms = 1767225600000,
	    .content_refs = &node, .content_refs_n = 1, .body = body.data,
	    .body_len = body.len };
	NEED(op_encode(d, &op, &ids, &b) == ZK_OK);
	doc_check("kv-set", b.data, b.len);
	buf_reset(&b);
	v = (struct kv_op){ .type = OP_KV_TOTAL, .key = { KV_COUNTER,
		NULL, 0, (const uint8_t *)"hits", 4 }, .total = -3 };
	NEED(kvop_encode(&v, &b) == ZK_OK);
	doc_check("kv-total", b.data, b.len);
	buf_reset(&b);
	v = (struct kv_op){ .type = OP_KV_REMOVE, .key = { KV_SET,
		NULL, 0, (const uint8_t *)"tags", 4 } };
	NEED(kvop_encode(&v, &b) == ZK_OK);
	doc_check("kv-remove", b.data, b.len);
	opdict_free(d);
	buf_release(&body);
	buf_release(&b);
}

/* A message whole, and the body of a channel's setting. */
static void
test_messages(void)
{
	static const uint8_t log_id[32] = "the log";
	static const uint8_t text[] = "\0hello\n";
	static struct op_ids ids;
	struct msg_op m = { .type = OP_MSG,
		.channel = (const uint8_t *)"jobs", .channel_len = 4,
		.label = (const uint8_t *)"a.txt", .label_len = 5 };
	struct opdict *d;
	struct buf body, b;
	struct op op;

	buf_init(&body, 4096);
	buf_init(&b, 4096);
	NEED(opdict_new(log_id, 100, 1767225600000, &d) == ZK_OK);
	NEED(msgop_encode(&m, &body) == ZK_OK);
	op = (struct op){ .type = OP_MSG, .wall_ms = 1767225600000,
	    .body = body.data, .body_len = body.len };
	op.content = (struct content){ .form = CONTENT_INLINE, .size = 6,
	    .data = text, .data_len = 7 };
	hash_bytes(LABEL_HASH_CONTENT, text + 1, 6, op.content.hash);
	NEED(op_encode(d, &op, &ids, &b) == ZK_OK);
	doc_check("msg", b.data, b.len);
	buf_reset(&b);
	m = (struct msg_op){ .type = OP_CHANNEL,
		.channel = (const uint8_t *)"jobs", .channel_len = 4,
		.expiry = 86400 };
	NEED(msgop_encode(&m, &b) == ZK_OK);
	doc_check("channel", b.data, b.len);
	opdict_free(d);
	buf_release(&body);
	buf_release(&b);
}

TESTS(
    { "scripts", test_scripts },
    { "ops", test_ops },
    { "values", test_values },
    { "messages", test_messages },
)

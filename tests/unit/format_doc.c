/*
 * The worked examples of zk-format(5), computed again and compared.
 *
 * The environment's random bytes run 00 01 02 ... through each example.
 * With ZK_DOC_PRINT set the hex is printed, for the page.
 */
#include <ctype.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "format/chunk.h"
#include "format/compress.h"
#include "format/keys.h"
#include "format/kvop.h"
#include "format/logop.h"
#include "format/manifest.h"
#include "format/msgop.h"
#include "format/op.h"
#include "format/opscript.h"
#include "format/record.h"
#include "format/segment.h"
#include "proto/seghdr.h"
#include "store/keys.h"
#include "test.h"
#include "text/diff.h"
#include "tree/bundle.h"
#include "util/buf.h"
#include "util/env.h"
#include "vec.h"

#define DOC_PAGE "man/zk-format.5"
#define DOC_MAX 8192

static uint8_t doc_next;

static void
doc_random(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		p[i] = doc_next++;
}

static const struct env_ops doc_ops = { .random = doc_random };
static struct env doc_env = { .ops = &doc_ops, .single = true };

__attribute__((constructor)) static void
start(void)
{
	if (crypto_init() != ZK_OK)
		abort();
}

/* The hex between '.\" example NAME' and the next '.Ed'. */
static size_t
doc_read(const char *name, uint8_t *out, size_t cap)
{
	char line[512], want[128], hex[2 * DOC_MAX + 1];
	size_t n = 0;
	int on = 0;
	FILE *f = fopen(DOC_PAGE, "r");

	if (f == NULL)
		return 0;
	snprintf(want, sizeof(want), ".\\\" example %s\n", name);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strcmp(line, want) == 0)
			on = 1;
		if (on && strncmp(line, ".Ed", 3) == 0)
			break;
		if (!on || line[0] == '.')
			continue;
		for (char *p = line; *p != '\0'; p++)
			if (isxdigit((unsigned char)*p) && n < 2 * DOC_MAX)
				hex[n++] = *p;
	}
	fclose(f);
	hex[n] = '\0';
	return n % 2 == 0 ? vec_unhex(hex, out, cap) : 0;
}

static void
doc_check(const char *name, const void *p, size_t n)
{
	static uint8_t page[DOC_MAX];
	size_t got = doc_read(name, page, sizeof(page));
	const uint8_t *b = p;
	bool same = got == n && memcmp(page, p, n) == 0;

	if (getenv("ZK_DOC_PRINT") != NULL) {
		printf("@ %s\n", name);
		for (size_t i = 0; i < n; i++)
			printf("%02x%s", b[i], i % 16 == 15 || i + 1 == n ?
			    "\n" : i % 8 == 7 ? "  " : " ");
		printf("@\n");
	}
	if (!same)
		printf("# example %s: the page has %zu bytes, not these %zu\n",
		    name, got, n);
	CHECK(same);
}

/* What all examples share, made in this order from the random bytes. */
struct kit {
	struct key *seed;
	struct device_keys *dev;
	struct key *seed2;
	struct device_keys *dev2;
	struct key *space_seed;
	struct signkey *space;
	struct key *R;
	struct key *log_seed;
	struct signkey *log;
	struct buf genesis;
	uint8_t genesis_name[RECORD_ID_LEN];
	uint8_t vault[RECORD_ID_LEN];
	struct buf rotate;
	uint8_t rotate_name[RECORD_ID_LEN];
	struct key *E;
	uint8_t epoch_id[RECORD_ID_LEN];
};

static struct record_ctx
kit_ctx(struct kit *k, const uint8_t *head)
{
	return (struct record_ctx){ .env = &doc_env, .R = k->R,
	    .vault = k->vault,
	    .heads = (const uint8_t (*)[RECORD_ID_LEN])head, .heads_n = 1,
	    .author = k->dev };
}

static bool
kit_init(struct kit *k)
{
	struct record_genesis_opts g = { .env = &doc_env };
	struct record_rotate_opts o = { .epoch_no = 1, .to_n = 1 };
	const struct device_pub *to[1];
	struct record_ctx c;

	memset(k, 0, sizeof(*k));
	doc_next = 0;
	buf_init(&k->genesis, RECORD_STORED_MAX);
	buf_init(&k->rotate, RECORD_STORED_MAX);
	if (key_random(&doc_env, KEY_SEED, &k->seed) != ZK_OK ||
	    key_random(&doc_env, KEY_SEED, &k->seed2) != ZK_OK ||
	    key_random(&doc_env, KEY_SIGN, &k->space_seed) != ZK_OK ||
	    key_random(&doc_env, KEY_SEED, &k->R) != ZK_OK ||
	    key_random(&doc_env, KEY_SIGN, &k->log_seed) != ZK_OK ||
	    device_keys_new(k->seed, &k->dev) != ZK_OK ||
	    device_keys_new(k->seed2, &k->dev2) != ZK_OK ||
	    signkey_new(k->space_seed, &k->space) != ZK_OK ||
	    signkey_new(k->log_seed, &k->log) != ZK_OK)
		return false;
	g.R = k->R;
	g.space = k->space;
	g.founder = k->dev;
	doc_next = 0;
	if (record_genesis_make(&g, &k->genesis, k->genesis_name,
	    k->vault) != ZK_OK)
		return false;
	to[0] = device_keys_pub(k->dev);
	o.to = to;
	c = kit_ctx(k, k->genesis_name);
	doc_next = 0;
	return record_rotate_make(&c, &o, &k->rotate, k->rotate_name, &k->E,
	    k->epoch_id) == ZK_OK;
}

static void
kit_release(struct kit *k)
{
	key_free(k->seed);
	key_free(k->seed2);
	key_free(k->space_seed);
	key_free(k->R);
	key_free(k->log_seed);
	key_free(k->E);
	device_keys_free(k->dev);
	device_keys_free(k->dev2);
	signkey_free(k->space);
	signkey_free(k->log);
	buf_release(&k->genesis);
	buf_release(&k->rotate);
}

/* The payload of a stored record. */
static void
doc_record(struct kit *k, const char *name, const struct buf *stored)
{
	struct record *rec;

	NEED(record_open(stored->data, stored->len, k->R, k->vault, &rec) ==
	    ZK_OK);
	doc_check(name, rec->signed_p, rec->signed_n + sizeof(rec->sig));
	record_free(rec);
}

static void
test_records(void)
{
	uint8_t consent[64], name[RECORD_ID_LEN];
	struct record_ctx c;
	struct epoch_key ek;
	struct buf out;
	struct kit k;

	NEED(kit_init(&k));
	buf_init(&out, RECORD_STORED_MAX);
	doc_check("device", device_keys_id(k.dev), KEYS_ID_LEN);
	doc_record(&k, "genesis", &k.genesis);
	doc_check("genesis-stored", k.genesis.data, k.genesis.len);
	doc_check("vault", k.vault, sizeof(k.vault));
	doc_record(&k, "rotate", &k.rotate);
	doc_check("epoch", k.epoch_id, sizeof(k.epoch_id));
	ek.k = k.E;
	memcpy(ek.id, k.epoch_id, sizeof(ek.id));
	c = kit_ctx(&k, k.rotate_name);
	record_add_consent(k.dev2, k.vault, device_keys_id(k.dev), consent);
	doc_next = 0;
	NEED(record_add_make(&c, device_keys_pub(k.dev2), consent, &ek, 1,
	    &out, name) == ZK_OK);
	doc_record(&k, "add", &out);
	buf_reset(&out);
	doc_next = 0;
	NEED(record_grant_make(&c, device_keys_pub(k.dev), &ek, 1, &out,
	    name) == ZK_OK);
	doc_record(&k, "grant", &out);
	buf_release(&out);
	kit_release(&k);
}

static enum zk_err
doc_find(void *arg, const uint8_t prefix[static 16],
    const struct key **epoch, uint8_t id[static SEG_HASH_LEN])
{
	struct kit *k = arg;

	(void)prefix;
	*epoch = k->E;
	memcpy(id, k->epoch_id, SEG_HASH_LEN);
	return ZK_OK;
}

/* The file of the example: "hello\n", packed as it is. */
static struct op
doc_create(const struct opid *parent)
{
	struct op op;

	memset(&op, 0, sizeof(op));
	op.type = OP_CREATE;
	op.kind = NODE_FILE;
	op.has_mode = true;
	op.mode = 0644;
	op.has_mtime = true;
	op.mtime_sec = 1767225600;
	op.mtime_nsec = 5;
	op.parent = *parent;
	op.name = (const uint8_t *)"a.txt";
	op.name_len = 5;
	op.content.form = CONTENT_INLINE;
	op.content.size = 6;
	chunk_hash(0, "hello\n", 6, op.content.hash);
	op.content.data = (const uint8_t *)"\0hello\n";
	op.content.data_len = 7;
	op.wall_ms = 1767225600000;
	return op;
}

static void
test_segment(void)
{
	struct seg_keys keys = { .find = doc_find };
	struct logop_cert cert = { .incarnation = 1 };
	struct segb_opts o = { .seq = 1, .lamport0 = 1,
	    .wall_ms = 1767225600000, .rec_heads_n = 1 };
	struct opid ids[3], root;
	uint8_t hash[SEG_HASH_LEN];
	struct buf body, out;
	struct segb *b;
	struct seg *s;
	struct op op;
	struct kit k;
	size_t n;

	NEED(kit_init(&k));
	memset(&root, 0, sizeof(root));
	buf_init(&body, 4096);
	buf_init(&out, SEGHDR_STORED_MAX);
	keys.arg = &k;
	memcpy(cert.device, device_keys_id(k.dev), sizeof(cert.device));
	NEED(logop_cert_encode(&cert, k.vault, signkey_pk(k.log),
	    device_keys_sign(k.dev), &body) == ZK_OK);
	doc_check("cert", body.data, body.len);
	o.vault = k.vault;
	o.log_pk = signkey_pk(k.log);
	o.rec_heads = (const uint8_t (*)[SEG_HASH_LEN])k.rotate_name;
	NEED(segb_new(&o, &b) == ZK_OK);
	op = (struct op){ .type = OP_LOG, .wall_ms = o.wall_ms,
	    .body = body.data, .body_len = body.len };
	NEED(segb_add(b, &op, &ids[0]) == ZK_OK);
	op = doc_create(&root);
	NEED(segb_add(b, &op, &ids[1]) == ZK_OK);
	op = (struct op){ .type = OP_MOVE, .node = ids[1],
	    .wall_ms = o.wall_ms + 1, .name = (const uint8_t *)"b.txt",
	    .name_len = 5, .place_refs = &ids[1], .place_refs_n = 1 };
	NEED(segb_add(b, &op, &ids[2]) == ZK_OK);
	doc_check("opid", ids[1].b, OPID_LEN);
	doc_next = 0;
	NEED(segb_seal(b, &doc_env, k.E, k.epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	doc_check("segment", out.data, out.len);
	doc_check("segment-hash", hash, sizeof(hash));
	NEED(seg_open(out.data, out.len, k.vault, &keys, NULL, &s) == ZK_OK);
	doc_check("segment-plain", seg_plain(s, &n),
	    segb_size(b) - 2);	/* the number of ops takes one byte of 3 */
	seg_free(s);
	segb_free(b);
	buf_release(&body);
	buf_release(&out);
	kit_release(&k);
}

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
	compress_free(z);
	buf_release(&b);
	buf_release(&out);
}

/* Ops by themselves: an edit, a removal, an alias, a name. */
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

static void
test_ops(void)
{
	static const uint8_t log_id[32] = "the log";
	static struct op_ids ids;
	struct logop_alias a = { .plain_len = 1000, .stored_len = 1088 };
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

static enum zk_err
doc_emit(void *arg, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	(void)arg;
	(void)level;
	(void)plain;
	(void)n;
	(void)ref;
	return ZK_EBUG;	/* one chunk makes no part */
}

/* A chunk of 1,000 bytes "z", and the manifest of a file of three of them. */
static void
test_blobs(void)
{
	static uint8_t plain[1000];
	struct manifest_writer *w = NULL;
	struct compress *z = NULL;
	struct chunk_ctx ctx;
	struct chunk_ref ref;
	struct key *cut = NULL;
	struct buf out, root;
	uint8_t cut_id[CUT_ID_LEN];
	uint64_t size;
	struct kit k;

	NEED(kit_init(&k));
	memset(plain, 'z', sizeof(plain));
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 89 ^ i * i >> 3); /* stays as it is */
	memset(&ref, 0, sizeof(ref));
	memset(&ctx, 0, sizeof(ctx));
	buf_init(&out, CHUNK_STORED_MAX);
	buf_init_secret(&root, MANIFEST_ROOT_MAX);
	ctx.vault = k.vault;
	doc_next = 0;
	chunk_ref_fresh(&doc_env, &ref);
	chunk_hash(0, plain, 100, ref.hash);
	NEED(compress_new(&z) == ZK_OK);
	NEED(chunk_seal(z, &ctx, plain, 100, &ref, &out) == ZK_OK);
	doc_check("blob", out.data, out.len);
	NEED(epoch_chunker_key(k.E, &cut) == ZK_OK);
	key_commit(cut, LABEL_HASH_CUT, cut_id);
	NEED(manifest_writer_new(cut, cut_id, doc_emit, NULL, &w) == ZK_OK);
	NEED(manifest_add(w, &ref, 3) == ZK_OK);
	NEED(manifest_finish(w, &root, &size) == ZK_OK);
	CHECK(size == 300);
	doc_check("manifest", root.data, root.len);
	manifest_writer_free(w);
	compress_free(z);
	key_free(cut);
	buf_release(&out);
	buf_release(&root);
	kit_release(&k);
}

static void
test_keys(void)
{
	struct keys *keys = NULL;
	struct buf b;
	struct kit k;

	NEED(kit_init(&k));
	buf_init_secret(&b, 4096);
	doc_next = 0;
	NEED(keys_new(&doc_env, &keys) == ZK_OK);
	NEED(keys_set_vault(keys, k.vault, k.space_seed, k.R) == ZK_OK);
	NEED(keys_epoch_add(keys, k.epoch_id, k.E) == ZK_OK);
	NEED(keys_encode(keys, &b) == ZK_OK);
	doc_check("keys", b.data, b.len);
	keys_free(keys);
	buf_release(&b);
	kit_release(&k);
}

/* The page lists every label of crypto/labels.h. */
static void
test_labels(void)
{
	char line[512], label[128], *p, *q;
	char *page = calloc(1, 1 << 20);
	FILE *f = fopen(DOC_PAGE, "r");
	unsigned n = 0;

	NEED(f != NULL && page != NULL);
	CHECK(fread(page, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	f = fopen("src/crypto/labels.h", "r");
	NEED(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		p = strchr(line, '"');
		if (strncmp(line, "#define", 7) != 0 || p == NULL)
			continue;
		q = strchr(p + 1, '"');
		NEED(q != NULL);
		snprintf(label, sizeof(label), ".It \"%.*s\"",
		    (int)(q - p - 1), p + 1);
		if (strstr(page, label) == NULL)
			printf("# not in the page: %s\n", label);
		CHECK(strstr(page, label) != NULL);
		n++;
	}
	CHECK(n > 40);
	fclose(f);
	free(page);
}

TESTS(
    { "records", test_records },
    { "segment", test_segment },
    { "scripts", test_scripts },
    { "ops", test_ops },
    { "values", test_values },
    { "messages", test_messages },
    { "blobs", test_blobs },
    { "keys", test_keys },
    { "labels", test_labels },
)

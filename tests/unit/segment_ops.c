/* Ops in segments: their one spelling, what is void, what may be in them. */
#include "format/logop.h"
#include "segkit.h"

/* Decodes bytes as the first op of a segment. */
static enum zk_err
decode(const void *p, size_t n, struct op *op)
{
	static const uint8_t log[32] = "log";
	static struct op_ids refs;
	struct opdict *d;
	enum zk_err r;

	if (opdict_new(log, 1, 0, &d) != ZK_OK)
		return ZK_ENOMEM;
	r = op_decode(d, p, n, &refs, op);
	if (r == ZK_OK)
		r = opdict_check(d);
	opdict_free(d);
	return r;
}

#define DECODE(s, op) decode(s, sizeof(s) - 1, op)

/* X03: one spelling for everything. */
static void
test_malformed(void)
{
	static const char keep[] = "\7\0\0\1\0\0\0";
	struct op op;

	CHECK(DECODE("\7\0\0\1\0\0\0", &op) == ZK_OK);
	/* trailing byte, long varint, missing byte */
	CHECK(DECODE("\7\0\0\1\0\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\0\x80\0\1\0\0\0", &op) == ZK_EFORMAT);
	for (size_t i = 0; i < sizeof(keep) - 1; i++)
		CHECK(decode(keep, i, &op) == ZK_EFORMAT);
	/* flags that do not belong */
	for (unsigned f = 1; f < 256; f++) {
		char b[sizeof(keep)];

		memcpy(b, keep, sizeof(keep));
		b[1] = (char)f;
		CHECK(decode(b, sizeof(keep) - 1, &op) == ZK_EFORMAT);
	}
	/* root spelled out, reference to nothing */
	CHECK(DECODE("\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0\0\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\0\0\2\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\0\0\3\0\0\0", &op) == ZK_EFORMAT);
	/* the same id spelled out twice */
	CHECK(DECODE("\6\0\0" "\0" "abcdefghabcdefghabcdefghabcdefgh"
	    "\1" "\0" "abcdefghabcdefghabcdefghabcdefgh", &op) ==
	    ZK_EFORMAT);
	CHECK(DECODE("\6\0\0" "\0" "abcdefghabcdefghabcdefghabcdefgh"
	    "\1" "\3", &op) == ZK_OK);
	/* references out of order, and twice */
	CHECK(DECODE("\6\0\0" "\0" "bbcdefghabcdefghabcdefghabcdefgh"
	    "\2" "\3" "\0" "abcdefghabcdefghabcdefghabcdefgh", &op) ==
	    ZK_EFORMAT);
	CHECK(DECODE("\6\0\0" "\0" "bbcdefghabcdefghabcdefghabcdefgh"
	    "\2" "\3\3", &op) == ZK_EFORMAT);
	/* unknown types are critical */
	for (unsigned t = 0; t < 256; t++) {
		uint8_t b[2] = { (uint8_t)t, 0 };

		if ((t >= 1 && t <= 9) || (t >= 16 && t <= 20) ||
		    (t >= 24 && t <= 28) || t == 32 || t == 33 || t == 40 || t == 41)
			continue;
		CHECK(decode(b, 2, &op) == ZK_EVERSION);
	}
	/* a tree has a type of its own, which readers of before do not know */
	CHECK(DECODE("\11\104\0\1\1t\1\1" "abcdefghabcdefghabcdefghabcdefgh"
	    "\2\0x", &op) == ZK_OK && op.type == OP_CREATE &&
	    op.kind == NODE_TREE && op_clean(&op) == ZK_OK);
	CHECK(DECODE("\1\104\0\1\1t\1\1" "abcdefghabcdefghabcdefghabcdefgh"
	    "\2\0x", &op) == ZK_EFORMAT);
	CHECK(DECODE("\11\24\0\1\1t\1\1" "abcdefghabcdefghabcdefghabcdefgh"
	    "\2\0x", &op) == ZK_EFORMAT);
	CHECK(DECODE("\11\0", &op) == ZK_EFORMAT);
}

/* Extension fields: even ones pass and stay, odd ones stop us. */
static void
test_extensions(void)
{
	struct op op;

	CHECK(DECODE("\7\10\0\1\0\0\0\4\2\2ab", &op) == ZK_OK);
	CHECK(op.ext_len == 4);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\3\2ab", &op) == ZK_EVERSION);
	CHECK(DECODE("\7\10\0\1\0\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\2\0\2\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\4\0\2\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\2\3ab", &op) == ZK_EFORMAT);
}

/* N01, N02, N11, N14: what a hostile member may write. */
static void
test_clean(void)
{
	static const char *const bad[] = { "", ".", "..", "../x", "/etc",
	    "a/b", "a/", ".zk" };
	struct opid root = { { 0 } };
	char name[300];
	struct op op;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		op = op_file(bad[i], &root);
		CHECK(op_clean(&op) == ZK_EREFUSED);
	}
	memset(name, 'n', sizeof(name));
	op = op_file("x", &root);
	op.name = (const uint8_t *)name;
	op.name_len = 255;
	CHECK(op_clean(&op) == ZK_OK);
	op.name_len = 256;
	CHECK(op_clean(&op) == ZK_EREFUSED);
	name[3] = '\0';
	op.name_len = 5;
	CHECK(op_clean(&op) == ZK_EREFUSED);
	op = op_file("x", &root);
	op.mode = 07777;
	op.mtime_sec = INT64_MAX;
	op.mtime_nsec = UINT32_MAX;
	CHECK(op_clean(&op) == ZK_OK);
	CHECK(op.mode == 0777 && op.mtime_sec == OP_MTIME_MAX &&
	    op.mtime_nsec == 999999999);
	op.mtime_sec = INT64_MIN;
	CHECK(op_clean(&op) == ZK_OK && op.mtime_sec == OP_MTIME_MIN);
	for (uint8_t kind = 5; kind < 16; kind++) {
		op.kind = kind;
		CHECK(op_clean(&op) == ZK_EREFUSED);
	}
	op = op_file("x", &root);
	op.content.size = OP_FILE_MAX + 1;
	CHECK(op_clean(&op) == ZK_EREFUSED);
}

/* A void op keeps its id; what comes after it stands. */
static void
test_void(void)
{
	struct segb_opts o;
	struct opid root = { { 0 } }, id;
	struct op op = op_file("good", &root);
	uint8_t hash[32];
	struct segb *b;
	struct seg *s;
	struct buf out;
	struct kit k;
	uint8_t *at;
	size_t n;

	NEED(kit_init(&k));
	o = kit_opts(&k, 2, 50);
	buf_init(&out, SEGHDR_STORED_MAX);
	NEED(segb_new(&o, &b) == ZK_OK);
	op.name = (const uint8_t *)"a/b";
	op.name_len = 3;
	/* our own side never writes one */
	CHECK(segb_add(b, &op, &id) == ZK_EREFUSED);
	CHECK(segb_count(b) == 0);
	/* so forge it: the builder only checks, and we change the checked */
	op.name = (const uint8_t *)"..x";
	CHECK(segb_add(b, &op, &id) == ZK_OK);
	op.name = (const uint8_t *)"ok";
	op.name_len = 2;
	CHECK(segb_add(b, &op, &id) == ZK_OK);
	CHECK(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	NEED(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) == ZK_OK);
	at = (uint8_t *)(uintptr_t)seg_plain(s, &n);
	for (size_t i = 0; i + 3 <= n; i++)
		if (memcmp(at + i, "..x", 3) == 0)
			at[i + 2] = '/';
	CHECK(seg_next(s, &op) == ZK_EREFUSED);
	CHECK(op.type == OP_CREATE && opid_lamport(&op.id) == 50);
	CHECK(seg_next(s, &op) == ZK_OK);
	CHECK(op.name_len == 2 && memcmp(op.name, "ok", 2) == 0);
	CHECK(opid_cmp(&op.id, &id) == 0);
	seg_free(s);
	segb_free(b);
	buf_release(&out);
	kit_release(&k);
}

static void
test_logops(void)
{
	struct logop_cert c = { .device = "dev", .incarnation = 2,
	    .has_prev = true, .prev_log = "old", .prev_seq = 17,
	    .prev_hash = "hash" }, c2;
	struct logop_alias a = { .level = 1, .hash = "h", .name = "n",
	    .key = "k", .nonce = "x", .plain_len = 7, .stored_len = 256 }, a2;
	static struct logop_fork f, f2;
	char name[LOGOP_NAME_MAX + 1];
	struct buf b;
	struct kit k;

	NEED(kit_init(&k));
	buf_init(&b, 1 << 20);
	CHECK(logop_cert_encode(&c, vault, signkey_pk(k.log), k.log, &b) ==
	    ZK_OK);
	CHECK(logop_cert_decode(b.data, b.len, &c2) == ZK_OK);
	CHECK(memcmp(&c, &c2, sizeof(c)) == 0);
	CHECK(logop_cert_check(&c2, vault, signkey_pk(k.log),
	    signkey_pk(k.log)) == ZK_OK);
	c2.prev_seq++;
	CHECK(logop_cert_check(&c2, vault, signkey_pk(k.log),
	    signkey_pk(k.log)) == ZK_ETAMPER);
	for (size_t i = 0; i < b.len; i++)
		CHECK(logop_cert_decode(b.data, i, &c2) == ZK_EFORMAT);
	buf_reset(&b);
	CHECK(logop_name_encode("laptop", &b) == ZK_OK);
	CHECK(logop_name_decode(b.data, b.len, name) == ZK_OK);
	CHECK(strcmp(name, "laptop") == 0);
	CHECK(logop_name_encode("", &b) == ZK_ELIMIT);
	buf_reset(&b);
	CHECK(logop_alias_encode(&a, &b) == ZK_OK);
	CHECK(logop_alias_decode(b.data, b.len, &a2) == ZK_OK);
	CHECK(memcmp(&a, &a2, sizeof(a)) == 0);
	buf_reset(&b);
	memcpy(f.log, "log", 3);
	f.n = 2;
	f.seg[0] = (struct logop_fork_seg){ .seq = 3,
	    .stored = (const uint8_t *)"bytes", .stored_len = 5 };
	f.seg[1] = (struct logop_fork_seg){ .seq = 4, .blob = a };
	CHECK(logop_fork_encode(&f, &b) == ZK_OK);
	CHECK(logop_fork_decode(b.data, b.len, &f2) == ZK_OK);
	CHECK(f2.n == 2 && f2.seg[1].seq == 4 && f2.seg[0].stored_len == 5);
	CHECK(memcmp(&f2.seg[1].blob, &a, sizeof(a)) == 0);
	f.seg[1].seq = 3;
	buf_reset(&b);
	CHECK(logop_fork_encode(&f, &b) == ZK_OK);
	CHECK(logop_fork_decode(b.data, b.len, &f2) == ZK_EFORMAT);
	buf_release(&b);
	kit_release(&k);
}

TESTS(
    { "X03_malformed", test_malformed },
    { "extensions", test_extensions },
    { "N01_N02_N11_N14_clean", test_clean },
    { "void", test_void },
    { "logops", test_logops },
)

/*
 * The worked examples of zk-format(5), computed again and compared: records,
 * a segment, blobs, the keys file.  Those of single ops: format_doc_ops.c.
 *
 * The environment's random bytes run 00 01 02 ... through each example.
 */
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "dockit.h"
#include "format/compress.h"
#include "format/keys.h"
#include "format/logop.h"
#include "format/manifest.h"
#include "format/record.h"
#include "format/segment.h"
#include "format/thin.h"
#include "proto/seghdr.h"
#include "store/keys.h"
#include "util/env.h"

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

static enum zk_err
doc_goes(void *arg, const struct op *op, bool *yes)
{
	(void)arg;
	(void)op;
	*yes = true;
	return ZK_OK;
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
	buf_reset(&out);
	NEED(thin_make(s, doc_goes, NULL, &out) == ZK_OK);
	doc_check("thin", out.data, out.len);
	seg_free(s);
	segb_free(b);
	buf_release(&body);
	buf_release(&out);
	kit_release(&k);
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
    { "blobs", test_blobs },
    { "keys", test_keys },
    { "labels", test_labels },
)

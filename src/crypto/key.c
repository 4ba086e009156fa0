#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/hkdf.h"
#include "crypto/key.h"
#include "crypto/keybytes.h"
#include "util/buf.h"
#include "util/env.h"

/* Lies whole in memory of sodium_malloc: guarded, locked, wiped by free. */
struct key {
	uint8_t b[KEY_LEN];
	enum key_role role;
};

static struct key *
key_alloc(enum key_role role)
{
	struct key *k = sodium_malloc(sizeof(*k));

	if (k != NULL)
		k->role = role;
	return k;
}

enum zk_err
key_random(struct env *env, enum key_role role, struct key **out)
{
	struct key *k = key_alloc(role);

	*out = k;
	if (k == NULL)
		return ZK_ENOMEM;
	env_random(env, k->b, KEY_LEN);
	return ZK_OK;
}

enum zk_err
key_derive(const struct key *parent, enum key_role role, const char *label,
    const void *ctx, size_t ctx_len, struct key **out)
{
	size_t n = strlen(label);
	uint8_t head = (uint8_t)n;
	uint8_t len[4];
	uint8_t prk[HKDF_PRK_LEN];
	enum zk_err r;
	struct key *k;

	*out = NULL;
	if (n < 1 || n > 64 || ctx_len > UINT32_MAX)
		BUG("length of a key label");
	k = key_alloc(role);
	if (k == NULL)
		return ZK_ENOMEM;
	for (int i = 0; i < 4; i++)
		len[i] = (uint8_t)(ctx_len >> (8 * i));
	hkdf_extract(NULL, 0, &(struct hkdf_part){
	    key_bytes(parent, KEY_SEED), KEY_LEN }, 1, prk);
	r = hkdf_expand(prk, (struct hkdf_part[]){ { &head, 1 },
	    { label, n }, { len, 4 }, { ctx, ctx_len } }, 4, k->b, KEY_LEN);
	sodium_memzero(prk, sizeof(prk));
	if (r != ZK_OK)
		BUG("key length");
	*out = k;
	return ZK_OK;
}

void
key_free(struct key *k)
{
	sodium_free(k);
}

enum zk_err
key_dup(const struct key *k, struct key **out)
{
	return key_import(k->role, k->b, out);
}

bool
key_equal(const struct key *a, const struct key *b)
{
	return sodium_memcmp(a->b, b->b, KEY_LEN) == 0;
}

void
key_commit(const struct key *k, const char *label, uint8_t out[static 32])
{
	hash_bytes(label, k->b, KEY_LEN, out);
}

enum zk_err
key_export(const struct key *k, struct buf *out)
{
	if (!out->wipe)
		BUG("key exported to memory that is not wiped");
	return buf_put(out, k->b, KEY_LEN);
}

enum zk_err
key_import(enum key_role role, const uint8_t in[static KEY_LEN],
    struct key **out)
{
	struct key *k = key_alloc(role);

	*out = k;
	if (k == NULL)
		return ZK_ENOMEM;
	memcpy(k->b, in, KEY_LEN);
	return ZK_OK;
}

const uint8_t *
key_bytes(const struct key *k, enum key_role role)
{
	if (k->role != role)
		BUG("key used outside its role");
	return k->b;
}

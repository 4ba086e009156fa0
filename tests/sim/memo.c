#include "tests/sim/memo.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

#define SLOTS 4096u	/* what falls on the slot of another replaces it */
#define ANSWER_MAX 96	/* bytes: a public key and the secret one */

/* What was asked, by its hash, so that no two questions are mixed up. */
struct memo {
	uint8_t asked[HASH_LEN];
	uint8_t answer[ANSWER_MAX];
	int status;
	bool used;
};

static struct memo *memos;
static uint64_t known;

uint64_t
memo_known(void)
{
	return known;
}

/* The slot for a question; true: the answer is there. */
static bool
slot(struct hash *h, struct memo **out)
{
	uint8_t asked[HASH_LEN];
	struct memo *m;
	size_t at = 0;

	hash_final(h, asked);
	memcpy(&at, asked, sizeof(at));
	if (memos == NULL)
		memos = calloc(SLOTS, sizeof(*memos));
	if (memos == NULL)
		abort();
	m = *out = &memos[at % SLOTS];
	if (m->used && memcmp(m->asked, asked, sizeof(asked)) == 0) {
		known++;
		return true;
	}
	memcpy(m->asked, asked, sizeof(asked));
	m->used = true;
	return false;
}

/* The library's function of this name. */
static void
find(const char *name, void *at)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	memcpy(at, &f, sizeof(f));
}

int crypto_sign_verify_detached(const unsigned char *sig,
    const unsigned char *msg, unsigned long long n, const unsigned char *pk);
int crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk,
    const unsigned char *seed);
int crypto_core_ed25519_is_valid_point(const unsigned char *p);

int
crypto_sign_verify_detached(const unsigned char *sig,
    const unsigned char *msg, unsigned long long n, const unsigned char *pk)
{
	static int (*real)(const unsigned char *, const unsigned char *,
	    unsigned long long, const unsigned char *);
	struct memo *m;
	struct hash h;

	if (real == NULL)
		find("crypto_sign_verify_detached", &real);
	hash_init(&h, "verify");
	hash_update(&h, pk, 32);
	hash_update(&h, sig, 64);
	hash_update(&h, msg, (size_t)n);
	if (!slot(&h, &m))
		m->status = real(sig, msg, n, pk);
	return m->status;
}

int
crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk,
    const unsigned char *seed)
{
	static int (*real)(unsigned char *, unsigned char *,
	    const unsigned char *);
	struct memo *m;
	struct hash h;

	if (real == NULL)
		find("crypto_sign_seed_keypair", &real);
	hash_init(&h, "keypair");
	hash_update(&h, seed, 32);
	if (!slot(&h, &m))
		m->status = real(m->answer, m->answer + 32, seed);
	memcpy(pk, m->answer, 32);
	memcpy(sk, m->answer + 32, 64);
	return m->status;
}

int
crypto_core_ed25519_is_valid_point(const unsigned char *p)
{
	static int (*real)(const unsigned char *);
	struct memo *m;
	struct hash h;

	if (real == NULL)
		find("crypto_core_ed25519_is_valid_point", &real);
	hash_init(&h, "point");
	hash_update(&h, p, 32);
	if (!slot(&h, &m))
		m->status = real(p);
	return m->status;
}

#include <sodium.h>
#include <string.h>

#include "crypto/hkdf.h"

static void
hkdf_parts(crypto_auth_hmacsha256_state *st, const struct hkdf_part *part,
    size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (part[i].n > 0)
			crypto_auth_hmacsha256_update(st, part[i].p,
			    part[i].n);
}

void
hkdf_extract(const void *salt, size_t salt_len, const struct hkdf_part *ikm,
    size_t n, uint8_t prk[static HKDF_PRK_LEN])
{
	static const uint8_t zero[32];
	crypto_auth_hmacsha256_state st;

	/* no salt is the same as 32 zero bytes: HMAC pads keys with zeroes */
	if (salt_len == 0)
		crypto_auth_hmacsha256_init(&st, zero, sizeof(zero));
	else
		crypto_auth_hmacsha256_init(&st, salt, salt_len);
	hkdf_parts(&st, ikm, n);
	crypto_auth_hmacsha256_final(&st, prk);
	sodium_memzero(&st, sizeof(st));
}

enum zk_err
hkdf_expand(const uint8_t prk[static HKDF_PRK_LEN],
    const struct hkdf_part *info, size_t n, uint8_t *out, size_t out_len)
{
	struct {
		crypto_auth_hmacsha256_state st;
		uint8_t block[32];
	} tmp;
	uint8_t count = 0;

	if (out_len > HKDF_OUT_MAX)
		return ZK_ELIMIT;
	for (size_t done = 0; done < out_len;) {
		size_t take = out_len - done < 32 ? out_len - done : 32;

		crypto_auth_hmacsha256_init(&tmp.st, prk, HKDF_PRK_LEN);
		if (count > 0)
			crypto_auth_hmacsha256_update(&tmp.st, tmp.block, 32);
		hkdf_parts(&tmp.st, info, n);
		count++;
		crypto_auth_hmacsha256_update(&tmp.st, &count, 1);
		crypto_auth_hmacsha256_final(&tmp.st, tmp.block);
		memcpy(out + done, tmp.block, take);
		done += take;
	}
	sodium_memzero(&tmp, sizeof(tmp));
	return ZK_OK;
}

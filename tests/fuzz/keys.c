/* The keys file with a right checksum: what decodes encodes to itself. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/labels.h"
#include "store/keys.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t sum[HASH_LEN];
	struct buf file, again;
	struct keys *k;

	if (crypto_init() != ZK_OK)
		abort();
	buf_init_secret(&file, n + 64);
	buf_init_secret(&again, n + 64);
	buf_put(&file, "zkK\1\0", 5);
	buf_put(&file, p, n);
	hash_bytes(LABEL_HASH_KEYSFILE, file.data, file.len, sum);
	buf_put(&file, sum, sizeof(sum));
	if (keys_decode(file.data, file.len, &k) == ZK_OK) {
		if (keys_encode(k, &again) != ZK_OK ||
		    again.len != file.len ||
		    memcmp(again.data, file.data, file.len) != 0)
			abort();
		keys_free(k);
	}
	if (keys_decode(p, n, &k) == ZK_OK)
		keys_free(k);
	buf_release(&file);
	buf_release(&again);
	return 0;
}

#include <string.h>

#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "format/keys.h"

void
epoch_prefix(const struct key *epoch, uint8_t prefix[static EPOCH_PREFIX_LEN])
{
	uint8_t commit[32];

	key_commit(epoch, LABEL_COMMIT_EPOCH, commit);
	memcpy(prefix, commit, EPOCH_PREFIX_LEN);
}

enum zk_err
epoch_segment_key(const struct key *epoch, const uint8_t log[static 32],
    struct key **out)
{
	return key_derive(epoch, KEY_AEAD, LABEL_KEY_SEGMENT, log, 32, out);
}

enum zk_err
epoch_request_key(const struct key *epoch, const char *authority,
    struct signkey **out)
{
	struct key *k = NULL;
	enum zk_err r;

	*out = NULL;
	r = key_derive(epoch, KEY_SIGN, LABEL_KEY_REQUEST, authority,
	    strlen(authority), &k);
	if (r == ZK_OK)
		r = signkey_new(k, out);
	key_free(k);
	return r;
}

enum zk_err
epoch_chunker_key(const struct key *epoch, struct key **out)
{
	return key_derive(epoch, KEY_PRF, LABEL_KEY_CHUNKER, NULL, 0, out);
}

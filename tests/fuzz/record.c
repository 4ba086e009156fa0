/* The outside of a record, and a payload as if it had been opened. */
#include "crypto/crypto.h"
#include "format/member.h"
#include "format/record.c"	/* for record_decode */

static const uint8_t vault[RECORD_ID_LEN] = "vault";

static void
inside(const uint8_t *p, size_t n)
{
	struct record *rec = calloc(1, sizeof(*rec));
	const struct record *set[1] = { rec };
	uint8_t own[RECORD_ID_LEN] = { 0 };
	struct members *m;

	if (rec == NULL)
		abort();
	rec->payload = malloc(n + 1);
	if (rec->payload == NULL)
		abort();
	memcpy(rec->payload, p, n);
	rec->payload_len = n;
	/* whatever vault it names */
	if (n > RECORD_ID_LEN)
		memcpy(own, p + 1, RECORD_ID_LEN);
	if (record_decode(rec, rec->payload, n, p[0] == RECORD_GENESIS,
	    own) == ZK_OK && members_compute(set, 1,
	    rec->type == RECORD_GENESIS ? rec->id : own, &m) == ZK_OK)
		members_free(m);
	record_free(rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct key *R;
	static const uint8_t bytes[KEY_LEN];
	struct record *rec;

	if (R == NULL && (crypto_init() != ZK_OK ||
	    key_import(KEY_SEED, bytes, &R) != ZK_OK))
		abort();
	if (record_open(p, n, R, vault, &rec) == ZK_OK)
		abort();
	if (n > 0)
		inside(p, n);
	return 0;
}

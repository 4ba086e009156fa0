#include "transport/names.h"
#include "util/hex.h"

#include <string.h>

static void
seq_bytes(uint64_t seq, uint8_t out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(seq >> (56 - 8 * i));
}

void
names_seg(uint64_t seq, const uint8_t hash[static 32],
    char out[static NAMES_CAP])
{
	uint8_t b[8];

	seq_bytes(seq, b);
	hex_text(b, 8, out);
	out[16] = '-';
	hex_text(hash, 32, out + 17);
}

bool
names_seg_parse(const char *s, uint64_t *seq, uint8_t hash[static 32])
{
	uint8_t b[8];

	if (strlen(s) != NAMES_SEG_LEN || s[16] != '-' ||
	    hex_get(s, 16, b, 8) != ZK_OK ||
	    hex_get(s + 17, NAMES_HEX_LEN, hash, 32) != ZK_OK)
		return false;
	*seq = 0;
	for (int i = 0; i < 8; i++)
		*seq = *seq << 8 | b[i];
	return *seq != 0;
}

void
names_hint(const uint8_t log[static 32], uint64_t seq,
    const uint8_t hash[static 32], char out[static NAMES_CAP])
{
	char seg[NAMES_CAP];

	hex_text(log, 32, out);
	out[NAMES_HEX_LEN] = '-';
	names_seg(seq, hash, seg);
	memcpy(out + NAMES_HEX_LEN + 1, seg, NAMES_SEG_LEN + 1);
}

bool
names_hint_parse(const char *s, uint8_t log[static 32], uint64_t *seq,
    uint8_t hash[static 32])
{
	if (strlen(s) != NAMES_HINT_LEN || s[NAMES_HEX_LEN] != '-' ||
	    hex_get(s, NAMES_HEX_LEN, log, 32) != ZK_OK)
		return false;
	return names_seg_parse(s + NAMES_HEX_LEN + 1, seq, hash);
}

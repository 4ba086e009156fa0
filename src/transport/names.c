#include "transport/names.h"

#include <string.h>

void
names_hex(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
names_unhex(const char *s, size_t len, uint8_t *out, size_t n)
{
	if (len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = digit(s[2 * i]);
		int lo = digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi * 16 + lo);
	}
	return true;
}

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
	names_hex(b, 8, out);
	out[16] = '-';
	names_hex(hash, 32, out + 17);
}

bool
names_seg_parse(const char *s, uint64_t *seq, uint8_t hash[static 32])
{
	uint8_t b[8];

	if (strlen(s) != NAMES_SEG_LEN || s[16] != '-' ||
	    !names_unhex(s, 16, b, 8) ||
	    !names_unhex(s + 17, NAMES_HEX_LEN, hash, 32))
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

	names_hex(log, 32, out);
	out[NAMES_HEX_LEN] = '-';
	names_seg(seq, hash, seg);
	memcpy(out + NAMES_HEX_LEN + 1, seg, NAMES_SEG_LEN + 1);
}

bool
names_hint_parse(const char *s, uint8_t log[static 32], uint64_t *seq,
    uint8_t hash[static 32])
{
	if (strlen(s) != NAMES_HINT_LEN || s[NAMES_HEX_LEN] != '-' ||
	    !names_unhex(s, NAMES_HEX_LEN, log, 32))
		return false;
	return names_seg_parse(s + NAMES_HEX_LEN + 1, seq, hash);
}

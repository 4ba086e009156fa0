/*
 * Names of objects in dumb stores: lower-case hex, fixed lengths, no other
 * character, so that no name from outside ever becomes a path by accident.
 *
 *	LOG		64 digits
 *	SEQ-HASH	16 digits, '-', 64 digits
 *	LOG-SEQ-HASH	a hint
 */
#ifndef ZK_TRANSPORT_NAMES_H
#define ZK_TRANSPORT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_HEX_LEN 64	/* characters of a hash */
#define NAMES_SEG_LEN 81
#define NAMES_HINT_LEN 146
#define NAMES_CAP 160		/* room for any of them with its NUL */

/* SEQ-HASH. */
void names_seg(uint64_t seq, const uint8_t hash[static 32],
    char out[static NAMES_CAP]);
bool names_seg_parse(const char *s, uint64_t *seq, uint8_t hash[static 32]);

/* LOG-SEQ-HASH. */
void names_hint(const uint8_t log[static 32], uint64_t seq,
    const uint8_t hash[static 32], char out[static NAMES_CAP]);
bool names_hint_parse(const char *s, uint8_t log[static 32], uint64_t *seq,
    uint8_t hash[static 32]);

#endif

/*
 * The edit script between two texts that says what a person did: by lines,
 * then by words inside changed lines, then by characters inside changed
 * words; where two pieces have little in common one replaces the other.
 */
#ifndef ZK_TEXT_DIFF_H
#define ZK_TEXT_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "text/script.h"
#include "util/err.h"

/*
 * The script from old to new, both text (text_is); *out is released by
 * script_release and empty on failure.  Equal input gives an equal script.
 * Space is linear and time bounded whatever the input (myers.h).  ZK_EFORMAT:
 * one of them is no text; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err text_diff(const uint8_t *old, size_t old_len,
    const uint8_t *new, size_t new_len, struct script *out);

#endif

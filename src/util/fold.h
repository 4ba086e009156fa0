/*
 * What a name may be taken for by a file system or a program that compares
 * without case, in another Unicode normal form, or without the code points
 * that are ignored.  Only as far as ASCII goes: enough to guard names of our
 * own, no case folding for text.
 */
#ifndef ZK_UTIL_FOLD_H
#define ZK_UTIL_FOLD_H

#include <stddef.h>

/*
 * Writes the beginning of the name (len raw bytes) to out as a C string of
 * less than cap bytes: ignorable code points left out (Unicode's
 * Default_Ignorable_Code_Point), letters in lower case, compatibility forms
 * (NFKC) of the letters and signs of ".zk-tmp-" as these; all else that is
 * not ASCII, and each byte that is not UTF-8, as '?'.
 */
void fold_start(const void *name, size_t len, char *out, size_t cap);

#endif

/*
 * In place of three functions of libsodium that give the same for the same:
 * each asks the library the first time and tells what it said from then on.
 * Devices of one process check the same records and segments, and make the
 * same keys, over and over, which is a fifth of the time of a seed.
 */
#ifndef ZK_TESTS_SIM_MEMO_H
#define ZK_TESTS_SIM_MEMO_H

#include <stdint.h>

/* How often an answer was known.  To name it links these functions in. */
uint64_t memo_known(void);

#endif

/*
 * Messages (zk-send(1), zk-recv(1)) in the simulation of tests/sim/world.h.
 */
#ifndef ZK_TESTS_SIM_MESSAGES_H
#define ZK_TESTS_SIM_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct env;
struct fake;
struct vault;

/* Where each device receives. */
#define MESSAGES_DIR "/in"

/*
 * Sends message number *sent + 1 of device from, or receives into
 * MESSAGES_DIR.  *sent grows if it was recorded.  large: some go as blobs.
 */
ZK_CHECKED enum zk_err messages_step(struct vault *v, struct fake *dice,
    unsigned from, bool large, unsigned *sent);

/*
 * Receives all that is left; then each file is to be a message that some
 * other device sent, each once, those of one in order by their names.  False,
 * with a line that says what is wrong, if not.
 */
bool messages_check(struct vault *v, struct env *env, unsigned self,
    const unsigned *sent, unsigned devices);

#endif

/*
 * A token bucket: bytes a second, shared by all that take from it.  The
 * clock is the caller's, in ms.  A burst is at most a tenth of a second, so
 * that a fixed rate holds over short transfers too.
 */
#ifndef ZK_TRANSPORT_RATE_H
#define ZK_TRANSPORT_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
	uint64_t per_s;		/* bytes a second; 0: no limit */
	int64_t tokens;		/* thousandths of a byte; below 0: a debt */
	int64_t at;		/* ms, when tokens was right */
};

void rate_init(struct rate *r, uint64_t per_s, int64_t now);

/* How many of want bytes may pass now; they are taken.  0: wait. */
size_t rate_take(struct rate *r, int64_t now, size_t want);

/*
 * Takes n bytes that cannot be split, into debt if need be; false (nothing
 * taken) while there is a debt.
 */
bool rate_take_all(struct rate *r, int64_t now, size_t n);

/* ms until something may pass, 0 at once. */
unsigned rate_wait(struct rate *r, int64_t now);

#endif

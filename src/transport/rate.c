#include "transport/rate.h"

#include <string.h>

#define RATE_STEP 4096	/* bytes: no smaller piece is handed out */

void
rate_init(struct rate *r, uint64_t per_s, int64_t now)
{
	memset(r, 0, sizeof(*r));
	/* beyond what any line does, and no product below overflows */
	r->per_s = per_s < (UINT64_C(1) << 40) ? per_s : 0;
	r->at = now;
}

static void
refill(struct rate *r, int64_t now)
{
	int64_t burst = (int64_t)r->per_s * 100;
	int64_t ms = now - r->at;

	r->at = now;
	if (ms <= 0)
		return;
	if (ms > 1000)
		ms = 1000;
	r->tokens += ms * (int64_t)r->per_s;
	if (r->tokens > burst)
		r->tokens = burst;
}

/* The least worth handing out: a step, or a burst where that is less. */
static int64_t
step(const struct rate *r)
{
	int64_t burst = (int64_t)r->per_s * 100;

	return burst < RATE_STEP * 1000 ? burst : RATE_STEP * 1000;
}

size_t
rate_take(struct rate *r, int64_t now, size_t want)
{
	size_t n;

	if (r->per_s == 0 || want == 0)
		return want;
	refill(r, now);
	if (r->tokens < 1000 ||
	    (r->tokens < step(r) && r->tokens / 1000 < (int64_t)want))
		return 0;
	n = (size_t)(r->tokens / 1000);
	if (n > want)
		n = want;
	r->tokens -= (int64_t)n * 1000;
	return n;
}

bool
rate_take_all(struct rate *r, int64_t now, size_t n)
{
	if (r->per_s == 0)
		return true;
	refill(r, now);
	if (r->tokens < 0)
		return false;
	r->tokens -= (int64_t)n * 1000;
	return true;
}

unsigned
rate_wait(struct rate *r, int64_t now)
{
	int64_t need;

	if (r->per_s == 0)
		return 0;
	refill(r, now);
	need = step(r) - r->tokens;
	if (need <= 0)
		return 0;
	need = need / (int64_t)r->per_s + 1;
	return need > 1000 ? 1000 : (unsigned)need;
}


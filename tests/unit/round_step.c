/* What a round makes of steps that failed. */
#include "sync/round.h"
#include "test.h"
#include "util/log.h"

/* A path that is skipped is named and counted, whatever kept it. */
static void
test_not_applied(void)
{
	static const struct {
		enum zk_err r, of;
		uint64_t skipped;
	} t[] = {
		{ ZK_OK, ZK_OK, 0 },
		{ ZK_EPERM, ZK_EPARTIAL, 1 },
		{ ZK_EIO, ZK_EPARTIAL, 1 },
		{ ZK_ELIMIT, ZK_EPARTIAL, 1 },
		{ ZK_EPARTIAL, ZK_EPARTIAL, 0 },
		{ ZK_EGAP, ZK_EGAP, 0 },
		{ ZK_ETAMPER, ZK_ETAMPER, 0 },
		{ ZK_EDISKFULL, ZK_EDISKFULL, 0 },
	};

	log_set_level(LOG_QUIET);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct sync_report rep = { .skipped = 0 };
		struct round rd = { .rep = &rep };

		round_not_applied(&rd, "path", t[i].r);
		if (rep.skipped != t[i].skipped ||
		    round_of_step(t[i].r) != t[i].of) {
			printf("# %s\n", err_name(t[i].r));
			FAIL("something else");
		}
	}
}

TESTS(
    { "not_applied", test_not_applied },
)

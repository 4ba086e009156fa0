/*
 * The conformance suite of transports: each case runs on the folder, the
 * fake, and a real relay with and without TLS.  A program lists its cases:
 *
 *	#define CASES(X) X(create) X(append)	for case_create, case_append
 *	CASES(CONFORM_DEFINE)
 *	TESTS(
 *	    CASES(CONFORM_ENTRY)
 *	)
 *
 * CONFORM_SHARED and CONFORM_ENTRY_SHARED leave the fake out: it lives in one
 * process.
 */
#ifndef ZK_TESTS_UNIT_TRANSPORT_CONFORM_H
#define ZK_TESTS_UNIT_TRANSPORT_CONFORM_H

#include "tests/unit/transport_fix.h"

static inline void
conform(enum fix_kind kind, void (*body)(struct fix *f))
{
	struct fix *f = calloc(1, sizeof(*f));

	NEED(f != NULL);
	if (fix_init(f, kind)) {
		body(f);
	} else {
		printf("# the remote does not start\n");
		test_failed = true;
	}
	fix_release(f);
	free(f);
}

#define CONFORM_ON(name, kind, KIND)                                         \
	static void name##_##kind(void) { conform(KIND, case_##name); }
#define CONFORM_SHARED(name)                                                 \
	CONFORM_ON(name, folder, FIX_FOLDER)                                 \
	CONFORM_ON(name, plain, FIX_PLAIN)                                   \
	CONFORM_ON(name, tls, FIX_TLS)
#define CONFORM_DEFINE(name)                                                 \
	CONFORM_SHARED(name)                                                 \
	CONFORM_ON(name, fake, FIX_FAKE)
#define CONFORM_ENTRY_SHARED(name)                                           \
	{ "folder/" #name, name##_folder },                                  \
	{ "plain/" #name, name##_plain },                                    \
	{ "tls/" #name, name##_tls },
#define CONFORM_ENTRY(name)                                                  \
	CONFORM_ENTRY_SHARED(name)                                           \
	{ "fake/" #name, name##_fake },

#endif

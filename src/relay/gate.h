/*
 * Who may: everything that is decided from the head of a request alone,
 * zk-protocol(7), AUTHENTICATION.
 */
#ifndef ZK_RELAY_GATE_H
#define ZK_RELAY_GATE_H

#include "proto/auth.h"
#include "proto/error.h"
#include "proto/target.h"
#include "relay/core.h"

#define GATE_OPEN ERROR_CODES	/* no objection */

/* What the gate found out. */
struct gate_pass {
	int64_t space;		/* row of the space */
	struct auth auth;
};

/*
 * Checks a signed request for t: GATE_OPEN and *pass, or the error to
 * answer.  The client is then trusted by the server.
 */
enum error_code gate_signed(struct core *core, struct httpd_conn *c,
    const struct head *h, const struct target *t, struct gate_pass *pass);

/*
 * Whether the client may create the space of t here.  One that is there is
 * not created again: its members ask to learn that, and need no token.
 */
enum error_code gate_create(struct core *core, struct httpd_conn *c,
    const struct head *h, const struct target *t);

/*
 * Whether a time and authority inside a signed body are good: the authority
 * must be ours, not NUL-terminated here.
 */
enum error_code gate_terms(struct core *core, int64_t time,
    const char *authority, size_t authority_len);

/* Counts a signature that did not hold against the client's address. */
void gate_failed(struct core *core, struct httpd_conn *c);

#endif

/*
 * Signals: INT, TERM and HUP ask for a clean stop, which the work at hand
 * notices through sig_stopped; the second one ends the process at once
 * (which is safe: every state on disk is).  PIPE is ignored.  USR1 is
 * blocked here and waited for by progress.c.
 */
#ifndef ZK_CLI_SIG_H
#define ZK_CLI_SIG_H

#include <stdbool.h>

/* Installs the handlers; before any thread is started. */
void sig_init(void);

/* True once a stop was asked for. */
bool sig_stopped(void);

/* The number of the signal that asked, 0 if none did. */
int sig_number(void);

#endif

/*
 * What a connection does next: one step for each state, run until it has to
 * wait.  For conn.c alone.
 */
#ifndef ZK_HTTP_STEP_H
#define ZK_HTTP_STEP_H

#include <stdint.h>

struct httpd_conn;

/*
 * Goes on with c as far as it gets without waiting, then has epoll watch for
 * what it waits for.  Inside itself it does nothing: the outer run goes on.
 */
void step_run(struct httpd_conn *c);

/* Has epoll watch c for these events; a failure drops c. */
void step_arm(struct httpd_conn *c, uint32_t events);

/* The server's own answer to what it could not make out; then closes. */
void step_refuse(struct httpd_conn *c, int status);

#endif

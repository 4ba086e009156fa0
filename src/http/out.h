/*
 * A reply on its way out: the head, bytes in memory, bytes of files.
 * For conn.c alone.
 */
#ifndef ZK_HTTP_OUT_H
#define ZK_HTTP_OUT_H

#include <sys/types.h>

#include "http/httpd.h"

struct tls;

#define OUT_DONE 1	/* all is with the kernel */
#define OUT_YIELD 2	/* much went out; call again soon */

struct out {
	struct buf head;	/* head of the reply and a small body */
	struct buf body;	/* a larger one */
	size_t head_off, body_off;
	struct httpd_part *parts; /* owned */
	size_t n_parts;
	size_t part;		/* which one is being sent */
	size_t part_off;	/* how much of it is */
	uint64_t sent;		/* bytes that the kernel has */
	uint64_t turn;		/* when this turn began */
	struct env *env;	/* closes the files */
};

void out_init(struct out *o);

/* Frees and closes all; o is as after out_init. */
void out_release(struct out *o);

/*
 * Takes over the content of r (also when it fails) and writes the head.
 * no_body: announce the length, send nothing.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err out_set(struct out *o, struct env *env,
    struct httpd_reply *r, bool keep_alive, bool no_body);

/*
 * Sends as much as the socket takes: OUT_DONE, OUT_YIELD or one of TLS_*.
 * scratch, n bytes, is for file content.
 */
int out_send(struct out *o, int fd, struct tls *tls, uint8_t *scratch,
    size_t n);

#endif

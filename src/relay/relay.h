/*
 * The relay: keeps sealed records, segments and blobs of spaces and hands
 * them to those who hold a request key.  zk-protocol(7) is what it speaks.
 * It holds no key that opens anything, and nothing here can.
 */
#ifndef ZK_RELAY_RELAY_H
#define ZK_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct env;

#define RELAY_PORT 8440		/* where no port is given */
#define RELAY_URLS_MAX 16

/* Deadlines in ms and caps; 0 means the default. zk-relay(1), LIMITS. */
struct relay_limits {
	unsigned head_ms;	/* TLS handshake and first head: 10 s */
	unsigned idle_ms;	/* between requests: 125 s */
	unsigned body_ms;	/* window for body_min: 30 s */
	uint64_t body_min;	/* bytes a second over a window: 8 KiB */
	unsigned stall_ms;	/* window for reply_min: 60 s */
	uint64_t reply_min;	/* bytes a second over a window: 1 KiB */
	unsigned wait_ms;	/* longest long poll: 55 s */
	unsigned conns;		/* connections: 16384 */
	unsigned conns_addr;	/* of one address: 1024; loopback: conns */
	unsigned conns_new;	/* not yet authenticated: 2048 */
	uint64_t body_mem;	/* request bodies in memory, bytes: 64 MiB */
	uint64_t page_mem;	/* pages under way, bytes: 256 MiB */
	unsigned fails_addr;	/* refused signatures a minute, address: 60 */
	unsigned lookups_addr;	/* rendezvous lookups a minute: 20 */
	unsigned boxes;		/* mailboxes: 1024 */
	unsigned boxes_addr;	/* mailboxes of one address: 8 */
	unsigned box_ms;	/* life of a mailbox: 5 min */
};

/* Borrowed until relay_run returns. */
struct relay_opts {
	struct env *env;
	const char *listen;	/* ADDR:PORT, [V6]:PORT, ADDR, :PORT, PORT */
	const char *data;	/* directory; made if it is not there */
	const char *const *urls; /* public URLs, as many as n_urls */
	size_t n_urls;
	const char *invite;	/* token that creating a space needs, or NULL */
	bool plain;		/* HTTP without TLS */
	uint64_t quota;		/* bytes a space, 0: none */
	unsigned threads;	/* 0: one a core */
	/*
	 * Told its URL once it listens; an error ends it.  NULL: the URL is
	 * one line on stdout.
	 */
	enum zk_err (*announce)(void *arg, const char *url);
	void *announce_arg;
	struct relay_limits limits;
};

/*
 * Serves until SIGTERM or SIGINT, then finishes what is in flight and
 * returns ZK_OK.  Announces its URL once it listens.
 * Blocks these signals in the calling thread while it runs.  ZK_EUSAGE:
 * listen or a URL is malformed (logged).  ZK_EIO, ZK_EPERM: cannot listen
 * or use data (logged).  ZK_ELOCKED: another relay uses data.  ZK_EVERSION:
 * data was written by a newer version.
 */
ZK_CHECKED enum zk_err relay_run(const struct relay_opts *opts);

#endif

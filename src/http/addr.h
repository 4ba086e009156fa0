/*
 * What each client address has open and did lately: connections, and counts
 * of events in the current window.  An IPv6 address counts as its /64.
 * Shared by threads; bounded, idle addresses are forgotten first.
 */
#ifndef ZK_HTTP_ADDR_H
#define ZK_HTTP_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define ADDR_LEN 16	/* bytes; IPv4 as ::ffff:a.b.c.d */
#define ADDR_KINDS 4	/* sorts of events, 0..3, the caller's meaning */

struct addr_table;
struct env;

ZK_CHECKED enum zk_err addr_new(struct env *env, struct addr_table **out);
void addr_free(struct addr_table *t);

/*
 * Counts a connection; false (and not counted) if max are open already or
 * the table is full.  Each true is given back by one addr_close.
 */
bool addr_open(struct addr_table *t, const uint8_t a[static ADDR_LEN],
    unsigned max);
void addr_close(struct addr_table *t, const uint8_t a[static ADDR_LEN]);

/*
 * Counts one event of a kind; false if limit were counted in this window of
 * window_ms already.  A full table says false.
 */
bool addr_take(struct addr_table *t, const uint8_t a[static ADDR_LEN],
    unsigned kind, unsigned limit, unsigned window_ms);

/* As addr_take without counting. */
bool addr_may(struct addr_table *t, const uint8_t a[static ADDR_LEN],
    unsigned kind, unsigned limit, unsigned window_ms);

/*
 * Reads a numeric address, n bytes, IPv6 with or without brackets.  False
 * (and out unchanged) if it is none.
 */
bool addr_parse(const char *s, size_t n, uint8_t out[static ADDR_LEN]);

/* 127.0.0.0/8 and ::1. */
bool addr_is_loopback(const uint8_t a[static ADDR_LEN]);
/* Loopback, RFC 1918, fc00::/7, link-local. */
bool addr_is_private(const uint8_t a[static ADDR_LEN]);

#endif

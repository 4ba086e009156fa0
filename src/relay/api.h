/*
 * The relay as an application of http/: from the head of a request to the
 * point where its body is complete.
 */
#ifndef ZK_RELAY_API_H
#define ZK_RELAY_API_H

#include "relay/core.h"

/* The callbacks, with core as their argument. */
struct httpd_app api_app(struct core *core);

#endif

/*
 * What an engine is set up with, before it asks for anything.
 */
#ifndef ZK_TRANSPORT_HTTP_OPTS_H
#define ZK_TRANSPORT_HTTP_OPTS_H

#include "util/err.h"

struct http;

/* Proxy and invite token of h's options; ZK_EUSAGE, said, if one is odd. */
ZK_CHECKED enum zk_err http_opts_check(const struct http *h);

/*
 * From h->url: "https://HOST:PORT" into h->base, and the authority as
 * libcurl will send it.  ZK_ENOMEM, or the errors of auth_authority.
 */
ZK_CHECKED enum zk_err http_opts_names(struct http *h);

#endif

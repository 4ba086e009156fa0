/*
 * libcurl, loaded by dlopen(3) when the first request is made.
 *
 * It brings some forty libraries with it (Kerberos, LDAP, SSH, two TLS
 * libraries), and to load these takes several times as long as all else that
 * a command does that asks no relay: `zk status --offline` in a prompt, a
 * push to a folder, the relay itself.  libcurl.c defines those functions of
 * <curl/curl.h> that this layer calls and passes each call on; the callers
 * and the compiler's checks of their arguments are as with a linked library.
 */
#ifndef ZK_TRANSPORT_LIBCURL_H
#define ZK_TRANSPORT_LIBCURL_H

#include "util/err.h"

/*
 * Loads the library, once in a process; may be called from any thread.  Must
 * have returned ZK_OK before any function of libcurl is called.  ZK_EIO: the
 * library or a function of it is not there; *why (static storage) says what,
 * for people.
 */
ZK_CHECKED enum zk_err libcurl_load(const char **why);

#endif

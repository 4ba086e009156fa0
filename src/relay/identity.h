/*
 * The relay's TLS key and certificate in its data directory: key.pem (0600)
 * and cert.pem, made at the first start; an operator may put others there.
 */
#ifndef ZK_RELAY_IDENTITY_H
#define ZK_RELAY_IDENTITY_H

#include "util/err.h"

struct env;
struct tls_ident;

/*
 * Loads the identity from dir, making it if neither file is there.  Errors
 * are logged.  ZK_EPERM: others may read the key.
 */
ZK_CHECKED enum zk_err identity_load(struct env *env, const char *dir,
    struct tls_ident **out);

#endif

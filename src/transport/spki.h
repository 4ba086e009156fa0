/*
 * The pin of a certificate: SHA-256 of its SubjectPublicKeyInfo (RFC 7469,
 * section 2.4), in libcurl's form "sha256//BASE64".  The certificate comes
 * from a stranger: it is walked under bounds and nothing else in it counts.
 */
#ifndef ZK_TRANSPORT_SPKI_H
#define ZK_TRANSPORT_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define SPKI_PIN_CAP 53		/* "sha256//", 44 characters, NUL */

/*
 * The SubjectPublicKeyInfo within the n bytes of a DER certificate
 * (RFC 5280, section 4.1); *spki is lent from der.  ZK_EFORMAT.
 */
ZK_CHECKED enum zk_err spki_find(const uint8_t *der, size_t n,
    const uint8_t **spki, size_t *len);

/* The pin of the first certificate in PEM text.  ZK_EFORMAT, ZK_ENOMEM. */
ZK_CHECKED enum zk_err spki_pin(const char *pem,
    char out[static SPKI_PIN_CAP]);

#endif

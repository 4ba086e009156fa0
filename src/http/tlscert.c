#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <string.h>

#include "crypto/rand.h"
#include "http/tls.h"
#include "util/buf.h"
#include "util/env.h"

#define SERIAL_LEN 16	/* bytes */
#define PEM_ROOM 4096	/* bytes; ours are below 700 */

static int
rng(void *arg, unsigned char *out, size_t n)
{
	rand_bytes(arg, out, n);
	return 0;
}

static int
set_serial(mbedtls_x509write_cert *crt, uint8_t *serial)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
	return mbedtls_x509write_crt_set_serial_raw(crt, serial, SERIAL_LEN);
#else
	mbedtls_mpi n;
	int r;

	mbedtls_mpi_init(&n);
	r = mbedtls_mpi_read_binary(&n, serial, SERIAL_LEN);
	if (r == 0)
		r = mbedtls_x509write_crt_set_serial(crt, &n);
	mbedtls_mpi_free(&n);
	return r;
#endif
}

static int
write_cert(struct env *env, mbedtls_pk_context *pk, unsigned char *pem,
    size_t room)
{
	mbedtls_x509write_cert crt;
	uint8_t serial[SERIAL_LEN];
	int r;

	mbedtls_x509write_crt_init(&crt);
	rand_bytes(env, serial, sizeof(serial));
	serial[0] &= 0x7f;	/* positive, */
	serial[0] |= 0x40;	/* and of this length */
	mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&crt, pk);
	mbedtls_x509write_crt_set_issuer_key(&crt, pk);
	r = set_serial(&crt, serial);
	if (r == 0)
		r = mbedtls_x509write_crt_set_subject_name(&crt,
		    "CN=zk-relay");
	if (r == 0)
		r = mbedtls_x509write_crt_set_issuer_name(&crt,
		    "CN=zk-relay");
	if (r == 0)
		r = mbedtls_x509write_crt_set_validity(&crt,
		    "20200101000000", "99991231235959");
	if (r == 0)
		r = mbedtls_x509write_crt_pem(&crt, pem, room, rng, env);
	mbedtls_x509write_crt_free(&crt);
	return r;
}

enum zk_err
tls_generate(struct env *env, struct buf *key, struct buf *cert)
{
	enum zk_err r = ZK_EBUG;
	mbedtls_pk_context pk;
	struct {
		unsigned char key[PEM_ROOM];
		unsigned char cert[PEM_ROOM];
	} tmp;

	mbedtls_pk_init(&pk);
	if (mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(
	    MBEDTLS_PK_ECKEY)) != 0 ||
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk),
	    rng, env) != 0 ||
	    mbedtls_pk_write_key_pem(&pk, tmp.key, PEM_ROOM) != 0 ||
	    write_cert(env, &pk, tmp.cert, PEM_ROOM) != 0)
		goto out;
	buf_str(key, (const char *)tmp.key);
	buf_str(cert, (const char *)tmp.cert);
	r = buf_err(key);
	if (r == ZK_OK)
		r = buf_err(cert);
out:
	mbedtls_platform_zeroize(&tmp, sizeof(tmp));
	mbedtls_pk_free(&pk);
	return r;
}

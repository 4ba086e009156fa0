#include <errno.h>
#include <limits.h>
#include <mbedtls/asn1.h>
#include <mbedtls/base64.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "http/tls.h"
#include "http/tlscache.h"
#include "util/buf.h"
#include "util/env.h"

struct tls_ident {
	struct env *env;
	struct buf key;		/* PEM with its NUL, wiped */
	struct buf cert;
	struct tls_cache *cache;
	char pin[TLS_PIN_MAX];
};

struct tls_conf {
	struct tls_ident *id;
	mbedtls_ssl_config ssl;
	mbedtls_x509_crt cert;
	mbedtls_pk_context key;
};

struct tls {
	mbedtls_ssl_context ssl;
	struct env *env;
	int fd;
	size_t inside;	/* bytes taken by tls_write, not yet sent */
	bool over;	/* the handshake is */
};

static int
rng(void *arg, unsigned char *out, size_t n)
{
	rand_bytes(arg, out, n);
	return 0;
}

static int
parse_key(struct env *env, mbedtls_pk_context *pk, const struct buf *pem)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	return mbedtls_pk_parse_key(pk, pem->data, pem->len, NULL, 0, rng,
	    env);
#else
	(void)env;
	return mbedtls_pk_parse_key(pk, pem->data, pem->len, NULL, 0);
#endif
}

static int
check_pair(struct env *env, const mbedtls_pk_context *pub,
    const mbedtls_pk_context *prv)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	return mbedtls_pk_check_pair(pub, prv, rng, env);
#else
	(void)env;
	return mbedtls_pk_check_pair(pub, prv);
#endif
}

/*
 * The code for what mbedTLS returned: ZK_ENOMEM, or bad.  It adds the code of
 * the outer function and that of the one within, which has 7 bits.
 */
static enum zk_err
code(int r, enum zk_err bad)
{
	int outer = -(-r & ~0x7f);
	int within = -(-r & 0x7f);

	if (r == 0)
		return ZK_OK;
	if (outer == MBEDTLS_ERR_X509_ALLOC_FAILED ||
	    outer == MBEDTLS_ERR_PK_ALLOC_FAILED ||
	    outer == MBEDTLS_ERR_PEM_ALLOC_FAILED ||
	    outer == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
	    within == MBEDTLS_ERR_MPI_ALLOC_FAILED ||
	    within == MBEDTLS_ERR_ASN1_ALLOC_FAILED)
		return ZK_ENOMEM;
	return bad;
}

/* Parses both into crt and pk, which the caller has initialised. */
static enum zk_err
load_pair(struct tls_ident *id, mbedtls_x509_crt *crt, mbedtls_pk_context *pk)
{
	enum zk_err r = code(mbedtls_x509_crt_parse(crt, id->cert.data,
	    id->cert.len), ZK_EFORMAT);

	if (r == ZK_OK)
		r = code(parse_key(id->env, pk, &id->key), ZK_EFORMAT);
	if (r == ZK_OK)
		r = code(check_pair(id->env, &crt->pk, pk), ZK_EREFUSED);
	return r;
}

static enum zk_err
make_pin(const mbedtls_x509_crt *crt, char *pin)
{
	static const char prefix[] = "sha256//";
	unsigned char hash[32];
	size_t n = sizeof(prefix) - 1;
	size_t len;

	if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
	    crt->pk_raw.p, crt->pk_raw.len, hash) != 0)
		return ZK_EBUG;
	memcpy(pin, prefix, n);
	if (mbedtls_base64_encode((unsigned char *)pin + n, TLS_PIN_MAX - n,
	    &len, hash, sizeof(hash)) != 0)
		return ZK_EBUG;
	return ZK_OK;
}

enum zk_err
tls_ident_new(struct env *env, const struct buf *key, const struct buf *cert,
    struct tls_ident **out)
{
	enum zk_err r = ZK_EBUG;
	struct tls_ident *id = NULL;
	mbedtls_x509_crt crt;
	mbedtls_pk_context pk;

	*out = NULL;
	mbedtls_x509_crt_init(&crt);
	mbedtls_pk_init(&pk);
	id = calloc(1, sizeof(*id));
	if (id == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	id->env = env;
	buf_init_secret(&id->key, TLS_PEM_MAX + 1);
	buf_init(&id->cert, TLS_PEM_MAX + 1);
#if MBEDTLS_VERSION_MAJOR >= 3
	if (psa_crypto_init() != PSA_SUCCESS)
		goto out;
#endif
	/* the parser wants the NUL counted */
	buf_put(&id->key, key->data, key->len);
	buf_u8(&id->key, 0);
	buf_put(&id->cert, cert->data, cert->len);
	buf_u8(&id->cert, 0);
	r = buf_err(&id->key);
	if (r == ZK_OK)
		r = buf_err(&id->cert);
	if (r == ZK_OK)
		r = load_pair(id, &crt, &pk);
	if (r == ZK_OK)
		r = make_pin(&crt, id->pin);
	if (r == ZK_OK)
		r = tls_cache_new(env, &id->cache);
	if (r != ZK_OK)
		goto out;
	*out = id;
	id = NULL;
out:
	tls_ident_free(id);
	mbedtls_x509_crt_free(&crt);
	mbedtls_pk_free(&pk);
	return r;
}

void
tls_ident_free(struct tls_ident *id)
{
	if (id == NULL)
		return;
	tls_cache_free(id->cache);
	buf_release(&id->key);
	buf_release(&id->cert);
	free(id);
}

const char *
tls_ident_pin(const struct tls_ident *id)
{
	return id->pin;
}

static const int suites[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
#endif
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0
};

static void
set_versions(mbedtls_ssl_config *c)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	static const uint16_t groups[] = {
		MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_NONE
	};

	mbedtls_ssl_conf_min_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_groups(c, groups);
#else
	static const mbedtls_ecp_group_id curves[] = {
		MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
		MBEDTLS_ECP_DP_NONE
	};

	mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3,
	    MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_curves(c, curves);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(c, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
}

enum zk_err
tls_conf_new(struct tls_ident *id, struct tls_conf **out)
{
	static const char *alpn[] = { "http/1.1", NULL };
	struct tls_conf *c = calloc(1, sizeof(*c));
	enum zk_err r = ZK_ENOMEM;

	*out = NULL;
	if (c == NULL)
		return r;
	c->id = id;
	mbedtls_ssl_config_init(&c->ssl);
	mbedtls_x509_crt_init(&c->cert);
	mbedtls_pk_init(&c->key);
	r = load_pair(id, &c->cert, &c->key);
	if (r == ZK_OK && (mbedtls_ssl_config_defaults(&c->ssl,
	    MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
	    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
	    mbedtls_ssl_conf_own_cert(&c->ssl, &c->cert, &c->key) != 0 ||
	    mbedtls_ssl_conf_alpn_protocols(&c->ssl, alpn) != 0))
		r = ZK_ENOMEM;
	if (r != ZK_OK) {
		tls_conf_free(c);
		return r;
	}
	mbedtls_ssl_conf_rng(&c->ssl, rng, id->env);
	mbedtls_ssl_conf_authmode(&c->ssl, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_ciphersuites(&c->ssl, suites);
	set_versions(&c->ssl);
	mbedtls_ssl_conf_session_cache(&c->ssl, id->cache, tls_cache_get,
	    tls_cache_set);
	*out = c;
	return ZK_OK;
}

void
tls_conf_free(struct tls_conf *c)
{
	if (c == NULL)
		return;
	mbedtls_ssl_config_free(&c->ssl);
	mbedtls_x509_crt_free(&c->cert);
	mbedtls_pk_free(&c->key);
	free(c);
}

static int
bio_send(void *arg, const unsigned char *p, size_t n)
{
	struct tls *t = arg;
	ssize_t k = env_net_send(t->env, t->fd, p, n, false);

	if (k == -EAGAIN)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	return k < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)k;
}

static int
bio_recv(void *arg, unsigned char *p, size_t n)
{
	struct tls *t = arg;
	ssize_t k = env_net_recv(t->env, t->fd, p, n);

	if (k == -EAGAIN)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (k == 0)
		return MBEDTLS_ERR_SSL_CONN_EOF;
	return k < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)k;
}

enum zk_err
tls_new(struct tls_conf *c, int fd, struct tls **out)
{
	struct tls *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (t == NULL)
		return ZK_ENOMEM;
	t->env = c->id->env;
	t->fd = fd;
	mbedtls_ssl_init(&t->ssl);
	if (mbedtls_ssl_setup(&t->ssl, &c->ssl) != 0) {
		tls_free(t);
		return ZK_ENOMEM;
	}
	mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
	*out = t;
	return ZK_OK;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	mbedtls_ssl_free(&t->ssl);
	free(t);
}

/* What a failure of the library means to the caller. */
static int
verdict(int r)
{
	switch (r) {
	case MBEDTLS_ERR_SSL_WANT_READ:
		return TLS_AGAIN_READ;
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return TLS_AGAIN_WRITE;
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
	case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
		return TLS_AGAIN_READ;
#endif
	default:
		return TLS_DEAD;
	}
}

int
tls_handshake(struct tls *t)
{
	int r = mbedtls_ssl_handshake(&t->ssl);

	if (r != 0)
		return verdict(r);
	t->over = true;
	return 1;
}

ssize_t
tls_read(struct tls *t, void *p, size_t n)
{
	int r = mbedtls_ssl_read(&t->ssl, p, n);

	if (r > 0)
		return r;
	if (r == 0 || r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
	    r == MBEDTLS_ERR_SSL_CONN_EOF)
		return 0;
	return verdict(r);
}

bool
tls_buffered(const struct tls *t)
{
	return mbedtls_ssl_check_pending(&t->ssl) != 0;
}

int
tls_flush(struct tls *t)
{
	/* only the length counts when a sealed record waits to be sent */
	static const unsigned char none[1] = { 0 };
	int r;

	while (t->inside > 0) {
		r = mbedtls_ssl_write(&t->ssl, none, t->inside);
		if (r < 0)
			return verdict(r);
		t->inside = 0;
	}
	return 1;
}

ssize_t
tls_write(struct tls *t, const void *p, size_t n)
{
	int max = mbedtls_ssl_get_max_out_record_payload(&t->ssl);
	int r = tls_flush(t);

	if (r != 1)
		return r;
	if (max <= 0)
		return TLS_DEAD;
	if (n > (size_t)max)
		n = (size_t)max;
	r = mbedtls_ssl_write(&t->ssl, p, n);
	if (r == MBEDTLS_ERR_SSL_WANT_WRITE) {
		t->inside = n;	/* sealed, so it is the library's now */
		return (ssize_t)n;
	}
	return r > 0 ? r : verdict(r);
}

void
tls_bye(struct tls *t)
{
	if (t->over && tls_flush(t) == 1)
		(void)mbedtls_ssl_close_notify(&t->ssl);
}

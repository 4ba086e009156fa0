#include "transport/spki.h"

#include <string.h>

#include "crypto/b64.h"
#include "crypto/sha256.h"
#include "util/buf.h"
#include "util/rd.h"

#define CERT_MAX (64u * 1024)	/* bytes of a certificate */

enum { DER_INT = 0x02, DER_SEQ = 0x30, DER_VERSION = 0xa0 };

/* The length of a DER element (X.690, 8.1.3), at most what is left. */
static size_t
der_len(struct rd *r)
{
	size_t n = rd_u8(r);
	unsigned more;

	if (n < 0x80)
		return n;
	more = n & 0x7f;
	if (more == 0 || more > 3) {
		rd_fail(r, ZK_EFORMAT);
		return 0;
	}
	for (n = 0; more > 0; more--)
		n = n << 8 | rd_u8(r);
	return n;
}

/* Enters (body != NULL) or skips one element with this tag. */
static void
der_take(struct rd *r, uint8_t tag, struct rd *body)
{
	struct rd skipped;
	size_t n;

	if (rd_u8(r) != tag)
		rd_fail(r, ZK_EFORMAT);
	n = der_len(r);
	rd_sub(r, n, body != NULL ? body : &skipped);
}

enum zk_err
spki_find(const uint8_t *der, size_t n, const uint8_t **spki, size_t *len)
{
	struct rd r;
	struct rd cert;
	struct rd tbs;
	const uint8_t *start;

	*spki = NULL;
	*len = 0;
	rd_init(&r, der, n);
	der_take(&r, DER_SEQ, &cert);
	der_take(&cert, DER_SEQ, &tbs);
	if (r.err != ZK_OK || cert.err != ZK_OK || tbs.left == 0)
		return ZK_EFORMAT;
	if (tbs.p[0] == DER_VERSION)
		der_take(&tbs, DER_VERSION, NULL);
	der_take(&tbs, DER_INT, NULL);	/* serial */
	der_take(&tbs, DER_SEQ, NULL);	/* signature algorithm */
	der_take(&tbs, DER_SEQ, NULL);	/* issuer */
	der_take(&tbs, DER_SEQ, NULL);	/* validity */
	der_take(&tbs, DER_SEQ, NULL);	/* subject */
	start = tbs.p;
	der_take(&tbs, DER_SEQ, NULL);
	if (tbs.err != ZK_OK)
		return ZK_EFORMAT;
	*spki = start;
	*len = (size_t)(tbs.p - start);
	return ZK_OK;
}

/* Appends the base64 of the first PEM block without its line ends. */
static enum zk_err
pem_text(const char *pem, struct buf *out)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const char *s = strstr(pem, begin);
	const char *end;

	if (s == NULL)
		return ZK_EFORMAT;
	s += sizeof(begin) - 1;
	end = strstr(s, "-----END CERTIFICATE-----");
	if (end == NULL)
		return ZK_EFORMAT;
	for (; s < end; s++)
		if (*s != '\n' && *s != '\r')
			(void)buf_u8(out, (uint8_t)*s);
	return buf_err(out);
}

enum zk_err
spki_pin(const char *pem, char out[static SPKI_PIN_CAP])
{
	uint8_t hash[SHA256_LEN];
	const uint8_t *spki;
	struct buf text;
	struct buf der;
	enum zk_err r;
	size_t len;

	out[0] = '\0';
	buf_init(&text, 2 * CERT_MAX);
	buf_init(&der, CERT_MAX);
	r = pem_text(pem, &text);
	if (r == ZK_OK && (text.len < 4 || text.len % 4 != 0))
		r = ZK_EFORMAT;
	if (r != ZK_OK)
		goto out;
	len = text.len / 4 * 3;
	len -= text.data[text.len - 1] == '=';
	len -= text.data[text.len - 2] == '=';
	r = buf_zero(&der, len);
	if (r == ZK_OK)
		r = b64_decode(B64_STD, (const char *)text.data, text.len,
		    der.data, len);
	if (r == ZK_OK)
		r = spki_find(der.data, der.len, &spki, &len);
	if (r != ZK_OK)
		goto out;
	sha256(spki, len, hash);
	memcpy(out, "sha256//", 8);
	b64_encode(B64_STD, hash, sizeof(hash), out + 8, SPKI_PIN_CAP - 8);
out:
	buf_release(&text);
	buf_release(&der);
	return r;
}

/*
 * Targets, the Authorization header, bodies and error replies: what decodes
 * encodes to the same bytes.  The first byte chooses the decoder.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/auth.h"
#include "proto/error.h"
#include "proto/msg.h"
#include "proto/target.h"
#include "util/buf.h"
#include "util/rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static void
same(struct buf *b, const void *in, size_t n)
{
	if (b->err != ZK_OK || b->len != n || memcmp(b->data, in, n) != 0)
		abort();
}

static void
fuzz_target(const char *in, size_t n)
{
	static const char *const methods[] = { "GET", "PUT", "POST",
	    "DELETE" };
	const char *q = memchr(in, '?', n);
	size_t path = q == NULL ? n : (size_t)(q - in), len;
	struct target t;
	struct buf b;

	for (unsigned i = 0; i < 4; i++) {
		if (target_decode(methods[i], in, path, q == NULL ? "" :
		    q + 1, q == NULL ? 0 : n - path - 1, &t) != ZK_OK)
			continue;
		buf_init(&b, TARGET_MAX);
		if (target_encode(&t, &b, &len) != ZK_OK)
			abort();
		/* a member of value 0 is accepted and left out again */
		if (b.len == n)
			same(&b, in, n);
		else if (b.len > n)
			abort();
		buf_release(&b);
	}
}

static void
fuzz_auth(const char *in, size_t n)
{
	struct auth a;
	struct buf b;

	if (auth_decode(in, n, &a) != ZK_OK)
		return;
	buf_init(&b, AUTH_HEADER_MAX);
	if (auth_encode(&a, &b) != ZK_OK)
		abort();
	same(&b, in, n);
	buf_release(&b);
}

static void
fuzz_create(const uint8_t *in, size_t n)
{
	struct msg_create c;
	struct msg_keys k;
	const uint8_t *sig;
	size_t len;
	struct buf b;

	buf_init(&b, 1u << 20);
	if (msg_create_get(in, n, &c, &len, &sig) == ZK_OK) {
		(void)msg_create_put(&b, &c);
		same(&b, in, len);
	}
	buf_reset(&b);
	if (msg_keys_get(in, n, &k, &len, &sig) == ZK_OK) {
		(void)msg_keys_put(&b, &k);
		same(&b, in, len);
	}
	buf_release(&b);
}

static void
fuzz_page(const uint8_t *in, size_t n)
{
	struct msg_page p;
	const uint8_t *seg;
	size_t len;
	struct buf b;
	struct rd r;

	rd_init(&r, in, n);
	if (msg_page_start(&r, &p) != ZK_OK)
		return;
	buf_init(&b, 1u << 20);
	(void)msg_page_head(&b, &p);
	for (uint32_t i = 0; i < p.count; i++) {
		if (msg_page_seg(&r, &seg, &len) != ZK_OK)
			break;
		(void)msg_append_seg(&b, seg, len);
	}
	if (rd_end(&r) == ZK_OK)
		same(&b, in, n);
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct error_body e;

	if (n == 0)
		return 0;
	switch (in[0] % 5) {
	case 0:
		fuzz_target((const char *)in + 1, n - 1);
		break;
	case 1:
		fuzz_auth((const char *)in + 1, n - 1);
		break;
	case 2:
		fuzz_create(in + 1, n - 1);
		break;
	case 3:
		fuzz_page(in + 1, n - 1);
		break;
	default:
		error_get(in + 1, n - 1, &e);
		if (memchr(e.message, '\0', sizeof(e.message)) == NULL)
			abort();
	}
	return 0;
}

/*
 * Remote URLs: what is accepted has one normal form, which is its own, and
 * neither it nor the redacted text holds a user part.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/url.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct url u;
	struct buf a;
	struct buf b;
	const char *why;
	char *s = malloc(n + 1);

	if (s == NULL)
		return 0;
	memcpy(s, in, n);
	s[n] = '\0';
	buf_init(&a, 8 * URL_MAX);
	buf_init(&b, 8 * URL_MAX);
	if (url_parse(s, &u, &why) == ZK_OK) {
		bool file = u.kind == URL_FILE;

		if (url_write(&u, &a) != ZK_OK)
			abort();
		/* an escaped path may outgrow the bound, nothing else */
		if (url_parse(buf_cstr(&a), &u, &why) == ZK_OK) {
			if (url_write(&u, &b) != ZK_OK || a.len != b.len ||
			    memcmp(a.data, b.data, a.len) != 0)
				abort();
		} else if (a.len <= URL_MAX) {
			abort();
		}
		if (!file && memchr(a.data, '@', a.len) != NULL)
			abort();
	} else if (why[0] == '\0') {
		abort();
	}
	buf_reset(&b);
	if (n < URL_MAX && url_redact(s, &b) != ZK_OK)
		abort();
	buf_release(&a);
	buf_release(&b);
	free(s);
	return 0;
}

/* Certificates from strangers, as PEM and as DER. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/spki.h"
#include "transport/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	char pin[SPKI_PIN_CAP];
	const uint8_t *spki;
	size_t len;
	char *s = malloc(n + 1);

	if (s == NULL)
		return 0;
	memcpy(s, in, n);
	s[n] = '\0';
	if (spki_find(in, n, &spki, &len) == ZK_OK &&
	    (spki < in || spki + len > in + n || len == 0))
		abort();
	if (spki_pin(s, pin) == ZK_OK && !url_pin_ok(pin, strlen(pin)))
		abort();
	free(s);
	return 0;
}

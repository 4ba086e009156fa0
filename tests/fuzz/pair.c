/* Everything that pairing reads before or after the channel stands. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "sync/pairgrant.h"
#include "sync/pairtalk.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

static const uint16_t words[PAIR_WORDS] = { 1, 2, 3 };
static const uint8_t secret[PAIR_SECRET_LEN] = "secret";

/* Each side's first message; none may be accepted. */
static void
talk(const uint8_t *p, size_t n)
{
	struct pair_code code = { .plate = 7, .word = { 1, 2, 3 } };
	struct pairtalk *show = NULL, *join = NULL;
	struct buf hello, out;

	buf_init(&hello, PAIRTALK_MSG_MAX);
	buf_init(&out, PAIRTALK_MSG_MAX);
	if (pairtalk_show(env_posix(), 7, words, secret, "", &show) != ZK_OK
	    || pairtalk_join(env_posix(), &code, "", &join) != ZK_OK ||
	    pairtalk_hello(show, &hello) != ZK_OK)
		abort();
	if (pairtalk_confirm(show, p, n, &out) == ZK_OK)
		abort();
	if (pairtalk_answer(join, p, n, &out) == ZK_OK &&
	    pairtalk_finish(join, p, n) == ZK_OK)
		abort();
	pairtalk_free(show);
	pairtalk_free(join);
	buf_release(&hello);
	buf_release(&out);
}

static void
text(const uint8_t *p, size_t n)
{
	char *s = malloc(n + 1);
	struct pair_code code;

	if (s == NULL)
		abort();
	memcpy(s, p, n);
	s[n] = '\0';
	if (pair_code_parse(s, &code) == ZK_OK && code.plate == 0)
		abort();
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pairgrant_intro intro;
	struct pairgrant_ask ask;
	struct pairgrant g;

	if (crypto_init() != ZK_OK)
		abort();
	log_set_level(LOG_QUIET);
	text(p, n);
	talk(p, n);
	if (pairgrant_get(p, n, &g) == ZK_OK)
		pairgrant_release(&g);
	if (pairgrant_intro_get(p, n, &intro) == ZK_OK &&
	    strlen(intro.name) == 0)
		abort();
	if (pairgrant_ask_get(p, n, &ask) == ZK_OK && strlen(ask.name) == 0)
		abort();
	return 0;
}

/*
 * The worked examples of zk-format(5), as the page has them.  With
 * ZK_DOC_PRINT set the hex is printed, for the page.
 */
#ifndef ZK_TESTS_UNIT_DOCKIT_H
#define ZK_TESTS_UNIT_DOCKIT_H

#include <ctype.h>

#include "test.h"

#include "crypto/crypto.h"
#include "format/chunk.h"
#include "format/op.h"
#include "util/buf.h"
#include "vec.h"

#define DOC_PAGE "man/zk-format.5"
#define DOC_MAX 8192

__attribute__((constructor)) static void
start(void)
{
	if (crypto_init() != ZK_OK)
		abort();
}

/* The hex between '.\" example NAME' and the next '.Ed'. */
static inline size_t
doc_read(const char *name, uint8_t *out, size_t cap)
{
	char line[512], want[128], hex[2 * DOC_MAX + 1];
	size_t n = 0;
	int on = 0;
	FILE *f = fopen(DOC_PAGE, "r");

	if (f == NULL)
		return 0;
	snprintf(want, sizeof(want), ".\\\" example %s\n", name);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strcmp(line, want) == 0)
			on = 1;
		if (on && strncmp(line, ".Ed", 3) == 0)
			break;
		if (!on || line[0] == '.')
			continue;
		for (char *p = line; *p != '\0'; p++)
			if (isxdigit((unsigned char)*p) && n < 2 * DOC_MAX)
				hex[n++] = *p;
	}
	fclose(f);
	hex[n] = '\0';
	return n % 2 == 0 ? vec_unhex(hex, out, cap) : 0;
}

static inline void
doc_check(const char *name, const void *p, size_t n)
{
	static uint8_t page[DOC_MAX];
	size_t got = doc_read(name, page, sizeof(page));
	const uint8_t *b = p;
	bool same = got == n && memcmp(page, p, n) == 0;

	if (getenv("ZK_DOC_PRINT") != NULL) {
		printf("@ %s\n", name);
		for (size_t i = 0; i < n; i++)
			printf("%02x%s", b[i], i % 16 == 15 || i + 1 == n ?
			    "\n" : i % 8 == 7 ? "  " : " ");
		printf("@\n");
	}
	if (!same)
		printf("# example %s: the page has %zu bytes, not these %zu\n",
		    name, got, n);
	CHECK(same);
}

/* The file of the example: "hello\n", packed as it is. */
static inline struct op
doc_create(const struct opid *parent)
{
	struct op op;

	memset(&op, 0, sizeof(op));
	op.type = OP_CREATE;
	op.kind = NODE_FILE;
	op.has_mode = true;
	op.mode = 0644;
	op.has_mtime = true;
	op.mtime_sec = 1767225600;
	op.mtime_nsec = 5;
	op.parent = *parent;
	op.name = (const uint8_t *)"a.txt";
	op.name_len = 5;
	op.content.form = CONTENT_INLINE;
	op.content.size = 6;
	chunk_hash(0, "hello\n", 6, op.content.hash);
	op.content.data = (const uint8_t *)"\0hello\n";
	op.content.data_len = 7;
	op.wall_ms = 1767225600000;
	return op;
}

#endif

/*
 * What most tests of a relay begin with: one relay and the keys of one space.
 */
#ifndef ZK_TESTS_UNIT_RELAYONE_H
#define ZK_TESTS_UNIT_RELAYONE_H

#include "relaycall.h"

/* A good request without its last line. */
#define OK "GET /v1/health HTTP/1.1\r\nHost: x\r\n"

static struct kit kit;
static struct kit_space space;

static inline void
one_begin(void)
{
	kit_init(&kit);
	kit_space_init(&space);
}

/* Starts the relay and creates the space. */
static inline bool
one_up(void)
{
	return kit_start(&kit) && kit_create(&kit, &space, "") == 201;
}

static inline void
one_end(void)
{
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit_end(&kit);
	kit_space_free(&space);
}

/* Takes a page; the number of segments in it. */
static inline unsigned
one_page(struct target *t, bool *more)
{
	struct kit_reply r;
	struct msg_page page;
	const uint8_t *seg;
	size_t len;
	struct rd rd;

	memset(&page, 0, sizeof(page));
	*more = false;
	CHECK(kit_call(&kit, &space, t, NULL, 0, NULL, &r) == 200);
	rd_init(&rd, r.body, r.len);
	CHECK(msg_page_start(&rd, &page) == ZK_OK);
	for (uint32_t i = 0; i < page.count; i++)
		CHECK(msg_page_seg(&rd, &seg, &len) == ZK_OK);
	CHECK(rd_end(&rd) == ZK_OK);
	*more = page.more;
	memcpy(t->mark, page.mark, page.mark_len);
	t->mark_len = page.mark_len;
	kit_reply_free(&r);
	return page.count;
}

#endif

/* Nodes counted once, also when there are more than a set holds. */
#include "sync/nodeset.h"

#include <string.h>

#include "crdt/op.h"
#include "test.h"

static struct opid
node(uint64_t i)
{
	struct opid id;

	/* the first id has the 8 bytes that mean a free slot */
	memset(&id, 0, sizeof(id));
	i *= UINT64_C(0x9e3779b97f4a7c15);
	memcpy(id.b + 12, &i, sizeof(i));
	return id;
}

static void
test_once(void)
{
	struct nodeset s = { 0 };
	struct opid id;

	for (uint64_t i = 0; i < 5000; i++) {
		id = node(i);
		CHECK(nodeset_add(&s, &id));
		CHECK(!nodeset_add(&s, &id));
	}
	for (uint64_t i = 0; i < 5000; i++) {
		id = node(i);
		CHECK(!nodeset_add(&s, &id));
	}
	CHECK(s.n == 5000 && s.n <= s.cap / 2);
	nodeset_release(&s);
	CHECK(s.slot == NULL && s.n == 0);
}

static void
test_bound(void)
{
	struct nodeset s = { 0 };
	size_t fresh = 0;
	struct opid id;

	for (uint64_t i = 0; i < 700000; i++) {
		id = node(i);
		fresh += nodeset_add(&s, &id);
	}
	CHECK(fresh == 700000);
	CHECK(s.cap * sizeof(*s.slot) <= 8u << 20);
	/* those that came first are known still, the last are not */
	id = node(1);
	CHECK(!nodeset_add(&s, &id));
	id = node(699999);
	CHECK(nodeset_add(&s, &id));
	nodeset_release(&s);
}

TESTS(
    { "once", test_once },
    { "bound", test_bound },
)

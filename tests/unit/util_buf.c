/* Buffers, the bounded reader, and that each reads what the other wrote. */
#include <stdint.h>

#include "tests/unit/test.h"
#include "util/buf.h"
#include "util/rd.h"

static void
check(const struct buf *b)
{
	CHECK(b->len <= b->max && b->cap <= b->max + 1);
	/* so that buf_cstr needs no memory, which might be out */
	CHECK(b->len < b->cap || b->cap == 0);
	CHECK((b->data == NULL) == (b->cap == 0));
}

static void
test_limits(void)
{
	struct buf b;

	buf_init(&b, 10);
	check(&b);
	CHECK(buf_put(&b, "0123456789", 10) == ZK_OK && b.len == 10);
	check(&b);
	CHECK(buf_err(&b) == ZK_OK);
	CHECK(buf_u8(&b, 1) == ZK_ELIMIT && b.len == 10);
	/* the failure sticks, even where there would be room */
	CHECK(buf_put(&b, NULL, 0) == ZK_ELIMIT);
	buf_truncate(&b, 5);
	CHECK(buf_u8(&b, 1) == ZK_ELIMIT && buf_err(&b) == ZK_ELIMIT);
	buf_reset(&b);
	CHECK(buf_u8(&b, 1) == ZK_OK && b.len == 1);
	CHECK(buf_reserve(&b, SIZE_MAX) == ZK_ELIMIT);
	check(&b);
	buf_release(&b);
	CHECK(b.max == 10 && b.data == NULL && buf_err(&b) == ZK_OK);

	buf_init(&b, 0);
	CHECK(buf_put(&b, NULL, 0) == ZK_OK && buf_u8(&b, 0) == ZK_ELIMIT);
	buf_release(&b);
}

static void
test_growth(void)
{
	struct buf b;

	buf_init(&b, 1000003);
	for (unsigned i = 0; i < 1000003; i++) {
		if (buf_u8(&b, (uint8_t)(i * 7)) != ZK_OK)
			FAIL("append");
		if (i < 300)
			check(&b);
	}
	check(&b);
	CHECK(b.len == 1000003 && b.data[999999] == (uint8_t)(999999u * 7));
	CHECK(buf_u8(&b, 0) == ZK_ELIMIT);
	buf_release(&b);
}

static void
test_text(void)
{
	struct buf b;

	buf_init(&b, 12);
	CHECK(strcmp(buf_cstr(&b), "") == 0 && b.len == 0);
	CHECK(buf_printf(&b, "%s-%d", "abc", 42) == ZK_OK);
	CHECK(strcmp(buf_cstr(&b), "abc-42") == 0 && b.len == 6);
	CHECK(buf_printf(&b, "%s", "") == ZK_OK);
	/* to the very end, and its NUL beyond */
	CHECK(buf_printf(&b, "%06d", 7) == ZK_OK && b.len == 12);
	CHECK(strcmp(buf_cstr(&b), "abc-42000007") == 0);
	check(&b);
	CHECK(buf_printf(&b, "x") == ZK_ELIMIT);
	CHECK(strcmp(buf_cstr(&b), "abc-42000007") == 0);
	buf_release(&b);
}

static void
test_take(void)
{
	struct buf a, b;
	uint8_t *p;
	size_t n;

	buf_init(&a, 8);
	buf_init_secret(&b, 16);
	CHECK(buf_str(&a, "aa") == ZK_OK && buf_str(&b, "bbb") == ZK_OK);
	buf_swap(&a, &b);
	CHECK(a.len == 3 && a.wipe && a.max == 16 && b.len == 2 && !b.wipe);
	p = buf_take(&a, &n);
	CHECK(n == 3 && memcmp(p, "bbb", 3) == 0);
	CHECK(a.len == 0 && a.data == NULL && a.wipe && a.max == 16);
	free(p);
	buf_release(&a);
	buf_release(&b);
}

/* What a secret buffer gave up holds nothing of it. */
static void
test_wipe(void)
{
	struct buf b;

	buf_init_secret(&b, 4096);
	CHECK(buf_str(&b, "very secret") == ZK_OK);
	buf_truncate(&b, 4);
	CHECK(memcmp(b.data, "very\0\0\0\0\0\0\0", 11) == 0);
	buf_reset(&b);
	CHECK(b.len == 0 && memcmp(b.data, "\0\0\0\0", 4) == 0);
	CHECK(buf_zero(&b, 3000) == ZK_OK && b.data[2999] == 0);
	buf_release(&b);
	CHECK(b.wipe);
}

static void
test_numbers(void)
{
	static const uint64_t v[] = { 0, 1, 127, 128, 300, 16383, 16384,
		UINT32_MAX, UINT64_MAX >> 1, UINT64_MAX };
	struct buf b;
	struct rd r;

	buf_init(&b, 1000);
	CHECK(buf_u8(&b, 0xab) == ZK_OK && buf_u16(&b, 0x1234) == ZK_OK);
	CHECK(buf_u32(&b, 0xdeadbeef) == ZK_OK);
	CHECK(buf_u64(&b, UINT64_C(0x0123456789abcdef)) == ZK_OK);
	CHECK(memcmp(b.data, "\xab\x34\x12\xef\xbe\xad\xde", 7) == 0);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		CHECK(buf_varint(&b, v[i]) == ZK_OK);
	CHECK(buf_lp(&b, "xyz", 3) == ZK_OK);
	rd_init(&r, b.data, b.len);
	CHECK(rd_u8(&r) == 0xab && rd_u16(&r) == 0x1234);
	CHECK(rd_u32(&r) == 0xdeadbeef);
	CHECK(rd_u64(&r) == UINT64_C(0x0123456789abcdef));
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		CHECK(rd_varint(&r, UINT64_MAX) == v[i]);
	CHECK(rd_more(&r) && rd_end(&r) == ZK_EFORMAT);
	for (size_t n = 0, i = 0; i < 1; i++) {
		const uint8_t *p = rd_lp(&r, 3, &n);

		CHECK(n == 3 && p != NULL && memcmp(p, "xyz", 3) == 0);
	}
	CHECK(!rd_more(&r) && rd_end(&r) == ZK_OK);
	buf_release(&b);
}

static bool
varint_fails(const char *in, size_t n, uint64_t max)
{
	struct rd r;
	uint64_t v;

	rd_init(&r, in, n);
	v = rd_varint(&r, max);
	return v == 0 && rd_end(&r) == ZK_EFORMAT && !rd_more(&r);
}

static void
test_varint_bad(void)
{
	CHECK(varint_fails("", 0, 1));
	CHECK(varint_fails("\x80", 1, 100));
	CHECK(varint_fails("\x80\x00", 2, 100));	/* not the shortest */
	CHECK(varint_fails("\xff\x80\x00", 3, UINT64_MAX));
	CHECK(varint_fails("\x05", 1, 4));
	/* 2^64 and more */
	CHECK(varint_fails("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10,
	    UINT64_MAX));
	CHECK(varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
	    UINT64_MAX));
}

static void
test_reader_bad(void)
{
	uint8_t out[4] = { 1, 2, 3, 4 };
	struct rd r, sub;
	size_t n = 9;

	rd_init(&r, "\x05" "abcd", 5);
	CHECK(rd_lp(&r, 10, &n) == NULL && n == 0);
	/* sticky: nothing can be read any more, all are zeros */
	CHECK(rd_u8(&r) == 0 && rd_bytes(&r, 0) == NULL && !rd_more(&r));
	rd_copy(&r, out, 4);
	CHECK(memcmp(out, "\0\0\0\0", 4) == 0 && rd_end(&r) == ZK_EFORMAT);

	rd_init(&r, "abc", 3);
	CHECK(rd_u32(&r) == 0 && rd_end(&r) == ZK_EFORMAT);

	rd_init(&r, "abc", 3);
	rd_fail(&r, ZK_EVERSION);
	rd_fail(&r, ZK_ELIMIT);
	CHECK(rd_end(&r) == ZK_EVERSION);

	rd_init(&r, "abcd", 4);
	rd_sub(&r, 3, &sub);
	CHECK(rd_u16(&sub) == 0x6261 && rd_end(&sub) == ZK_EFORMAT);
	CHECK(rd_u8(&sub) == 'c' && rd_end(&sub) == ZK_OK);
	CHECK(rd_u8(&sub) == 0 && rd_end(&sub) == ZK_EFORMAT);
	CHECK(rd_u8(&r) == 'd' && rd_end(&r) == ZK_OK);
	rd_init(&r, "ab", 2);
	rd_sub(&r, 3, &sub);
	CHECK(rd_end(&sub) == ZK_EFORMAT && rd_end(&r) == ZK_EFORMAT);

	rd_init(&r, NULL, 0);
	CHECK(rd_end(&r) == ZK_OK && rd_bytes(&r, 0) != NULL);
	CHECK(rd_bytes(&r, SIZE_MAX) == NULL);
}

/* Byte by byte it grows by doubling, with a terminator asked for or not. */
static void
test_doubling(void)
{
	struct buf b;
	size_t grown = 0;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++) {
		size_t cap = b.cap;

		NEED(buf_u8(&b, 'x') == ZK_OK);
		grown += b.cap != cap;
	}
	CHECK(grown < 24);
	CHECK(buf_cstr(&b)[b.len] == '\0' && b.len == 1 << 20);
	CHECK(buf_u8(&b, 'x') == ZK_ELIMIT);
	buf_release(&b);
}

TESTS(
    { "doubling", test_doubling },
    { "limits", test_limits },
    { "growth", test_growth },
    { "text", test_text },
    { "take", test_take },
    { "wipe", test_wipe },
    { "numbers", test_numbers },
    { "varint-bad", test_varint_bad },
    { "reader-bad", test_reader_bad },
)

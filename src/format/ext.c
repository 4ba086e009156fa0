#include <stdbool.h>

#include "format/ext.h"
#include "util/rd.h"

enum zk_err
ext_check(const uint8_t *p, size_t n)
{
	bool critical = false;
	uint64_t next = 0;
	struct rd r;
	enum zk_err e;

	if (n == 0)
		return ZK_EFORMAT;
	rd_init(&r, p, n);
	while (rd_more(&r)) {
		uint64_t type = rd_varint(&r, UINT32_MAX);
		size_t len;

		rd_lp(&r, n, &len);
		if (type < next)
			rd_fail(&r, ZK_EFORMAT);
		next = type + 1;
		critical |= type % 2 == 1;
	}
	e = rd_end(&r);
	if (e != ZK_OK)
		return e;
	return critical ? ZK_EVERSION : ZK_OK;
}

const uint8_t *
ext_get(struct rd *r, size_t max, size_t *n)
{
	const uint8_t *p = rd_lp(r, max, n);
	enum zk_err e;

	if (r->err != ZK_OK || *n == 0)
		return p;
	e = ext_check(p, *n);
	if (e != ZK_OK)
		rd_fail(r, e);
	return p;
}

/* Stat data as base keeps and compares them. */
#include <string.h>

#include "store/basedb_int.h"

static uint8_t *
put64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + 8;
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + 4;
}

static uint64_t
get64(const uint8_t **p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)(*p)[i] << 8 * i;
	*p += 8;
	return v;
}

static uint32_t
get32(const uint8_t **p)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v |= (uint32_t)(*p)[i] << 8 * i;
	*p += 4;
	return v;
}

static uint8_t *
put_time(uint8_t *p, const struct env_time *t)
{
	p = put64(p, (uint64_t)t->sec);
	return put32(p, t->nsec);
}

static void
get_time(const uint8_t **p, struct env_time *t)
{
	t->sec = (int64_t)get64(p);
	t->nsec = get32(p);
}

void
basedb_stat_put(const struct base_stat *st, uint8_t out[static BASEDB_STAT_LEN])
{
	uint8_t *p = out;

	p = put64(p, st->ino);
	p = put64(p, st->size);
	p = put32(p, st->mode);
	p = put_time(p, &st->mtime);
	p = put_time(p, &st->ctime);
	p = put_time(p, &st->btime);
	put64(p, st->fsid);
	memset(out + 64, 0, BASEDB_STAT_LEN - 64);
}

void
basedb_stat_get(const uint8_t *p, struct base_stat *st)
{
	st->ino = get64(&p);
	st->size = get64(&p);
	st->mode = get32(&p);
	get_time(&p, &st->mtime);
	get_time(&p, &st->ctime);
	get_time(&p, &st->btime);
	st->fsid = get64(&p);
}

void
base_stat_from(const struct env_stat *st, struct base_stat *out)
{
	memset(out, 0, sizeof(*out));
	out->ino = st->ino;
	out->size = st->size;
	out->mode = st->mode;
	out->mtime = st->mtime;
	out->ctime = st->ctime;
	out->btime = st->btime;
}

static bool
same_time(const struct env_time *a, const struct env_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

bool
base_stat_same(const struct base_stat *a, const struct env_stat *st)
{
	return a->ino == st->ino && a->size == st->size &&
	    a->mode == st->mode && same_time(&a->mtime, &st->mtime) &&
	    same_time(&a->ctime, &st->ctime);
}

/* True if t is later than ns nanoseconds before seen. */
static bool
is_recent(const struct env_time *t, const struct env_time *seen, int64_t ns)
{
	int64_t sec = seen->sec - ns / 1000000000;
	int64_t nsec = (int64_t)seen->nsec - ns % 1000000000;

	if (nsec < 0) {
		nsec += 1000000000;
		sec--;
	}
	return t->sec != sec ? t->sec > sec : (int64_t)t->nsec >= nsec;
}

bool
base_racy(const struct env_stat *st, struct env_time seen, bool applied)
{
	bool coarse = st->mtime.nsec == 0 && st->ctime.nsec == 0;
	int64_t ns = coarse ? INT64_C(2000000000) : INT64_C(20000000);

	if (is_recent(&st->mtime, &seen, ns))
		return true;
	return !applied && is_recent(&st->ctime, &seen, ns);
}

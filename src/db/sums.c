/* Page checksums under SQLite.  See sums.h. */
#include "db/sums.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SUMS_NAME "zk-sums"
#define PLAIN_NAME "zk-plain"

/* The file that does the work lies behind this one in the same memory. */
struct sums_file {
	sqlite3_file base;
	uint8_t *page;			/* what is written; grown on demand */
	int page_len;
	bool sums;			/* its pages have them: no WAL */
	sqlite3_int64 bad;		/* page that failed last */
	unsigned long refused;		/* reads that the system refused */
};

static sqlite3_file *
real(sqlite3_file *f)
{
	return (sqlite3_file *)(void *)((struct sums_file *)(void *)f + 1);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/*
 * Two running sums, each step of which can be undone: any change that stays
 * within 8 bytes gives another result, any other one with 1 - 2^-64.
 */
static void
page_sum(const uint8_t *p, int n, sqlite3_int64 pgno,
    uint8_t out[static SUMS_LEN])
{
	uint32_t a = (uint32_t)pgno, b = UINT32_C(0x7a6b7631);

	for (int i = 0; i < n - SUMS_LEN; i += 8) {
		a += get32(p + i) + b;
		b += get32(p + i + 4) + a;
	}
	for (unsigned i = 0; i < 4; i++) {
		out[i] = (uint8_t)(a >> 8 * i);
		out[4 + i] = (uint8_t)(b >> 8 * i);
	}
}

/* SQLite reads and writes its file in pages but for the first 100 bytes. */
static bool
is_page(int n, sqlite3_int64 off)
{
	return n >= 512 && (n & (n - 1)) == 0 && off % n == 0;
}

static bool
all_zero(const uint8_t *p, int n)
{
	return p[0] == 0 && memcmp(p, p + 1, (size_t)n - 1) == 0;
}

static int
sums_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 off)
{
	struct sums_file *s = (struct sums_file *)(void *)f;
	uint8_t want[SUMS_LEN];
	int rc = real(f)->pMethods->xRead(real(f), buf, n, off);

	/* SQLite would call the database malformed, which it need not be */
	if (rc == SQLITE_IOERR_CORRUPTFS)
		rc = SQLITE_IOERR_READ;
	if (rc == SQLITE_IOERR_READ)
		s->refused++;
	if (rc != SQLITE_OK || !s->sums || !is_page(n, off))
		return rc;
	page_sum(buf, n, off / n + 1, want);
	if (memcmp((uint8_t *)buf + n - SUMS_LEN, want, SUMS_LEN) == 0 ||
	    all_zero(buf, n))
		return SQLITE_OK;
	s->bad = off / n + 1;
	return SQLITE_IOERR_DATA;
}

static int
sums_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 off)
{
	struct sums_file *s = (struct sums_file *)(void *)f;

	if (!s->sums || !is_page(n, off))
		return real(f)->pMethods->xWrite(real(f), buf, n, off);
	if (s->page_len < n) {
		uint8_t *p = sqlite3_realloc(s->page, n);

		if (p == NULL)
			return SQLITE_IOERR_NOMEM;
		s->page = p;
		s->page_len = n;
	}
	memcpy(s->page, buf, (size_t)n - SUMS_LEN);
	page_sum(s->page, n, off / n + 1, s->page + n - SUMS_LEN);
	return real(f)->pMethods->xWrite(real(f), s->page, n, off);
}

static int
sums_close(sqlite3_file *f)
{
	struct sums_file *s = (struct sums_file *)(void *)f;

	sqlite3_free(s->page);
	s->page = NULL;
	s->page_len = 0;
	return real(f)->pMethods->xClose(real(f));
}

/* The rest is handed on as it is. */

static int
sums_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return real(f)->pMethods->xTruncate(real(f), n);
}

static int
sums_sync(sqlite3_file *f, int flags)
{
	return real(f)->pMethods->xSync(real(f), flags);
}

static int
sums_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return real(f)->pMethods->xFileSize(real(f), n);
}

static int
sums_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int
sums_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int
sums_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int
sums_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int
sums_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int
sums_traits(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int
sums_shm_map(sqlite3_file *f, int page, int size, int extend,
    void volatile **out)
{
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int
sums_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}

static void
sums_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int
sums_shm_unmap(sqlite3_file *f, int del)
{
	return real(f)->pMethods->xShmUnmap(real(f), del);
}

/* Version 2: with WAL, without the mapping that would go past xRead. */
static const sqlite3_io_methods sums_methods = {
	.iVersion = 2,
	.xClose = sums_close,
	.xRead = sums_read,
	.xWrite = sums_write,
	.xTruncate = sums_truncate,
	.xSync = sums_sync,
	.xFileSize = sums_size,
	.xLock = sums_lock,
	.xUnlock = sums_unlock,
	.xCheckReservedLock = sums_reserved,
	.xFileControl = sums_control,
	.xSectorSize = sums_sector,
	.xDeviceCharacteristics = sums_traits,
	.xShmMap = sums_shm_map,
	.xShmLock = sums_shm_lock,
	.xShmBarrier = sums_shm_barrier,
	.xShmUnmap = sums_shm_unmap,
};

static int
sums_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	sqlite3_vfs *under = vfs->pAppData;
	struct sums_file *s = (struct sums_file *)(void *)f;
	int rc;

	if ((flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
		return under->xOpen(under, name, f, flags, out);
	memset(s, 0, sizeof(*s));
	s->sums = (flags & SQLITE_OPEN_MAIN_DB) != 0 &&
	    strcmp(vfs->zName, SUMS_NAME) == 0;
	memset(real(f), 0, (size_t)under->szOsFile);
	rc = under->xOpen(under, name, real(f), flags, out);
	/* SQLite closes what has methods, also after a failure */
	if (real(f)->pMethods != NULL)
		s->base.pMethods = &sums_methods;
	return rc;
}

static void
make_vfs(sqlite3_vfs *vfs, const char *name, sqlite3_vfs *under)
{
	*vfs = *under;
	vfs->szOsFile = under->szOsFile + (int)sizeof(struct sums_file);
	vfs->zName = name;
	vfs->pNext = NULL;
	vfs->pAppData = under;
	vfs->xOpen = sums_open;
}

/* SQLite links its VFSs through these: what is not const here. */
static sqlite3_vfs vfs[2];
static bool ready;

/*
 * Before SQLite is first used: its books on its memory, which nobody here
 * reads, take a lock for each allocation, 6 % of a round.
 */
static void
begin(void)
{
	sqlite3_vfs *under;

	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	under = sqlite3_vfs_find(NULL);
	if (under == NULL)
		return;
	make_vfs(&vfs[0], PLAIN_NAME, under);
	make_vfs(&vfs[1], SUMS_NAME, under);
	ready = sqlite3_vfs_register(&vfs[0], 0) == SQLITE_OK &&
	    sqlite3_vfs_register(&vfs[1], 0) == SQLITE_OK;
}

const char *
sums_vfs(bool sums)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, begin);
	return !ready ? NULL : sums ? SUMS_NAME : PLAIN_NAME;
}

static struct sums_file *
main_file(sqlite3 *h)
{
	sqlite3_file *f = NULL;

	if (sqlite3_file_control(h, "main", SQLITE_FCNTL_FILE_POINTER, &f) !=
	    SQLITE_OK || f == NULL || f->pMethods != &sums_methods)
		return NULL;
	return (struct sums_file *)(void *)f;
}

sqlite3_int64
sums_bad_page(sqlite3 *h)
{
	struct sums_file *s = main_file(h);

	return s == NULL ? 0 : s->bad;
}

unsigned long
sums_refused(sqlite3 *h)
{
	struct sums_file *s = main_file(h);

	return s == NULL ? 0 : s->refused;
}

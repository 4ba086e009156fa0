/*
 * Page checksums under SQLite: a VFS that gives every page of a database file
 * a sum when it is written and checks it when it is read, so that a byte that
 * went bad on the disk is never taken for data.  SQLite has no checks of its
 * own on what lies in a page.
 *
 * The sum covers the page and its number and stands in the last SUMS_LEN
 * bytes of the page, which SQLite leaves alone once a database was made with
 * so many reserved.  The WAL has sums of its own and is passed through, as
 * are temporary files.  A page of zeroes alone counts as never written.
 *
 * What the disk refuses to read is SQLITE_IOERR_READ here, of the file and of
 * its WAL, with sums or without; by itself SQLite says of an EIO that the
 * database is malformed.
 *
 * Not a defence against someone who can write the file: the sum has no key.
 */
#ifndef ZK_DB_SUMS_H
#define ZK_DB_SUMS_H

#include <sqlite3.h>
#include <stdbool.h>

#define SUMS_LEN 8	/* bytes reserved at the end of each page */

/*
 * The name of the VFS, with sums or without, registered on first use, which
 * also sets SQLite up for this program; NULL if that fails.
 */
const char *sums_vfs(bool sums);

/*
 * The page of main, a database opened with that VFS, that last failed its
 * check; 0: none did.
 */
sqlite3_int64 sums_bad_page(sqlite3 *h);

/* How many reads of its file the system has refused so far. */
unsigned long sums_refused(sqlite3 *h);

#endif

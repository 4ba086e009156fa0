/*
 * Finds moved files among the differences of a scan: the same inode and
 * birth time, else non-empty content that exactly one vanished and one
 * appeared file share.  Directories were found by the scan.
 */
#ifndef ZK_TREE_MOVES_H
#define ZK_TREE_MOVES_H

#include "store/diffdb.h"
#include "tree/read.h"

/*
 * Turns pairs of NEW and VANISHED into MOVED (path is the new place).  The
 * content of a MOVED file may have changed too: with equal stat data (but
 * ctime) and no racy flag it has not, else compare after reading.  Reads
 * only appeared files whose size a vanished one has; the hashes found stay
 * with the differences (hash_known).  Files that cannot be read are passed
 * over.
 */
ZK_CHECKED enum zk_err moves_find(struct root *root, struct db *db,
    const struct read_hasher *h);

#endif

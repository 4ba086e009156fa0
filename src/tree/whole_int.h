/*
 * What whole.c (a tree on the disk into its stat and stream) and
 * whole_write.c (the other way) share.  For them alone.
 */
#ifndef ZK_TREE_WHOLE_INT_H
#define ZK_TREE_WHOLE_INT_H

#include "crypto/hash.h"
#include "tree/whole.h"

#define WHOLE_BLOCK (64u * 1024)	/* of files, read and written */

/* The digest of what stat says, as it grows, in the order of the stream. */
struct whole_digest {
	struct hash h;
	struct env_time seen;	/* clock before the first stat */
	bool applied;		/* zk itself wrote it, and set the times */
	bool racy;
};

void whole_digest_init(struct whole_digest *d, struct env *env,
    bool applied);
void whole_digest_add(struct whole_digest *d, uint8_t type, const char *name,
    const struct env_stat *st);
/* Behind the last entry of a directory. */
void whole_digest_leave(struct whole_digest *d);
/* What whole_stat says, of a directory with that stat. */
void whole_digest_final(struct whole_digest *d, const struct env_stat *top,
    struct whole *out);

bool whole_is_zero(const uint8_t *p, size_t n);

#endif

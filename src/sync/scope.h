/*
 * Which paths a round is about: those at or below the ones that were named.
 * Internal to sync/.  Paths are relative to the root, "" is the root itself.
 */
#ifndef ZK_SYNC_SCOPE_H
#define ZK_SYNC_SCOPE_H

#include <stdbool.h>

#include "sync/round.h"

/* a is b or a directory above it. */
bool scope_covers(const char *a, const char *b);

/*
 * True for a path at or below one that was named, and for a conflict copy
 * beside one, as far as its name shows what it is a copy of; for every path
 * if none was named.
 */
bool scope_has(const struct round *rd, const char *path);

/* True for a directory above a path that was named. */
bool scope_above(const struct round *rd, const char *path);

#endif

/*
 * Listings of a folder remote in memory, sorted: the segments of a log, the
 * logs, the hints.
 */
#ifndef ZK_TRANSPORT_FOLDER_LIST_H
#define ZK_TRANSPORT_FOLDER_LIST_H

#include "transport/folder_dir.h"

/* One name: which of its fields are set depends on the listing. */
struct folder_name {
	uint8_t log[TRANSPORT_NAME_LEN];
	uint64_t seq;
	uint8_t hash[TRANSPORT_NAME_LEN];
};

struct folder_list {
	struct folder_name *v;	/* sorted by log, seq, hash; owned */
	size_t n;
	size_t cap;
};

/* Frees it; l is empty afterwards. */
void folder_list_release(struct folder_list *l);

/*
 * Fills an empty l: the segments of log (none if it has no directory), the
 * logs under seg/, the hints under head/, what logs were begun behind under
 * begin/.  Names of another form are left out.
 */
ZK_CHECKED enum zk_err folder_list_segs(struct folder *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], struct folder_list *l);
ZK_CHECKED enum zk_err folder_list_logs(struct folder *f,
    struct folder_list *l);
ZK_CHECKED enum zk_err folder_list_hints(struct folder *f,
    struct folder_list *l);

ZK_CHECKED enum zk_err folder_list_begun(struct folder *f,
    struct folder_list *l);

/* Adds one name at its place. */
ZK_CHECKED enum zk_err folder_list_add(struct folder_list *l,
    const struct folder_name *n);

/* The first index whose (log, seq) is not below the one given. */
size_t folder_list_find(const struct folder_list *l,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq);

/* The highest name of a log, lent until l changes; NULL. */
const struct folder_name *folder_list_last(const struct folder_list *l,
    const uint8_t log[static TRANSPORT_NAME_LEN]);

/*
 * Whether the log has this hash at seq; *other, unless other is NULL, is set
 * where it has another one.
 */
bool folder_list_holds(const struct folder_list *l,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN], bool *other);

/* A sum over all names, the same for the same listing (FNV-1a, 64 bits). */
uint64_t folder_list_sum(const struct folder_list *l);

#endif

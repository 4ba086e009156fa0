/*
 * Pairing as the command line calls it: a vault that admits a device, and a
 * folder that becomes a vault by being admitted.  The talk between the two
 * is sync/pair.h; here it meets transports, records and the state on disk.
 */
#ifndef ZK_SYNC_JOIN_H
#define ZK_SYNC_JOIN_H

#include <stddef.h>

#include "sync/pair.h"
#include "sync/sync.h"
#include "util/err.h"

/*
 * Shows a code over the first remote that can be reached and admits one
 * device.  Failed attempts are counted in the vault; after PAIR_TRIES of
 * them ui->invite gets an empty code.  On ZK_OK the add record is on that
 * remote and *out filled.  ZK_EUSAGE: the vault has no remote.  The rest as
 * pair_show.
 */
ZK_CHECKED enum zk_err sync_pair(struct vault *v, const struct sync_opts *o,
    const struct pair_ui *ui, struct pair_result *out);

/* Borrowed for the call. */
struct vault_join_opts {
	struct env *env;
	const char *dir;	/* made if absent; may hold files */
	const char *state_home;
	const char *name;	/* of this device; NULL: the host's name */
	const struct pair_code *code;
	/*
	 * Where to meet: URLs, or HOST:PORT for a relay whose key is not
	 * known yet; tried in order.  May be none if the code is a link.
	 */
	const char *const *urls;
	size_t urls_n;
	const struct sync_opts *net;	/* timeout, proxy; may be NULL */
	const struct pair_ui *ui;
};

/*
 * Joins the vault that the code belongs to and makes dir its root here, with
 * an empty base and the member's remotes.  Nothing is left behind on
 * failure.  ZK_EEXIST: dir lies in a vault already.  ZK_EUSAGE: no remote is
 * known, or one that is malformed.  The rest as pair_join.
 */
ZK_CHECKED enum zk_err vault_join(const struct vault_join_opts *o,
    struct pair_result *out);

#endif

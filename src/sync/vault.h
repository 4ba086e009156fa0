/*
 * The inside of an open vault, shared by the files of sync/ alone.
 *
 * Invariants: the database, the keys file and members agree at the start
 * and end of every function of sync.h; no transaction is open between
 * calls; log is the pair whose seed keys_log has and log_id its id.
 */
#ifndef ZK_SYNC_VAULT_H
#define ZK_SYNC_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "format/keys.h"
#include "format/member.h"
#include "format/record.h"
#include "store/keys.h"
#include "store/treedb.h"
#include "sync/segcache.h"
#include "sync/sync.h"
#include "transport/transport.h"
#include "tree/root.h"
#include "util/buf.h"
#include "util/env.h"

#define VAULT_ID_LEN 32
#define VAULT_RECORDS_MAX 4096
/* What to do about damage, %s being the state directory. */
#define VAULT_DAMAGED "what this device holds in '%s' is damaged: restore it " \
    "from a backup, or join again as a new device with 'zk pair --join' " \
    "into an empty folder"

/* Opens a remote; transport_open unless a test puts itself in between. */
typedef enum zk_err vault_opener(void *arg, const char *url,
    const struct transport_opts *opts, struct transport **out);

struct vault {
	struct env *env;
	struct root *root;
	struct db *db;
	struct treedb *td;
	struct tree *tree;		/* td's */
	struct segcache *cache;
	struct keys *keys;
	struct device_keys *dev;
	struct signkey *space;
	struct signkey *log;		/* pair of the current log */
	uint8_t log_id[VAULT_ID_LEN];
	uint8_t locator[VAULT_ID_LEN];
	struct record **recs;		/* held, in the order they came */
	size_t recs_n;
	struct members *members;	/* over recs */
	char *state_dir;		/* absolute */
	int state_fd;			/* of state_dir */
	int lock_fd;			/* held; -1 without */
	/* a dry run was begun, see sync.h, or it is open without the lock */
	bool dry;
	bool told_unfit;		/* of an epoch key that is none */
	char name[SYNC_NAME_MAX + 1];	/* this device's */
	vault_opener *opener;
	void *opener_arg;
};

/* Its id, 32 bytes. */
const uint8_t *vault_id(const struct vault *v);
/* This device's id. */
const uint8_t *vault_device(const struct vault *v);

/*
 * Opens the parts of a vault whose root and state directory are there: what
 * vault_open does after finding and locking.  Takes nothing over.
 */
ZK_CHECKED enum zk_err vault_open_parts(struct vault *v);

/*
 * For the simulator: a vault over parts at hand, in place of files.  dir is
 * the root (absolute, made by root_create), state a directory for the keys.
 * Takes keys and db over, also on failure.
 */
struct vault_parts {
	struct env *env;
	const char *dir;
	const char *state;
	struct keys *keys;
	struct db *db;
	vault_opener *opener;
	void *opener_arg;
};
ZK_CHECKED enum zk_err vault_assemble(const struct vault_parts *p,
    struct vault **out);

/* The state directory of a marker below state_home: a new string. */
ZK_CHECKED enum zk_err vault_state_path(const char *state_home,
    const uint8_t marker[static BASE_MARKER_LEN], char **out);

/* An absolute path for dir (relative to the working directory). */
ZK_CHECKED enum zk_err vault_abs(const char *dir, char **out);

/* Sets log, log_id from the keys.  After keys_new_log. */
ZK_CHECKED enum zk_err vault_log_open(struct vault *v);

/*
 * A new vault on this device's disk: root, state directory, keys, database
 * (sync/init.c).  All borrowed for the call.
 */
struct vault_make {
	struct env *env;
	const char *dir;		/* made if absent */
	const char *state_home;
	const char *name;		/* of this device; NULL: the host's */
	const struct keys *keys;	/* in a vault already */
	const uint8_t *const *recs;	/* stored records, genesis first */
	const size_t *recs_len;
	size_t recs_n;
	const char *const *urls;	/* remotes, in order */
	size_t urls_n;
};

/* What vault_make found missing and made, so that it can be taken back. */
struct vault_made {
	bool dir;		/* the directory itself */
	size_t state_there;	/* bytes of state_home that were there */
};

/*
 * Makes it, durably.  Nothing is left behind on failure.  ZK_EEXIST
 * (logged): dir is in a vault already.  ZK_EUSAGE: a bad name.
 */
ZK_CHECKED enum zk_err vault_make(const struct vault_make *m,
    struct vault_made *made);

/*
 * True while vault_make is at work in root, or was interrupted: the file
 * VAULT_MAKING is in its .zk.
 */
#define VAULT_MAKING "making"
bool vault_is_making(struct env *env, const struct root *root);

/* Takes back what vault_make made; what was there before stays. */
void vault_unmake(struct env *env, const char *dir, const char *state_home,
    const struct vault_made *made);

/* The host's name, cut to what a device name may be. */
void vault_host_name(char out[static SYNC_NAME_MAX + 1]);

/* ZK_EUSAGE (logged) unless name is fit for a device. */
ZK_CHECKED enum zk_err vault_name_check(const char *name);

/* Records (sync/records.c) ---------------------------------------------- */

/* Opens every record held and computes members; takes epoch keys out. */
ZK_CHECKED enum zk_err records_load(struct vault *v);

/*
 * Takes in one record as stored bytes: checks its name and form, stores it
 * and recomputes.  ZK_EEXIST: held already.  ZK_EREFUSED, ZK_ETAMPER,
 * ZK_EFORMAT, ZK_EVERSION: not taken in.  Opens its own transaction.
 */
ZK_CHECKED enum zk_err records_add(struct vault *v,
    const uint8_t name[static 32], const void *p, size_t n);

/* What a record by this device needs; lends from v. */
void records_ctx(const struct vault *v, struct record_ctx *out);

/* Every epoch key held, for grants: at most max; returns how many. */
size_t records_epochs(const struct vault *v, struct epoch_key *out,
    size_t max);

/* Writing under the best epoch whose key is held.  ZK_EGAP: none. */
ZK_CHECKED enum zk_err records_epoch(const struct vault *v,
    const struct key **E, uint8_t id[static 32]);

/* seg_keys.find over the keys held. */
enum zk_err records_find_epoch(void *vault, const uint8_t prefix[static 16],
    const struct key **epoch, uint8_t epoch_id[static 32]);

#endif

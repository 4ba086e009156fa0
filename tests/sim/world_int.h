/*
 * What world.c (rounds and judging), world_make.c (the vault) and
 * world_edit.c (what users do) share.  For them alone.
 */
#ifndef ZK_TESTS_SIM_WORLD_INT_H
#define ZK_TESTS_SIM_WORLD_INT_H

#include "sync/vault.h"
#include "tests/sim/world.h"
#include "transport/remote_fake.h"
#include "util/env_fake.h"

#define WORLD_CONTENTS 512		/* written in one run, at most */

struct device {
	struct fake *fake;
	struct env *env;
	struct vault *v;
	unsigned life[WORLD_REMOTES]; /* of each remote, that it knows */
	bool cut;		/* its machine stopped; no round since */
};

struct world {
	uint64_t seed;
	const struct world_opts *o;
	struct fake *dice;	/* only for choices of the test */
	struct remote_fake *remote[WORLD_REMOTES];
	unsigned life[WORLD_REMOTES]; /* grows when it is lost and replaced */
	struct remote_fake_faults faults; /* of all, in fair weather */
	struct device d[WORLD_DEVICES];
	unsigned contents;
	bool retired[WORLD_CONTENTS];
	bool cut[WORLD_CONTENTS]; /* may be as old as its machine's stop */
	bool loud;
	uint64_t asks;		/* until a round is stopped; 0: never */
	unsigned sent[WORLD_DEVICES]; /* messages recorded by each */
	int64_t sum;		/* added to the counter of values.h */
	bool gap;		/* at rest something is nowhere: world_gap */
};

extern const char *const world_names[WORLD_DEVICES];

/* False, and says what failed, if r is not ZK_OK. */
bool world_ok(struct world *w, enum zk_err r, const char *what);

/* world_make.c ----------------------------------------------------------- */

/* The URL of a remote in its life. */
const char *world_url(unsigned remote, unsigned life, char out[static 32]);

/* Devices and remotes; false, said, if that fails. */
bool world_make(struct world *w);
void world_free(struct world *w);

/* A vault_opener for the remotes in their present lives. */
enum zk_err world_opener(void *world, const char *url,
    const struct transport_opts *opts, struct transport **out);

/* Opens device i over its disk; keys NULL: those in its file.  Takes both. */
bool world_open(struct world *w, unsigned i, struct keys *keys,
    struct db *db);
/* Closes a device; what its database holds stays, in *db. */
void world_close(struct device *d, struct db **db);

/* One more for world_operations. */
void world_operation(void);
/* Adds to what world_calls says. */
void world_count(uint64_t n);

/* newcomer.c ------------------------------------------------------------- */

/*
 * A device with an empty disk and database that reads this remote alone comes
 * to the tree that the others have.
 */
bool world_newcomer(struct world *w, unsigned remote);

/* world_gap.c ------------------------------------------------------------ */

/*
 * Whether device i lacks content that was only on a lost remote.  False, and
 * says so, if a disk has it.
 */
bool world_gap(struct world *w, unsigned i);

/* world_edit.c ----------------------------------------------------------- */

/* A path of a file, or of a directory. */
void world_pick(struct world *w, char *out, size_t cap, bool dir);
/* One change of this device's user. */
void world_edit(struct world *w, struct device *d);
/* Something takes the place of what is removed: a file, or a directory. */
void world_trade(struct world *w, struct env *env);

/* The tree below path as text, in order of names; marks contents seen. */
void world_dump(struct env *env, const char *path, struct buf *out,
    bool *seen);

#endif

/* Where a landing has contents from: remotes, or what was staged before. */
#include "sync/download.h"
#include "sync/round.h"
#include "tree/apply.h"
#include "util/io.h"

static void
moved(void *arg, uint64_t bytes)
{
	round_moved(arg, SYNC_APPLY, bytes);
}

static bool
stop(void *arg)
{
	return round_stopped(arg);
}

void
land_sources(struct round *rd, struct download_remote *from,
    struct download_opts *out)
{
	*out = (struct download_opts){ .env = rd->v->env, .db = rd->v->db,
		.vault = vault_id(rd->v), .remotes = from, .moved = moved,
		.stop = stop, .arg = rd };
	for (size_t i = 0; i < rd->remotes_n; i++)
		if (rd->remotes[i]->err == ZK_OK)
			from[out->remotes_n++] = (struct download_remote){
			    rd->remotes[i]->t, rd->remotes[i]->info.id };
}

enum zk_err
land_download(struct round *rd, bool spare, struct download **out)
{
	struct download_remote from[SYNC_REMOTES_MAX];
	struct download_opts o;

	land_sources(rd, from, &o);
	o.spare = spare;
	return download_new(&o, out);
}

enum zk_err
land_staged(struct round *rd, const uint8_t hash[static HASH_LEN],
    struct buf *out)
{
	char name[APPLY_STAGE_NAME];
	int tmp = rd->staged ? root_tmp(rd->v->root) : -1;

	if (tmp < 0)
		return ZK_ENOENT;
	apply_stage_name(hash, name);
	return io_read_file(rd->v->env, tmp, name, out);
}

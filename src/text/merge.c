/* Merging texts.  See merge.h. */
#include "text/merge.h"

#include <stdlib.h>

#include "text/replay.h"

static enum zk_err
put_runs(const struct replay *m, const uint8_t *base,
    const struct merge_version *versions, struct buf *out)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct replay_run *run = &m->runs[i];
		const uint8_t *from = run->version == REPLAY_BASE ? base :
		    versions[run->version].script->ins.data;

		(void)buf_put(out, from + run->off, run->len);
	}
	return buf_err(out);
}

enum zk_err
text_merge(const uint8_t *base, size_t base_len,
    const struct merge_version *versions, size_t n, struct buf *out)
{
	struct replay_version *v = NULL;
	struct replay m = { .n = 0 };
	enum zk_err r;

	if (base_len > TEXT_MAX)
		return ZK_EFORMAT;
	if (n > REPLAY_VERSIONS)
		return ZK_ELIMIT;
	v = calloc(n + 1, sizeof(*v));
	if (v == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct replay_version){
		    .parents = versions[i].parents,
		    .parents_n = versions[i].parents_n,
		    .edits = versions[i].script->edits,
		    .edits_n = (uint32_t)versions[i].script->n,
		    .rank = (uint32_t)i };
	r = replay_run((uint32_t)base_len, v, n, NULL, &m);
	if (r == ZK_OK && m.units > TEXT_MAX)
		r = ZK_ELIMIT;
	if (r == ZK_OK)
		r = put_runs(&m, base, versions, out);
	replay_release(&m);
	free(v);
	return r;
}

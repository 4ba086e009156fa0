/*
 * Merging texts: versions with their edit scripts, over the last text that
 * all of them have in their past.
 */
#ifndef ZK_TEXT_MERGE_H
#define ZK_TEXT_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "text/script.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * A version: script was made against the merged text of the parents.  In the
 * array the versions stand in the order of their ids, parents before their
 * children; of concurrent insertions at one place that of the lower index
 * comes first.  Two with the same parents and the same text are one version,
 * for the caller to unite: merged as two they insert everything twice.
 */
struct merge_version {
	const uint32_t *parents; /* indices below its own; none: the base */
	uint32_t parents_n;
	const struct script *script;
};

/*
 * Appends the text that all n versions together make of base, which is text.
 * If each script applies to the merged text of its version's parents
 * (script_apply), the result is text but for its length.  ZK_EFORMAT: a
 * parent that is no lower index, or a script that reaches beyond its text;
 * ZK_ELIMIT: the result is over TEXT_MAX or what out may hold, or
 * there is more than replay_run takes; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err text_merge(const uint8_t *base, size_t base_len,
    const struct merge_version *versions, size_t n, struct buf *out);

#endif

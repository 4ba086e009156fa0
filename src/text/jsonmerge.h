/*
 * Merging concurrent versions of a document of JSON by its structure.
 *
 * The rules are in zk-merge(7), JSON: members of objects by name, elements of
 * arrays by equal value or by an "id" or "key" of their own, insertions all
 * kept, an edit beats a deletion, scalars are registers.  Bytes of values
 * that one version alone changed, or none, are taken as they stand, so that
 * numbers, escapes and layout are never written anew; what comes together is
 * laid out as jsonout.h says.
 *
 * Pure: the result is a function of the bytes and the order of the versions.
 * Devices merge each for themselves: where one decides otherwise what rules
 * leave open (which longest subsequence myers.h finds, when it gives up, how
 * jsondoc.c spreads its table), the two merges are merged in their turn, with
 * the elements that they have in other places twice.  So none of it changes.
 * merge(b; x) and merge(b; x, x) and merge(b; b, x) are x; a version that is
 * equal to the base changes nothing wherever it stands; the result is a
 * document, and laid out as the versions if all have one layout.  Merging in
 * pairs that are adjacent in the order gives an equal value to merging all at
 * once, as long as it does not refuse, no version reorders members or
 * elements or deletes elements, and no value stands twice among the elements
 * of an array, its insertions and the base (what matches what is then a
 * choice).  With deletions the same holds but for the order of insertions.
 */
#ifndef ZK_TEXT_JSONMERGE_H
#define ZK_TEXT_JSONMERGE_H

#include <stddef.h>
#include <stdint.h>

#include "text/jsondoc.h"
#include "util/buf.h"
#include "util/err.h"

#define JSONMERGE_VERSIONS (JSONDOC_DOCS - 1)

struct jsonmerge_version {
	const uint8_t *text;
	size_t len;
};

/*
 * Appends what the n versions, at least 1, together make of base.  All are
 * concurrent and made from base; they stand in the order of their ids, and of
 * two that set one scalar the later one wins, of two that insert at one place
 * the earlier one's comes first.  An empty base says that there was no value.
 *
 * ZK_EREFUSED: they do not merge by structure, and out is as it was.  One is
 * no JSON that jsondoc.h reads, more than JSONMERGE_VERSIONS, a value became
 * an array here and an object there, or the result is over JSONDOC_MAX.
 * ZK_ELIMIT: out has no room for JSONDOC_MAX more bytes; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err jsonmerge(const uint8_t *base, size_t base_len,
    const struct jsonmerge_version *versions, size_t n, struct buf *out);

#endif

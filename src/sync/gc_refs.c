/* Which blobs an op refers to.  See gc.h. */
#include <stdlib.h>

#include "sync/gc.h"

static enum zk_err
of_alias(const struct op *op, const struct gc_refs *to)
{
	struct logop_alias a;
	enum zk_err r = logop_alias_decode(op->body, op->body_len, &a);

	if (r == ZK_OK)
		r = to->one(to->arg, op, &a, false);
	explicit_bzero(&a, sizeof(a));
	return r;
}

static enum zk_err
of_fork(const struct op *op, const struct gc_refs *to)
{
	struct logop_fork *f = malloc(sizeof(*f));
	enum zk_err r = f == NULL ? ZK_ENOMEM :
	    logop_fork_decode(op->body, op->body_len, f);

	for (size_t i = 0; r == ZK_OK && i < f->n; i++)
		if (f->seg[i].stored == NULL)
			r = to->one(to->arg, op, &f->seg[i].blob, true);
	free(f);
	return r;
}

enum zk_err
gc_refs(const struct op *op, const struct gc_refs *to)
{
	switch (op->type) {
	case OP_CREATE:
	case OP_EDIT:
	case OP_MSG:	/* in no tree, so needed until it expires */
		return op->content.form == CONTENT_MANIFEST ?
		    to->content(to->arg, op) : ZK_OK;
	case OP_ALIAS:
		return of_alias(op, to);
	case OP_FORK:
		return of_fork(op, to);
	case OP_MOVE:
	case OP_ATTR:
	case OP_REMOVE:
	case OP_DROP:
	case OP_KEEP:
	case OP_SPLIT:
	case OP_LOG:
	case OP_NAME:
	case OP_SETTING:
	case OP_KV_SET:
	case OP_KV_ADD:
	case OP_KV_TOTAL:
	case OP_KV_PUSH:
	case OP_KV_REMOVE:
	case OP_CHANNEL:
	case OP_CONDEMN:
	case OP_CHECKPOINT:	/* gc_mark.c looks at these by themselves */
		return ZK_OK;
	default:
		return ZK_EVERSION;
	}
}

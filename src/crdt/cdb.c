#include "crdt/cdb.h"

void
cdb_birth(const struct cdb_node *node, struct cdb_op *out)
{
	memset(out, 0, sizeof(*out));
	out->o = node->n;
	out->id = node->id;
	out->node = node->n;
	out->type = node->split ? OP_SPLIT : OP_CREATE;
	if (!node->split)
		out->regs |= REG_PLACE | REG_ATTR;
	if (node->kind != NODE_DIR) {
		out->regs |= REG_CONTENT;
		out->vertex = node->n;
	}
	out->heads = node->heads;
	out->flags = node->flags;
	out->has_mode = node->has_mode;
	out->has_mtime = node->has_mtime;
	out->mode = node->mode;
	out->mtime_sec = node->mtime_sec;
	out->mtime_nsec = node->mtime_nsec;
	out->content = node->content;
	memcpy(out->device, node->device, sizeof(out->device));
	out->wall_ms = node->wall_ms;
}

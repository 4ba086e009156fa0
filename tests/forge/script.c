/* The lines of a script.  See main.c. */
#include <stdlib.h>
#include <string.h>

#include "format/chunk.h"
#include "format/op.h"
#include "tests/forge/checkpoint.h"
#include "tests/forge/forge.h"

size_t
unhex(const char *s, uint8_t *out)
{
	size_t n = 0;
	unsigned v;

	if (s == NULL)
		die("a word is missing", ZK_EUSAGE);
	if (strcmp(s, "-") == 0)
		return 0;
	for (; s[0] != '\0' && s[1] != '\0' && n < FORGE_TEXT; s += 2) {
		char two[3] = { s[0], s[1], '\0' };

		v = (unsigned)strtoul(two, NULL, 16);
		out[n++] = (uint8_t)v;
	}
	return n;
}

char *
word(char **rest)
{
	char *w = strtok_r(NULL, " \n", rest);

	if (w == NULL)
		die("a word is missing", ZK_EUSAGE);
	return w;
}

static struct opid
ref(const struct forge *f, const char *w)
{
	struct opid id;
	size_t i;

	memset(&id, 0, sizeof(id));
	if (strcmp(w, "root") == 0)
		return id;
	if (w[0] == '@' && strlen(w) == 1 + 2 * OPID_LEN) {
		(void)unhex(w + 1, id.b);
		return id;
	}
	i = strtoul(w, NULL, 10);
	if (i >= f->n)
		die("reference to a later op", ZK_EUSAGE);
	return f->id[i];
}

static void
content(struct forge *f, struct op *op, const char *text)
{
	size_t n = unhex(text, f->data + 1);

	f->data[0] = 0;	/* packed as it is */
	op->content.form = CONTENT_INLINE;
	op->content.size = n;
	chunk_hash(0, f->data + 1, n, op->content.hash);
	op->content.data = f->data;
	op->content.data_len = n + 1;
}

static void
read_create(struct forge *f, struct op *op, char **rest)
{
	op->type = OP_CREATE;
	op->kind = (uint8_t)strtoul(word(rest), NULL, 10);
	op->parent = ref(f, word(rest));
	op->name_len = unhex(word(rest), f->name);
	op->has_mode = true;
	op->mode = (uint16_t)strtoul(word(rest), NULL, 8);
	op->has_mtime = true;
	op->mtime_sec = strtoll(word(rest), NULL, 10);
	op->mtime_nsec = (uint32_t)strtoul(word(rest), NULL, 10);
	if (op->kind != NODE_DIR)
		content(f, op, word(rest));
}

static void
read_checkpoint(struct forge *f, struct op *op, char **rest)
{
	const char *cut = word(rest);
	enum zk_err r;

	buf_release(&f->cut);
	buf_release(&f->stream);
	buf_init(&f->cut, FORGE_BODY_MAX);
	buf_init(&f->stream, OP_DATA_MAX);
	r = forge_checkpoint(f->v, cut, word(rest), op, &f->cut, &f->stream);
	if (r != ZK_OK)
		die("a checkpoint", r);
}

void
read_op(struct forge *f, char *line, struct op *op, struct opid *refs)
{
	char *rest, *verb = strtok_r(line, " \n", &rest);

	memset(op, 0, sizeof(*op));
	op->name = f->name;
	op->wall_ms = f->row.wall_ms;
	if (verb == NULL)
		die("empty line", ZK_EUSAGE);
	op->ext = f->ext;
	op->ext_len = f->ext_len;
	f->ext_len = 0;
	if (strcmp(verb, "create") == 0) {
		read_create(f, op, &rest);
		return;
	}
	if (strcmp(verb, "type") == 0) {
		op->type = (uint8_t)strtoul(word(&rest), NULL, 10);
		return;
	}
	if (strcmp(verb, "checkpoint") == 0) {
		read_checkpoint(f, op, &rest);
		return;
	}
	if (strcmp(verb, "message") == 0) {
		uint64_t size = 0;

		op->type = OP_MSG;
		op->body_len = unhex(word(&rest), f->name);
		op->body = f->name;
		size = strtoull(word(&rest), NULL, 10);
		content(f, op, word(&rest));
		op->content.size = size;
		return;
	}
	if (strcmp(verb, "value") == 0) {
		op->type = (uint8_t)strtoul(word(&rest), NULL, 10);
		op->node = *refs = ref(f, word(&rest));
		op->content_refs = refs;
		op->content_refs_n = opid_is_root(refs) ? 0 : 1;
		op->body_len = unhex(word(&rest), f->data);
		op->body = f->data;
		return;
	}
	op->node = ref(f, word(&rest));
	*refs = op->node;
	op->place_refs = refs;
	op->place_refs_n = opid_is_root(refs) ? 0 : 1;
	if (strcmp(verb, "remove") == 0) {
		op->type = OP_REMOVE;
		op->content_refs = refs;
		op->content_refs_n = op->place_refs_n;
	} else if (strcmp(verb, "move") == 0) {
		op->type = OP_MOVE;
		op->parent = ref(f, word(&rest));
		op->name_len = unhex(word(&rest), f->name);
	} else if (strcmp(verb, "edit") == 0 || strcmp(verb, "text") == 0) {
		uint64_t size = strtoull(word(&rest), NULL, 10);

		op->type = OP_EDIT;
		op->place_refs_n = 0;
		op->content_refs = refs;
		op->content_refs_n = 1;
		content(f, op, word(&rest));
		op->content.size = size;
		if (verb[0] == 't') {
			op->content.merge = MERGE_TEXT;
			op->content.script = f->script;
			op->content.script_len = unhex(word(&rest), f->script);
		}
	} else {
		die(verb, ZK_EUSAGE);
	}
}

#include "tree/kinds.h"

#include <stdlib.h>
#include <string.h>

#include "tree/attrs.h"
#include "tree/read.h"
#include "util/buf.h"
#include "util/log.h"

struct kinds {
	struct root *root;
	char *dir;		/* the directory that list is for; or NULL */
	struct attrs *list;
	bool warned;
};

enum zk_err
kinds_new(struct root *root, struct kinds **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return ZK_ENOMEM;
	(*out)->root = root;
	return ZK_OK;
}

static void
forget(struct kinds *k)
{
	attrs_unref(k->list);
	free(k->dir);
	k->list = NULL;
	k->dir = NULL;
}

void
kinds_free(struct kinds *k)
{
	if (k == NULL)
		return;
	forget(k);
	free(k);
}

static void
warn(struct kinds *k, const char *dir)
{
	enum attrs_odd why = ATTRS_ODD_NONE;
	size_t line = attrs_odd(k->list, &why);

	if (line == 0 || k->warned)
		return;
	log_warn("'%s%s%s', line %zu: %s", dir, dir[0] == '\0' ? "" : "/",
	    ATTRS_FILE, line, attrs_odd_text(why));
	k->warned = true;
}

static enum zk_err
add_dir(struct kinds *k, const char *dir)
{
	struct attrs *list = NULL;
	struct buf text;
	bool found = false;
	enum zk_err r = ZK_EBUG;

	buf_init(&text, ATTRS_BYTES_MAX + 1);
	r = read_rules(k->root, dir, ATTRS_FILE, ATTRS_BYTES_MAX, &text,
	    &found);
	if (r == ZK_OK && text.len > 0)
		r = attrs_new(k->list, dir, text.data, text.len, &list);
	buf_release(&text);
	if (list == NULL)
		return r;
	attrs_unref(k->list);
	k->list = list;
	warn(k, dir);
	return r;
}

static enum zk_err
load(struct kinds *k, const char *path, size_t n)
{
	enum zk_err r = ZK_OK;
	char *dir = NULL;

	forget(k);
	dir = strndup(path, n);
	if (dir == NULL)
		return ZK_ENOMEM;
	r = add_dir(k, "");
	for (size_t i = 1; i <= n && r == ZK_OK; i++) {
		char was = dir[i];

		if (was != '/' && was != '\0')
			continue;
		dir[i] = '\0';
		r = add_dir(k, dir);
		dir[i] = was;
	}
	if (r == ZK_OK)
		k->dir = dir;
	else
		free(dir);
	return r;
}

enum zk_err
kinds_of(struct kinds *k, const char *path, enum merge_kind *out)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;
	enum zk_err r = ZK_OK;

	*out = MERGE_COPY;
	if (k->dir == NULL || strncmp(k->dir, path, n) != 0 ||
	    k->dir[n] != '\0')
		r = load(k, path, n);
	if (r != ZK_OK)
		return r;
	switch (attrs_lookup(k->list, path).merge) {
	case ATTRS_MERGE_COPY:
		break;
	case ATTRS_MERGE_JSON:
		*out = MERGE_JSON;
		break;
	default:
		*out = MERGE_TEXT;
		break;
	}
	return ZK_OK;
}

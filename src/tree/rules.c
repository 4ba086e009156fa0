#include "tree/rules.h"

#include <stdlib.h>
#include <string.h>

#include "tree/ignore.h"
#include "tree/read.h"

struct rules {
	struct root *root;
	struct db *db;
	bool loaded;
	char *dir;		/* the directory that ig is for */
	struct ignore *ig;
};

enum zk_err
rules_new(struct root *root, struct db *db, struct rules **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return ZK_ENOMEM;
	(*out)->root = root;
	(*out)->db = db;
	return ZK_OK;
}

void
rules_forget(struct rules *r)
{
	if (r == NULL)
		return;
	ignore_unref(r->ig);
	free(r->dir);
	r->ig = NULL;
	r->dir = NULL;
	r->loaded = false;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	rules_forget(r);
	free(r);
}

/* Adds the list of one directory. */
static enum zk_err
add_dir(struct rules *r, const char *dir)
{
	struct base_entry e;
	struct ignore *ig = NULL;
	struct buf text;
	bool found;
	enum zk_err err;

	buf_init(&text, IGNORE_BYTES_MAX + 1);
	err = read_rules(r->root, dir, IGNORE_FILE, IGNORE_BYTES_MAX, &text,
	    &found);
	if (err == ZK_OK && !found) {
		err = base_find_path(r->db, dir, &e);
		if (err == ZK_OK && e.rules_len > 0)
			err = buf_put(&text, e.rules, e.rules_len);
		else if (err == ZK_ENOENT)
			err = ZK_OK;
	}
	if (err == ZK_OK && text.len > 0)
		err = ignore_new(r->ig, dir, text.data, text.len, &ig);
	buf_release(&text);
	if (ig != NULL) {
		ignore_unref(r->ig);
		r->ig = ig;
	}
	return err;
}

static enum zk_err
load(struct rules *r, const char *dir, size_t n)
{
	struct ignore *ig = NULL;
	struct buf local;
	enum zk_err err;

	rules_forget(r);
	buf_init(&local, IGNORE_BYTES_MAX);
	err = root_local_ignore(r->root, &local);
	if (err == ZK_OK && local.len > 0)
		err = ignore_new(NULL, "", local.data, local.len, &ig);
	buf_release(&local);
	r->ig = ig;
	r->dir = strndup(dir, n);
	if (r->dir == NULL)
		return ZK_ENOMEM;
	if (err == ZK_OK)
		err = add_dir(r, "");
	for (size_t i = 1; i <= n && err == ZK_OK; i++) {
		char was = r->dir[i];

		if (was != '/' && was != '\0')
			continue;
		r->dir[i] = '\0';
		err = add_dir(r, r->dir);
		r->dir[i] = was;
	}
	r->loaded = err == ZK_OK;
	return err;
}

enum zk_err
rules_ignored(struct rules *r, const char *path, bool is_dir, bool *ignored)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;
	enum zk_err err = ZK_OK;

	*ignored = false;
	if (!r->loaded || strncmp(r->dir, path, n) != 0 || r->dir[n] != '\0')
		err = load(r, path, n);
	if (err == ZK_OK)
		*ignored = ignore_covers(r->ig, path, is_dir);
	return err;
}

/*
 * What the disk makes of the names that a plan has: it may find something
 * else under one, give what is made another one, or refuse it.  Found out
 * when it happens, and noted, so that the next plan knows better.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/apply_int.h"
#include "tree/shown.h"
#include "util/path.h"

/* What the disk calls what it finds at t->path: t->shown, if not so. */
static enum shown
other_name(struct apply *a, struct act *t)
{
	enum shown what = SHOWN_NOT;
	const char *name;
	struct buf b;
	int fd;

	buf_init(&b, 4096);
	if (apply_at(a, t->path, &fd, &name) == ZK_OK)
		what = shown_name(a->env, fd, name, &b);
	if (what == SHOWN_OTHER)
		t->shown = strdup(buf_cstr(&b));
	buf_release(&b);
	return what == SHOWN_OTHER && t->shown == NULL ? SHOWN_NOT : what;
}

bool
apply_folded(struct apply *a, struct act *t)
{
	enum shown what = SHOWN_NOT;

	if (t->how != ALIAS_PLAIN)
		return true;
	what = other_name(a, t);
	if (what == SHOWN_OTHER)
		t->how = ALIAS_SAME;
	/* it is taken, by whatever it may be */
	if (what == SHOWN_HIDDEN)
		t->how = ALIAS_NEVER;
	return t->how != ALIAS_PLAIN;
}

enum zk_err
apply_shown_path(const struct act *t, char **out)
{
	size_t dir = (size_t)(path_last(t->path) - t->path);
	const char *name = t->shown != NULL ? t->shown : path_last(t->path);
	size_t n = strlen(name) + 1;

	*out = malloc(dir + n);
	if (*out == NULL)
		return ZK_ENOMEM;
	memcpy(*out, t->path, dir);
	memcpy(*out + dir, name, n);
	return ZK_OK;
}

enum zk_err
apply_refused(struct apply *a, struct act *t, int e)
{
	int tmp = root_tmp(a->root);
	enum zk_err r = err_from_errno(-e);

	if (tmp < 0 || !shown_refused(a->env, tmp, path_last(t->path), e))
		return r;
	t->how = ALIAS_NEVER;
	return ZK_ECHANGED;
}

/* Whether the file system of what was just made leaves names alone. */
static bool
is_exact(struct apply *a, const struct act *t)
{
	struct env_stat st;
	int tmp = root_tmp(a->root);

	if (tmp < 0 || env_fstat(a->env, tmp, &st) < 0 ||
	    st.dev != t->st.dev)
		return false;
	if (!a->tried || a->tried_dev != st.dev) {
		a->exact = shown_exact(a->env, tmp);
		a->tried_dev = st.dev;
		a->tried = true;
	}
	return a->exact;
}

enum zk_err
apply_came_out(struct apply *a, struct act *t)
{
	const char *name = path_last(t->path);
	char *path = NULL;
	enum zk_err r;

	if (!shown_doubtful(name, strlen(name)) || is_exact(a, t))
		return ZK_OK;
	if (other_name(a, t) != SHOWN_OTHER)
		return ZK_OK;
	t->how = ALIAS_SHOWN;
	r = apply_shown_path(t, &path);
	if (r != ZK_OK)
		return r;
	free(t->path);
	t->path = path;
	return ZK_OK;
}

enum zk_err
apply_note_form(struct apply *a, struct act *t)
{
	const char *shown = t->shown != NULL ? t->shown : "";
	int64_t dir = 0;
	enum zk_err r = ZK_OK;

	/* an intent does not say what was asked for */
	if (t->s == NULL || t->s->name_len == 0)
		return ZK_OK;
	r = apply_parent_row(a, t, t->path, &dir);
	if (r == ZK_OK)
		r = aliasdb_form_put(a->db, dir, t->s->name, t->s->name_len,
		    t->how, shown, strlen(shown));
	if (r == ZK_OK)
		a->res->learned++;
	return r;
}

/* New content in the place of old: by exchange, or in several steps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tree/apply_int.h"

/*
 * Where two names cannot be exchanged: the old content is copied aside
 * first, so that the path never is without one.
 */
static int
replace_by_copy(struct apply *a, const struct act *t,
    const struct env_stat *old)
{
	const char *name, *tmp;
	char *aside = NULL;
	struct env_stat now;
	int fd, e = -ENOMEM, at, to = -1;

	if (apply_tmp_name(a, t->path, "o", &aside) != ZK_OK)
		return -ENOMEM;
	e = apply_at(a, aside, &at, &tmp) != ZK_OK ? at : 0;
	/* lent until the next one is asked for */
	if (e == 0)
		e = to = env_openat(a->env, at, ".", O_RDONLY | O_DIRECTORY, 0);
	if (e >= 0)
		e = apply_at(a, t->path, &fd, &name) != ZK_OK ? fd : 0;
	if (e < 0)
		goto out;
	e = trash_copy(a->env, fd, name, to, tmp);
	if (e == 0)
		e = env_statat(a->env, fd, name, &now);
	if (e == 0 && !apply_same_file(&now, old))
		e = -ESTALE;
	if (e == 0)
		e = apply_rename(a, t->tmp, t->path, 0);
	if (e == 0)
		e = apply_rename(a, aside, t->tmp, RENAME_NOREPLACE);
out:
	if (to >= 0)
		(void)env_close(a->env, to);
	free(aside);
	return e;
}

/* Exchanges tmp and path, which is to be as before says; it is at tmp then. */
static enum zk_err
exchange(struct apply *a, struct act *t, const struct env_stat *before)
{
	struct env_stat now;
	bool staged = t->staged, copied = false;
	int e;

	/* from here on tmp may hold what is not ours to throw away */
	t->staged = false;
	e = apply_rename(a, t->tmp, t->path, RENAME_EXCHANGE);
	if (e == -EINVAL || e == -ENOSYS) {
		if (S_ISDIR(before->mode) || apply_is_tree(t))
			e = -EINVAL;
		else
			e = replace_by_copy(a, t, before);
		copied = e == 0;
	}
	if (e < 0)
		t->staged = staged;
	if (e < 0)
		return e == -ENOENT || e == -ESTALE ? ZK_ECHANGED :
		    err_from_errno(-e);
	/* was it still the same in that moment? */
	e = apply_stat(a, t->tmp, &now);
	if (e == 0 && copied) {
		t->st2 = now;
		return ZK_OK;
	}
	if (e == 0 && now.ino == before->ino && (S_ISDIR(now.mode) ||
	    apply_same_file(&now, before))) {
		t->st2 = now;
		t->trust2 = true;
		return ZK_OK;
	}
	e = apply_rename(a, t->tmp, t->path, RENAME_EXCHANGE);
	if (e < 0)
		return apply_to_trash(a, t->tmp, t->path) == ZK_OK ?
		    ZK_ECHANGED : ZK_EIO;
	t->staged = staged;
	return ZK_ECHANGED;
}

enum zk_err
apply_take_place(struct apply *a, struct act *t, int64_t row,
    const struct env_stat *before)
{
	char *second = NULL;
	enum zk_err r = exchange(a, t, before);
	int e;

	/* EINVAL has no code of its own */
	if (r != ZK_EIO)
		return r;
	/* no exchange on this file system: one after the other */
	r = apply_out_name(a, row, &second);
	if (r != ZK_OK)
		return r;
	e = apply_rename(a, t->path, second, RENAME_NOREPLACE);
	if (e == 0) {
		e = apply_rename(a, t->tmp, t->path, RENAME_NOREPLACE);
		if (e < 0)
			(void)apply_rename(a, second, t->path,
			    RENAME_NOREPLACE);
	}
	if (e == 0) {
		t->staged = false;
		e = apply_rename(a, second, t->tmp, RENAME_NOREPLACE);
	}
	free(second);
	if (e == 0)
		e = apply_stat(a, t->tmp, &t->st2);
	t->trust2 = e == 0 && t->st2.ino == before->ino;
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

/*
 * The old tree is out of its place: was it changed up to that moment?  Then
 * it goes back.
 */
static enum zk_err
check_old_tree(struct apply *a, struct act *t, const struct env_stat *old)
{
	int e;

	if (apply_tree_held(a, t->tmp, old))
		return ZK_OK;
	e = apply_rename(a, t->tmp, t->path, RENAME_EXCHANGE);
	if (e < 0)
		return apply_to_trash(a, t->tmp, t->path) == ZK_OK ?
		    ZK_ECHANGED : ZK_EIO;
	root_forget(a->root);
	t->staged = true;
	return ZK_ECHANGED;
}

enum zk_err
apply_do_replace(struct apply *a, struct act *t)
{
	struct env_stat staged = t->st, old;
	struct base_entry e;
	enum zk_err r = apply_check_row(a, t->row, t->path, &e, &old);
	bool was_tree = r == ZK_OK && e.kind == NODE_TREE;

	if (was_tree)
		apply_open_tree(a, t->path, &old);
	if (r == ZK_OK && (was_tree || apply_is_tree(t)))
		r = apply_take_place(a, t, t->row, &old);
	else if (r == ZK_OK)
		r = exchange(a, t, &old);
	root_forget(a->root);
	if (r == ZK_OK && was_tree)
		r = check_old_tree(a, t, &old);
	if (r != ZK_OK)
		return r;
	r = apply_to_trash(a, t->tmp, t->path);
	if (r != ZK_OK) {
		/* the old content must not be lost for want of a trash */
		t->staged = apply_rename(a, t->tmp, t->path,
		    RENAME_EXCHANGE) == 0;
		return r;
	}
	apply_take_stat(a, t, &staged);
	return ZK_OK;
}


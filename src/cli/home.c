#include "cli/home.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/env.h"

#define PASSWD_MAX (64u * 1024)	/* bytes of one passwd entry */

/* Appends the home directory of the passwd entry. */
static enum zk_err
passwd_home(struct buf *out)
{
	enum zk_err r = ZK_ENOENT;
	struct passwd pw, *found = NULL;
	char *mem = malloc(PASSWD_MAX);

	if (mem == NULL)
		return ZK_ENOMEM;
	if (getpwuid_r(getuid(), &pw, mem, PASSWD_MAX, &found) == 0 &&
	    found != NULL && found->pw_dir != NULL && found->pw_dir[0] == '/')
		r = buf_str(out, found->pw_dir);
	free(mem);
	return r;
}

static enum zk_err
home_dir(const char *var, const char *below, struct buf *out)
{
	enum zk_err r;
	const char *dir = env_var(var);

	if (dir != NULL && dir[0] == '/')
		return buf_str(out, dir);
	dir = env_var("HOME");
	r = dir != NULL && dir[0] == '/' ? buf_str(out, dir)
					 : passwd_home(out);
	return r == ZK_OK ? buf_str(out, below) : r;
}

enum zk_err
home_config(struct buf *out)
{
	return home_dir("XDG_CONFIG_HOME", "/.config", out);
}

enum zk_err
home_state(struct buf *out)
{
	return home_dir("XDG_STATE_HOME", "/.local/state", out);
}

/*
 * Where this user's files are, after the XDG base directory specification.
 * Without HOME the passwd entry counts; relative paths in the variables are
 * ignored, as the specification asks.
 */
#ifndef ZK_CLI_HOME_H
#define ZK_CLI_HOME_H

#include "util/buf.h"
#include "util/err.h"

/* Appends $XDG_CONFIG_HOME or ~/.config to out.  ZK_ENOENT: no home. */
ZK_CHECKED enum zk_err home_config(struct buf *out);

/* Appends $XDG_STATE_HOME or ~/.local/state to out.  ZK_ENOENT: no home. */
ZK_CHECKED enum zk_err home_state(struct buf *out);

#endif

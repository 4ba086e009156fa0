#!/bin/sh
# A vault in a folder that cannot be written: push works, pull tells; a
# state directory that cannot be written fails cleanly.
. "${0%/*}/lib.sh"

[ "$(id -u)" -ne 0 ] || need setpriv
chmod 711 "$T"
mkdir "$T/w"
[ "$(id -u)" -ne 0 ] || chown nobody "$T/w"
zk_nobody() {
	dev=$1
	shift
	as_nobody env HOME="$T/w/home" XDG_STATE_HOME="$T/w/state-$dev" \
	    "$ZK" -C "$T/w/$dev" "$@"
}
as_nobody mkdir "$T/w/home" "$T/w/a" "$T/w/a/sub"
expect 0 zk_nobody a -q init "$T/w/a" --name a --remote "file://$T/w/far"
as_nobody sh -c "echo 1 >'$T/w/a/f'; echo 2 >'$T/w/a/sub/g'"
expect 0 zk_nobody a push

# the folder is read-only; recording and pushing touch only the state
as_nobody sh -c "echo 3 >'$T/w/a/sub/g'; chmod a-w '$T/w/a/sub'"
expect 0 zk_nobody a push
expect 0 zk_nobody a status --check

# unreadable: skipped, named, 3, and never taken for deleted
as_nobody sh -c "echo 4 >'$T/w/a/secret'; chmod 0 '$T/w/a/secret'"
expect 3 zk_nobody a push
err_has secret
as_nobody chmod 0 "$T/w/a/sub"
expect 3 zk_nobody a push
expect 3 zk_nobody a push --json
! grep -q '"deleted":[1-9]' "$T/out" || fail "unreadable became deleted"
as_nobody chmod 700 "$T/w/a/sub" && as_nobody chmod 600 "$T/w/a/secret"
expect 0 zk_nobody a push

# the state cannot be written
as_nobody sh -c "chmod -R a-w '$T/w/state-a'"
zk_nobody a push >"$T/out" 2>"$T/err"
code=$?
[ "$code" -eq 1 ] || fail "status $code with a read-only state"
as_nobody sh -c "chmod -R u+w '$T/w/state-a'"
expect 0 zk_nobody a push

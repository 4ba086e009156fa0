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

# what has to be read to tell how it differs: it does, and the disk is named
as_nobody sh -c "touch -d 2001-01-01 '$T/w/a/secret'; chmod 0 '$T/w/a/secret'"
expect 3 zk_nobody a status
out_has "changed    secret"
err_has "skipped 'secret': permission denied"
expect 3 zk_nobody a push -n
err_has "skipped 'secret': permission denied"
expect 3 zk_nobody a push -v
[ "$(grep -c "skipped 'secret'" "$T/err")" -eq 1 ] || fail "said twice"
as_nobody chmod 600 "$T/w/a/secret"
expect 0 zk_nobody a push

# the state cannot be written
as_nobody sh -c "chmod -R a-w '$T/w/state-a'"
zk_nobody a push >"$T/out" 2>"$T/err"
code=$?
[ "$code" -eq 1 ] || fail "status $code with a read-only state"
as_nobody sh -c "chmod -R u+w '$T/w/state-a'"
expect 0 zk_nobody a push

# a folder that cannot be looked into is no folder without a vault
as_nobody sh -c "mkdir '$T/w/in' && chmod 500 '$T/w/in' && chmod 0 '$T/w/a'"
expect 1 zk_nobody a push
err_has "cannot look into '$T/w/a': permission denied"
expect 1 zk_nobody a init "$T/w/a"
err_has "cannot make a vault in '$T/w/a': permission denied"
expect 1 zk_nobody a init "$T/w/in"
err_has "cannot make a vault in '$T/w/in': permission denied"
as_nobody chmod 700 "$T/w/a"
as_nobody mkdir "$T/w/a/in"
as_nobody chmod 311 "$T/w/a/in"
expect 3 as_nobody env HOME="$T/w/home" XDG_STATE_HOME="$T/w/state-a" \
    "$ZK" -C "$T/w/a/in" status --offline

# nor is one gone that the vault was in
as_nobody sh -c "chmod 700 '$T/w/a/in' && cp -pR '$T/w/a' '$T/w/b' &&
    chmod 0 '$T/w/a'"
reattach() {
	as_nobody env HOME="$T/w/home" XDG_STATE_HOME="$T/w/state-a" \
	    "$ZK" init --reattach "$T/w/b"
}
expect 12 reattach
err_has "'$T/w/a' may still be there"
as_nobody sh -c "chmod 700 '$T/w/a' && rm -r '$T/w/a'"
expect 0 reattach

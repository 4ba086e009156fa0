#!/bin/sh
# A relay with --invite: who begins a vault on it needs the token, who is in
# one needs none; a token is given once and kept nowhere.
. "${0%/*}/lib.sh"

token=open-Sesame.7
relay_start --plain --invite "$token"
for wrong in "${token}x" "${token%7}" OPEN-sesame.7; do
	expect 12 "$ZK" init "$T/a" --remote "$relay_url" --invite "$wrong"
	err_has "give the right one with --invite"
	[ ! -e "$T/a" ] || fail "a vault was made with '$wrong'"
done
expect 12 "$ZK" init "$T/a" --remote "$relay_url"
err_has "an invite token is needed"

mkdir "$T/a"
echo hello >"$T/a/f"
XDG_STATE_HOME="$T/state-a" expect 0 "$ZK" init "$T/a" --name a \
    --remote "$relay_url" --invite "$token"
expect 0 as a push

# members: the one that began it, again, and one that joins
echo more >"$T/a/g"
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b
echo "from b" >"$T/b/h"
expect 0 as b sync
expect 0 as a sync
same_tree a b

# the same for a vault that is elsewhere already, and adds this one
device_init c "file://$T/far"
expect 12 as c remote add "$relay_url"
expect 12 as c remote add "$relay_url" --invite "${token}x"
expect 0 as c remote ls
! grep -qF "$relay_url" "$T/out" || fail "a remote that refused was kept"
expect 0 as c remote add "$relay_url" --invite "$token"
echo c >"$T/c/f"
expect 0 as c push
err_has "2 of 2 remotes"

# the same space twice is the same space; its members need no token
expect 0 as c remote rm "$relay_url"
expect 0 as c remote add "$relay_url"

! grep -rqF "$token" "$T"/state-* "$T/a" "$T/c" "$T/far" "$T/relay" \
    "$T/relay.log" || fail "the token was kept"
relay_stop

# without --invite none is asked for, and one that is given does no harm
relay_start --plain
XDG_STATE_HOME="$T/state-e" expect 0 "$ZK" init "$T/e" \
    --remote "$relay_url" --invite anything
XDG_STATE_HOME="$T/state-g" expect 0 "$ZK" init "$T/g" --remote "$relay_url"

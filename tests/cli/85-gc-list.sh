#!/bin/sh
# What a device that is lost with its index had sent and not published is
# found on the remote and freed, on a folder and on a relay; what one that
# only stopped had under way is not lost, whatever becomes of its blobs.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
need jq
holds=${BUILD:-$top/build}/tools/holds
[ -x "$holds" ] || skip "tools/holds is not built"
large() { head -c "${2:-150000}" /dev/urandom >"$1"; }
gc() { jq -r "select(.type == \"gc\") | .$1" "$T/out"; }
has() { # has MEMBER VALUE
	[ "$(gc "$1")" = "$2" ] || fail "$1 is $(gc "$1"): $(cat "$T/out")"
}
blobs() {
	if [ "$kind" = folder ]; then
		find "$T/far" -path '*/blob/*' -type f | wc -l
	else
		"$holds" "$T/relay" | sed 's/.* blobs=\([0-9]*\).*/\1/'
	fi
}
# under_way NAME FILE: NAME sends a part of that file, and is killed
under_way() {
	large "$T/$1/$2" 7000000
	had=$(blobs)
	LD_PRELOAD="$clock_so" XDG_STATE_HOME="$T/state-$1" "$ZK" -C "$T/$1" \
	    push --bwlimit 1M:1M >/dev/null 2>&1 &
	push_pid=$!
	had_pids=$pids
	pids="$pids $push_pid"
	tries=0
	while [ "$(blobs)" -lt $((had + 1)) ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "$1 sends nothing"
		sleep 0.05
	done
	kill -9 "$push_pid"
	wait "$push_pid" 2>/dev/null
	[ $? = 137 ] || fail "the push of $1 was over before it was killed"
	pids=$had_pids
}
# a and b share a few files on a remote
shared() {
	rm -rf "$T/a" "$T/c" "$T"/state-*
	late device_init a "$1"
	large "$T/a/canary-name"
	large "$T/a/other"
	expect 0 at a push
	late device_pair a b
	expect 0 at b pull
	expect 0 at a pull
}
# c, which comes anew, has all that a has
newcomer() {
	late device_pair a c
	expect 0 at c pull
	same_tree a c
	expect 0 at a verify
}

# b is lost with its index: its blobs go with the window, and no other
lost() {
	shared "$1"
	n=$(blobs)
	under_way b big
	left=$(blobs)
	[ "$left" -ge $((n + 1)) ] || fail "b left nothing"
	rm -rf "$T/b" "$T/state-b"
	expect 0 at a device park b
	expect 0 at a gc --json
	has condemned 0
	days 29
	expect 0 at a gc --json
	has condemned 0
	days 2
	expect 0 at a gc -n --json
	has condemned $((left - n))
	has deleted 0
	[ "$(blobs)" = "$left" ] || fail "deleted by a dry run, or too early"
	expect 0 at a gc --json
	has condemned $((left - n))
	has deleted $((left - n))
	[ "$(blobs)" = "$n" ] || fail "$(blobs) blobs are left of $left, not $n"
	expect 0 at a gc
	err_has "nothing to free"
	newcomer
}

kind=relay
late relay_start --plain
lost "$relay_url"
! grep -rqF canary-name "$T/relay" || fail "a name is on the relay"
kind=folder
lost "file://$T/far"
! grep -rqF canary-name "$T/far" || fail "a name is in the folder"

# c is killed, and goes on after its blobs were condemned, of which it has
# not heard: they are not deleted any more
expect 0 at a pull
n=$(blobs)
under_way c big
left=$(blobs)
expect 0 at a gc
days 31
expect 0 at a gc --json
has condemned $((left - n))
has deleted 0
expect 0 at a gc --json
has waiting $((left - n))
[ "$(jq -r 'select(.type == "waits") | .device' "$T/out")" = c ] ||
    fail "c is not waited for"
expect 0 at c push
expect 0 at c pull
expect 0 at a pull
expect 0 at a gc --json
has deleted 0
same_tree a c

# it is killed again, is parked, and comes back to find its blobs deleted: it
# sends them anew
n=$(blobs)
under_way c big2
left=$(blobs)
expect 0 at a device park c
expect 0 at a gc
days 31
expect 0 at a gc --json
has condemned $((left - n))
[ "$(blobs)" -le "$n" ] || fail "what a parked device left is not freed"
expect 0 at c push
expect 0 at a pull
same_tree a c
expect 0 at a verify
expect 0 at c verify

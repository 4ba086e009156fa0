#!/bin/sh
# Five devices: each is admitted by the one before, so any member can admit
# the next, and a device that was added by one that was added counts for all.
. "${0%/*}/lib.sh"
need jq

relay_start
device_init a "$relay_url"
echo a >"$T/a/from-a"
expect 0 as a push
last=a
for dev in b c d e; do
	device_pair "$last" "$dev"
	expect 0 as "$dev" pull
	[ "$(cat "$T/$dev/from-a")" = a ] || fail "$dev lacks what is there"
	echo "$dev" >"$T/$dev/from-$dev"
	expect 0 as "$dev" push
	last=$dev
done
for dev in a b c d e; do
	expect 0 as "$dev" sync
done
for dev in a b c d e; do
	expect 0 as "$dev" pull
	n=$(as "$dev" device ls --json | jq -s 'map(select(.type == "device"))
	    | length')
	[ "$n" = 5 ] || fail "$dev knows $n devices"
done
for dev in b c d e; do
	same_tree a "$dev"
done
# the first and the last at once
echo first >"$T/a/both-a"
echo last >"$T/e/both-e"
expect 0 as a push
expect 0 as e sync
expect 0 as a pull
same_tree a e

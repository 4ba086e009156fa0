#!/bin/sh
# I6: what would remove more than the brake allows changes nothing and ends
# with 20, on the side that sends and on the one that receives; other changes
# go on, and an override covers the number it names.
. "${0%/*}/lib.sh"

count() { find "$T/$1" -path '*/.zk' -prune -o -name 'f*' -type f -print | wc -l; }

mkdir "$T/remote"
device_init a "file://$T/remote"
i=0
while [ "$i" -lt 300 ]; do
	echo "$i" >"$T/a/f$i"
	i=$((i + 1))
done
expect 0 as a push
device_pair a b
expect 0 as b pull
expect 0 as b push
expect 0 as a sync
[ "$(count b)" = 300 ] || fail "b has $(count b) files"

# the sender
i=0
while [ "$i" -lt 200 ]; do
	rm "$T/a/f$i"
	i=$((i + 1))
done
find "$T/remote" -type f | sort >"$T/before"
expect 20 as a push
expect 20 as a push
find "$T/remote" -type f | sort | cmp -s - "$T/before" ||
    fail "a stopped push wrote to the remote"
expect 0 as b pull
[ "$(count b)" = 300 ] || fail "b has $(count b) files after a stopped push"
export ZK_YES=1
expect 20 as a push
unset ZK_YES
expect 20 as a push --max-delete 100
expect 0 as a push --max-delete 200

# the receiver holds the removals back and takes the rest
echo new >"$T/a/new"
expect 0 as a push
echo own >"$T/b/own"
expect 20 as b pull
[ "$(count b)" = 300 ] || fail "b has $(count b) files after the brake"
[ "$(cat "$T/b/new")" = new ] || fail "the rest was not applied"
expect 20 as b sync
expect 0 as a pull
[ "$(cat "$T/a/own")" = own ] || fail "b did not publish its own change"
[ "$(count a)" = 100 ] || fail "a has $(count a) files"
expect 0 as b pull --max-delete 200
[ "$(count b)" = 100 ] || fail "b has $(count b) files after the override"
same_tree a b

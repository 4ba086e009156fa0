#!/bin/sh
# S01, S03: a device's state comes back from a copy. It finds its own log gone
# on, starts a new incarnation, and nothing is lost; two copies that both
# write are named.
. "${0%/*}/lib.sh"

mkdir "$T/remote"
device_init a "file://$T/remote"
echo 1 >"$T/a/one"
expect 0 as a push
device_pair a b
expect 0 as b pull
expect 0 as b push
expect 0 as a sync

# S01
cp -a "$T/state-a" "$T/saved-state"
cp -a "$T/a" "$T/saved-a"
for i in 1 2 3 4 5; do
	echo "$i" >"$T/a/later$i"
	expect 0 as a push
done
expect 0 as b pull
rm -rf "$T/state-a"
cp -a "$T/saved-state" "$T/state-a"
# the folder itself stays: same inode, the newer files are in it
echo other >"$T/a/other"
expect 0 as a push
err_has "restored backup"
expect 0 as a sync
expect 0 as b pull
for i in 1 2 3 4 5; do
	[ "$(cat "$T/a/later$i")" = "$i" ] || fail "later$i is gone from a"
	[ "$(cat "$T/b/later$i")" = "$i" ] || fail "later$i is gone from b"
done
[ "$(cat "$T/b/other")" = other ] || fail "the new work did not arrive"
same_tree a b
expect 0 as a pull
expect 0 as b sync
same_tree a b

# S03: two copies of one device, each with its own idea of what it wrote:
# whoever meets the other's log stops for good and says what to do; what both
# wrote is there
cp -a "$T/state-a" "$T/state-twin"
twin() { XDG_STATE_HOME="$T/state-twin" "$ZK" -C "$T/a" "$@"; }
echo x >"$T/a/x"
expect 0 as a push
echo y >"$T/a/y"
expect 0 twin push
err_has "restored backup"
echo z >"$T/a/z"
expect 0 as a push
echo w >"$T/a/w"
expect 0 twin push
expect 0 as b pull
for f in w x y z other later5 one; do
	[ -s "$T/b/$f" ] || fail "$f is gone from b"
done
expect 22 as a pull
err_has "zk pair --join"
echo v >"$T/a/v"
expect 22 as a push
err_has "zk pair --join"
expect 22 as a sync
expect 0 twin sync
expect 0 as b sync
same_tree a b

#!/bin/sh
# A device that never collects has seen many checkpoints, of which none is done
# here: once it was parked, it can come back.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"

device_init a "file://$T/far"
echo kept >"$T/a/canary"
for _ in 1 2 3 4 5 6; do
	head -c 3000 /dev/urandom >"$T/a/count"
	expect 0 at a push
	days 2
done
for d in b e; do
	device_pair a "$d"
	expect 0 at "$d" sync
done
expect 0 at a pull
days 40
echo last >"$T/a/count"
expect 0 at a push
expect 0 at b sync
expect 0 at e sync
# each knows of those before it
n=0
while [ "$n" -lt 70 ]; do
	echo "checkpoint all 00" | LD_PRELOAD="$clock_so" "$forge" "$T/e" \
	    "$T/state-e/zk" "file://$T/far" >/dev/null || fail "forge"
	n=$((n + 1))
done
expect 0 at b sync
expect 0 at a pull
expect 0 at a device park b
expect 0 at a push
echo of-b >"$T/b/of-b"
expect 0 at b push
expect 0 at a pull
same_tree a b
expect 0 at b verify
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

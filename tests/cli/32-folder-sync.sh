#!/bin/sh
# A folder remote whose disk fails to make a directory durable: the push ends
# with 5, and the next one does not take what it finds there for safe before
# that was made good.
. "${0%/*}/lib.sh"
preload_so failsync
so=$lib_so
export TEST_FAIL_ON="$T/on" TEST_FAIL_LOG="$T/log"

mkdir "$T/far"
device_init a "file://$T/far"
echo 0 >"$T/a/zero"
expect 0 as a push
for part in /blob/ /seg/ /head; do
	TEST_FAIL_PATH=$part
	export TEST_FAIL_PATH
	: >"$T/log"
	head -c 600000 /dev/urandom >"$T/a/canary"
	touch "$T/on"
	export LD_PRELOAD="$so"
	expect 5 as a push
	LD_PRELOAD=
	grep -q failed "$T/log" || fail "$part: nothing failed"
	sed -n 's/^failed //p' "$T/log" | sort -u >"$T/failed"
	rm "$T/on"
	: >"$T/log"
	LD_PRELOAD=$so
	expect 0 as a push
	LD_PRELOAD=
	sed -n 's/^synced //p' "$T/log" | sort -u >"$T/synced"
	comm -23 "$T/failed" "$T/synced" >"$T/left"
	[ ! -s "$T/left" ] || fail "$part: not made durable: $(cat "$T/left")"
done
device_pair a b
expect 0 as b pull
same_tree a b
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

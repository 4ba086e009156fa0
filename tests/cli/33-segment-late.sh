#!/bin/sh
# Something else copies the folder that is a remote, and brings a segment after
# those that follow it and after what says where its log ends.
. "${0%/*}/lib.sh"

mkdir "$T/far"
device_init a "file://$T/far"
echo 0 >"$T/a/zero"
expect 0 as a push
device_pair a b
expect 0 as b pull
expect 0 as a pull
for n in 1 2 3 4; do
	echo "$n" >"$T/a/canary$n"
	expect 0 as a push
done
# the log of a, and the first of those four
log=$(for l in "$T/far"/*/seg/*; do
	echo "$(find "$l" -type f | wc -l) $l"
done | sort -n | tail -n 1 | cut -d ' ' -f 2)
late=$(find "$log" -type f | sort | tail -n 4 | head -n 1)
mv "$late" "$T/late"
for n in 1 2; do
	expect 5 as b pull
	err_has "has not arrived"
done
# who follows what comes does not look as fast as it can
need timeout
XDG_STATE_HOME="$T/state-b" timeout 3 "$ZK" -C "$T/b" kv watch \
    >"$T/out" 2>"$T/err"
[ "$(grep -c "has not arrived" "$T/err")" -lt 10 ] ||
    fail "looked $(grep -c "has not arrived" "$T/err") times"
mv "$T/late" "$late"
expect 0 as b pull
same_tree a b
expect 0 as b verify
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

#!/bin/sh
# A record is there and one that it names is not: what waits for it waits, and
# is told, the pull ends, and others are not kept from what does not need it.
# With the record it goes on.
. "${0%/*}/lib.sh"
need timeout

device_init a "file://$T/far"
device_pair a b
expect 0 as b pull
rec=$(echo "$T/far"/*/rec)
ls "$rec" >"$T/before"
device_pair a c
echo zero >"$T/c/g"
expect 0 as c push
expect 0 as a pull
ls "$rec" >"$T/after"
expect 0 as a device park c
echo one >"$T/a/f"
expect 0 as a push
mkdir "$T/held"
for name in $(grep -vxFf "$T/before" "$T/after"); do
	mv "$rec/$name" "$T/held"
done
[ -n "$(ls "$T/held")" ] || fail "no record was made"
expect 5 timeout 30 env XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" pull
err_has "has not arrived"
[ ! -e "$T/b/f" ] || fail "what the record is needed for"
expect 5 timeout 30 env XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" pull
mv "$T/held"/* "$rec"
expect 0 as b pull
[ "$(cat "$T/b/f")" = one ] || fail "not what a has"
expect 0 as b verify

#!/bin/sh
# Two runs at once: the second ends with 11, or waits if told to.
. "${0%/*}/lib.sh"
need jq

device_init a "file://$T/far"
# a waiting pair holds the vault
XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" pair --yes --json \
    >"$T/pair" 2>"$T/pair.err" &
pid=$!
pids="$pids $pid"
n=0
while ! grep -q invite "$T/pair"; do
	n=$((n + 1))
	[ "$n" -lt 100 ] || fail "no invitation: $(cat "$T/pair.err")"
	sleep 0.1
done
expect 11 as a push
out_empty
expect 11 as a pull --json
[ "$(jq -r .code "$T/err")" = locked ] || fail "code of 11"
t0=$(date +%s%N)
expect 11 as a push --lock-wait 500ms
t1=$(date +%s%N)
[ $(((t1 - t0) / 1000000)) -ge 450 ] || fail "did not wait"
# a waiting run ends with the signal that stops it
XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" push --lock-wait 60s \
    >"$T/out" 2>"$T/err" &
waiting=$!
sleep 0.5
kill -TERM "$waiting"
wait "$waiting"
[ $? -eq 143 ] || fail "waiting for the lock does not end with a signal"
(sleep 1; kill "$pid") &
killer=$!
expect 0 as a push --lock-wait 20s
wait "$killer"
# completions do not need the lock
expect 0 as a complete remotes
out_has "file://$T/far"

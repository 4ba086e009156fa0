#!/bin/sh
# R29, L14: a relay with another key at the pinned address gets nothing, the
# run ends with 22 pin_mismatch and is not tried again; with its own key back
# everything goes on.
. "${0%/*}/lib.sh"

relay_start
port=${relay_url#https://127.0.0.1:}
port=${port%%/*}
device_init a "$relay_url"
echo one >"$T/a/one"
expect 0 as a push
relay_stop

"$ZK" relay --listen "127.0.0.1:$port" --data "$T/other" \
    >"$T/other.url" 2>"$T/other.log" &
other_pid=$!
pids="$pids $other_pid"
tries=0
while ! grep -q . "$T/other.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the relay: $(cat "$T/other.log")"
	sleep 0.05
done
[ "$(cat "$T/other.url")" != "$relay_url" ] || fail "the same key twice"

echo two >"$T/a/two"
expect 22 as a push
out_empty
err_has "it is not the pinned one"
expect 22 as a --json pull
err_has '"code":"pin_mismatch"'
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "a pull says it more than once"
expect 22 as a --json sync
err_has '"code":"pin_mismatch"'
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "a sync says it more than once"
for check in "" --check; do
	expect 22 as a --json status $check
	grep -c pin_mismatch "$T/err" | grep -qx 1 || fail "a status says it" \
	    "not once: $(cat "$T/err")"
done
expect 6 as a status --check --offline
kill "$other_pid"
wait "$other_pid"
find "$T/other" -type f -exec cat {} + >"$T/other.bytes"
grep -q "$(sed -n 's/.*#sha256..//p' "$T/relay.url" | head -c 12)" \
    "$T/other.bytes" && fail "something of the vault reached it"

"$ZK" relay --listen "127.0.0.1:$port" --data "$T/relay" \
    >"$T/again.url" 2>"$T/again.log" &
again_pid=$!
pids="$pids $again_pid"
tries=0
while ! grep -q . "$T/again.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the relay: $(cat "$T/again.log")"
	sleep 0.05
done
[ "$(cat "$T/again.url")" = "$relay_url" ] || fail "its key was not kept"
expect 0 as a push
expect 0 as a status --check
exit 0

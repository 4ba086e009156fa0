#!/bin/sh
# Without a terminal nothing hangs and nothing is asked; signals end with
# 128+N.
. "${0%/*}/lib.sh"
need setsid timeout

device_init a "file://$T/far"
notty() { timeout 20 setsid "$@" </dev/null; }

expect 2 notty "$ZK" -C "$T/a" pair
err_has "--yes"
expect 2 notty "$ZK" pair --join "$T/b"
err_has "--yes"
expect 2 notty "$ZK" pair --join "$T/b" --yes
err_has "ZK_CODE"
ZK_CODE=word expect 2 notty "$ZK" pair --join "$T/b" --yes
ZK_CODE=7-apple--moon expect 2 notty "$ZK" pair --join "$T/b" --yes \
    --remote "file://$T/far"
[ ! -e "$T/b" ] || fail "a refused join left a folder"
# a member takes no code
ZK_CODE=7-apple-river-moon expect 2 as a pair --yes
err_has "--join"

# progress is for terminals, and can be asked for
echo 1 >"$T/a/f"
expect 0 as a push
! grep -q "$(printf '\r')" "$T/err" || fail "progress without a terminal"

# a waiting pair ends with the signal, and soon
XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" pair --yes --json \
    >"$T/pair" 2>"$T/err" &
pid=$!
n=0
while ! grep -q invite "$T/pair"; do
	n=$((n + 1))
	[ "$n" -lt 100 ] || fail "no invitation"
	sleep 0.1
done
json_ok "$T/pair"
kill -USR1 "$pid"
kill -TERM "$pid"
wait "$pid"
code=$?
[ "$code" -eq 143 ] || fail "status $code after SIGTERM"
json_ok "$T/pair"
[ "$(tail -n 1 "$T/pair" | jq .status)" = 143 ] || fail "summary"

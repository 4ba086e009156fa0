#!/bin/sh
# Pairing by scripts: through a relay, by link and by short code, refused
# and expired ones; JSON as zk-pair(1) has it; no secret left in /proc.
. "${0%/*}/lib.sh"
need jq

relay_start
device_init a "$relay_url"
echo hello >"$T/a/f"
expect 0 as a push

# one invitation: sets $link, $code, $pair_pid
invite() {
	: >"$T/inv"
	XDG_STATE_HOME="$T/state-$1" "$ZK" -C "$T/$1" pair --yes --json \
	    >"$T/inv" 2>"$T/inv.err" &
	pair_pid=$!
	n=0
	while ! grep -q invite "$T/inv"; do
		n=$((n + 1))
		[ "$n" -lt 200 ] || fail "no invitation: $(cat "$T/inv.err")"
		sleep 0.05
	done
	link=$(head -n 1 "$T/inv" | jq -r .link)
	code=$(head -n 1 "$T/inv" | jq -r .code)
}
join() {
	dev=$1
	shift
	XDG_STATE_HOME="$T/state-$dev" "$ZK" pair --join "$T/$dev" \
	    --name "$dev" --yes --json "$@" </dev/null
}

# by link alone
invite a
head -n 1 "$T/inv" | jq -e '.type == "invite" and
    (.expires > now * 1000) and (.expires < now * 1000 + 310000)' \
    >/dev/null || fail "invite: $(cat "$T/inv")"
export ZK_CODE="$link"
expect 0 join b
unset ZK_CODE
json_ok "$T/out"
check_b=$(jq -r 'select(.type == "joined") | .check' "$T/out")
wait "$pair_pid" || fail "member: $(cat "$T/inv.err")"
json_ok "$T/inv"
[ "$(jq -r 'select(.type == "paired") | .device' "$T/inv")" = b ] ||
    fail "paired: $(cat "$T/inv")"
[ "$(jq -r 'select(.type == "paired") | .check' "$T/inv")" = "$check_b" ] ||
    fail "check words differ"
expect 0 as b pull
same_tree a b

# the link works once
export ZK_CODE="$link"
expect 12 join c
unset ZK_CODE
[ ! -e "$T/c/.zk" ] || fail "a refused join left a vault"

# by short code and HOST:PORT without a pin, from b, a member by now
invite b
hostport=${relay_url#https://}
hostport=${hostport%%/*}
export ZK_CODE="$code"
expect 0 join c --remote "$hostport"
unset ZK_CODE
wait "$pair_pid" || fail "member b: $(cat "$T/inv.err")"
expect 0 as c pull
same_tree a c

# a wrong guess ends the code, the right one fails after it
invite a
wrong=${code%-*}-$(echo "$code" | sed 's/.*-\(.*\)-.*-.*/\1/')
[ "$wrong" != "$code" ] ||
    wrong=${code%-*}-$(echo "$code" | sed 's/.*-.*-\(.*\)-.*/\1/')
export ZK_CODE="$wrong"
expect 12 join d --remote "$hostport"
grep -q "wrong code" "$T/err" || fail "the joiner is not told why"
wait "$pair_pid"
[ $? -eq 12 ] || fail "the member does not notice a wrong guess"
grep -q "wrong code" "$T/inv.err" || fail "the member is not told why"
export ZK_CODE="$code"
expect 12 join d --remote "$hostport"
unset ZK_CODE

# --code -: from standard input
invite a
echo "$link" | XDG_STATE_HOME="$T/state-e" "$ZK" -q pair --join "$T/e" \
    --name e --yes --code - || fail "--code -"
wait "$pair_pid" || fail "member: $(cat "$T/inv.err")"

# the code does not stay in the environment of the process
invite a
ZK_CODE=$code XDG_STATE_HOME="$T/state-f" "$ZK" -q pair --join "$T/f" \
    --yes --remote 127.0.0.1:1 --timeout 5s >/dev/null 2>&1 &
jp=$!
n=0
while [ "$n" -lt 20 ]; do
	n=$((n + 1))
	sleep 0.05
	[ -r "/proc/$jp/environ" ] || break
done
! tr '\0' '\n' 2>/dev/null <"/proc/$jp/environ" | grep -q "$code" ||
    fail "the code stands in /proc"
wait "$jp"
kill "$pair_pid"
wait "$pair_pid"
:

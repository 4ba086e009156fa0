#!/bin/sh
# zk send --lines killed anywhere: what arrives is the beginning of the input,
# once, and at least all that was said to be sent.
. "${0%/*}/lib.sh"
need jq
preload_so killcall
so=$lib_so
canary=N3xtCanary

relay_start --plain
device_init a "$relay_url"
device_pair a b

: >"$T/calls"
killed() { # AT CHANNEL
	seq "$2" $(($2 + 299)) | LD_PRELOAD=$so TEST_KILL_AT=$1 \
	    TEST_KILL_LOG="$T/calls" XDG_STATE_HOME="$T/state-a" "$ZK" \
	    -C "$T/a" -q send -l -c "kill $2" --json >"$T/said" 2>"$T/err"
} 2>/dev/null
killed 100000 0
calls=$(cut -d ' ' -f 1 "$T/calls" | tail -n 1)
[ "$calls" -gt 20 ] || fail "of how many calls: $(cat "$T/calls")"
n=1
while [ "$n" -le 12 ]; do
	at=$((calls * (n + 3) / 16))
	killed "$at" "$n"000
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 137 ] ||
	    fail "status $status, killed at $at"
	# what is recorded goes out with the next run
	echo "$canary" | as a -q send -c next || fail "the next run"
	expect 0 as b recv -c "kill ${n}000" --json
	jq -r 'select(.type == "message").data_b64 | @base64d' "$T/out" \
	    >"$T/got"
	seq "$n"000 "$n"299 | head -n "$(wc -l <"$T/got")" |
	    cmp - "$T/got" || fail "not the beginning, killed at $at"
	[ "$(wc -l <"$T/got")" -ge "$(grep -c '"sent"' "$T/said")" ] ||
	    fail "said to be sent, and is not: killed at $at"
	n=$((n + 1))
done
grep -raF -e "kill 3000" -e "$canary" "$T/relay" "$T/relay.log" &&
    fail "the relay can read it"
exit 0

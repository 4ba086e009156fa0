#!/bin/sh
# --bwlimit holds within a tenth, up and down, to a relay and to a folder:
# stored bytes over the time that a run takes longer than one with nothing
# to move.
. "${0%/*}/lib.sh"
need jq

rate=1048576 # 1M

relay_start --plain
device_init a "$relay_url"
device_init c "file://$T/far"
device_pair a b
device_pair c d

stored() {
	find "$T/relay" "$T/far" -type f -printf '%p %s\n' |
	    awk -v at="$1" 'index($1, at) == 1 { n += $2 } END { print n + 0 }'
}
ms() { tail -n 1 "$1" | jq .ms; }

# run DEVICE COMMAND FILE: with the limit both ways, its output in FILE.
run() {
	as "$1" "$2" --bwlimit 1M:1M --json --progress=never >"$3" 2>"$3.err"
}
# both COMMAND DEVICE DEVICE: on both at once, for relay and folder.
both() {
	run "$2" "$1" "$T/out-relay" &
	one=$!
	run "$3" "$1" "$T/out-far" || fail "$1: $(cat "$T/out-far.err")"
	wait "$one" || fail "$1: $(cat "$T/out-relay.err")"
}
# check WHAT BYTES MS IDLE: whether that is the rate.  A busy machine may be
# slower, or was so while idle, and is tried again; but never are all bytes
# there too early.
check() {
	awk -v what="$1" -v n="$2" -v ms="$3" -v idle="$4" -v rate="$rate" '
	BEGIN {
		got = ms > idle ? n * 1000 / (ms - idle) / rate : 99
		printf "%s: %d bytes in %d - %d ms, %.3f of the limit\n",
		    what, n, ms, idle, got
		exit n * 1000 / ms / rate > 1.1 ? 2 : got > 1.1 || got < 0.9
	}'
	case $? in
	0) ;;
	1) off=1 ;;
	*) fail "$1: faster than the limit" ;;
	esac
}

tries=0
off=1
while [ "$off" -ne 0 ]; do
	tries=$((tries + 1))
	[ "$tries" -le 5 ] || fail "not within a tenth, five times"
	off=0
	# what a run costs that moves next to nothing
	echo "$tries" >"$T/a/small"
	echo "$tries" >"$T/c/small"
	both push a c
	up_relay=$(ms "$T/out-relay")
	up_far=$(ms "$T/out-far")
	both pull b d
	down_relay=$(ms "$T/out-relay")
	down_far=$(ms "$T/out-far")

	relay_0=$(stored "$T/relay")
	far_0=$(stored "$T/far")
	head -c 2100000 /dev/urandom >"$T/a/large"
	head -c 2100000 /dev/urandom >"$T/c/large"
	both push a c
	relay_n=$(($(stored "$T/relay") - relay_0))
	far_n=$(($(stored "$T/far") - far_0))
	check "up, relay" "$relay_n" "$(ms "$T/out-relay")" "$up_relay"
	check "up, folder" "$far_n" "$(ms "$T/out-far")" "$up_far"
	both pull b d
	check "down, relay" "$relay_n" "$(ms "$T/out-relay")" \
	    "$down_relay"
	check "down, folder" "$far_n" "$(ms "$T/out-far")" \
	    "$down_far"
done
same_tree a b
same_tree c d

#!/bin/sh
# P5, I4, I5: push, pull, init and the relay are killed at each call that
# changes a file, a folder or goes to a peer (see tests/preload/killcall.c),
# those of SQLite and libcurl too, before it and after half of its bytes.
# At once after it each path holds its old or its new content; run again,
# folder and other device are as if nothing had been killed: the tree $T/m is
# edited along with device a's by plain tools.  verify has nothing to say, no
# conflict copy, nothing is left in staging.
#
# EVERY_CALL=1 does all calls, which takes half an hour, EVERY_CALL=5 every
# fifth; EVERY_SEED says from which one on.  Else some, in seconds.
. "${0%/*}/lib.sh"
. "${0%/*}/changes.sh"
many_runs
need timeout awk md5sum
preload_so killcall
so=$lib_so
seed=${EVERY_SEED:-1}
log=$T/log
# killed N CMD...: at its call N; sets status
killed() {
	at=$1
	shift
	: >"$log"
	LD_PRELOAD=$so TEST_KILL_AT=$at TEST_KILL_LOG=$log "$@" \
	    >"$T/out" 2>"$T/err" </dev/null
	status=$?
	call=$(cat "$log")
	story="$mode, $what killed at call $call"
	[ "$status" -eq 137 ] || [ "$status" -eq 0 ] || lost "status $status"
} 2>/dev/null
# A killed push of a, and a killed pull of b; what both then have.  Each ends
# as soon as it was killed or, with none left, in 1.
push_killed() {
	what=push
	XDG_STATE_HOME="$T/state-a" killed "$1" "$ZK" -C "$T/a" push
	hit=$status
	[ "$status" -eq 0 ] || again as a push
	same_tree m a
}
pull_killed() {
	echo "own $k" >"$T/b/b-own"
	cp -p "$T/b/b-own" "$T/m/b-own"
	sums "$T/b" >"$T/was"
	sums "$T/m" >"$T/be"
	what=pull
	XDG_STATE_HOME="$T/state-b" killed "$1" "$ZK" -C "$T/b" pull
	[ "$status" -ne 137 ] || hit=137
	old_or_new
	[ "$status" -eq 0 ] || again as b pull
	same_tree m b
}
# b's own change goes to a, and what both have is whole
settle() {
	again as b push
	again as a pull
	same_tree m a
	whole a
	whole b
}
both() {
	# the brake counts what was removed in 24 hours
	[ "$k" -lt 14 ] || begin "$mode" "$url"
	k=$((k + 1))
	change "$T/a" "$k"
	mirror
	push_killed "$1"
	pull_killed "$1"
	if [ "$every" -eq 1 ] || [ $((k % 4)) -eq 0 ]; then
		settle
	fi
	[ "$hit" -eq 137 ]
}

# The relay, from its start on, while a pushes
serve() {
	[ "$k" -lt 14 ] || begin relay "$url"
	k=$((k + 1))
	change "$T/a" "$k"
	mirror
	cp -p "$T/b/b-own" "$T/m/b-own"
	relay_down
	what="relay"
	: >"$log"
	LD_PRELOAD=$so TEST_KILL_AT=$1 TEST_KILL_LOG=$log "$ZK" relay \
	    --plain --listen "127.0.0.1:$port" --data "$T/relay" \
	    >"$T/relay.url" 2>>"$T/relay.log" &
	relay_pid=$!
	pids=$relay_pid
	while ! grep -q . "$T/relay.url" "$log"; do
		sleep 0.01
	done
	as a push >"$T/out" 2>"$T/err" &
	push_pid=$!
	while kill -0 "$push_pid" 2>/dev/null && [ ! -s "$log" ]; do
		sleep 0.01
	done
	hit=$(cat "$log")
	relay_down
	call=$(cat "$log")
	story="$mode, $what killed at call $call"
	relay_up
	wait "$push_pid"
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 5 ] || lost "status $status"
	[ "$status" -eq 0 ] || again as a push
	again as b pull
	same_tree m b
	if [ "$every" -eq 1 ] || [ $((k % 4)) -eq 0 ]; then
		settle
	fi
	[ -n "$hit" ]
}
relay_down() {
	kill "$relay_pid"
	wait "$relay_pid"
} 2>/dev/null
relay_up() {
	: >"$T/relay.url"
	"$ZK" relay --plain --listen "127.0.0.1:$port" --data "$T/relay" \
	    >"$T/relay.url" 2>>"$T/relay.log" &
	relay_pid=$!
	pids=$relay_pid
	while ! grep -q . "$T/relay.url"; do
		kill -0 "$relay_pid" 2>/dev/null ||
		    lost "the relay does not start: $(cat "$T/relay.log")"
		sleep 0.01
	done
}

# Run again, init makes the vault, or the one it had made is whole.
init_killed() {
	what=init
	rm -rf "$T/i" "$T/state-i"
	mkdir "$T/i"
	echo "$1" >"$T/i/file"
	XDG_STATE_HOME="$T/state-i" killed "$1" "$ZK" init "$T/i" --name i \
	    --remote "file://$T/store-$1"
	hit=$status
	[ -e "$T/i/.zk/marker" ] && [ ! -e "$T/i/.zk/making" ] ||
	    XDG_STATE_HOME="$T/state-i" again "$ZK" init "$T/i" --name i \
	    --remote "file://$T/store-$1"
	again as i push
	whole i
	[ "$(cat "$T/i/file")" = "$1" ] || lost "a file is lost"
	[ "$hit" -eq 137 ]
}

begin() {
	mode=$1
	url=$2
	rm -rf "$T/a" "$T/b" "$T/state-a" "$T/state-b"
	device_init a "$2"
	first "$T/a"
	expect 0 as a push
	device_pair a b
	expect 0 as b pull
	expect 0 as b push
	expect 0 as a pull
	k=0
}

# each STRIDE CMD: CMD N from a seeded N on, until it says that it was not
# killed any more
each() {
	stride=$1
	from=$((1 + seed * 7919 % stride))
	[ "$every" -eq 0 ] || stride=$every from=$((1 + seed % every))
	kills=0
	while "$2" "$((from + kills * stride))"; do
		kills=$((kills + 1))
	done
	echo "# $mode: $what and before, $kills kills to call $call"
	[ "$kills" -ge 3 ] || fail "$mode: only $kills were killed"
}

every=${EVERY_CALL:-0}

begin folder "file://$T/store"
each 149 both
each 151 init_killed

relay_start --plain
port=${relay_url##*:}
port=${port%/}
begin relay "$relay_url"
each 211 both
each 23 serve

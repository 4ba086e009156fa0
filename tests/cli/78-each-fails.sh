#!/bin/sh
# P5, P6, I5: commands and the relay in which one call fails, or all from one
# on: memory, files, sockets, a full disk, a dead one (see
# tests/preload/failcall.c), those of SQLite and libcurl too.  None crashes or
# hangs.  Status 0 means that what was asked is done; else the status is one
# of the machine or the network, never an accusation, and there is a line on
# stderr; and the same command, undisturbed, then reaches what would have
# been reached at once: the tree $T/m is edited along with device a's by plain
# tools.  verify has nothing to say, no conflict copy, nothing is left in
# staging.
#
# FAIL_RUNS=8 lets eight calls of each command fail in each way, EVERY=1 every
# one, which takes hours (make check-fail); FAIL_SEED says from which one on,
# FAIL_ONLY which commands, FAIL_WAYS in which ways, and FAIL_LOUD=1 prints
# how each ended.  Else a few, in seconds.
. "${0%/*}/lib.sh"
. "${0%/*}/changes.sh"
. "${0%/*}/clock.sh"
many_runs
need timeout awk md5sum
preload_so failcall
so=$lib_so
seed=${FAIL_SEED:-1}
runs=${FAIL_RUNS:-0}
log=$T/log
also=
# removals of many runs add up
export ZK_MAX_DELETE=1000000

# failing N CMD...: its call N fails as $how says; sets status
failing() {
	at=$1
	shift
	: >"$log"
	LD_PRELOAD="$so $also" TEST_FAIL=$how TEST_FAIL_AT=$at \
	    TEST_FAIL_LOG=$log TEST_FAIL_SEED=$((seed + round)) "$@" >"$T/out" 2>"$T/err" \
	    </dev/null
	status=$?
	call=$(cat "$log")
	story="$mode, $what, $how $call"
	said
} 2>/dev/null
failing_as() {
	lib_at=$1
	who=$2
	shift 2
	XDG_STATE_HOME="$T/state-$who" failing "$lib_at" "$ZK" \
	    -C "$T/$who" "$@"
}

# The status is one that such a failure may have, and there is a line for it.
said() {
	[ -z "${FAIL_LOUD:-}" ] || {
		echo "# $story: $status"
		sed 's/^/#   /' "$T/err"
	}
	case $status in
	0) ;;
	1 | 3 | 5)
		[ -s "$T/err" ] || lost "status $status without a word" ;;
	11) # all that SQLite says of a lock that cannot be had
		case $call in
		*fcntl*) ;;
		*) [ "$how" = dead ] || lost "status 11" ;;
		esac ;;
	21) # the folder is there, as far as that can be told
		case $how in
		io | dead) grep -q 'cannot be read' "$T/err" ;;
		*) false ;;
		esac || lost "status 21" ;;
	22) # all that libcurl says of a pin that it had no memory to compare
		case $how in
		alloc*) grep -q 'is not the pinned one' "$T/err" ;;
		*) false ;;
		esac || lost "status 22" ;;
	*) lost "status $status" ;;
	esac
	! grep -q 'does not hold this vault' "$T/err" || lost "it does"
	clear_lines
}
# but for one that GnuTLS below libcurl prints by itself
clear_lines() {
	! grep -v -e '^zk: ' -e '^Error in GnuTLS ' "$T/err" >"$T/odd" ||
	    lost "says $(cat "$T/odd")"
}

# One run of a command whose call $1 fails, and what then is.
do_init() {
	what=init
	rm -rf "$T/i" "$T/state-i"
	mkdir "$T/i"
	echo "$1" >"$T/i/file"
	set -- "$1" "$ZK" init "$T/i" --name i --remote "file://$T/store-i-$1"
	XDG_STATE_HOME="$T/state-i" failing "$@"
	shift
	# at its last calls the vault is made already
	[ "$status" -eq 0 ] || { [ -e "$T/i/.zk/marker" ] &&
	    [ ! -e "$T/i/.zk/making" ]; } ||
	    XDG_STATE_HOME="$T/state-i" again "$@"
	again as i push
	whole i
}
do_push() {
	what=push
	k=$((k + 1))
	change "$T/a" "$k"
	mirror
	failing_as "$1" a push
	[ "$status" -eq 0 ] || again as a push
	same_tree m a
	again as b pull
	same_tree m b
	settle
}
do_pull() {
	what=pull
	k=$((k + 1))
	change "$T/a" "$k"
	again as a push
	mirror
	sums "$T/b" >"$T/was"
	sums "$T/m" >"$T/be"
	failing_as "$1" b pull
	old_or_new
	[ "$status" -eq 0 ] || again as b pull
	same_tree m b
	settle
}
# asked N ARG...: what only reads says all that it would say, or fails
asked() {
	at=$1
	shift
	what=$1
	if [ ! -e "$T/say-$1" ]; then
		as a "$@" >"$T/out" 2>"$T/err" || lost "status $? of $*"
		timeless >"$T/say-$1"
	fi
	failing_as "$at" a "$@"
	[ "$status" -ne 0 ] || same_says "$1"
	again as a "$@"
	same_says "$1"
}
# how long ago a device or remote was seen is left out, and that one cannot be
# reached, which is an answer of status, and how wide columns are
timeless() {
	sed -e 's/  last s.*//' -e 's/  not reachable: .*//' -e 's/   */  /g' \
	    "$T/out" | sort
}
same_says() {
	timeless | cmp -s - "$T/say-$1" ||
	    lost "says not what it said: $(timeless | diff - "$T/say-$1")"
}
do_status() { asked "$1" status; }
do_log() { asked "$1" log; }
do_diff() { asked "$1" diff edit; }
do_verify() { asked "$1" verify; }
do_kv() {
	what=kv
	round_value="value $round $1"
	failing_as "$1" a kv set key "$round_value"
	as a kv get key >"$T/got" 2>/dev/null
	if [ "$status" -eq 0 ]; then
		[ "$(cat "$T/got")" = "$round_value" ] || lost "not set"
	else
		again as a kv set key "$round_value"
	fi
	again as b kv get --fetch key
	out_is "$round_value"
}
do_restore() {
	what=restore
	again as a log edit
	id=$(awk 'NR == 1 { print $1 }' "$T/out")
	echo "$round $1" >>"$T/a/edit"
	failing_as "$1" a restore "edit@$id"
	[ "$status" -eq 0 ] || again as a restore "edit@$id"
	again as a restore -o "$T/edit.$round" "edit@$id"
	cmp -s "$T/edit.$round" "$T/a/edit" || lost "not what it was"
	rm "$T/edit.$round"
	again as a push
	again as b pull
	mirror
	settle
}
# By a clock that is past the window of all that was: what it frees it has
# freed in the end, blobs and segments, and nothing that is needed.
do_gc() {
	what=gc
	k=$((k + 1))
	change "$T/a" "$k"
	again at a push
	mirror
	days 1
	again at b pull
	again at b push
	again at a pull
	days 31
	also=$clock_so
	failing_as "$1" a gc
	also=
	again at a gc
	# what is condemned b has to hear of, and once more for the checkpoint
	for turn in 1 2; do
		again at b pull
		again at a gc
	done
	blobs=$(find "$T/store" -path '*/blob/*' -type f | wc -l)
	[ "${gc_blobs:-$blobs}" -eq "$blobs" ] ||
	    lost "$blobs blobs are left, not $gc_blobs"
	gc_blobs=$blobs
	same_tree m a
	same_tree m b
	again at a verify
	# from the store: there is no copy on the disk
	mv "$T/b/big" "$T/was-big"
	again at b restore -o "$T/big.$round" big
	mv "$T/was-big" "$T/b/big"
	cmp -s "$T/big.$round" "$T/a/big" || lost "not what it was"
	rm "$T/big.$round"
}

# The relay, from its start on, while a pushes.  One that started outlives a
# single failure.
do_serve() {
	what=relay
	k=$((k + 1))
	change "$T/a" "$k"
	mirror
	relay_down
	: >"$log"
	relay_up env LD_PRELOAD="$so" TEST_FAIL="$how" TEST_FAIL_AT="$1" \
	    TEST_FAIL_LOG="$log" TEST_FAIL_SEED=$((seed + round))
	story="$mode, $what, $how $1"
	as a push --timeout 2s >"$T/out" 2>"$T/err"
	status=$?
	call=$(cat "$log")
	story="$mode, $what, $how $call"
	said
	alive=$(kill -0 "$relay_pid" 2>/dev/null && echo yes)
	case $how in
	io | alloc)
		[ -n "$alive" ] || [ ! -s "$T/relay.url" ] ||
		    lost "the relay ended: $(cat "$T/relay.log")"
		[ "$status" -eq 0 ] || [ -z "$alive" ] || again as a push ;;
	esac
	relay_down
	call=$(cat "$log")
	cp "$T/relay.log" "$T/err"
	case $relay_status in
	0 | 143) ;; # as a signal ends it, or before it could be heard
	1 | 5) [ -s "$T/err" ] || lost "the relay ends without a word" ;;
	*) lost "the relay ends with $relay_status" ;;
	esac
	clear_lines
	relay_up env
	[ -s "$T/relay.url" ] || lost "no relay: $(cat "$T/relay.log")"
	again as a push
	same_tree m a
	again as b pull
	same_tree m b
	settle
}
relay_down() {
	kill "$relay_pid"
	wait "$relay_pid"
	relay_status=$?
	pids=
} 2>/dev/null
# relay_up WORD...: the relay, run by these words, until it says where it is
# or ends
relay_up() {
	: >"$T/relay.url"
	"$@" "$ZK" relay --listen "127.0.0.1:$port" --data "$T/relay" \
	    >"$T/relay.url" 2>"$T/relay.log" &
	relay_pid=$!
	pids=$relay_pid
	tries=0
	while [ ! -s "$T/relay.url" ] && kill -0 "$relay_pid" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 500 ] || lost "the relay hangs at its start"
		sleep 0.01
	done
}

# every so often, as it takes longer than the rest
settle() {
	[ "$every" -eq 1 ] || [ $((round % 8)) -eq 0 ] || return 0
	echo "own $k" >"$T/b/b-own"
	cp -p "$T/b/b-own" "$T/m/b-own"
	again as b push
	again as a pull
	same_tree m a
	same_tree m b
	whole a
	whole b
}

begin() {
	mode=$1
	rm -rf "$T/a" "$T/b" "$T/state-a" "$T/state-b"
	device_init a "$2"
	first "$T/a"
	expect 0 as a push
	device_pair a b
	expect 0 as b pull
	expect 0 as b push
	expect 0 as a pull
	change "$T/a" 1
	expect 0 as a push
	expect 0 as b pull
	change "$T/a" 2
	k=2
	round=0
	rm -f "$T/say"-*
	how=io
}

# each HOW CMD: some of its calls, or all
each() {
	how=$1
	round=$((round + 1))
	"do_$2" 999999999
	calls=${call% end}
	stride=1
	[ "$every" -eq 1 ] || stride=$((calls / runs + 1))
	n=$((1 + (seed * 7919 + round) % stride))
	while [ "$n" -le "$calls" ]; do
		round=$((round + 1))
		"do_$2" "$n"
		n=$((n + stride))
	done
	echo "# $mode, $2, $how: every ${stride}th of $calls calls"
}

every=${EVERY:-0}
# all WAY CMD...: each way of those that are wanted
all() {
	for what in "$@"; do
		case " ${FAIL_ONLY:-$*} " in
		*" $what "*) ;;
		*) continue ;;
		esac
		for way in ${FAIL_WAYS:-io alloc full dead allocs}; do
			each "$way" "${what#net-}"
		done
	done
}
begin folder "file://$T/store"
if [ "$every" -eq 0 ] && [ "$runs" -eq 0 ]; then
	# those that were told or done wrongly once, or are near them; in this
	# order they get the errors that they got then
	for story in "push io 190" "push allocs 626" "log io 329" \
	    "log alloc 2893" "pull full 12" "verify io 185" \
	    "verify alloc 2041" "kv allocs 131" "status dead 200" \
	    "gc io 745" "gc alloc 9000" "init io 41" "init io 45" \
	    "init io 591" "init alloc 45" "verify alloc 2500"; do
		read -r what how n <<END
$story
END
		round=$((round + 1))
		"do_$what" "$n"
	done
	exit 0
fi
all init push pull status log diff verify kv restore gc
relay_start
port=${relay_url##*127.0.0.1:}
port=${port%%/*}
begin relay "$relay_url"
all net-push net-pull net-status serve

#!/bin/sh
# I28: the wire breaks at 20 seeded bytes of a file of 24 MiB, ten times on
# its way up and ten on its way down, at any byte of any chunk.  What travels
# twice is at most what was in flight: the bytes of those transfers that had
# not been answered to their end when it broke (tools/cutter counts them),
# and where a pull is killed also what it had not written.
# Each time one of: the run goes on by itself, the run was killed (-9) at
# the cut and is run again, or the relay stays away, the run ends with 5 and
# is run again.
. "${0%/*}/lib.sh"
many_runs

bin=${BUILD:-$top/build}/tools
[ -x "$bin/cutter" ] || skip "tools/cutter is not built"
[ -x "$bin/holds" ] || skip "tools/holds is not built"
need awk
# CUT_SEED chooses the bytes; a failure names its own
seed=${CUT_SEED:-1}
size=25165824

# cutter_start MODE PUT|GET BYTES: on the port $wire, in front of the relay
cutter_start() {
	: >"$T/cutter.out"
	"$bin/cutter" "$1" "$2" "$3" "${relay_port:-0}" "${wire:-0}" \
	    >"$T/cutter.out" &
	cutter_pid=$!
	pids="$pids $cutter_pid"
	tries=0
	while ! grep -q . "$T/cutter.out"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "the cutter does not start"
		sleep 0.05
	done
}
# its figures in $put $get $open $most $cut, added to those so far
cutter_stop() {
	kill "$cutter_pid" 2>/dev/null
	wait "$cutter_pid"
	line=$(sed -n '2p' "$T/cutter.out")
	for word in $line; do
		case $word in
		most=*) [ "${word#*=}" -le "$most" ] || most=${word#*=} ;;
		*) eval "${word%%=*}=\$((${word%%=*} + ${word#*=}))" ;;
		esac
	done
}
# what the relay holds in blobs, in bytes
weight() { "$bin/holds" "$T/relay" | sed -n 's/.* blobs=[0-9]*\/\([0-9]*\)$/\1/p'; }
# the largest blob it holds
largest() {
	"$bin/holds" -l "$T/relay" | sed -n 's/.* blob //p' | sort -n |
	    tail -n 1
}
# byte N: the Nth seeded one of the file
byte() {
	awk -v s="$((seed * 1000 + $1))" -v m="$size" \
	    'BEGIN { srand(s); rand(); printf "%d", rand() * (m - 1) + 1 }'
}

# Two ports that were free a moment ago: the relay must know both.
cutter_start once PUT 0
wire=$(head -n 1 "$T/cutter.out")
wire_pid=$cutter_pid
relay_port=$wire
wire=
cutter_start once PUT 0
wire=$relay_port
relay_port=$(head -n 1 "$T/cutter.out")
kill "$cutter_pid" "$wire_pid"
wait "$cutter_pid" "$wire_pid"
"$ZK" relay --plain --listen "127.0.0.1:$relay_port" --data "$T/relay" \
    --url "http://127.0.0.1:$wire/" >"$T/relay.url" 2>"$T/relay.log" &
pids="$pids $!"
tries=0
while ! grep -q . "$T/relay.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the relay: $(cat "$T/relay.log")"
	sleep 0.05
done

# broken WHAT HOW N CMD...: the wire breaks at byte N while CMD runs, which
# is completed; the figures of both runs are in $put $get $open $cut
broken() {
	what=$1
	how=$2
	at=$3
	shift 3
	put=0
	get=0
	open=0
	cut=0
	case $how in
	0) cutter_start once "$what" "$at" ;;
	*) cutter_start stay "$what" "$at" ;;
	esac
	case $how in
	0) expect 0 "$@" ;;
	1)	"$@" >"$T/out" 2>"$T/err" &
		run_pid=$!
		wait "$cutter_pid"
		kill -KILL "$run_pid" || fail "it had ended at byte $at"
		wait "$run_pid" 2>/dev/null
		# blocks at both ends of a chunk count whole, of 32 at most;
		# a part of a chunk counts for nothing, and each core may
		# have been writing one
		staged=$(find "$T/b/.zk/tmp" -type f -printf '%b\n' |
		    awk -v part="$(($(nproc) * $(largest)))" '
		    { n += $1 * 512 }
		    END {
			n -= 32 * 2 * 4096 + part
			print (n > 0 ? n : 0)
		    }') ;;
	2) expect 5 "$@" --timeout 2s ;;
	esac
	cutter_stop
	[ "$cut" -eq 1 ] || fail "not cut at byte $at (CUT_SEED=$seed)"
	# a run that is killed loses what it holds in memory, too: all but
	# what it has written
	[ "$how$what" != 1GET ] || open=$((get - staged))
	[ "$how" -ne 0 ] || return 0
	cutter_start once "$what" 0
	expect 0 "$@"
	cutter_stop
}
# enough SUM OBJECTS: all of it travelled, and twice no more than was open
enough() {
	echo "# $what, cut at $at in way $how: $1 for $2, $open in flight"
	[ "$1" -ge "$2" ] || fail "not counted: $1 of $2"
	[ $(($1 - $2)) -le "$open" ] || fail "$what: $(($1 - $2)) bytes" \
	    "twice, $open in flight at byte $at (CUT_SEED=$seed, way $how)"
}

most=0
cutter_start once PUT 0
device_init a "http://127.0.0.1:$wire/"
expect 0 as a push
device_pair a b
expect 0 as b pull
cutter_stop
n=0
up=0
down=0
while [ "$n" -lt 10 ]; do
	n=$((n + 1))
	head -c "$size" /dev/urandom >"$T/a/file"
	before=$(weight)
	most=0
	broken PUT $((n % 3)) "$(byte "$n")" env \
	    XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" push
	enough "$put" $(($(weight) - before))
	[ "$up" -ge "$most" ] || up=$most
	# where the run is killed, slowly: so that it has written something
	rate=0
	[ $((n % 3)) -ne 1 ] || rate=12M
	most=0
	broken GET $((n % 3)) "$(byte $((n + 10)))" env \
	    XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" pull --bwlimit "0:$rate"
	enough "$get" $(($(weight) - before))
	[ "$down" -ge "$most" ] || down=$most
	cmp -s "$T/a/file" "$T/b/file" || fail "the file differs"
done
# and there were several at once
echo "# at most $up at once up, $down down"
[ "$up" -ge 4 ] || fail "only $up transfers at once"
[ "$down" -ge 4 ] || fail "only $down transfers at once"

#!/bin/sh
# I4, I5: 200 seeded moments at which init, push, pull, pairing or the relay
# is killed (-9). Run again, each ends as if it had not been.
. "${0%/*}/lib.sh"

# KILL_SEED chooses the moments; a failure names its own
seed=${KILL_SEED:-1}
# moment N MAX: a time in seconds below MAX ms
moment() {
	awk -v s="$seed$1" -v m="$2" \
	    'BEGIN { srand(s); rand(); printf "%.4f", rand() * m / 1000 + 0.0005 }'
}
# killed MOMENT CMD...: 0 it had ended by itself, 137 killed
killed() {
	lim=$1
	shift
	timeout --foreground -s KILL "$lim" "$@" >"$T/out" 2>"$T/err" </dev/null
}
dev() { XDG_STATE_HOME="$T/state-$1" && export XDG_STATE_HOME; }
again() {
	"$@" >"$T/out" 2>"$T/err" ||
	    fail "status $? at moment $n (KILL_SEED=$seed) of: $*"
}
# how long a command takes here, in ms, at least 20
ms_of() {
	t0=$(date +%s%N)
	"$@" >/dev/null 2>&1 || fail "$*"
	t=$((($(date +%s%N) - t0) / 1000000))
	[ "$t" -ge 20 ] || t=20
}

port=
relay_up() {
	: >"$T/relay.url"
	"$ZK" relay --plain --listen "127.0.0.1:${port:-0}" \
	    --data "$T/relay" >"$T/relay.url" 2>>"$T/relay.log" &
	relay_pid=$!
	pids="$relay_pid"
	tries=0
	while ! grep -q . "$T/relay.url"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "the relay does not start:" \
		    "$(cat "$T/relay.log")"
		sleep 0.02
	done
	relay_url=$(head -n 1 "$T/relay.url")
	port=${relay_url##*:}
	port=${port%%/*}
}

# change N: what happens in a's folder between two moments
change() {
	for k in 1 2 3 4 5 6; do
		echo "$1 $k $seed" >"$T/a/dir/f$1-$k"
	done
	head -c 70000 /dev/urandom >"$T/a/large$(($1 % 3))"
	mv "$T/a/dir/f$1-1" "$T/a/moved$(($1 % 7))"
	rm -f "$T/a/dir/f$(($1 - 4))-2"
}

# The joiner is killed, then the member that waits for it; again, it joins.
join_killed() {
	rm -rf "$T/c" "$T/state-c"
	: >"$T/inv"
	XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" pair --yes --json \
	    >"$T/inv" 2>/dev/null &
	member=$!
	tries=0
	while ! grep -q '"invite"' "$T/inv"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "no invitation at moment $n"
		sleep 0.02
	done
	ZK_CODE=$(sed -n 's/.*"link":"\([^"]*\)".*/\1/p;q' "$T/inv")
	export ZK_CODE
	dev c
	killed "$(moment $n 300)" "$ZK" pair --join "$T/c" --name c --yes ||
	    hits=$((hits + 1))
	unset ZK_CODE
	sleep "$(moment "$n-" 50)"
	kill -9 "$member" 2>/dev/null
	wait "$member" 2>/dev/null
	if ! as c pull >"$T/out" 2>"$T/err"; then
		[ "$(cat "$T/c/.zk/marker" 2>/dev/null)" = "" ] ||
		    [ -e "$T/c/.zk/making" ] || fail "a vault that cannot" \
		    "pull at moment $n (KILL_SEED=$seed)"
		device_pair a c
		dev c
		again "$ZK" -C "$T/c" pull
	fi
	same_tree a c
}

relay_up
device_init a "$relay_url"
mkdir "$T/a/dir"
change 1
expect 0 as a push
device_pair a b
expect 0 as b pull
expect 0 as b push
expect 0 as a sync
change 2
dev a
ms_of "$ZK" -C "$T/a" push
push_ms=$((t * 5 / 4))
dev b
ms_of "$ZK" -C "$T/b" pull
pull_ms=$((t * 5 / 4))

n=0
hits=0
while [ "$n" -lt 200 ]; do
	n=$((n + 1))
	case $((n % 10)) in
	0|2|4|6)	# push
		change $((n + 10))
		dev a
		killed "$(moment $n $push_ms)" "$ZK" -C "$T/a" push ||
		    hits=$((hits + 1))
		again "$ZK" -C "$T/a" push
		;;
	1|3|5|7)	# pull of what the last pushes did
		dev b
		killed "$(moment $n $pull_ms)" "$ZK" -C "$T/b" pull ||
		    hits=$((hits + 1))
		again "$ZK" -C "$T/b" pull
		same_tree a b
		;;
	8)	# the relay, while a pushes
		change $((n + 10))
		dev a
		"$ZK" -C "$T/a" push >/dev/null 2>&1 &
		push_pid=$!
		sleep "$(moment $n $push_ms)"
		kill -9 "$relay_pid"
		wait "$relay_pid" 2>/dev/null
		relay_up
		wait "$push_pid"
		hits=$((hits + 1))
		again "$ZK" -C "$T/a" push
		dev b
		again "$ZK" -C "$T/b" pull
		same_tree a b
		;;
	9)	# a device that joins, and the member that admits it
		[ $((n % 20)) -eq 9 ] || { join_killed; continue; }
		# init
		rm -rf "$T/i" "$T/state-i"
		mkdir "$T/i"
		echo "$n" >"$T/i/file"
		dev i
		killed "$(moment $n 60)" "$ZK" init "$T/i" --remote \
		    "$relay_url" --name i || hits=$((hits + 1))
		"$ZK" init "$T/i" --remote "$relay_url" --name i \
		    >"$T/out" 2>"$T/err" || {
			grep -q 'already\|in a vault' "$T/err" ||
			    fail "init at moment $n: $(cat "$T/err")"
		}
		again "$ZK" -C "$T/i" push
		[ "$(cat "$T/i/file")" = "$n" ] || fail "init lost a file"
		;;
	esac
done
[ "$hits" -ge 100 ] || fail "only $hits of 200 were killed in time"
echo "# $hits of 200 killed"

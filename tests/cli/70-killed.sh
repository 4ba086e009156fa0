#!/bin/sh
# P5: both sides of a pairing killed (-9) at seeded moments, and, beside what
# 47-kill does, init, push, pull and the relay with a file of several chunks:
# after each the same command ends well; at the end verify and status have
# nothing to say and a device that comes then sees the same tree.
# ZK_TEST_SEED is the seed.
seed=${ZK_TEST_SEED:-1}
. "${0%/*}/lib.sh"
many_runs
need timeout awk

# a new number from 0 to $1 - 1 in $dice
roll() {
	seed=$(((seed * 1103515245 + 12345) & 2147483647))
	dice=$(((seed >> 8) % $1))
}

# delay MS: a moment from 0 to MS, in $delay, for sleep and timeout
delay() {
	roll "$(($1 * 10))"
	delay=$(echo "$dice" | awk '{ printf "%.4f", $1 / 10000 + 0.0005 }')
}

# how many in all, where the machine is slow
all=${KILL_MOMENTS:-50}
[ "$all" -le 50 ] || all=50
kills=0
hits=0
# killed MS CMD...: with KILL at a moment within MS
killed() {
	delay "$1"
	shift
	kills=$((kills + 1))
	{ timeout --foreground -s KILL "$delay" "$@" >"$T/out" 2>"$T/err"; } \
	    2>/dev/null
	killed_got=$?
	case $killed_got in
	137) hits=$((hits + 1)) ;;
	0 | 124) ;; # 124: it had ended when the signal came
	*) fail "seed $seed: status $killed_got, neither killed nor done: $*" ;;
	esac
}
# zk of the device $who, as words
zk_of() { echo env "XDG_STATE_HOME=$T/state-$1" "$ZK" -C "$T/$1"; }

# how long CMD... takes, in ms, at most 1000: $took
took() {
	t0=$(date +%s%N)
	expect 0 "$@"
	took=$((($(date +%s%N) - t0) / 1000000 + 2))
	[ "$took" -lt 1000 ] || took=1000
}

relay_again() {
	: >"$T/relay.url"
	"$ZK" relay --plain --listen "127.0.0.1:$port" --data "$T/relay" \
	    >"$T/relay.url" 2>>"$T/relay.log" &
	relay_pid=$!
	pids="$pids $relay_pid"
	tries=0
	while ! grep -q . "$T/relay.url"; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "the relay does not start" \
		    "again: $(cat "$T/relay.log")"
		sleep 0.02
	done
}

# whether $T/$1 is a vault as a whole
made() {
	[ -e "$T/$1/.zk/marker" ] && [ ! -e "$T/$1/.zk/making" ]
}

# what device $1 has is whole, and nothing is left to do
whole() {
	expect 0 as "$1" verify
	expect 0 as "$1" status --check
	[ -z "$(find "$T/$1/.zk/tmp" -type f)" ] || fail "$1: left in tmp"
	! find "$T/$1" -name '*.conflict-*' | grep . ||
	    fail "a conflict copy in $1"
}

# a few changes in $T/$1, named by $2
edits() {
	roll 40
	i=$dice
	for n in 1 2 3 4 5 6; do
		echo "$2 $n" >"$T/$1/d$((i % 4))/f$(((i + n) % 60))"
	done
	mkdir -p "$T/$1/new"
	echo "$2" >"$T/$1/new/$2"
	roll 4
	case $dice in
	0) mv "$T/$1/new" "$T/$1/moved-$2" ;;
	1) rm -f "$T/$1/d$((i % 4))/f$(((i + 1) % 60))" ;;
	2) head -c 200000 /dev/urandom | dd of="$T/$1/big" bs=100000 \
	    seek=$((i % 20)) conv=notrunc 2>/dev/null ;;
	esac
}

relay_start --plain
port=${relay_url##*:}
port=${port%/}

# init: what is left is a whole vault, or does not stand in the way
mkdir "$T/probe"
took env XDG_STATE_HOME="$T/state-probe" "$ZK" init "$T/probe" \
    --remote "$relay_url"
span=$took
k=0
while [ "$k" -lt $((all * 8 / 50)) ]; do
	k=$((k + 1))
	mkdir "$T/i$k"
	echo "$k" >"$T/i$k/f"
	killed "$span" env XDG_STATE_HOME="$T/state-i$k" "$ZK" init \
	    "$T/i$k" --name "i$k" --remote "$relay_url"
	made "i$k" || expect 0 env XDG_STATE_HOME="$T/state-i$k" "$ZK" init \
	    "$T/i$k" --name "i$k" --remote "$relay_url"
	expect 0 as "i$k" push
	expect 0 as "i$k" status --check
	[ $((k % 4)) -ne 0 ] || whole "i$k"
done
echo "init: $hits of $kills killed"

# push and pull
device_init a "$relay_url"
mkdir "$T/a/d0" "$T/a/d1" "$T/a/d2" "$T/a/d3"
k=0
while [ "$k" -lt 60 ]; do
	echo "first $k" >"$T/a/d$((k % 4))/f$k"
	k=$((k + 1))
done
head -c 3000000 /dev/urandom >"$T/a/big"
expect 0 as a push
device_pair a b
expect 0 as b pull
# the first of all takes long; those that follow are killed in their time
edits a e0
took as a push
push_span=$took
took as b pull
pull_span=$took
k=0
while [ "$k" -lt $((all * 12 / 50)) ]; do
	k=$((k + 1))
	edits a "e$k"
	killed "$push_span" $(zk_of a) push
	expect 0 as a push
	killed "$pull_span" $(zk_of b) pull
	expect 0 as b pull
	same_tree a b
	# both ways, now and then
	[ $((k % 4)) -ne 0 ] || {
		edits b "b$k"
		expect 0 as b push
		killed "$pull_span" $(zk_of a) pull
		expect 0 as a pull
		same_tree a b
	}
done
whole a
whole b
echo "push, pull: $hits of $kills killed"

# pair: each side killed in turn; the next pairing works
invite() {
	: >"$T/inv"
	XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" pair --yes --json \
	    >"$T/inv" 2>"$T/inv.err" &
	pair_pid=$!
	pids="$pids $pair_pid"
	tries=0
	while ! grep -q '"type":"invite"' "$T/inv"; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "no invitation:" \
		    "$(cat "$T/inv.err")"
		sleep 0.02
	done
	link=$(sed -n 's/.*"link":"\([^"]*\)".*/\1/p;q' "$T/inv")
}
gone() {
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}
mkdir "$T/p"
invite
t0=$(date +%s%N)
ZK_CODE=$link expect 0 env XDG_STATE_HOME="$T/state-p" "$ZK" pair --join \
    "$T/p" --name p --yes
span=$((($(date +%s%N) - t0) / 1000000 + 2))
wait "$pair_pid" || fail "pairing: $(cat "$T/inv.err")"
k=0
while [ "$k" -lt $((all * 10 / 50)) ]; do
	k=$((k + 1))
	# a relay keeps few mailboxes for one address, for some minutes
	[ $((k % 4)) -ne 0 ] || {
		relay_stop
		relay_again
	}
	invite
	if [ $((k % 2)) -eq 0 ]; then
		ZK_CODE=$link
		export ZK_CODE
		killed "$span" env XDG_STATE_HOME="$T/state-q$k" "$ZK" pair \
		    --join "$T/q$k" --name "q$k" --yes
		unset ZK_CODE
		gone "$pair_pid" 2>/dev/null
	else
		ZK_CODE=$link XDG_STATE_HOME="$T/state-q$k" "$ZK" pair --join \
		    "$T/q$k" --name "q$k" --yes >"$T/out" 2>"$T/err" &
		join_pid=$!
		delay "$span"
		sleep "$delay"
		kills=$((kills + 1))
		! kill -KILL "$pair_pid" 2>/dev/null || hits=$((hits + 1))
		wait "$pair_pid" 2>/dev/null
		sleep 0.05
		gone "$join_pid" 2>/dev/null
	fi
	made "q$k" || [ $((k % 4)) -ne 0 ] || device_pair a "q$k"
	! made "q$k" || {
		expect 0 as "q$k" pull
		same_tree a "q$k"
	}
done
expect 0 as a sync
whole a
echo "pair: $hits of $kills killed"

# the relay, while it takes what is appended
expect 0 as b pull
k=0
while [ "$kills" -lt "$all" ]; do
	k=$((k + 1))
	edits a "r$k"
	$(zk_of a) push >"$T/out" 2>"$T/err" &
	push_pid=$!
	delay "$push_span"
	sleep "$delay"
	kills=$((kills + 1))
	# counted where the push still waits for its answer
	kill -STOP "$relay_pid"
	sleep 0.05
	state=$(sed 's/.*) \(.\).*/\1/' "/proc/$push_pid/stat" 2>/dev/null)
	sleep 0.02
	state=$state$(sed 's/.*) \(.\).*/\1/' "/proc/$push_pid/stat" \
	    2>/dev/null)
	[ "$state" != SS ] || hits=$((hits + 1))
	kill -KILL "$relay_pid"
	wait "$relay_pid" 2>/dev/null
	relay_again
	wait "$push_pid"
	killed_got=$?
	[ "$killed_got" -eq 0 ] || [ "$killed_got" -eq 5 ] ||
	    fail "status $killed_got while the relay was killed"
	expect 0 as a push
	expect 0 as b pull
	same_tree a b
done
echo "relay: $hits of $kills killed"

# one who comes now sees the same
expect 0 as b push
expect 0 as a pull
device_pair a c
expect 0 as c pull
expect 0 as c push
expect 0 as a pull
same_tree a c
same_tree a b
whole a
whole b
whole c
[ -z "$(find "$T/relay/tmp" -type f)" ] || fail "left in the relay's tmp"
[ "$hits" -ge $((all * 3 / 10)) ] || fail "only $hits of $kills were killed in time"

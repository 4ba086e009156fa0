#!/bin/sh
# Runs at once: two pushes of one vault (one gets 11, or waits when told to),
# a push and a pull of two devices on one relay; and a relay that goes away
# in the middle of a large push (I28).
. "${0%/*}/lib.sh"
many_runs
need jq

relay_start --plain
port=${relay_url##*:}
port=${port%/}
device_init a "$relay_url"
mkdir "$T/a/d"
i=0
while [ "$i" -lt 50 ]; do
	i=$((i + 1))
	echo "$i" >"$T/a/d/f$i"
done
expect 0 as a push
device_pair a b
expect 0 as b pull

# two pushes at once: 0 and 0 or 11, never anything else
round=0
while [ "$round" -lt 5 ]; do
	round=$((round + 1))
	echo "$round" >"$T/a/d/twice"
	head -c 400000 /dev/urandom >"$T/a/large"
	as a push >"$T/out1" 2>"$T/err1" &
	one=$!
	as a push >"$T/out2" 2>"$T/err2" &
	two=$!
	wait "$one"
	s1=$?
	wait "$two"
	s2=$?
	case $s1,$s2 in
	0,0 | 0,11 | 11,0) ;;
	*) fail "two pushes end with $s1 and $s2: $(cat "$T/err1" "$T/err2")" ;;
	esac
	as a push --lock-wait 20s >"$T/out1" 2>"$T/err1" &
	one=$!
	as a pull --lock-wait 20s >"$T/out2" 2>"$T/err2" &
	two=$!
	expect 0 as a status --offline --lock-wait 20s
	wait "$one" || fail "a push that waits: $(cat "$T/err1")"
	wait "$two" || fail "a pull that waits: $(cat "$T/err2")"
done
expect 0 as b pull
same_tree a b

# a push and a pull of two devices at once, then one more round
round=0
while [ "$round" -lt 8 ]; do
	round=$((round + 1))
	echo "a $round" >"$T/a/d/a$round"
	echo "a $round" >"$T/a/d/f$round"
	echo "b $round" >"$T/b/d/b$round"
	echo "b $round" >"$T/b/d/f$((round + 20))"
	mv "$T/b/d/f$((round + 30))" "$T/b/moved$round"
	as a push >"$T/out1" 2>"$T/err1" &
	one=$!
	if [ $((round % 2)) -eq 0 ]; then
		as b pull >"$T/out2" 2>"$T/err2" &
	else
		as b sync >"$T/out2" 2>"$T/err2" &
	fi
	two=$!
	wait "$one" || fail "push beside a pull: $(cat "$T/err1")"
	wait "$two" || fail "pull beside a push: $(cat "$T/err2")"
	expect 0 as b sync
	expect 0 as a sync
	same_tree a b
done
expect 0 as b sync
expect 0 as a status --check
expect 0 as b status --check

# the relay goes away in the middle of a large push
objects() { find "$T/relay/obj" -type f | wc -l; }
# how many bytes they have in all
weight() {
	find "$T/relay/obj" -type f -printf '%s\n' |
	    awk '{ n += $1 } END { print n + 0 }'
}
names() { find "$T/relay/obj" -type f -printf '%P %i %T@\n' | sort; }
head -c 24000000 /dev/urandom >"$T/a/huge"
before=$(objects)
weight=$(weight)
as a push --bwlimit 12M:0 --timeout 2s --json >"$T/out" 2>"$T/err" &
one=$!
tries=0
while [ "$(objects)" -lt $((before + 6)) ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 400 ] || fail "nothing arrives: $(cat "$T/err")"
	kill -0 "$one" 2>/dev/null || fail "the push has ended: $(cat "$T/err")"
	sleep 0.02
done
kill -KILL "$relay_pid"
wait "$relay_pid" 2>/dev/null
t0=$(date +%s)
wait "$one"
status=$?
[ "$status" -eq 5 ] || fail "status $status, not 5, of a push cut off"
[ $(($(date +%s) - t0)) -le 30 ] || fail "a push cut off does not end"
jq -e -s 'map(select(.type == "error" and .status == 5)) | length > 0' \
    "$T/err" >/dev/null || fail "no line says what happened"
expect 5 as a push --timeout 2s
err_has "127.0.0.1:$port"
expect 6 as a status --check --offline
middle=$(objects)
names >"$T/middle"

: >"$T/relay.url"
"$ZK" relay --plain --listen "127.0.0.1:$port" --data "$T/relay" \
    >"$T/relay.url" 2>>"$T/relay.log" &
relay_pid=$!
pids="$pids $relay_pid"
tries=0
while ! grep -q . "$T/relay.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the relay does not start again"
	sleep 0.05
done
# a relay that starts sweeps away what it had not acknowledged: what was in
# flight when it was killed, and nothing else
names >"$T/kept"
swept=$(comm -23 "$T/middle" "$T/kept" | wc -l)
[ "$swept" -le 4 ] || fail "$swept objects gone with the kill of the relay"
expect 0 as a push --json
after=$(objects)
# what had arrived stays as it was, and nothing is there twice: no more than
# the file and its padding, 1/32 at most
names | comm -23 "$T/kept" - >"$T/changed"
[ ! -s "$T/changed" ] || fail "sent again: $(cat "$T/changed")"
grown=$(($(weight) - weight))
[ "$grown" -le $((24000000 * 33 / 32 + 100000)) ] ||
    fail "$grown bytes for a file of 24000000"
[ "$middle" -gt $((before + 5)) ] || fail "what arrived has gone"
expect 0 as b pull
same_tree a b
expect 0 as a verify
expect 0 as a status --check
echo "objects: $before before, $middle when cut off, $swept swept, $after after"

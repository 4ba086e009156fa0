#!/bin/sh
# I4, I5: 200 seeded moments at which init, push, pull, pairing or the relay
# is killed (-9).  Run again, each ends as if it had not been: devices w, x
# and y, on a relay of their own, do what a, b and c do and are left alone;
# the folders are the same, and so is what the two relays hold, in numbers and
# in sizes (see relays_same).
. "${0%/*}/lib.sh"
many_runs

holds=${BUILD:-$top/build}/tools/holds
[ -x "$holds" ] || skip "tools/holds is not built"
# how many moments; fewer while looking for something
moments=${KILL_MOMENTS:-200}

# KILL_SEED chooses the moments; a failure names its own
seed=${KILL_SEED:-1}
# moment N MAX: a time in seconds below MAX ms, in $moment; below less, where
# those before came too late, as they do when the machine has become faster
pace=100
moment() {
	set -- "$1" $(($2 * pace / 100 + 1))
	roll=$(((seed * 10007 + $1) * 48271 % 2147483647))
	roll=$((roll * 48271 % 2147483647))
	roll=$((roll * 48271 % 2147483647))
	roll=$((roll % ($2 * 10) + 10005))
	moment=$((roll / 10000 - 1)).${roll#"${roll%????}"}
}
# killed MOMENT CMD...: counted where it had not ended by itself
killed() {
	lim=$1
	shift
	{ timeout --foreground -s KILL "$lim" "$@" >"$T/out" 2>"$T/err" \
	    </dev/null; } 2>/dev/null
	status=$?
	case $status in
	137)	hits=$((hits + 1))
		[ "$pace" -ge 100 ] || pace=$((pace + 2)) ;;
	0 | 124) # 124: it had ended when the signal came
		[ "$pace" -le 20 ] || pace=$((pace - 5)) ;;
	*) fail "status $status at moment $n (KILL_SEED=$seed) of: $*" ;;
	esac
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

# relay_on DATA PORT: sets relay_url, relay_pid
relay_on() {
	: >"$T/relay.url"
	"$ZK" relay --plain --listen "127.0.0.1:$2" --data "$1" \
	    >"$T/relay.url" 2>>"$T/relay.log" &
	relay_pid=$!
	tries=0
	while ! grep -q . "$T/relay.url"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "the relay does not start:" \
		    "$(cat "$T/relay.log")"
		sleep 0.02
	done
	relay_url=$(head -n 1 "$T/relay.url")
}
# the one that is killed, on the same port each time
port=
relay_up() {
	relay_on "$T/relay" "${port:-0}"
	pids="$calm_pid $relay_pid"
	port=${relay_url##*:}
	port=${port%%/*}
}

# change N: what happens in the folders of a and w between two moments
change() {
	for d in a w; do
		for k in 1 2 3 4 5 6; do
			echo "$1 $k $seed" >"$T/$d/dir/f$1-$k"
		done
		mv "$T/$d/dir/f$1-1" "$T/$d/moved$(($1 % 7))"
	done
	head -c 70000 /dev/urandom | tee "$T/a/large$(($1 % 3))" \
	    >"$T/w/large$(($1 % 3))"
	rm -f "$T/a/dir/f$(($1 - 4))-2" "$T/w/dir/f$(($1 - 4))-2"
}

# What the relays hold for the vault of a and for that of w: as many logs,
# segments and blobs, the blobs of as many bytes (so none is left over and
# none is there twice), none without its bytes.  Segments hold times and
# random names: their sizes agree but for the padding of some.  A joiner that
# was admitted and then killed leaves the record of a device that never was,
# one for each such kill at most.
relays_same() {
	"$holds" "$T/relay" >"$T/held"
	"$holds" "$T/calm" >"$T/held2"
	read -r line <"$T/held"
	read -r line2 <"$T/held2"
	old=$IFS
	IFS='=/ '
	# shellcheck disable=SC2086 # cut at each of these: 11 words each
	set -- $line $line2
	IFS=$old
	# also where something is lost: that has more words
	[ $# -eq 22 ] && [ "$2" = "${13}" ] && [ "$4" = "${15}" ] &&
	    [ $(($5 - ${16})) -le $((${16} / 32)) ] &&
	    [ $((${16} - $5)) -le $((${16} / 32)) ] &&
	    [ "$7" -ge "${18}" ] && [ "$7" -le $((${18} + joins)) ] &&
	    [ "${10}" = "${21}" ] && [ "${11}" = "${22}" ] ||
	    fail "the relays hold different things at moment $n" \
	    "(KILL_SEED=$seed): $line, not $line2"
}

# What is left of init is what is left of one that was not killed; each that
# was leaves an empty space at most.
inits_same() {
	rm -rf "$T/z" "$T/state-z"
	mkdir "$T/z"
	echo "$n" >"$T/z/file"
	device_init z "$calm_url"
	calm z push
	"$holds" "$T/relay" >"$T/held"
	"$holds" "$T/calm" >"$T/held2"
	[ "$(tail -n 1 "$T/held")" = "$(tail -n 1 "$T/held2")" ] ||
	    fail "init left $(tail -n 1 "$T/held"), not" \
	    "$(tail -n 1 "$T/held2") at moment $n (KILL_SEED=$seed)"
	over=$(($(wc -l <"$T/held") - $(wc -l <"$T/held2")))
	[ "$over" -ge 0 ] && [ "$over" -le "$inits" ] ||
	    fail "$over spaces too many after $inits kills of init"
}

# The joiner is killed, then the member that waits for it; again, it joins,
# and each sees what the other writes.
join_killed() {
	rm -rf "$T/c" "$T/state-c" "$T/y" "$T/state-y"
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
	moment $n 300
	killed "$moment" "$ZK" pair --join "$T/c" --name c --yes
	[ "$status" -ne 137 ] || joins=$((joins + 1))
	unset ZK_CODE
	moment "$((n + 1000))" 50
	sleep "$moment"
	kill -9 "$member" 2>/dev/null
	wait "$member" 2>/dev/null
	if ! as c pull >"$T/out" 2>"$T/err"; then
		[ "$(cat "$T/c/.zk/marker" 2>/dev/null)" = "" ] ||
		    [ -e "$T/c/.zk/making" ] || fail "a vault that cannot" \
		    "pull at moment $n (KILL_SEED=$seed)"
		device_pair a c
	fi
	device_pair w y
	for d in c y; do
		dev $d
		again "$ZK" -C "$T/$d" pull
		echo "$n" >"$T/$d/joined"
		again "$ZK" -C "$T/$d" push
	done
	for d in a w; do
		dev $d
		again "$ZK" -C "$T/$d" pull
		again "$ZK" -C "$T/$d" push
		[ "$(cat "$T/$d/joined")" = "$n" ] ||
		    fail "$d does not see what joined at moment $n"
	done
	same_tree a c
}

# The relay is stopped, and killed once the push waits for its answer.
relay_killed() {
	dev a
	"$ZK" -C "$T/a" push >/dev/null 2>&1 &
	push_pid=$!
	moment $n $push_ms
	sleep "$moment"
	kill -STOP "$relay_pid"
	sleep 0.05
	# asleep twice while nothing answers: in the middle of a request
	state=$(sed 's/.*) \(.\).*/\1/' "/proc/$push_pid/stat" 2>/dev/null)
	sleep 0.02
	state=$state$(sed 's/.*) \(.\).*/\1/' "/proc/$push_pid/stat" \
	    2>/dev/null)
	kill -9 "$relay_pid"
	wait "$relay_pid" 2>/dev/null
	[ "$state" != SS ] || hits=$((hits + 1)) relay_hits=$((relay_hits + 1))
	relay_up
	wait "$push_pid"
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 5 ] ||
	    fail "status $status when the relay was killed at moment $n"
}

# calm NAME VERB: the device that is left alone does it, too
calm() {
	dev "$1"
	again "$ZK" -C "$T/$1" "$2"
}

relay_on "$T/calm" 0
calm_url=$relay_url
calm_pid=$relay_pid
pids=$calm_pid
relay_up
device_init a "$relay_url"
device_init w "$calm_url"
mkdir "$T/a/dir" "$T/w/dir"
change 1
for d in a w; do
	expect 0 as $d push
done
device_pair a b
device_pair w x
for d in b x; do
	expect 0 as $d pull
	expect 0 as $d push
done
for d in a w; do
	expect 0 as $d sync
done
change 2
dev a
ms_of "$ZK" -C "$T/a" push
push_ms=$((t * 5 / 4))
dev b
ms_of "$ZK" -C "$T/b" pull
pull_ms=$((t * 5 / 4))
calm w push
calm x pull

n=0
hits=0
relay_hits=0
joins=0
inits=0
while [ "$n" -lt "$moments" ]; do
	n=$((n + 1))
	case $((n % 10)) in
	0|2|4|6)	# push
		change $((n + 10))
		dev a
		moment $n $push_ms
		killed "$moment" "$ZK" -C "$T/a" push
		again "$ZK" -C "$T/a" push
		calm w push
		;;
	1|3|5|7)	# pull of what the last pushes did
		dev b
		moment $n $pull_ms
		killed "$moment" "$ZK" -C "$T/b" pull
		again "$ZK" -C "$T/b" pull
		calm x pull
		same_tree a b
		;;
	8)	# the relay, while a pushes
		change $((n + 10))
		relay_killed
		dev a
		again "$ZK" -C "$T/a" push
		dev b
		again "$ZK" -C "$T/b" pull
		calm w push
		calm x pull
		same_tree a b
		;;
	9)	# a device that joins, and the member that admits it
		[ $((n % 20)) -eq 9 ] || { join_killed; relays_same; continue; }
		# init
		rm -rf "$T/i" "$T/state-i"
		mkdir "$T/i"
		echo "$n" >"$T/i/file"
		dev i
		moment $n 60
		killed "$moment" "$ZK" init "$T/i" --remote \
		    "$relay_url" --name i
		[ "$status" -ne 137 ] || inits=$((inits + 1))
		"$ZK" init "$T/i" --remote "$relay_url" --name i \
		    >"$T/out" 2>"$T/err" || {
			grep -q 'already\|in a vault' "$T/err" ||
			    fail "init at moment $n: $(cat "$T/err")"
		}
		again "$ZK" -C "$T/i" push
		[ "$(cat "$T/i/file")" = "$n" ] || fail "init lost a file"
		inits_same
		;;
	esac
	relays_same
done
[ "$hits" -ge $((moments / 2)) ] ||
    fail "only $hits of $moments were killed in time"
[ "$relay_hits" -ge $((moments / 50)) ] ||
    fail "the relay was killed in a request only $relay_hits times"
echo "# $hits of $moments killed, the relay $relay_hits times"

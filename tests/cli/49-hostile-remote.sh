#!/bin/sh
# R08, R16, R39: what a remote gets back after it went back in time; how much
# memory it can make a client take; what one byte of a large file costs.
. "${0%/*}/lib.sh"

bin=${BUILD:-$top/build}/tools
[ -x "$bin/evil" ] || skip "tools/evil is not built"
[ -x "$bin/holds" ] || skip "tools/holds is not built"
need awk

# R08: ten segments of a, the remote back at seven.  The first push says so
# and mends it, the second has nothing to do; the remote then has the very
# files it had before, to the byte, and not one more.
mkdir "$T/remote"
device_init d "file://$T/remote"
for i in 1 2 3 4 5 6 7 8 9 10; do
	echo "$i" >"$T/d/f$i"
	expect 0 as d push
	[ "$i" != 7 ] || cp -a "$T/remote" "$T/old"
done
cp -a "$T/remote" "$T/new"
rm -rf "$T/remote"
cp -a "$T/old" "$T/remote"
expect 0 as d push
err_has "lost segments 8 to 10"
diff -r "$T/new" "$T/remote" >"$T/diff" ||
    fail "R08: not what it had: $(cat "$T/diff")"
expect 0 as d push
! grep -q lost "$T/err" || fail "R08: said again: $(cat "$T/err")"
diff -r "$T/new" "$T/remote" >"$T/diff" ||
    fail "R08: a second push changed it: $(cat "$T/diff")"

# Two ports that were free a moment ago: the relay must know both.
# evil_on PORT UPSTREAM RULE...: sets evil_port, evil_pid
evil_on() {
	: >"$T/evil.out"
	rm -f "$T/heads.count"
	: >"$T/heads"
	want=$1
	up=$2
	shift 2
	"$bin/evil" "$T/heads" "$up" "$want" "$@" >"$T/evil.out" &
	evil_pid=$!
	pids="$pids $evil_pid"
	tries=0
	while ! grep -q . "$T/evil.out"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "the liar does not start"
		sleep 0.05
	done
	evil_port=$(cat "$T/evil.out")
}
evil_off() {
	kill "$evil_pid"
	wait "$evil_pid" 2>/dev/null
}
evil_on 0 0
relay_port=$evil_port
first=$evil_pid
evil_on 0 0
liar=$evil_port
evil_off
kill "$first"
wait "$first" 2>/dev/null
"$ZK" relay --plain --listen "127.0.0.1:$relay_port" --data "$T/relay" \
    --url "http://127.0.0.1:$liar/" >"$T/relay.url" 2>"$T/relay.log" &
pids="$pids $!"
tries=0
while ! grep -q . "$T/relay.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the relay: $(cat "$T/relay.log")"
	sleep 0.05
done
held() { "$bin/holds" "$T/relay" | sed -n 1p | tr '=/' '  '; }

# R39: one byte inserted into a file of 100 MiB: one segment, and at most
# three objects, of at most 4 MiB and their padding each
evil_on "$liar" "$relay_port"
device_init a "http://127.0.0.1:$liar/"
head -c 104857600 /dev/urandom >"$T/a/large"
expect 0 as a push
device_pair a b
expect 0 as a push
held >"$T/held"
{ head -c 40000001 "$T/a/large"; printf x; tail -c +40000002 "$T/a/large"; } \
    >"$T/larger"
cat "$T/larger" >"$T/a/large"
expect 0 as a push
held >>"$T/held"
evil_off
awk '{ seg[NR] = $4; n[NR] = $10; bytes[NR] = $11; rec[NR] = $7 }
END { exit !(NR == 2 && n[1] > 60 && seg[2] == seg[1] + 1 &&
    rec[2] == rec[1] && n[2] > n[1] && n[2] <= n[1] + 3 &&
    bytes[2] - bytes[1] <= 3 * 4200000) }' "$T/held" ||
    fail "R39: one byte made of it: $(cat "$T/held")"

# R16: a body without end in place of a blob, of segments, of a record; the
# client stops at what it asked for, in less than 64 MiB at its peak (a
# sanitizer keeps what was freed, unless it is told not to)
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1
export ASAN_OPTIONS
peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null; }
for what in /segments /records /blobs/; do
	evil_on "$liar" "$relay_port" "endless GET $what"
	XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" --timeout 5s pull \
	    >"$T/out" 2>"$T/err" &
	pull_pid=$!
	most=0
	looks=0
	while now=$(peak "$pull_pid") && [ -n "$now" ]; do
		most=$now
		looks=$((looks + 1))
		sleep 0.01
	done
	wait "$pull_pid"
	status=$?
	grep -q "GET .*$what" "$T/heads" || fail "R16: $what was not asked for"
	evil_off
	[ "$status" -eq 22 ] || fail "R16: status $status of an endless $what"
	[ "$looks" -gt 0 ] || fail "R16: no look at the memory"
	[ "$most" -lt 65536 ] || fail "R16: $most KiB for an endless $what"
	[ ! -e "$T/b/large" ] || fail "R16: a file of an endless $what"
	echo "# $what: $most KiB at most, $looks looks"
done
evil_on "$liar" "$relay_port"
expect 0 as b pull
cmp -s "$T/larger" "$T/b/large" || fail "not what a has"

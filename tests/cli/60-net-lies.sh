#!/bin/sh
# R15, R16, R17, R18, R20, R21: a relay that answers with nothing, too little,
# too much, too slowly, from elsewhere, or with headers that want to be kept.
# Nothing changes on the device that meets it, and once the relay is honest
# the next run completes.
. "${0%/*}/lib.sh"

evil=${BUILD:-$top/build}/tools/evil
[ -x "$evil" ] || skip "no $evil"
need sed

# evil_start PORT RULE...: sets evil_port, evil_pid; heads go to $T/$heads.
heads=heads
evil_start() {
	want_port=$1
	shift
	: >"$T/evil.out"
	rm -f "$T/$heads.count"
	: >"$T/$heads"
	"$evil" "$T/$heads" "$relay_port" "$want_port" "$@" >"$T/evil.out" &
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
evil_stop() {
	kill "$evil_pid"
	wait "$evil_pid" 2>/dev/null
}

# Two ports that were free a moment ago: the relay must know both.
relay_port=0
evil_start 0
first=$evil_port
evil_stop
evil_start 0
relay_port=$evil_port
evil_stop

"$ZK" relay --listen "127.0.0.1:$relay_port" --data "$T/relay" --plain \
    --url "http://127.0.0.1:$first/" >"$T/relay.url" 2>"$T/relay.log" &
relay_pid=$!
pids="$pids $relay_pid"
tries=0
while ! grep -q . "$T/relay.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the relay: $(cat "$T/relay.log")"
	sleep 0.05
done

evil_start "$first"
url="http://127.0.0.1:$first/"
device_init a "$url"
echo one >"$T/a/one"
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b
head -c 300000 /dev/urandom >"$T/a/big"
echo two >"$T/a/two"
expect 0 as a push
evil_stop

# lied STATUS NAME RULE...: b pulls from the liar and is as before.
lied() {
	want_status=$1
	name=$2
	shift 2
	tree_list "$T/b" >"$T/before"
	evil_start "$first" "$@"
	expect "$want_status" as b --timeout 3s pull
	[ -s "$T/heads" ] || fail "$name: nothing was asked"
	evil_stop
	tree_list "$T/b" >"$T/after"
	cmp -s "$T/before" "$T/after" || fail "$name: the folder changed"
}

lied 5 R15-empty "empty GET /v1/"
lied 5 R15-short "short GET /segments?"
lied 5 R15-cut "cut GET /segments?"
lied 22 R16 "endless GET /v1/"
lied 5 R17 "drip GET /v1/"
lied 5 silence "silent GET /v1/"
lied 22 R20-headers "headers GET /v1/"
lied 22 R20-header "header GET /v1/"

# A signal ends a run that waits for a silent relay.
evil_start "$first" "silent * /"
XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" pull >"$T/out" 2>"$T/err" &
pull_pid=$!
pids="$pids $pull_pid"
tries=0
while ! [ -s "$T/heads" ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "nothing was asked"
	sleep 0.05
done
begun=$(date +%s)
kill -TERM "$pull_pid"
wait "$pull_pid"
got=$?
[ "$got" -eq 143 ] || fail "status $got, not 143, after SIGTERM"
[ $(($(date +%s) - begun)) -lt 10 ] || fail "the signal was not heeded"
evil_stop

# R18: another place is not asked, nor a file.
heads=other
evil_start 0 "empty * /"
other=$evil_port
other_pid=$evil_pid
heads=heads
for code in 301 302 307 308; do
	lied 5 "R18-$code" "redirect * / 0 0 $code:http://127.0.0.1:$other/x"
done
lied 5 R18-file "redirect * / 0 0 302:file:///etc/passwd"
[ ! -s "$T/other" ] || fail "R18: the other place was asked"
kill "$other_pid"

# R21, and what an honest relay would give in the end.
evil_start "$first" "cookies * /"
expect 0 as b pull
expect 0 as b pull
grep -qi '^cookie:' "$T/heads" && fail "R21: a cookie was sent back"
grep -qi '^upgrade' "$T/heads" && fail "R21: an upgrade was asked for"
same_tree a b
evil_stop

# R26: a relay that proved no key cannot move the clock of signatures.
evil_start "$first" "clock * /"
expect 12 as b --timeout 3s pull
grep -q 'time=4070908' "$T/heads" && fail "R26: the time was taken"
evil_stop

# What another device put there, the list of the relay tells: no record is
# sent that it has (once the quota is used up it would be refused).
device_init c "file://$T/folder"
device_pair c d
evil_start "$first"
expect 0 as c remote add "$url"
grep -q '^PUT /v1/.*/records/' "$T/heads" || fail "no record was sent"
evil_stop
evil_start "$first"
expect 0 as d remote add "$url"
expect 0 as d push
grep '^PUT /v1/.*/records/' "$T/heads" && fail "a record was sent again"
evil_stop

# R22: pages of what is held, always more, whose two marks take turns.
# byte N...: these bytes.
byte() {
	for lib_n; do
		printf "\\$(printf %o "$lib_n")"
	done
}
# pages TIMES N: u8 more, a mark of one byte, u32 count, and then $T/item, of
# which there are N in it, over and over.
pages() {
	for mark in 1 2; do
		byte 1 1 "$mark" $(($1 * $2 % 256)) $(($1 * $2 / 256)) 0 0
		lib_i=$1
		while [ "$lib_i" -gt 0 ]; do
			cat "$T/item"
			lib_i=$((lib_i - 1))
		done
	done >"$T/both"
	lib_n=$(($(wc -c <"$T/both") / 2))
	head -c "$lib_n" "$T/both" >"$T/page1"
	tail -c "$lib_n" "$T/both" >"$T/page2"
}
# turns WHAT NAME: d hears nothing but these pages there, says so, and ends.
turns() {
	evil_start "$first" "answer GET /$1?mark=01 0 0 $T/page2" \
	    "answer GET /$1 0 0 $T/page1"
	XDG_STATE_HOME="$T/state-d" timeout 120 "$ZK" -C "$T/d" pull \
	    >"$T/out" 2>"$T/err"
	got=$?
	[ "$got" -eq 22 ] || fail "$1: status $got, not 22: $(cat "$T/err")"
	err_has "lists the same $2 over and over"
	evil_stop
}
echo four >"$T/c/four"
expect 0 as c push
expect 0 as d pull
seg=$(find "$T/folder" -type f -path '*/seg/*' -size -2 | head -n 1)
size=$(wc -c <"$seg")
{
	byte $((size % 256)) $((size / 256)) 0 0
	cat "$seg"
} >"$T/item"
pages 100 1
turns segments segments
rec=$(find "$T/folder" -type f -path '*/rec/*' | head -n 1)
for i in 1 2 3 4 5 6 7 8 9 10; do
	for hex in $(basename "$rec" | sed 's/../0x& /g'); do
		byte "$hex"
	done
done >"$T/item"
pages 200 10
turns records records
exit 0

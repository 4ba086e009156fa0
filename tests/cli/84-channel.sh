#!/bin/sh
# zk send and zk recv: messages of all sizes come out as they went in, those
# of one sender in order, into a directory exactly once whenever a run is
# killed; what is missing, damaged or expired keeps back no more than its
# sender; the relay sees nothing of it, and the folder stays as it is.
. "${0%/*}/lib.sh"
need jq timeout
many_runs
flip=${BUILD:-$top/build}/tools/dbflip
[ -x "$flip" ] || skip "tools/dbflip is not built"
preload_so killcall
so=$lib_so

canary=Ch4Canary
relay_start --plain
device_init a "$relay_url"
echo untouched >"$T/a/file"
echo "not pushed" >"$T/a/.later"
chmod 0 "$T/a/.later"
stats() {
	(cd "$T/a" && find . -path ./.zk -prune -o \( -type f \
	    -printf '%p %T@ %C@ %A@\n' -o -printf '%p %T@ %C@\n' \) | sort)
}
stats >"$T/stat"
device_pair a b

# nothing is there, and what cannot be
mkdir "$T/in"
expect 0 as b recv -c nothing
out_empty
err_empty
expect 0 as b recv -o "$T/in"
out_empty
err_empty
expect 2 as a send -c "$(printf '%0256d' 0)" "$T/a/file"
expect 1 as a send "$T/nowhere"
err_has nowhere
expect 2 as a send --set-expiry soon
expect 2 as a send --set-expiry 1d "$T/a/file"
expect 2 as b recv --list -c x
expect 2 as b recv --max x
expect 1 as b recv -o "$T/nowhere"
err_has nowhere
expect 2 as b recv operand

# what comes out is what went in: from a pipe or a file, of any size
printf '%s\0\n\377' "$canary" >"$T/m1"
: >"$T/m2"
head -c 32768 /dev/urandom >"$T/m3"
head -c 1048576 /dev/urandom >"$T/m4"
head -c 5000001 /dev/urandom >"$T/m5"
{ head -c 20000000 /dev/zero; echo "$canary end"; } >"$T/$canary-m6"
expect 0 as a send -c "$canary channel" <"$T/m1"
out_empty
err_has "sent 1 message"
for i in 2 3 4 5; do
	cat "$T/m$i" | as a -q send -c "$canary channel" - || fail "send $i"
done
expect 0 as a send -c "$canary channel" --json "$T/$canary-m6"
[ "$(sed -n 1p "$T/out" | jq -r .size)" -eq "$(stat -c %s \
    "$T/$canary-m6")" ] || fail "$(cat "$T/out")"
echo other | as a -q send -c other || fail "another channel"
expect 0 as b recv -c "$canary channel" --max 1
cmp "$T/out" "$T/m1" || fail "bytes changed"
expect 0 as b recv -c "$canary channel" --max 2
cmp "$T/out" "$T/m3" || fail "an empty message, then the third"
expect 0 as b recv --list --json
[ "$(jq -c 'select(.type == "channel") | [.channel, .waiting]' \
    "$T/out" | tr '\n' ' ')" = "[\"$canary channel\",3] [\"other\",1] " ] ||
    fail "$(cat "$T/out")"
expect 0 as b recv -c "$canary channel" --json --max 2
json_ok "$T/out"
jq -r 'select(.type == "message" and has("data_b64")).data_b64' "$T/out" |
    base64 -d | cmp - "$T/m4" || fail "JSON of 1 MiB"
jq -e -s 'map(select(.type == "part")) as $p | ($p | length) > 1 and
    all($p[]; .id == $p[0].id) and $p[0].offset == 0' "$T/out" >/dev/null ||
    fail "parts"
jq -r 'select(.type == "part").data_b64' "$T/out" | base64 -di |
    cmp - "$T/m5" || fail "JSON of a large one"
expect 0 as b recv -c "$canary channel" -o "$T/in" --json
[ "$(sed -n 1p "$T/out" | jq -r '"\(.device) \(.name)"')" = \
    "a $canary-m6" ] || fail "$(cat "$T/out")"
cmp "$T/in/$(sed -n 1p "$T/out" | jq -r .file)" "$T/$canary-m6" ||
    fail "a file of 20 MB"
expect 0 as b recv -c "$canary channel"
out_empty
expect 0 as a recv -c "$canary channel"
out_empty
expect 0 as b recv -c other
out_is other
rm -f "$T"/in/*
echo "ok channel-bytes"

# two senders at the same time: each one's in order; a third, who was not
# there yet, gets all of them
for i in 1 2 3; do
	echo "a$i" | as a -q send -c two || fail "a sends"
	echo "b$i" | as b -q send -c two || fail "b sends"
done
device_pair a c
expect 0 as c recv -c two
cp "$T/out" "$T/two"
for d in a b; do
	[ "$(echo $(grep $d "$T/two"))" = "${d}1 ${d}2 ${d}3" ] ||
	    fail "not in order: $(cat "$T/two")"
done
expect 0 as a recv -c two
[ "$(echo $(cat "$T/out"))" = "b1 b2 b3" ] || fail "$(cat "$T/out")"
[ "$(wc -l <"$T/two")" -eq 6 ] || fail "$(cat "$T/two")"

# follow: as it comes, also what another run on the device takes in
XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" recv -c follow --follow \
    >"$T/follow" 2>"$T/follow.err" &
follow_pid=$!
pids="$pids $follow_pid"
seen() {
	tries=0
	until [ "$(cat "$T/follow")" = "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "not seen: $1:" \
		    "$(cat "$T/follow" "$T/follow.err")"
		sleep 0.05
	done
}
echo one | as a -q send -c follow || fail "send"
seen one
echo two | as c -q send -c follow || fail "send"
expect 0 as b kv set --lock-wait 5s beside it
seen "one
two"
kill "$follow_pid"
wait "$follow_pid"
[ $? -eq 143 ] || fail "follow ends with $?"
grep -v interrupted "$T/follow.err" && fail "it said more"
echo three | as a -q send -c follow || fail "send"
expect 0 timeout 20 env XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" recv \
    -c follow --follow --max 1
out_is three
# who reads is gone: what it was not given comes again
echo four | as a -q send -c follow || fail "send"
(as b recv -c follow; echo $? >"$T/status") 2>"$T/err" | :
[ "$(cat "$T/status")" -ne 0 ] || fail "a closed pipe took it"
expect 0 as b recv -c follow
out_is four
echo "ok channel-follow"

# killed anywhere: in a directory once, and all of it
head -c 1500000 /dev/urandom >"$T/large"
mkdir "$T/once"
once() { # KILL-AT
	LD_PRELOAD=$so TEST_KILL_AT=$1 TEST_KILL_LOG="$T/log" \
	    XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" -q recv -c once \
	    -o "$T/once" >"$T/out" 2>"$T/err"
} 2>/dev/null
load() {
	as a -q send -c once "$T/large" || fail "send"
	echo "once $1" | as a -q send -c once || fail "send"
}
: >"$T/log"
load 0
once 100000
calls=$(cut -d ' ' -f 1 "$T/log" | tail -n 1)
[ "$calls" -gt 20 ] || fail "of how many calls: $(cat "$T/log")"
n=0
while [ "$n" -lt 14 ]; do
	[ $((n % 7)) -ne 0 ] || load "$n"
	n=$((n + 1))
	# most of what matters is at the end
	at=$((calls - calls * (14 - n) * (14 - n) / 225 - n % 2))
	once "$at"
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 137 ] ||
	    fail "status $status, killed at $at"
	# what the consumer sees is there whole
	for f in "$T"/once/*; do
		cmp -s "$f" "$T/large" || grep -qx "once [0-9]*" "$f" ||
		    fail "half a message, killed at $at"
	done
done
expect 0 as b recv -c once -o "$T/once"
find "$T/once" -type f -name '[0-9a-f]*' | sort >"$T/files"
[ "$(wc -l <"$T/files")" -eq "$(find "$T/once" -type f | wc -l)" ] ||
    fail "something is left: $(ls -A "$T/once")"
while read -r f; do
	if cmp -s "$f" "$T/large"; then echo large; else cat "$f"; fi
done <"$T/files" >"$T/got"
[ "$(echo $(cat "$T/got"))" = \
    "large once 0 large once 0 large once 7" ] ||
    fail "not once: $(cat "$T/got")"
# a file that is not the message is not replaced, and nothing is lost
echo mine | as a -q send -c name || fail "send"
expect 0 as c recv -c name -o "$T/in"
name=$(ls "$T/in")
echo changed >"$T/in/$name"
expect 1 as b recv -c name -o "$T/in"
err_has "$name"
[ "$(cat "$T/in/$name")" = changed ] || fail "replaced"
rm "$T/in/$name"
expect 0 as b recv -c name -o "$T/in"
[ "$(cat "$T/in/$name")" = mine ] || fail "lost"

# a large one that is killed on the way goes on where it was
head -c 12000000 /dev/urandom >"$T/large"
held() { du -sb "$T/relay" | cut -f 1; }
before=$(held)
XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" --bwlimit 6M:0 send -c big \
    "$T/large" >/dev/null 2>&1 &
send_pid=$!
pids="$pids $send_pid"
tries=0
while [ $(($(held) - before)) -lt 4000000 ] && [ "$tries" -lt 400 ]; do
	tries=$((tries + 1))
	sleep 0.05
done
kill -9 "$send_pid"
wait "$send_pid" 2>/dev/null
expect 0 as b recv -c big
out_empty
expect 0 as a send -c big "$T/large"
[ $(($(held) - before)) -lt 14000000 ] || fail "all of it was sent again:" \
    "$(($(held) - before))"
expect 0 as b recv -c big
cmp "$T/out" "$T/large" || fail "killed, and not what was sent"
expect 0 as b recv -c big
out_empty
echo "ok channel-killed"

# old messages are not given out, and settings of two devices agree
echo old | as a -q send -c short || fail "send"
expect 0 as a send -c short --set-expiry 1s
sleep 1.1
echo new | as a -q send -c short || fail "send"
expect 0 as b recv -c short
out_is new
expect 0 as a send -c short --set-expiry never
expect 0 as b recv -c short
out_empty
expect 0 as a send -c short --set-expiry 1d
expect 0 as b send -c short --set-expiry 2d
expect 0 as a kv ls --fetch
expect 0 as b kv ls --fetch
for d in a b; do
	expect 0 as $d recv --list --json
	jq -c 'select(.channel == "short").expiry' "$T/out" >"$T/expiry-$d"
done
cmp -s "$T/expiry-a" "$T/expiry-b" || fail "each has its own"
grep -qxE '86400|172800' "$T/expiry-a" || fail "$(cat "$T/expiry-a")"
echo "ok channel-expiry"

# the folder was neither read nor changed, and nothing is left to send
stats | cmp - "$T/stat" || fail "the folder was touched"
rm -f "$T/a/.later"
expect 0 as a sync
expect 0 as b sync
same_tree a b
for d in a b; do
	expect 0 as $d status --json
	[ "$(json .to_push)" = 0 ] || fail "$d: $(cat "$T/out")"
done

# what the database says of messages is what the segments say
expect 0 as c recv -c big -o "$T/in"
expect 0 as c verify
db=$(echo "$T"/state-c/zk/*/vault.db)
cp "$db" "$T/good.db"
lied() { # SQL TABLE
	cp "$T/good.db" "$db"
	rm -f "$db-wal" "$db-shm"
	"$flip" sql "$db" "$1" || fail "$1"
	cmp -s "$db" "$T/good.db" && fail "changes nothing: $1"
	expect 22 as c verify
	err_has "$2: '"
}
lied "UPDATE msg SET loc=loc+1 WHERE size=4" msg
lied "UPDATE msg SET label=x'33' WHERE size=4" msg
lied "DELETE FROM msg WHERE size=4" msg
lied "UPDATE chan SET expiry=3 WHERE expiry>0" chan
cp "$T/good.db" "$db"
rm -f "$db-wal" "$db-shm"
expect 0 as c verify
echo "ok channel-verify"

# no relay: nothing is recorded; what is here is given out all the same
echo held | as a -q send -c held || fail "send"
expect 0 as b kv ls --fetch
relay_stop
expect 5 as a send -c held "$T/m1"
expect 5 as b recv -c held
out_is held
expect 5 as b recv -c held
out_empty
# and the relay knows none of it
grep -raF -e "$canary" -e "once 4" -e follow "$T/relay" "$T/relay.log" &&
    fail "the relay can read it"
echo "ok channel-away"

# on a folder, where things can be taken away
mkdir "$T/r1" "$T/r2"
device_init d "file://$T/r1"
device_pair d e
device_pair d f
for i in 1 2; do
	echo "e$i" | as e -q send || fail "send"
	head -c 100000 /dev/urandom >"$T/blob$i"
	as d -q send "$T/blob$i" || fail "send"
done
echo d3 | as d -q send || fail "send"
# a blob that has gone keeps back its sender, and nobody else
find "$T/r1" -path '*/blob/*' -type f >"$T/blobs"
while read -r f; do mv "$f" "$f.away"; done <"$T/blobs"
expect 5 as f recv
out_is "e1
e2"
while read -r f; do mv "$f.away" "$f"; done <"$T/blobs"
# one that is damaged is not given out
while read -r f; do
	cp "$f" "$f.good"
	chmod u+w "$f"
	printf x | dd of="$f" bs=1 seek=1000 conv=notrunc 2>/dev/null
done <"$T/blobs"
expect 22 as f recv
out_empty
expect 22 as f recv -o "$T/once"
while read -r f; do mv -f "$f.good" "$f"; done <"$T/blobs"
expect 0 as f recv
{ cat "$T/blob1" "$T/blob2"; echo d3; } | cmp - "$T/out" || fail "d's"
# a restored device goes on as a sender of its own, after what it had sent
cp -a "$T/state-e" "$T/saved"
echo e3 | as e -q send || fail "send"
rm -rf "$T/state-e"
mv "$T/saved" "$T/state-e"
echo e4 | as e send >"$T/out" 2>"$T/err" || fail "send after a restore"
err_has "restored backup"
expect 0 as f recv
out_is "e3
e4"
# a segment that has not arrived keeps back its sender, too
touch "$T/before"
echo d4 | as d -q send || fail "send"
missing=$(find "$T/r1" -path '*/seg/*' -type f -newer "$T/before")
echo d5 | as d -q send || fail "send"
echo e5 | as e -q send || fail "send"
mv "$missing" "$T/away"
expect 5 as f recv
out_is e5
err_has "has not arrived"
mv "$T/away" "$missing"
echo d6 | as d -q send || fail "send"
expect 0 as f recv
out_is "d4
d5
d6"

# a second remote gets what the first has, blobs too
expect 0 as d remote add "file://$T/r2"
expect 0 as f remote add "file://$T/r2"
head -c 100000 /dev/urandom >"$T/blob3"
as d -q send -c more "$T/blob3" || fail "send"
mv "$T/r1" "$T/r1.gone"
expect 0 as f recv -c more
cmp "$T/out" "$T/blob3" || fail "from the second remote"
echo "ok channel-remotes"

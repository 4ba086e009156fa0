#!/bin/sh
# zk send --lines: each line is a message, durable when it is said to be sent;
# others get the vault in between; what fails or stops it says how far it came.
. "${0%/*}/lib.sh"
need jq mkfifo

canary=L1nesCanary
relay_start --plain
device_init a "$relay_url"
device_pair a b

# what is no vault, no file, or no use together
mkdir "$T/none"
expect 10 as none send --lines </dev/null
out_empty
expect 1 as a send --lines "$T/nowhere"
err_has nowhere
expect 2 as a send --lines --set-expiry 1d
expect 2 as a send -0 --set-expiry 1d
expect 0 as a send --lines </dev/null
err_has "sent 0 messages"

# what comes out is what went in: empty lines, bytes of any kind, the last
# without an end; each a message of its own
printf '%s\n\n\377\200 x\nlast' "$canary" >"$T/lines"
expect 0 as a send -c lines -l "$T/lines"
out_empty
err_has "sent 4 messages"
expect 0 as b recv -c lines --max 1
printf %s "$canary" | cmp - "$T/out" || fail "the first"
expect 0 as b recv -c lines --json
jq -s -c 'map(select(.type == "message") | .size)' "$T/out" >"$T/sizes"
[ "$(cat "$T/sizes")" = "[0,4,4]" ] || fail "$(cat "$T/sizes")"
printf 'one\ntwo\0\0four' >"$T/zeros"
expect 0 as a send -c zeros -0 --json <"$T/zeros"
json_ok "$T/out"
[ "$(jq -s -c 'map(select(.type == "sent") | .size)' "$T/out")" = \
    "[7,0,4]" ] || fail "$(cat "$T/out")"
jq -r 'select(.type == "sent").id' "$T/out" >"$T/ids"
expect 0 as b recv -c zeros --json
jq -r 'select(.type == "message").id' "$T/out" | cmp - "$T/ids" ||
    fail "other ids"
# of all sizes, in order: some pack into the log and some do not
awk 'BEGIN { srand(7); for (i = 0; i < 60; i++) {
	n = i % 20 == 5 ? 90000 : i % 7 * 300
	s = i ":"
	while (length(s) < n)
		s = s sprintf("%c", 33 + int(rand() * 90))
	print s } }' >"$T/sized"
expect 0 as a send -c sized -l <"$T/sized"
mkdir "$T/in"
expect 0 as b recv -c sized -o "$T/in"
for f in "$T"/in/*; do cat "$f"; echo; done | cmp - "$T/sized" ||
    fail "not what was sent, or not in order"
# many: no more requests than there is need for
seq 5000 >"$T/many"
before=$(grep -c . "$T/relay.log")
expect 0 as a send -c many -l "$T/many"
[ $(($(grep -c . "$T/relay.log") - before)) -lt 200 ] || fail "one by one"
expect 0 as b recv -c many --json
jq -r 'select(.type == "message").data_b64 | @base64d' "$T/out" |
    cmp - "$T/many" || fail "some of the many"
# one that is too long ends it, and those before it are sent
{ echo before; head -c 1048577 /dev/zero | tr '\0' x; echo; echo behind; } \
    >"$T/long"
expect 2 as a send -c long -l "$T/long"
err_has "message 2 of '$T/long' has over 1 MiB"
err_has "sent up to message 1"
expect 0 as b recv -c long
[ "$(cat "$T/out")" = before ] || fail "$(head -c 100 "$T/out")"
{ head -c 1048576 /dev/zero | tr '\0' y; echo; } >"$T/long"
expect 0 as a send -c long -l "$T/long"
expect 0 as b recv -c long
[ "$(wc -c <"$T/out")" -eq 1048576 ] || fail "1 MiB is not too long"
echo "ok lines-bytes"

# starts "zk send --lines" of $T/a with a pipe at descriptor 3; ARG: options
stream() {
	rm -f "$T/pipe"
	mkfifo "$T/pipe"
	: >"$T/sent"
	: >"$T/sent.err"
	XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" send --lines --json "$@" \
	    <"$T/pipe" >"$T/sent" 2>"$T/sent.err" &
	stream_pid=$!
	pids="$pids $stream_pid"
	exec 3>"$T/pipe"
}
sent() { # N: waits until so many are said to be sent
	tries=0
	until [ "$(grep -c '"sent"' "$T/sent")" -ge "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "$1 not sent:" \
		    "$(cat "$T/sent" "$T/sent.err")"
		sleep 0.05
	done
}
# as they come: what is said to be sent another device has at once
stream -c live
for i in 1 2 3; do
	echo "live $i" >&3
	sent "$i"
	expect 0 as b recv -c live
	[ "$(cat "$T/out")" = "live $i" ] || fail "$(cat "$T/out")"
done
# half a line is none yet
printf half >&3
# others get the vault while nothing comes, and the stream goes on after it
expect 0 as a kv set --lock-wait 20s beside it
echo " and half" >&3
sent 4
expect 0 as b recv -c live
[ "$(cat "$T/out")" = "half and half" ] || fail "$(cat "$T/out")"
# and while something comes all the time
(
	i=0
	while [ "$i" -lt 1000 ] && [ ! -e "$T/enough" ]; do
		i=$((i + 1))
		echo "busy $i"
		sleep 0.02
	done
) >&3 &
busy_pid=$!
pids="$pids $busy_pid"
sent 8
expect 0 as a kv set --lock-wait 20s beside them
: >"$T/enough"
wait "$busy_pid"
exec 3>&-
wait "$stream_pid" || fail "status $?: $(cat "$T/sent.err")"
json_ok "$T/sent"
expect 0 as b recv -c live --json
[ "$(jq -s 'map(select(.type == "message")) | length' "$T/out")" -eq \
    $(($(grep -c '"sent"' "$T/sent") - 4)) ] || fail "not all of the busy"
# a signal ends it
stream -c live
echo "before the signal" >&3
sent 1
kill "$stream_pid"
wait "$stream_pid"
[ $? -eq 143 ] || fail "it ends with $?"
grep -q "sent up to message 1" "$T/sent.err" || fail "$(cat "$T/sent.err")"
exec 3>&-
# nobody reads what it says: it ends, and what was sent was sent
{ echo "closed $canary" | as a send -l -c closed --json
echo $? >"$T/status"; } 2>"$T/err" | :
case $(cat "$T/status") in
0 | 141) ;;
*) fail "status $(cat "$T/status")" ;;
esac
expect 0 as b recv -c closed
out_has closed
echo "ok lines-live"

# the relay goes: it ends with 5 and says how far it came
stream -c away
echo first >&3
sent 1
relay_stop
echo second >&3
wait "$stream_pid"
[ $? -eq 5 ] || fail "it ends with $?: $(cat "$T/sent.err")"
exec 3>&-
grep -q "sent up to message [12] of" "$T/sent.err" ||
    fail "$(cat "$T/sent.err")"
echo third >"$T/third"
expect 5 as a send -c away -l "$T/third"
err_has "nothing of '$T/third' was sent"
grep -raF -e "$canary" -e "busy 1" -e "live 1" "$T/relay" "$T/relay.log" &&
    fail "the relay can read it"
echo "ok lines-away"

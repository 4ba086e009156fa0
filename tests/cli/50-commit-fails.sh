#!/bin/sh
# The disk of a relay fails when it is to make a transaction durable, which is
# there all the same when it starts again: then so is the file of the object.
# Where it goes on, what was refused leaves nothing behind.
. "${0%/*}/lib.sh"
preload_so failsync
so=$lib_so
export TEST_FAIL_PATH=relay.db-wal TEST_FAIL_ON="$T/on" TEST_FAIL_LOG="$T/log"
: >"$T/log"
serve() {
	LD_PRELOAD=$so "$ZK" relay --listen "127.0.0.1:$1" \
	    --data "$T/relay" --plain >"$T/relay.url" 2>"$T/relay.log" &
	relay_pid=$!
	pids="$pids $relay_pid"
	tries=0
	while [ ! -s "$T/relay.url" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "no relay: $(cat "$T/relay.log")"
		sleep 0.05
	done
}

serve 0
relay_url=$(head -n 1 "$T/relay.url")
port=${relay_url##*:}
port=${port%%/*}
device_init a "$relay_url"
expect 0 as a push
head -c 600000 /dev/urandom >"$T/a/canary"
touch "$T/on"
expect 5 as a push
grep -q failed "$T/log" || fail "nothing failed: $(cat "$T/log")"
kill -KILL "$relay_pid"
wait "$relay_pid" 2>/dev/null
rm "$T/on" "$T/relay.url"
serve "$port"
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b
for d in a b; do expect 0 as "$d" verify; done

large() { find "$1" -type f -size +64k -path "*/$2/*" | wc -l; }
expect 0 as a remote add "file://$T/far"
expect 0 as a push
expect 0 as a remote rm "file://$T/far"
named=$(large "$T/far" blob)
files=$(large "$T/relay" obj)
head -c 600000 /dev/urandom >"$T/a/canary-2"
touch "$T/on"
expect 5 as a push
rm "$T/on"
expect 0 as a push
expect 0 as b pull
same_tree a b
expect 0 as a remote add "file://$T/far"
expect 0 as a push
new=$(($(large "$T/far" blob) - named))
[ "$new" -gt 0 ] || fail "nothing new"
[ "$(large "$T/relay" obj)" -eq $((files + new)) ] ||
    fail "files that nothing names: $(ls -lR "$T/relay/obj")"
if grep -rqF -e canary "$T/relay"; then
	fail "a name is on the relay"
fi

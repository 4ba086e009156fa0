#!/bin/sh
# scripts/examples/notes: two devices with a log of their own in an SQLite
# file come together through a channel, whatever was written at the same time
# and whenever a run was killed.
. "${0%/*}/lib.sh"
need sqlite3
[ "$(sqlite3 :memory: "SELECT '[1]' ->> 0" 2>/dev/null)" = 1 ] ||
    skip "this sqlite3 is too old"
many_runs

relay_start --plain
device_init a "$relay_url"
device_pair a b
notes() {
	who=$1
	shift
	ZK=$ZK ZK_DIR="$T/$who" XDG_STATE_HOME="$T/state-$who" \
	    "$top/scripts/examples/notes" "$T/$who.db" "$@"
}
same_notes() {
	for d in a b; do
		expect 0 notes $d sync
		err_empty
	done
	expect 0 notes a sync
	notes a ls >"$T/notes-a"
	notes b ls >"$T/notes-b"
	cmp -s "$T/notes-a" "$T/notes-b" ||
	    fail "$(diff "$T/notes-a" "$T/notes-b")"
}

expect 2 notes a
expect 2 notes a nothing
expect 1 notes a rm nowhere
text="it's a Nt9Canary; DROP TABLE op; --	\"x\"
second line"
first=$(notes a add "$text") || fail "add"
expect 0 notes a sync
expect 0 notes b sync
expect 0 notes b ls
[ "$(cat "$T/out")" = "$first	$text" ] || fail "$(cat "$T/out")"
# at the same time: one text wins, the same on both; an edit after a removal
second=$(notes b add two) || fail "add"
third=$(notes a add three) || fail "add"
notes a set "$first" "from a" || fail "set"
notes b set "$first" "from b" || fail "set"
same_notes
[ "$(wc -l <"$T/notes-a")" -eq 3 ] || fail "$(cat "$T/notes-a")"
notes a rm "$first" || fail "rm"
expect 0 notes a sync
expect 0 notes b sync
expect 1 notes b set "$first" again
notes b rm "$second" || fail "rm"
notes a set "$second" "edited beside" || fail "set"
notes a set "$second" "edited twice" || fail "set"
same_notes
[ "$(cat "$T/notes-a")" = "$(printf '%s\t%s\n' "$second" "edited twice" \
    "$third" three | sort)" ] || fail "$(cat "$T/notes-a")"

# killed anywhere: nothing is lost, and nothing is there twice
for at in 0.1 0.25 0.4; do
	notes a add "at $at" >"$T/out" || fail "add"
	for d in a b; do
		ZK=$ZK ZK_DIR="$T/$d" XDG_STATE_HOME="$T/state-$d" timeout \
		    -s KILL "$at" "$top/scripts/examples/notes" \
		    "$T/$d.db" sync >/dev/null 2>&1
	done
done
same_notes
[ "$(grep -c "at 0" "$T/notes-b")" -eq 3 ] || fail "$(cat "$T/notes-b")"
[ "$(cut -f 1 "$T/notes-b" | sort | uniq -d)" = "" ] || fail "twice"
[ -z "$(ls "$T/a.db.in" "$T/b.db.in" | grep '^[0-9a-f]')" ] ||
    fail "messages are left"

# without the relay they can still be written
relay_stop
notes a add offline >"$T/out" || fail "add without a relay"
expect 5 notes a sync
expect 0 notes a ls
out_has offline
grep -raF -e Nt9Canary -e "edited" "$T/relay" "$T/relay.log" &&
    fail "the relay can read it"
exit 0

#!/bin/sh
# A relay whose disk lost the file of a segment says that it cannot answer
# now, and in its log why: it does not take that for the end of what it has,
# and no device is told that somebody lies.
. "${0%/*}/lib.sh"
need sqlite3

relay_start --plain
device_init a "$relay_url"
mkdir "$T/a/d"
i=0
while [ "$i" -lt 3000 ]; do
	echo "$i" >"$T/a/d/a-name-that-is-long-enough-to-count-$i"
	i=$((i + 1))
done
expect 0 as a push
device_pair a b
no=$(sqlite3 "$T/relay/relay.db" "SELECT max(file) FROM segment")
[ -n "$no" ] || fail "no segment has a file"
relay_stop
name=$(printf '%x' "$no")
lost=$(find "$T/relay/obj" -type f -name "$name")
[ -n "$lost" ] || fail "no file $name: $(find "$T/relay/obj" -type f | head)"
mv "$lost" "$T/lost"
listen=${relay_url#http://}
relay_start --plain --listen "${listen%/}"
expect 5 as b pull --timeout 3s
grep -q "the file of a segment is not there" "$T/relay.log" ||
    fail "the relay says: $(cat "$T/relay.log")"
mv "$T/lost" "$lost"
expect 0 as b pull
diff -r --exclude=.zk "$T/a" "$T/b" >"$T/diff" || fail "$(head "$T/diff")"

#!/bin/sh
# zk status --check: 0 in sync, 4, 6, 7, 8 in this order; an unreachable
# remote alone changes nothing; status changes nothing at all.
. "${0%/*}/lib.sh"
need jq

device_init a "file://$T/far"
device_pair a b
expect 0 as a sync
expect 0 as b sync
expect 0 as a sync
check() {
	expect "$1" as "$2" status --check
	[ "$1" -eq 0 ] || [ "$1" -eq 4 ] || out_empty
}
check 0 a
check 0 b

# something to push
echo 1 >"$T/a/f"
check 6 a
expect 0 as a status
out_has "> new        f"
err_has "1 to push"
check 0 b
expect 0 as a push
check 0 a

# something to pull
check 7 b
expect 7 as b -q status --check
err_empty
expect 0 as b pull
check 0 b

# what is to push comes before what is to pull
echo 2 >"$T/a/f"
expect 0 as a push
echo 3 >"$T/b/other"
check 6 b
expect 0 as b sync
expect 0 as a sync
expect 0 as b sync

# conflicts come first, and go when the copy goes
printf 'A\0' >"$T/a/f"
printf 'B\0' >"$T/b/f"
expect 0 as a push
expect 4 as b sync
out_has "! conflict"
check 4 b
expect 0 as b status
out_has "! conflict"
rm "$T"/b/f.conflict-*
expect 0 as b sync
check 0 b
expect 0 as a sync
check 0 a

# one not seen for long: only when asked
sleep 2
expect 8 as a status --check --max-age 1s
expect 0 as a status --check --max-age 1h

# a remote that is away
mv "$T/far" "$T/away"
check 0 a
expect 0 as a status --offline --check
mv "$T/away" "$T/far"

# status leaves the vault as it is
before=$(find "$T/a" -printf '%p %T@ %C@\n' | sort | cksum)
expect 0 as a status
[ "$before" = "$(find "$T/a" -printf '%p %T@ %C@\n' | sort | cksum)" ] ||
    fail "status changed the folder"
expect 0 as a status --json
json_ok "$T/out"
[ "$(json .to_push)" = 0 ] || fail "to_push"

#!/bin/sh
# R12, R14: records that a remote should not have. The devices of the vault
# stay what they were, nothing on disk changes.
. "${0%/*}/lib.sh"

forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
need jq
put() { "$forge" "$T/b" "$T/state-b/zk" "file://$T/remote" "$1" ||
	fail "forge $1"; }
devices() { as a device ls --json | jq -r 'select(.type == "device") | .name' |
	sort | tr '\n' ' '; }

mkdir "$T/remote"
device_init a "file://$T/remote"
echo one >"$T/a/one"
expect 0 as a push
device_pair a b
expect 0 as b pull
echo two >"$T/b/two"
expect 0 as b push
expect 0 as a pull
before=$(devices)
[ "$before" = "a b " ] || fail "devices before: $before"

# each: everything from that remote stops, named; without the record it goes on
for kind in stranger genesis; do
	echo "$kind" >"$T/b/$kind"
	expect 0 as b push
	find "$T/remote" -type f | sort >"$T/files"
	put "$kind"
	expect 22 as a pull
	err_has refused
	[ "$(devices)" = "$before" ] || fail "devices: $(devices)"
	[ "$(cat "$T/a/one")" = one ] || fail "a file changed"
	[ ! -e "$T/a/$kind" ] || fail "a refused remote was believed"
	find "$T/remote" -type f | sort | comm -13 "$T/files" - |
	    while read -r f; do rm "$f"; done
	expect 0 as a pull
	[ "$(cat "$T/a/$kind")" = "$kind" ] || fail "no recovery"
	[ "$(devices)" = "$before" ] || fail "devices: $(devices)"
done

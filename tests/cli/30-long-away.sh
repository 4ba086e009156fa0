#!/bin/sh
# A device that was away while others removed things does not bring them back,
# whether it pushes or pulls first, and a push of its own needs no pull; what
# it edited or added below meanwhile stays for all.
. "${0%/*}/lib.sh"

device_init a "file://$T/store"
mkdir -p "$T/a/dir/sub" "$T/a/all"
for f in gone old edited moved back dir/x dir/sub/y all/z; do
	echo "$f" >"$T/a/$f"
done
expect 0 as a push
for dev in b c d; do
	device_pair a "$dev"
	expect 0 as "$dev" pull
done

# c and d are away: a removes, moves, and makes anew, b goes on
rm -r "$T/a/gone" "$T/a/edited" "$T/a/dir" "$T/a/all" "$T/a/back"
mv "$T/a/moved" "$T/a/elsewhere"
expect 0 as a push
expect 0 as b pull
echo other >"$T/b/back"
rm "$T/b/old"
i=0
while [ "$i" -lt 6 ]; do
	i=$((i + 1))
	echo "$i" >"$T/b/busy"
	expect 0 as b push
	expect 0 as a sync
done

# c has edited, d has added; what they left alone is not theirs to bring back
echo "c was here" >"$T/c/edited"
echo own >"$T/c/own"
echo added >"$T/d/dir/sub/added"
expect 0 as c push
expect 0 as d pull
expect 0 as d push
for dev in c a b; do
	expect 0 as "$dev" pull
done
for dev in b c d; do
	same_tree a "$dev"
done
(cd "$T/a" && find . -path ./.zk -prune -o -type f -print | sort) >"$T/have"
printf './%s\n' back busy dir/sub/added edited elsewhere own >"$T/want"
cmp -s "$T/have" "$T/want" || fail "not what is left: $(cat "$T/have")"
[ "$(cat "$T/a/edited")" = "c was here" ] || fail "the edit is lost"
[ "$(cat "$T/a/back")" = other ] || fail "what was made anew is lost"
for dev in a b c d; do
	expect 0 as "$dev" status --check
done

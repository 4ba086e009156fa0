#!/bin/sh
# Two devices at work on the same things: what merges, what becomes a copy,
# and that nothing moves once both are at rest (I13, I14, I15, I16, I17).
. "${0%/*}/lib.sh"

relay_start
device_init a "$relay_url"
mkdir -p "$T/a/dir/sub"
for f in edit name gone both same deep; do echo "$f" >"$T/a/dir/$f"; done
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b

# I13: a rename here and an edit there are the new name with the new content
mv "$T/a/dir/edit" "$T/a/dir/renamed"
echo changed >"$T/b/dir/edit"
expect 0 as a push
expect 0 as b push
expect 0 as b pull
expect 0 as a pull
same_tree a b
[ "$(cat "$T/a/dir/renamed")" = changed ] || fail "I13: the edit is lost"
[ ! -e "$T/a/dir/edit" ] || fail "I13: the old name is back"

# I14: an edit outlives a delete, an addition outlives its directory's delete
rm "$T/a/dir/gone"
echo kept >"$T/b/dir/gone"
rm -r "$T/a/dir/sub"
echo new >"$T/b/dir/sub/new"
expect 0 as a push
expect 0 as b push
expect 0 as a pull
expect 0 as b pull
same_tree a b
[ "$(cat "$T/a/dir/gone")" = kept ] || fail "I14: the edit is lost"
[ "$(cat "$T/a/dir/sub/new")" = new ] || fail "I14: the addition is lost"

# I15: the same bytes on both sides are no conflict
echo equal >"$T/a/dir/same"
echo equal >"$T/b/dir/same"
touch -d @1700000000 "$T/a/dir/same" "$T/b/dir/same"
echo fresh >"$T/a/fresh"
echo fresh >"$T/b/fresh"
touch -d @1700000000 "$T/a/fresh" "$T/b/fresh"
expect 0 as a push
expect 0 as b push
expect 0 as b pull
expect 0 as a pull
same_tree a b
[ "$(find "$T/a" -name '*conflict*' | wc -l)" -eq 0 ] || fail "I15: a copy"

# I16: two versions that are no text are one copy, of the same name on both
printf 'mine\0\n' >"$T/a/dir/both"
printf 'yours\0\n' >"$T/b/dir/both"
expect 0 as a push
expect 0 as b push
expect 4 as b pull
expect 4 as a pull
same_tree a b
[ "$(find "$T/a" -name '*conflict*' | wc -l)" -eq 1 ] || fail "I16: copies"
cat "$T"/a/dir/both* | tr -d '\0' | sort >"$T/versions"
[ "$(cat "$T/versions")" = "$(printf 'mine\nyours')" ] || fail "I16: lost"

# editing the copy makes it a file of its own; deleting it drops it
copy=$(cd "$T/a" && find dir -name '*conflict*')
echo solved >"$T/a/$copy"
expect 0 as a push
expect 0 as b pull
same_tree a b
rm "$T/b/$copy"
expect 0 as b push
expect 0 as a pull
same_tree a b
expect 0 as a status --check

# I17: at rest nothing is written, here or there
for dev in a b a b; do
	expect 0 as "$dev" pull
	expect 0 as "$dev" push
done
tree=$(find "$T/a" "$T/b" -printf '%p %T@ %C@ %i\n' | sort | cksum)
kept=$(find "$T/relay" -type f -exec cksum {} + | sort)
for dev in a b a b; do
	expect 0 as "$dev" pull
	expect 0 as "$dev" push
done
[ "$tree" = "$(find "$T/a" "$T/b" -printf '%p %T@ %C@ %i\n' | sort |
    cksum)" ] || fail "I17: a round at rest touched the folder"
[ "$kept" = "$(find "$T/relay" -type f -exec cksum {} + | sort)" ] ||
    fail "I17: a round at rest wrote to the relay"

#!/bin/sh
# A folder with standing conflict copies that comes back as another root is
# taken as it is: no copy is made of a copy, and one that is removed or edited
# afterwards settles as any other.
. "${0%/*}/lib.sh"

copies() { find "$T/$1" -path '*/.zk' -prune -o -name '*conflict*' -print; }

device_init a "file://$T/far"
mkdir "$T/a/dir"
echo 1 >"$T/a/dir/f"
expect 0 as a push
device_pair a b
expect 0 as b pull
printf 'a\0' >"$T/a/dir/f"
printf 'b\0' >"$T/b/dir/f"
echo a >"$T/a/n"
echo b >"$T/b/n"
expect 0 as a push
expect 4 as b sync
expect 4 as a pull
same_tree a b
[ "$(copies b | wc -l)" -eq 2 ] || fail "copies: $(copies b)"

cp -a "$T/b" "$T/copy"
mv "$T/b" "$T/old"
expect 0 env XDG_STATE_HOME="$T/state-b" "$ZK" init --reattach "$T/copy"
mv "$T/copy" "$T/b"
expect 0 as b sync
[ "$(copies b | wc -l)" -eq 2 ] || fail "copies of copies: $(copies b)"
expect 0 as a pull
same_tree a b
# what b pushed was nothing
expect 4 as b status --check
err_has "0 to push, 0 to pull"
# the copy of the edit is still one: it may be edited, the other removed
copy=$(find "$T/b/dir" -name '*conflict*')
echo both >"$copy"
rm "$T"/b/n.conflict*
expect 0 as b sync
expect 0 as a pull
same_tree a b
[ "$(cat "$T/a/dir/${copy##*/}")" = both ] || fail "the edit of a copy"

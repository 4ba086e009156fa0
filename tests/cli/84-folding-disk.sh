#!/bin/sh
# N08, N09: a disk that cannot hold two names beside each other (b's, put
# under it by tests/preload/folds) keeps both files, one under an alias that
# never leaves this device; nothing is written through a folded name.
. "${0%/*}/lib.sh"
many_runs
preload_so folds
b() { LD_PRELOAD=$lib_so as b "$@"; }
# alias_of NAME: the one entry of $T/b that stands for it by status
alias_of() {
	b status --offline --json >"$T/st" 2>"$T/err" || fail "status"
	sed -n 's/.*"type":"alias","path":"\([^"]*\)","of":"'"$1"'".*/\1/p' \
	    "$T/st"
}
# sent: how many segments the remote has
sent() { find "$T/remote" -type f | wc -l; }
both() {
	expect 0 b sync
	expect 0 as a sync
	expect 0 b sync
}
holds() { [ "$(cat "$T/$1" 2>/dev/null)" = "$2" ] || fail "$1 is not '$2'"; }

mkdir "$T/remote" "$T/beside"
echo safe >"$T/beside/x"
device_init a "file://$T/remote"
device_pair a b
expect 0 b pull

# a file, a directory with what is in it, a name that the disk refuses, and a
# symlink whose other case is a directory
for n in Read read; do echo "$n" >"$T/a/$n"; done
mkdir "$T/a/Dir" "$T/a/dir" "$T/a/dir/Sub" "$T/a/dir/sub"
for n in Dir/f dir/f dir/Sub/f dir/sub/f; do echo "$n" >"$T/a/$n"; done
echo time >"$T/a/10:30"
ln -s ../beside "$T/a/Out"
expect 0 as a push
mkdir "$T/a/out"
echo evil >"$T/a/out/x"
expect 0 as a push
expect 0 b pull
[ "$(cat "$T/beside/x")" = safe ] || fail "it wrote through a symlink"
[ "$(find "$T/b" -name .zk -prune -o -type f -print | wc -l)" = 8 ] ||
    fail "not all files are there: $(find "$T/b")"
(cd "$T/b" && find . -name .zk -prune -o -type f -exec cat {} +) |
    sort >"$T/got"
printf '%s\n' Dir/f Read dir/Sub/f dir/f dir/sub/f evil read time |
    LC_ALL=C sort >"$T/want"
cmp -s "$T/got" "$T/want" || fail "contents: $(cat "$T/got")"

# status names them; the status stays 0, and nothing is left to do
expect 0 b status --check
out_has '~ alias      10_30~'
out_has ' for 10:30'
[ "$(grep -c '~ alias' "$T/out")" -eq 5 ] || fail "aliases: $(cat "$T/out")"
both
n=$(sent)
both
[ "$(sent)" = "$n" ] || fail "a round at rest wrote"
expect 0 as a status --check
[ "$(find "$T/a" -name '*~*')" = '' ] || fail "an alias left its device"

# what is done under the alias is done to the file with its true name
for n in Read read; do
	al=$(alias_of "$n")
	[ -z "$al" ] || young=$n young_at=$al
done
old=$([ "$young" = Read ] && echo read || echo Read)
echo edited >"$T/b/$young_at"
echo later >"$T/b/$(alias_of 10:30)"
both
holds "a/$young" edited
holds a/10:30 later
holds "a/$old" "$old"

# a program that saves by rename, and another kind in its place
echo saved >"$T/b/new"
mv "$T/b/new" "$T/b/$young_at"
both
holds "a/$young" saved
rm "$T/b/$young_at"
mkdir "$T/b/$young_at"
echo in >"$T/b/$young_at/in"
both
holds "a/$young/in" in
[ -n "$(alias_of "$young")" ] || fail "no alias any more"
holds "b/$(alias_of "$young")/in" in

# moved elsewhere it keeps its name; under another name it is a rename
mkdir "$T/b/else"
mv "$T/b/$(alias_of "$young")" "$T/b/else/"
both
holds "a/else/$young/in" in
holds "b/else/$young/in" in
mv "$T/b/$(alias_of 10:30)" "$T/b/half past"
both
holds 'a/half past' later
[ ! -e "$T/a/10:30" ] || fail "the rename left the old name"

# one goes, here or there: the other has its name
echo one >"$T/a/Name"
expect 0 as a push
echo two >"$T/a/name"
both_a() { expect 0 as a sync && expect 0 b sync; }
both_a
holds b/Name one
al=$(alias_of name)
holds "b/$al" two
mv "$T/a/Name" "$T/a/gone away"
both_a
holds b/name two
[ ! -e "$T/b/$al" ] || fail "the alias stayed"
# only the case changes, by another device
mv "$T/a/name" "$T/a/NAME"
both_a
holds b/NAME two
[ ! -e "$T/b/name" ] || fail "the case is the old one"
# and here
mv "$T/b/NAME" "$T/b/Name"
both
holds a/Name two
[ ! -e "$T/a/NAME" ] || fail "two names of one file"
# deleting the alias deletes that one alone
echo three >"$T/a/naME"
both_a
rm "$T/b/$(alias_of naME)"
both
[ ! -e "$T/a/naME" ] || fail "it was not deleted"
holds a/Name two

# both made at once
echo here >"$T/b/Twice"
echo there >"$T/a/twice"
expect 0 b push
both_a
both
holds a/Twice here
holds a/twice there
expect 0 b status --check
expect 0 as a verify
expect 0 b verify

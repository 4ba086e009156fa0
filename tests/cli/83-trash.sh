#!/bin/sh
# zk restore --trash: what an applied removal took comes back to its path or
# to another place, never over anything, and leaves the trash only then.
. "${0%/*}/lib.sh"
many_runs
need jq

has() { [ "$(cat "$T/$1" 2>/dev/null)" = "$2" ] || fail "$1 is not '$2'"; }
gone() { [ ! -e "$T/$1" ] && [ ! -L "$T/$1" ] || fail "$1 is there"; }
mode() { [ "$(stat -c %a "$T/$1")" = "$2" ] || fail "mode of $1"; }
in_trash() {
	as b log --json --trash | jq -r 'select(.type == "trash").path' | sort |
	    tr '\n' ' ' >"$T/list"
	[ "$(cat "$T/list")" = "$1" ] || fail "in the trash: $(cat "$T/list")"
}
pass() {
	expect 0 as a push
	expect 0 as b pull
}

mkdir "$T/remote"
device_init a "file://$T/remote"
mkdir -p "$T/a/d/e" "$T/a/open"
echo one >"$T/a/d/f"
echo deep >"$T/a/d/e/k"
ln -s f "$T/a/d/l"
echo first >"$T/a/g"
echo tilde >"$T/a/t~1"
echo in >"$T/a/open/n~2"
printf 'x\n' >"$T/a/$(printf 'x\ny')"
chmod 711 "$T/a/d"
chmod 640 "$T/a/d/f"
touch -d '2020-02-02 02:02:02' "$T/a/d/f"
expect 0 as a push
device_pair a b
expect 0 as b pull
cp -a "$T/a/d" "$T/was"
# two of one name on one day, where midnight allows
day=$(date +%F)
rm -r "$T/a/d" "$T/a/g" "$T/a/t~1" "$T/a/open"
pass
echo second >"$T/a/g"
pass
rm "$T/a/g"
pass
[ "$(date +%F)" = "$day" ] || skip "a day has begun"
in_trash "d/e/k d/f d/l g g~1 open/n~2 t~1 "
trash=.zk/trash/$day

# nothing is there, or no such name; no other vault's either
cp -a "$T/b" "$T/was-b"
for name in nix g "$trash/nix" "$trash" "$day" "$trash/../$day/g" "$trash/" \
    "$T/a/$trash/g" "../$trash/g" "$trash/g/x" /; do
	expect 1 as b restore --trash "$name"
	err_has "is not in the trash"
done
expect 2 as b restore --trash
expect 2 as b restore --trash "$trash/d" -o -
err_has "is a directory"
expect 2 as b restore --trash "$trash/d/l" -o -
err_has "is a symlink"
expect 0 as b restore -n --trash "$trash/d"
out_is "< new        d/"
err_has "dry run: 5 entries to restore as 'd'; nothing was done"
gone b/d
same_tree b was-b
diff -r "$T/b/.zk/trash" "$T/was-b/.zk/trash" || fail "the trash changed"

# a file into a directory that is gone, which comes back as it was
expect 0 as b restore --trash "$trash/d/f"
err_has "restored 1 entry (4 B) as 'd/f'; the next push tells others"
[ "$(wc -l <"$T/err")" = 1 ] || fail "more than one line"
out_empty
mode b/d 711
mode b/d/f 640
[ "$(stat -c %Y "$T/b/d/f")" = 1580608922 ] || fail "the time of d/f"
gone "b/$trash/d/f"
# what is there stays, whatever it is
echo mine >"$T/b/g"
mkdir "$T/b/t~1"
for name in g g~1 t~1 d; do
	expect 1 as b restore --trash "$trash/$name"
	err_has "something is there; name another place with -o"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "more than one line"
done
has b/g mine
rmdir "$T/b/t~1"
echo file >"$T/b/open"
expect 1 as b restore --trash "$trash/open/n~2"
err_has "what lies above it is no directory"
rm "$T/b/open"
ln -s "$T/was" "$T/b/open"
expect 1 as b restore --trash "$trash/open/n~2"
err_has "what lies above it is no directory"
rm "$T/b/open"

# a whole directory, by an absolute name; a name with a number of its own
rm -r "$T/b/d"
expect 0 as b restore --json --trash "$T/b/$trash/d"
json_ok "$T/out"
[ "$(jq -c 'select(.type == "restored") | [.brought, .path]' "$T/out")" = \
    '[4,"d"]' ] || fail "json: $(cat "$T/out")"
mode b/d 711
has b/d/e/k deep
[ "$(readlink "$T/b/d/l")" = f ] || fail "the symlink"
(cd "$T/b" && XDG_STATE_HOME="$T/state-b" "$ZK" -q restore --trash \
    "$trash/t~1") || fail "by a path from the root"
has "b/t~1" tilde
mkdir "$T/b/sub"
(cd "$T/b/sub" && XDG_STATE_HOME="$T/state-b" "$ZK" -q restore --trash \
    "../$trash/open/n~2") || fail "by a path from below"
has b/open/n~2 in
in_trash "g g~1 "
# elsewhere, with a number of the trash's; the copy on stdout leaves it
expect 0 as b restore --trash "$trash/g" -o -
out_is first
in_trash "g g~1 "
expect 1 as b restore --trash "$trash/g" -o "$T/b/g"
err_has "already exists"
expect 0 as b restore --trash "$trash/g" -o "$T/g-first"
err_has "restored 1 entry (6 B) as"
has g-first first
in_trash "g~1 "
rm "$T/b/g"
expect 0 as b restore --trash "$day/g~1"
has b/g second
in_trash ""
gone "b/$trash"
# it is a change as any other
expect 0 as b push
expect 0 as a pull
same_tree a b

# a directory that a file took the place of, by its name and theirs
mkdir -p "$T/a/over/s"
echo of >"$T/a/over/f"
echo deep >"$T/a/over/s/h"
pass
rm -r "$T/a/over"
echo instead >"$T/a/over"
pass
expect 0 as b log --json --trash
jq -r 'select(.type == "trash").path' "$T/out" | grep '^over' | sort |
    tr '\n' ' ' >"$T/list"
[ "$(cat "$T/list")" = "over/f over/s/h " ] ||
    fail "of a directory: $(cat "$T/out")"

#!/bin/sh
# What is to be kept as one, or to be so no longer, becomes that in one push,
# and loses nothing; no line less ends it; what cannot be whole is left alone;
# a path in it means all of it; one that is there already is taken for what it
# is.
. "${0%/*}/lib.sh"
conflict_of() { ls -d "$T/$1"/*.conflict-* 2>/dev/null; }

device_init a "file://$T/remote"
echo '/repo atomic' >"$T/a/.zkattributes"
mkdir -p "$T/a/repo/src"
echo file >"$T/a/repo/file"
head -c 70000 /dev/urandom >"$T/a/repo/src/large"
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b

# one of many entries becomes one, while another device edits in it: neither
# is lost, and no brake is pulled
mkdir -p "$T/a/many/sub"
for i in 1 2 3 4 5 6 7 8 9; do
	for k in 1 2 3 4 5 6 7 8 9 10 11 12; do
		echo "$i $k" >"$T/a/many/sub/$i-$k"
	done
done
expect 0 as a push
expect 0 as b pull
echo '/many atomic' >>"$T/a/.zkattributes"
expect 0 as a push
[ "$(as a --json log --max 0 many | grep -c '"kind":"tree"')" = 1 ] ||
    fail "many is no tree"
echo edited >"$T/b/many/sub/1-1"
expect 4 as b sync
# where the edit made it live on, the directory is to become one again
for d in a b a; do as $d -q sync >"$T/out" 2>"$T/err"; done
expect 0 as b sync
expect 0 as a sync
same_tree a b
[ "$(cat "$T"/a/many*/sub/1-1 | sort)" = "$(printf '1 1\nedited')" ] ||
    fail "one of two: $(cat "$T"/a/many*/sub/1-1)"
[ "$(cat "$T"/a/many*/sub/9-12)" = "9 12" ] || fail "9-12"
rm -r "$(conflict_of a)"
expect 0 as a push
expect 0 as b pull

# and is none any more
sed -i 's,^/many.*,/many -atomic,' "$T/a/.zkattributes"
expect 0 as a push
expect 0 as b pull
same_tree a b
echo b >"$T/b/many/own"
expect 0 as b push
expect 0 as a pull
[ "$(cat "$T/a/many/own")" = b ] || fail "many is no directory"
# a line that is gone changes nothing
sed -i '/^.repo/d' "$T/a/.zkattributes"
echo more >"$T/a/repo/more"
expect 0 as a push
expect 0 as b pull
same_tree a b
[ "$(as a --json log --max 0 repo | grep -vc '"kind":"tree"')" = 1 ] ||
    fail "repo became another kind"

# what cannot be whole is left alone, all else goes
mkfifo "$T/a/repo/src/pipe"
echo behind >>"$T/a/repo/file"
echo else >"$T/a/else"
expect 3 as a push
err_has "skipped 'repo/src/pipe': neither file, directory nor symlink"
err_has "skipped 'repo': it is kept as one"
echo meanwhile >>"$T/b/repo/src/large"
expect 0 as b push
expect 3 as a pull
expect 0 as b pull
[ "$(cat "$T/b/else")" = else ] || fail "all else"
[ -p "$T/a/repo/src/pipe" ] || fail "the pipe"
! grep -q behind "$T/b/repo/file" || fail "half of it went"
rm "$T/a/repo/src/pipe"
expect 4 as a sync
expect 4 as b pull
same_tree a b
rm -r "$(conflict_of a)"
expect 0 as a push
expect 0 as b pull

# a path in it means all of it
echo named >"$T/a/repo/src/named"
echo not >"$T/a/not"
expect 0 as a push repo/src/named
expect 0 as b pull
[ "$(cat "$T/b/repo/src/named")" = named ] || fail "named"
[ ! -e "$T/b/not" ] || fail "what was not named"
expect 0 as a push
echo back >"$T/b/repo/back"
echo back >"$T/b/else"
expect 0 as b push
expect 0 as a pull repo/src/named
[ "$(cat "$T/a/repo/back")" = back ] || fail "pull of a path in it"
[ "$(cat "$T/a/else")" = else ] || fail "else was not named"
expect 0 as a pull

# one that is there already is taken for what it is
cp -a "$T/a" "$T/c"
rm -r "$T/c/.zk"
device_pair a c
expect 0 as c pull
same_tree a c
expect 0 as a verify

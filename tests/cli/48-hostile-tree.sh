#!/bin/sh
# N01, N02, N15, R04: what a hostile member makes of names, depths, removals
# and the keys of large files; nothing outside the folder is touched, bounds
# hold, what others have not sent survives, wrong bytes never show.
. "${0%/*}/lib.sh"
many_runs

forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
need awk
run() { "$@" >"$T/out" 2>"$T/err"; }
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
# forge in the name of b; the ids of its ops go to $T/ids
as_forger() {
	"$forge" "$T/b" "$T/state-b/zk" "file://$T/remote" "$@" >"$T/ids" ||
	    fail "forge"
}
id() { sed -n "$(($1 + 1))p" "$T/ids"; }
# file NAME TEXT
file() { echo "create 1 root $(hex "$1") 644 1767225600 0 $(hex "$2")"; }
# everything around the folder of a: names, kinds, times of change, sizes
around() {
	find "$T/.." -mindepth 1 -maxdepth 1 -name 'zk-n01*'
	find "$T" \( -path "$T/a" -o -path "$T/state-a" -o -path "$T/remote" \
	    -o -path "$T/ids" -o -path "$T/err" -o -path "$T/out" \
	    -o -path "$T/around-[12]" \) -prune -o \
	    -printf '%p %y %C@ %T@ %s %i\n' | sort
}

mkdir "$T/remote" "$T/beside"
echo safe >"$T/beside/x"
device_init a "file://$T/remote"
mkdir -p "$T/a/dir/sub"
echo mine >"$T/a/mine"
echo old >"$T/a/dir/edited"
echo old >"$T/a/dir/sub/gone"
expect 0 as a push
device_pair a b
expect 0 as b pull
echo first >"$T/b/first"
expect 0 as b push
device_pair a c
expect 0 as a pull

# N01: names that lead out; nothing beside the folder is made, removed or
# changed, not even for a moment: that would show in the times of its parent
: >"$T/out"
: >"$T/err"
: >"$T/around-1"
: >"$T/around-2"
for n in '../x' '../../zk-n01' '../beside/x' 'a/../../x' "$T/x" '..' \
    '../a.new' './../x' 'dir/../../x'; do
	file "$n" evil
done >"$T/script"
file after good >>"$T/script"
as_forger <"$T/script"
around >"$T/around-1"
expect 22 as a pull
around >"$T/around-2"
cmp -s "$T/around-1" "$T/around-2" || fail "N01: outside was touched:" \
    "$(diff "$T/around-1" "$T/around-2")"
[ "$(grep -c "left out" "$T/err")" -eq 9 ] || fail "N01: not each is named"
[ "$(cat "$T/a/after")" = good ] || fail "N01: what follows is lost"

# N15: a directory is removed, with all that its writer knows of, while a has
# in it what nobody else has seen: new files, a new version of a removed one,
# what is ignored.  All of that survives, in its place, and becomes known.
{
	echo "create 2 root $(hex full) 755 1767225600 0"
	echo "create 1 0 $(hex edited) 644 1767225600 0 $(hex old)"
	echo "create 1 0 $(hex plain) 644 1767225600 0 $(hex old)"
	echo "create 2 0 $(hex sub) 755 1767225600 0"
} | as_forger
run as a pull
[ "$(cat "$T/a/full/plain")" = old ] || fail "N15: no directory to remove"
echo unsent >"$T/a/full/new"
echo unsent >"$T/a/full/sub/new"
echo unsent >"$T/a/full/edited"
echo '*.o' >"$T/a/.zkignore"
echo ignored >"$T/a/full/x.o"
cp "$T/ids" "$T/known"
{
	echo "remove @$(sed -n 3p "$T/known")"
	echo "remove @$(sed -n 2p "$T/known")"
	echo "remove @$(sed -n 4p "$T/known")"
	echo "remove @$(sed -n 1p "$T/known")"
	echo "remove root"
} | as_forger
run as a pull
[ ! -e "$T/a/full/plain" ] || fail "N15: nothing was removed"
for f in full/new full/sub/new full/edited; do
	[ "$(cat "$T/a/$f")" = unsent ] || fail "N15: $f is lost"
done
[ "$(cat "$T/a/full/x.o")" = ignored ] || fail "N15: an ignored file is lost"
[ "$(cat "$T/a/mine")" = mine ] || fail "N15: the root was removed"
run as a push
run as c pull
for f in full/new full/sub/new full/edited; do
	[ "$(cat "$T/c/$f")" = unsent ] || fail "N15: $f did not reach c"
done

# R04: the keys of two files change places.  Here a chunk's key stands beside
# its name in the manifest, and that in an op inside a sealed and signed
# segment: a remote can swap whole objects only (33-tampered, R03 and R04),
# so the swap is a member's: keys, names of blobs, whole references.  Each
# time neither file is made, blobs that do not open are named, the rest comes.
blobs=0
for what in all key name; do
	{
		echo "swapped $what $(hex "one-$what") $(hex "two-$what")"
		file "rest-$what" good
	} | as_forger
	expect 22 as a pull
	[ ! -e "$T/a/one-$what" ] && [ ! -e "$T/a/two-$what" ] ||
	    fail "R04: content under a swapped $what"
	err_has tampered
	[ "$what" = all ] || blobs=$((blobs + 2))
	[ "$(sed -n 's/.*cannot get blob \([0-9a-f]*\): data was tampered.*/\1/p' \
	    "$T/err" | sort -u | wc -l)" -eq "$blobs" ] ||
	    fail "R04: not each blob is named after a swap of $what"
	[ "$(cat "$T/a/rest-$what")" = good ] || fail "R04: the rest is lost"
done

# N02: a path of 5000 bytes at a lawful depth, and a chain of 5000 directories,
# a file at the end of each.  What fits is made, what does not is left out and
# said, in bounded time (it took minutes when each directory of the chain was
# looked up from the root), and others' files still come.
awk 'BEGIN {
	s = sprintf("%0250d", 0)
	gsub("0", "6e", s)
	printf "create 2 root %s 755 1767225600 0\n", s
	for (i = 1; i < 20; i++)
		printf "create 2 %d %s 755 1767225600 0\n", i - 1, s
	print "create 1 19 66 644 1767225600 0 78"
}' >"$T/script"
file beside-path good >>"$T/script"
as_forger <"$T/script"
expect 22 as a pull
[ "$(cat "$T/a/beside-path")" = good ] || fail "N02: what follows is lost"
longest=$(cd "$T/a" && find . -path './nnn*' |
    awk 'length($0) - 2 > n { n = length($0) - 2 } END { print n + 0 }')
[ "$longest" -le 4096 ] && [ "$longest" -gt 3800 ] ||
    fail "N02: a path of $longest bytes"
awk 'BEGIN {
	print "create 2 root 64 755 1767225600 0"
	for (i = 1; i < 5000; i++)
		printf "create 2 %d 64 755 1767225600 0\n", i - 1
	print "create 1 4999 66 644 1767225600 0 78"
}' >"$T/script"
file beside-chain good >>"$T/script"
as_forger <"$T/script"
expect 22 timeout 120 env XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" pull
err_has "128 deep"
[ "$(cat "$T/a/beside-chain")" = good ] || fail "N02: what follows is lost"
deepest=$(cd "$T/a" && find . -path './d*' -type d -name d |
    awk -F/ 'NF - 1 > n { n = NF - 1 } END { print n + 0 }')
[ "$deepest" -eq 128 ] || fail "N02: depth $deepest"
[ -z "$(find "$T/a" -name f)" ] || fail "N02: a file beyond the bounds"

#!/bin/sh
# A PATH: a pull applies what lies there or below, a push records it, and
# nothing else; what waits comes with the next one without a PATH, and then
# the tree is that of a device that never named one.
. "${0%/*}/lib.sh"
many_runs

relay_start --plain
has() { [ "$(cat "$T/$1" 2>/dev/null)" = "$2" ] || fail "$1 is not '$2'"; }
gone() { [ ! -e "$T/$1" ] && [ ! -L "$T/$1" ] || fail "$1 is there"; }
# put NAME CONTENT
put() {
	mkdir -p "$T/${1%/*}"
	echo "$2" >"$T/$1"
}
# waits N: N things are still to be pulled
waits() {
	expect 0 as b status --json --offline
	n=$(jq -r 'select(.type == "summary") | .to_pull' "$T/out")
	[ "$n" = "$1" ] || fail "$n wait, not $1"
}
# rest: everything meets; c never names a PATH
rest() {
	as b pull >"$T/out" 2>"$T/err"
	case $? in 0 | 4) ;; *) fail "$1: the rest" ;; esac
	expect 0 as b push
	as a pull >"$T/out" 2>"$T/err"
	as c pull >"$T/out" 2>"$T/err"
	same_tree a b
	same_tree c b
	expect 0 as b pull
	expect 0 as b status
}

device_init a "$relay_url"
for f in in/f in/g in/sub/x out/f out/g out/sub/x top; do
	put "a/$f" "$f"
done
expect 0 as a push
device_pair a b
device_pair a c
expect 0 as b pull
expect 0 as c pull
same_tree a b

# only what lies there or below
put a/in/f 2; put a/in/new 2; put a/out/f 2; put a/out/new 2; put a/top 2
rm "$T/a/in/g" "$T/a/out/g"
expect 0 as a push
expect 0 as b pull -n in
out_has in/f
grep -q out/ "$T/out" && fail "-n shows what lies outside"
has b/in/f in/f
expect 0 as b pull in
has b/in/f 2; has b/in/new 2; gone b/in/g
has b/out/f out/f; has b/out/g out/g; gone b/out/new; has b/top top
waits 4
expect 0 as b pull in
err_has "pulled 0 files"
expect 0 as b pull out/f top
has b/out/f 2; has b/top 2; has b/out/g out/g; gone b/out/new
waits 2
rest plain

# directories on the way to a PATH are made, without what else is in them
put a/far/off/x 1; put a/far/off/y 1; put a/far/z 1
expect 0 as a push
expect 0 as b pull far/off/x
has b/far/off/x 1; gone b/far/off/y; gone b/far/z
rest parents

# a renamed directory, by its new and by its old name
put a/old/f 1; put a/old/g 1; put a/old/d/h 1; put a/prev/f 1
put a/prev/g 1
expect 0 as a push
expect 0 as b pull
mv "$T/a/old" "$T/a/new"; mv "$T/a/prev" "$T/a/next"
put a/new/f 2; put a/new/more/i 1; put a/next/f 2; put a/next/h 2
put a/out/f 3
put b/old/g local; put b/old/own local
expect 0 as a push
expect 0 as b pull new
has b/new/f 2; has b/new/d/h 1; has b/new/more/i 1; gone b/old
has b/new/g local; has b/new/own local; has b/out/f 2
expect 0 as b pull prev/f
has b/prev/f 2; has b/prev/g 1; gone b/prev/h
expect 0 as b pull prev
has b/next/f 2; has b/next/g 1; has b/next/h 2; gone b/prev
expect 2 as b pull prev
rest renamed

# a file of a renamed directory by its new name brings the directory there
mv "$T/a/new" "$T/a/newer"
put a/newer/f 3; put a/newer/d/h 3
expect 0 as a push
expect 0 as b pull newer/f
has b/newer/f 3; has b/newer/d/h 1; gone b/new
rest "by a new name"

# moves out of and into a PATH, with unpushed edits where they come from
put a/in/goes goes; put a/out/comes comes; put a/out/other 1
expect 0 as a push
expect 0 as b pull
mv "$T/a/in/goes" "$T/a/out/goes"; mv "$T/a/out/comes" "$T/a/in/comes"
put a/out/other 2
expect 0 as a push
put b/out/comes edited; put b/out/goes "in the way"; put b/out/mine mine
expect 4 as b pull -n in
out_has in/comes
has b/out/comes edited; has b/out/mine mine; has b/in/goes goes
expect 4 as b pull in
err_has "pulled 3 files"
has b/in/comes edited; gone b/out/comes; gone b/in/goes; has b/out/mine mine
has b/out/other 1
cat "$T"/b/out/goes* >"$T/all"
grep -q goes "$T/all" || fail "what left is lost"
grep -q "in the way" "$T/all" || fail "what was in the way is lost"
rest moves
rm "$T"/a/out/*conflict*
expect 0 as a push
rest settled

# names that are swapped across the border, and in a row
put a/in/s one; put a/out/s two; put a/in/p p; put a/out/q q; put a/out/r r
expect 0 as a push
expect 0 as b pull
# each by itself, or the files were found edited
for m in "in/s t" "out/s in/s" "t out/s" "out/r out/z" "out/q out/r" \
    "in/p out/q"; do
	mv "$T/a/${m% *}" "$T/a/${m#* }"
	expect 0 as a push
done
put a/in/p "new p"
expect 0 as a push
expect 0 as b pull in
has b/in/s two; has b/out/s one
has b/in/p "new p"; has b/out/q p; has b/out/r q; has b/out/z r
rest swapped

# kinds that change
put a/in/k1 file; put a/in/k2/x 1; put a/in/k2/y 1; put a/k3 file
put a/k4/x 1; put a/k4/y 1
expect 0 as a push
expect 0 as b pull
rm -r "$T/a/in/k1" "$T/a/in/k2" "$T/a/k3" "$T/a/k4"
put a/in/k1/deep dir; put a/in/k1/more dir; put a/in/k2 file; put a/k3/x dir
put a/k3/y dir
put a/k4 file
expect 0 as a push
expect 0 as b pull in/k1/deep
has b/in/k1/deep dir; gone b/in/k1/more; has b/in/k2/x 1
expect 0 as b pull in/k2/x
gone b/in/k2/x; has b/in/k2/y 1
expect 0 as b pull in/k2
has b/in/k2 file; gone b/in/k1/more
expect 0 as b pull k3/x k4/y
has b/k3/x dir; gone b/k3/y; has b/k4/x 1; gone b/k4/y
rest kinds

# a directory that went, of which one file was named; one that goes whole
put a/dead/x 1; put a/dead/y 1; put a/dead/d/z 1
expect 0 as a push
expect 0 as b pull
mv "$T/a/dead/d/z" "$T/a/alive"; rm -r "$T/a/dead"
expect 0 as a push
expect 0 as b pull dead/x
gone b/dead/x; has b/dead/y 1; has b/dead/d/z 1; gone b/alive
put b/dead/y kept
expect 0 as b pull dead
has b/alive 1; has b/dead/y kept; gone b/dead/d
rest "a directory that went"

# directories that unite
put a/u1/x 1; put a/u2/y 1
expect 0 as a push
expect 0 as b pull
expect 0 as c pull
mv "$T/a/u1" "$T/a/u"; mv "$T/c/u2" "$T/c/u"; put c/u/z 1
expect 0 as a push
expect 0 as c push
expect 0 as b pull u2
has b/u/y 1; gone b/u2
rest unite

# conflict copies come along with the file, and so they go
put a/in/c.txt base; put a/in/d base
expect 0 as a push
expect 0 as b pull
put a/in/c.txt theirs; put a/in/d theirs; put a/in/e theirs; put a/out/f 5
expect 0 as a push
put b/in/c.txt ours; put b/in/d ours; put b/in/e ours
expect 4 as b pull in/c.txt in/e
[ "$(cat "$T"/b/in/c*.txt | sort | xargs)" = "ours theirs" ] ||
    fail "a copy of c.txt is missing"
[ "$(cat "$T"/b/in/e* | sort | xargs)" = "ours theirs" ] ||
    fail "a copy of e is missing"
has b/in/d ours
expect 0 as b push in
expect 4 as a pull
rm "$T"/a/in/c.conflict*
expect 0 as a push
as b pull in/c.txt >"$T/out" 2>"$T/err" || fail "a copy that went"
ls "$T"/b/in/c.conflict* 2>/dev/null && fail "the copy is still there"
rest copies
rm "$T"/a/in/*conflict*
expect 0 as a push
rest "no copies"

# local changes: inside they are merged, outside nothing happens to them
put a/in/f 6; put a/out/f 6
expect 0 as a push
put b/out/f mine; put b/out/own mine; rm "$T/b/out/new"; rm -r "$T/b/in/sub"
put b/in/own mine
expect 0 as b pull in
has b/in/f 6; has b/out/f mine; has b/out/own mine; gone b/in/sub
expect 0 as b push in
expect 0 as a pull
has a/in/own mine; gone a/in/sub; has a/out/new 2; gone a/out/own
# what was deleted above a PATH
put a/far/off/x 7
expect 0 as a push
rm -r "$T/b/far"
expect 0 as b pull far/off/x
has b/far/off/x 7; gone b/far/z
rest "local changes"
rm -f "$T"/a/out/*conflict*
expect 0 as a push
rest "no copies again"

# what is ignored here stays as it is
echo '*.log' >"$T/b/.zk/ignore"
put a/in/x.log 1; put a/out/x.log 1; put a/in/y 1
expect 0 as a push
expect 0 as b pull in
has b/in/y 1; gone b/in/x.log
expect 0 as b pull in/x.log
gone b/in/x.log
: >"$T/b/.zk/ignore"
expect 0 as b pull in
has b/in/x.log 1; gone b/out/x.log
put a/in/.zkignore '*.tmp'; put a/in/z 1
expect 0 as a push
expect 0 as b pull in
rest ignored

# the brake counts what is to go of a PATH
i=0
while [ $i -lt 200 ]; do
	put "a/many/$i" "$i"
	put "a/few/$((i % 20))" "$i"
	i=$((i + 1))
done
expect 0 as a push
expect 0 as b pull
expect 0 as c pull
rm -r "$T/a/many"; rm "$T/a/few/1"
expect 0 as a push --max-delete 1000
expect 0 as b pull few
gone b/few/1; has b/many/1 1
expect 20 as b pull many
has b/many/1 1
expect 0 as b pull --max-delete 1000 many
gone b/many
expect 0 as c pull --max-delete 1000
rest brake

# pushes: moves across the border; the rest is recorded by the next
put b/in/go go; put b/out/come come; mkdir "$T/b/in/dgo" "$T/b/out/dcome"
put b/in/dgo/x 1; put b/out/dcome/y 1
expect 0 as b push
expect 0 as a pull
mv "$T/b/in/go" "$T/b/out/go"; mv "$T/b/out/come" "$T/b/in/come"
mv "$T/b/in/dgo" "$T/b/out/dgo"; mv "$T/b/out/dcome" "$T/b/in/dcome"
put b/out/f later
expect 0 as b push in
expect 0 as a pull
has a/in/come come; has a/in/dcome/y 1; gone a/in/go; gone a/in/dgo
gone a/out/go
[ "$(cat "$T/a/out/f")" != later ] || fail "recorded outside of the PATH"
expect 0 as b push
expect 0 as a pull
has a/out/go go; has a/out/dgo/x 1; gone a/out/come; gone a/out/dcome
has a/out/f later
rest pushes

# each half of a move recorded alone, by two who move the other way: it stays
put a/half/one moved; put a/half/two other
expect 0 as a push
mv "$T/a/half/one" "$T/a/half/two"
expect 0 as a push half/two # and not that it is gone from one
expect 0 as b pull half/two
has b/half/two moved; gone b/half/one
mv "$T/b/half/two" "$T/b/half/one"
expect 0 as b push half/two # nor that it is there
expect 0 as b pull
has b/half/one moved; gone b/half/two
expect 0 as a sync
expect 0 as b push
expect 0 as a pull
has a/half/one moved; gone a/half/two
rest halves

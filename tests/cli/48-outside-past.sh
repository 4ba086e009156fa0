#!/bin/sh
# N22: a member writes ops that name what its segment does not build on, or
# what there is not.  Whoever receives them first or last drops them alike;
# what waits for a head that does not exist keeps nobody else waiting.
. "${0%/*}/lib.sh"

forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
as_forger() {
	name=$1
	shift
	"$forge" "$T/$name" "$T/state-$name/zk" "file://$T/remote" "$@" ||
	    fail "forge"
}
file() { echo "create 1 root $(hex "$1") 644 1767225600 0 $(hex "$2")"; }

mkdir "$T/remote"
device_init a "file://$T/remote"
echo early >"$T/a/early"
expect 0 as a push
for d in b c d; do
	device_pair a $d
	expect 0 as $d pull
done
echo first >"$T/b/first"
expect 0 as b push
for d in a c d; do
	expect 0 as $d pull
done

# a writes what b's segment does not name; b writes what names it
cp -a "$T/remote" "$T/before"
echo late >"$T/a/late"
mkdir "$T/a/dir"
expect 0 as a push
late=$(as_forger a id late)
dir=$(as_forger a id dir)
early=$(as_forger a id early)
mv "$T/remote" "$T/with-late"
mv "$T/before" "$T/remote"
{
	# Lamport times beyond those of a
	for i in $(seq 1 60); do
		file "fill$i" x
	done
	echo "remove @$late"
	echo "edit @$late 4 $(hex evil)"
	echo "move @$late root $(hex stolen)"
	echo "create 1 @$dir $(hex inside) 644 1767225600 0 $(hex x)"
	echo "remove @000000000001$(printf '%052d' 7)"
	echo "move @$early root $(hex moved)"
} | as_forger b

# c receives b's segment before, d after what it names
expect 22 as c pull
[ "$(grep -c "left out" "$T/err")" -eq 5 ] || fail "c names other ops"
[ "$(cat "$T/c/moved")" = early ] || fail "what may be named was not moved"
cp -a "$T/remote" "$T/both"
cp -an "$T/with-late/." "$T/both/"
rm -r "$T/remote"
mv "$T/with-late" "$T/remote"
expect 0 as d pull
[ "$(cat "$T/d/late")" = late ] || fail "d has not what a wrote"
rm -r "$T/remote"
mv "$T/both" "$T/remote"
expect 22 as d pull
[ "$(grep -c "left out" "$T/err")" -eq 5 ] || fail "d names other ops"
expect 0 as c pull
expect 22 as a pull
[ "$(cat "$T/c/late")" = late ] || fail "late is not on c"
[ "$(cat "$T/c/moved")" = early ] || fail "moved is gone from c"
[ ! -e "$T/c/stolen" ] && [ ! -e "$T/c/dir/inside" ] ||
    fail "an op outside its past was taken in"
same_tree c d
same_tree a d

# who has it in its past may still do all that
rm "$T/d/late"
expect 0 as d push
expect 0 as a pull
expect 0 as c pull
[ ! -e "$T/a/late" ] || fail "an honest removal is void"
same_tree a c

# a head that does not exist: waits, and only that
file waits no | as_forger b gap
echo more >"$T/a/more"
expect 5 as a pull
expect 0 as a push
expect 5 as c pull
err_has "has not arrived"
[ "$(cat "$T/c/more")" = more ] || fail "all wait for a head of one"
[ ! -e "$T/c/waits" ] || fail "applied without what it builds on"
file behind no | as_forger b
expect 5 as c pull
[ ! -e "$T/c/behind" ] || fail "applied behind what waits"
echo own >"$T/c/own"
expect 5 as c sync
run=0
as a pull >"$T/out" 2>"$T/err" || run=$?
[ "$run" -eq 5 ] || fail "status $run"
same_tree a c

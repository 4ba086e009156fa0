#!/bin/sh
# A member writes one name many more times than one op can name: the others
# hold it as one, go on, and change and remove it as any other.
. "${0%/*}/lib.sh"

forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
# many N LINE: that line of a script, so many times
many() {
	i=0
	while [ $i -lt "$1" ]; do
		echo "$2"
		i=$((i + 1))
	done
}
# all who hold the tree go on, and hold the same
go_on() {
	echo "$1" >"$T/a/$1"
	expect 0 as a push
	expect 0 as c pull
	echo "$1" >"$T/c/$1-c"
	expect 0 as c push
	expect 0 as a pull
	same_tree a c
	for d in a c; do
		expect 0 as $d verify
		expect 0 as $d status
		err_has "in sync"
	done
}

mkdir "$T/remote"
device_init a "file://$T/remote"
echo mine >"$T/a/mine"
expect 0 as a push
device_pair a b
expect 0 as b pull
echo first >"$T/b/first"
expect 0 as b push
device_pair a c
expect 0 as c pull
expect 0 as a pull

# files, directories, edits of one file, that are equal; each by another op
{
	many 257 "create 1 root $(hex file) 644 1767225600 0 $(hex same)"
	many 300 "create 2 root $(hex dir) 755 1767225600 0"
	echo "create 1 257 $(hex in) 644 1767225600 0 $(hex first)"
	echo "create 1 556 $(hex in-last) 644 1767225600 0 $(hex last)"
	echo "create 1 root $(hex edits) 644 1767225600 0 $(hex old)"
	many 300 "edit 559 3 $(hex new)"
} >"$T/script"
"$forge" "$T/b" "$T/state-b/zk" "file://$T/remote" <"$T/script" \
    >"$T/ids" || fail "forge"
expect 0 as a pull
for f in file:same dir/in:first dir/in-last:last edits:new; do
	[ "$(cat "$T/a/${f%:*}")" = "${f#*:}" ] || fail "${f%:*} is another"
done
go_on one

# what is done to it is done to all of it
echo edited >"$T/c/file"
echo edited >"$T/c/edits"
mv "$T/a/dir" "$T/a/moved"
expect 0 as a push
expect 0 as c sync
expect 0 as a pull
[ "$(cat "$T/a/file" "$T/a/edits")" = "edited
edited" ] || fail "an edit did not arrive"
[ -e "$T/c/moved/in-last" ] && [ ! -e "$T/c/dir" ] || fail "not moved"
go_on two
rm -r "$T/a/file" "$T/a/moved" "$T/a/edits"
expect 0 as a push
expect 0 as c pull
[ ! -e "$T/c/file" ] && [ ! -e "$T/c/moved" ] && [ ! -e "$T/c/edits" ] ||
    fail "not removed"
go_on three

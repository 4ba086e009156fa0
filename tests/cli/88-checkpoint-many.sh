#!/bin/sh
# What comes back of a file with more versions than one op can name, all of
# which were removed, is said with its content: a checkpoint may lack it.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
noise() { head -c 20000 /dev/urandom >"$1"; }
# versions NAME N: a file, and so many edits of it that are equal
versions() {
	echo "create 1 root $(hex "$1") 644 1767225600 0 $(hex old)"
	i=0
	while [ $i -lt "$2" ]; do
		echo "edit 0 8 $(hex precious)"
		i=$((i + 1))
	done
}

device_init a "file://$T/far"
for d in b c; do
	device_pair a $d
	expect 0 at $d pull
	echo $d >"$T/$d/$d"
	expect 0 at $d push
	expect 0 at a pull
done
for n in 3 256 257 300; do
	versions "v$n" $n | LD_PRELOAD="$clock_so" "$forge" "$T/b" \
	    "$T/state-b/zk" "file://$T/far" >"$T/ids" || fail "forge"
done
for n in 1 2 3 4 5 6; do
	noise "$T/a/f"
	expect 0 at a sync
	days 1
done
days 41
noise "$T/a/f"
expect 0 at a push
expect 0 at a gc
out_has "wrote a checkpoint"
expect 0 at c pull

for n in 3 256 257 300; do
	[ "$(cat "$T/c/v$n")" = precious ] || fail "v$n is not there"
	rm "$T/c/v$n"
	expect 0 at c push
	touch -d 2021-01-01 "$T/a/v$n"
	expect 0 at a sync
	err_has "1 file (8 B)"
	expect 0 at c pull
	same_tree a c
done

# what came after the cut no checkpoint lacks: the time alone is said
echo later >"$T/a/later"
expect 0 at a push
expect 0 at c pull
rm "$T/c/later"
expect 0 at c push
touch -d 2021-01-01 "$T/a/later"
expect 0 at a sync
err_has "1 file (0 B)"
expect 0 at c pull
same_tree a c

#!/bin/sh
# What lies deeper than a path may is left out and said; it comes once it lies
# higher, whatever became of it meanwhile, and no pull looks at all for it.
. "${0%/*}/lib.sh"
many_runs

# chain NAME N: NAME/NAME/... of N
chain() {
	lib_i=1
	lib_p=$1
	while [ "$lib_i" -lt "$2" ]; do
		lib_p=$lib_p/$1
		lib_i=$((lib_i + 1))
	done
	echo "$lib_p"
}

A=$(chain a 70)
B=$(chain b 70)
device_init b "file://$T/far"
mkdir -p "$T/b/$A" "$T/b/$B" "$T/b/c/d"
echo 1 >"$T/b/$B/f"
echo 1 >"$T/b/c/d/x"
echo 1 >"$T/b/c/gone"
expect 0 as b push
device_pair b old
expect 0 as old pull
same_tree b old
mv "$T/b/b" "$T/b/$A/b"
# the first of what others cannot have is named; nothing else is
expect 3 as b push -q
err_has "/b' is nested more than 128 deep"
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "more than one line"
device_pair b c
expect 22 as c pull -q
err_has "128 deep"
# it is said by the run that meets it
expect 0 as c pull -q
err_empty
echo 1 >"$T/b/other"
expect 3 as b push
expect 0 as c pull -q
[ -f "$T/c/other" ] || fail "what is not deep does not come"
# what goes there from elsewhere stays, unless it is removed
mv "$T/old/c/d" "$T/old/$B/d"
mv "$T/old/c/gone" "$T/old/$B/gone"
expect 0 as old push
expect 22 as c pull -q
[ -f "$T/c/c/d/x" ] && [ -f "$T/c/c/gone" ] ||
    fail "what went too deep was removed"
rm "$T/old/$B/gone"
echo more >"$T/old/$B/d/x"
expect 0 as old push
expect 22 as c pull -q
[ -f "$T/c/c/d/x" ] && [ ! -e "$T/c/c/gone" ] ||
    fail "what was removed too deep stays"
# high enough again
mv "$T/b/$A/b" "$T/b/b"
expect 0 as b sync
expect 0 as c pull -q
err_empty
same_tree b c
echo again >>"$T/b/$B/f"
expect 0 as b push
expect 0 as c pull -q
expect 0 as c push
same_tree b c
# a device that had it all may take part
as old pull >"$T/out" 2>"$T/err"
expect 0 as old pull
same_tree b old

# the device that cannot have it moves what it has of it
mv "$T/b/b" "$T/b/$A/b"
expect 3 as b push
device_pair b e
expect 22 as e pull -q
mv "$T/e/$A/b" "$T/e/b"
expect 0 as e sync
expect 0 as e sync
as b pull >"$T/out" 2>"$T/err"
expect 0 as b pull
[ -f "$T/b/$B/f" ] || fail "b lost f"
same_tree b e

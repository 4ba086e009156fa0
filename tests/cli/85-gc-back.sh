#!/bin/sh
# A device that has read that a file was removed, and has not applied it, moves
# the file: it comes back as it is on that disk, not as a version that nobody
# has any more.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
large() { head -c 150000 /dev/urandom >"$1"; }

device_init a "file://$T/far"
device_pair a b
expect 0 at b pull
for f in moved touched; do large "$T/a/canary-$f"; done
expect 0 at a push
expect 0 at b pull
for f in moved touched; do large "$T/a/canary-$f"; done
expect 0 at a push
rm "$T/a/canary-moved" "$T/a/canary-touched"
expect 0 at a push
days 40

# what b collects it reads, and tells that it did; its disk is as before
for n in 1 2 3; do
	expect 0 at a gc
	expect 0 at b gc
done
cp "$T/b/canary-moved" "$T/was-moved"
cp "$T/b/canary-touched" "$T/was-touched"
mv "$T/b/canary-moved" "$T/b/canary-here"
touch -d 2001-01-01 "$T/b/canary-touched"
expect 0 at b sync
for d in a b; do
	expect 0 at "$d" pull
	cmp "$T/was-moved" "$T/$d/canary-here" || fail "$d: moved"
	cmp "$T/was-touched" "$T/$d/canary-touched" || fail "$d: touched"
	expect 0 at "$d" status --check
	expect 0 at "$d" verify
done
same_tree a b
device_pair a c
expect 0 at c pull
same_tree a c

# removed as it is on that disk, it comes back by the move alone: an edit that
# did not know of all that goes with it
printf '1\n2\n' >"$T/a/notes"
for d in a b c; do expect 0 at "$d" sync; done
rm "$T/a/notes"
mv "$T/b/notes" "$T/b/canary-notes"
printf '1\n2\n3\n' >"$T/c/notes"
for d in a b c a b; do expect 0 at "$d" sync; done
for d in a b c; do
	printf '1\n2\n3\n' | cmp - "$T/$d/canary-notes" || fail "$d: notes"
done
same_tree a b
same_tree a c
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

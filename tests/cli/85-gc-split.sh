#!/bin/sh
# A large conflict copy that became a file of its own stays when the file that
# it was a copy of goes on without it; and has a history window of its own.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
large() { head -c 150000 /dev/urandom >"$1"; }

device_init a "file://$T/far"
device_pair a b
expect 0 at b pull
large "$T/a/big"
expect 0 at a push
expect 0 at b pull
large "$T/a/big"
large "$T/b/big"
expect 0 at a push
expect 4 at b sync
expect 4 at a pull
copy=$(find "$T/a" -name 'big*conflict*')
[ -e "$copy" ] || fail "no copy: $(ls "$T/a")"
mv "$copy" "$T/a/canary-mine"
expect 0 at a push
expect 0 at b pull
[ -e "$T/b/canary-mine" ] || fail "no file of its own: $(ls "$T/b")"

# b knows of the copy as of what is gone, and says so
days 1
large "$T/b/big"
expect 0 at b push
expect 0 at a pull
for n in 1 2 3; do
	days 40
	expect 0 at a gc
	expect 0 at b pull
	expect 0 at a pull
done
device_pair a c
expect 0 at c pull
same_tree a c
same_tree a b

# removed today: until the window has passed it can be brought back
cp "$T/a/canary-mine" "$T/was"
rm "$T/a/canary-mine"
expect 0 at a push
expect 0 at b pull
expect 0 at a pull
expect 0 at c pull
expect 0 at a pull
days 20
for n in 1 2; do
	expect 0 at a gc
	for d in b c a; do expect 0 at "$d" pull; done
done
expect 0 at a gc
device_pair a d
expect 0 at d pull
expect 0 at d restore canary-mine
cmp "$T/was" "$T/d/canary-mine" || fail "another content"
rm "$T/d/canary-mine"
expect 0 at d push
expect 0 at a pull
expect 0 at b pull
expect 0 at c pull
expect 0 at a pull

# and goes then
before=$(find "$T/far" -path '*/blob/*' -type f | wc -l)
for n in 1 2; do
	days 40
	expect 0 at a gc
	for d in b c d a; do expect 0 at "$d" pull; done
done
expect 0 at a gc
after=$(find "$T/far" -path '*/blob/*' -type f | wc -l)
[ "$after" -lt "$before" ] || fail "$after of $before blobs are left"
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

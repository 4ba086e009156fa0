#!/bin/sh
# The device that collects is restored from a backup, so that its log has two
# histories, and of what it condemned nobody knows any more who heard it:
# another device says it again, and it goes.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
large() { head -c 150000 /dev/urandom >"$T/a/canary-large"; }
blobs() { find "$T/relay/obj" -type f | wc -l; }

relay_start
device_init a "$relay_url"
large
expect 0 at a push
device_pair a b
expect 0 at b pull
large
expect 0 at a push
expect 0 at b pull
expect 0 at a pull
days 40
expect 0 at a push
cp -a "$T/state-a" "$T/kept"
expect 0 at a gc
out_has condemned

rm -rf "$T/state-a"
mv "$T/kept" "$T/state-a"
expect 0 at a remote rm "$relay_url"
expect 0 at a remote add "file://$T/far"
echo second >"$T/a/second"
expect 0 at a push
expect 0 at a remote add "$relay_url"
at a sync >/dev/null 2>&1
at a sync >/dev/null 2>&1
expect 0 at a sync
expect 0 at a remote rm "file://$T/far"
at b pull >/dev/null 2>&1
same_tree a b

before=$(blobs)
for n in 1 2 3; do
	expect 0 at b gc
	expect 0 at a pull
	days 1
done
expect 0 at b gc
[ "$(blobs)" -lt "$before" ] || fail "$(blobs) of $before objects are left"
! grep -q wait "$T/out" || fail "something waits: $(cat "$T/out")"
for d in a b; do expect 0 at "$d" verify; done
device_pair b c
at c pull >/dev/null 2>&1 # tells of the two histories
expect 0 at c pull
same_tree a c
if grep -rqF -e canary "$T/relay" "$T/far"; then
	fail "a name is on a remote"
fi

#!/bin/sh
# Large messages that have expired are removed from the remotes once the window
# has passed, those that count are not; who never read one passes it over.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
large() { head -c 150000 /dev/urandom >"$1"; }
blobs() { find "$T/far" -path '*/blob/*' -type f | wc -l; }

device_init a "file://$T/far"
device_pair a b
expect 0 at b pull
for m in kept other short; do large "$T/canary-$m"; done
expect 0 at a send -c keeps "$T/canary-kept"
# the same bytes in a channel that forgets them
expect 0 at a send -c forgets "$T/canary-kept"
expect 0 at a send -c forgets "$T/canary-short"
expect 0 at a send -c forgets --set-expiry 1d
expect 0 at a send -c keeps "$T/canary-other"
all=$(blobs)
days 2
for d in a b a; do expect 0 at "$d" gc; done
[ "$(blobs)" -eq "$all" ] || fail "gone within the window"
days 40
for n in 1 2; do
	for d in a b; do expect 0 at "$d" gc; done
done
expect 0 at a gc
left=$(blobs)
[ "$left" -lt "$all" ] || fail "$left of $all blobs are left"
[ "$left" -ge 2 ] || fail "$left blobs are left of those that count"

mkdir "$T/out-b" "$T/out-c"
expect 0 at b recv -c keeps -o "$T/out-b"
cat "$T/out-b"/* >"$T/got"
cat "$T/canary-kept" "$T/canary-other" >"$T/want"
cmp -s "$T/got" "$T/want" || fail "what counts: $(ls -l "$T/out-b")"

# a longer time does not bring back what is gone, nor keep back what follows
expect 0 at a send -c forgets --set-expiry never
echo later >"$T/later"
expect 0 at a send -c forgets "$T/later"
device_pair a c
expect 0 at c recv -c forgets -o "$T/out-c"
cmp -s "$T/canary-kept" "$(find "$T/out-c" -size +100k -type f)" ||
    fail "what has its bytes elsewhere: $(ls -l "$T/out-c")"
[ "$(find "$T/out-c" -type f | wc -l)" -eq 2 ] || fail "$(ls -l "$T/out-c")"
grep -qrx later "$T/out-c" || fail "what follows: $(ls -l "$T/out-c")"
for d in a b c; do expect 0 at "$d" verify; done

# nor does it keep back anything from a further remote, while another is away
expect 0 at a send -c forgets --set-expiry 1d
expect 0 at a remote add "file://$T/away"
expect 0 at a push
expect 0 at a remote add "file://$T/next"
mv "$T/away" "$T/taken"
expect 0 at a push
err_has "to 2 of 3 remotes"
! grep "message" "$T/err" || fail "it is waited for"
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

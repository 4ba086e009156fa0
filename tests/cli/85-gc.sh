#!/bin/sh
# Space: what is past the window goes from the remotes once every device has
# heard of it, and nothing else does.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
need jq
blobs() { find "$T/${1:-far}" -path '*/blob/*' -type f | wc -l; }
large() { head -c 150000 /dev/urandom >"$1"; }
gc() { jq -r "select(.type == \"gc\") | .$1" "$T/out"; }
has() { # has MEMBER VALUE
	[ "$(gc "$1")" = "$2" ] || fail "$1 is $(gc "$1"): $(cat "$T/out")"
}

# alone: all in one run, but not before its time
device_init a "file://$T/far"
large "$T/a/f"
cp "$T/a/f" "$T/first"
large "$T/a/stays"
expect 0 at a push
[ "$(blobs)" = 2 ] || fail "two files are $(blobs) blobs"
days 1
large "$T/a/f"
expect 0 at a push
[ "$(blobs)" = 3 ] || fail "three versions are $(blobs) blobs"
expect 0 at a gc --json
has condemned 0
days 28
expect 0 at a gc
[ "$(blobs)" = 3 ] || fail "the window has not passed"
first=$(at a log --json f | jq -r 'select(.change == "created") | .id')
expect 0 at a restore -o "$T/got" "f@$first"
cmp "$T/got" "$T/first" || fail "what is in the window differs"
days 3
cp -r "$T/far" "$T/far-before"
expect 0 at a gc -n --json
has condemned 1
has deleted 0
[ "$(blobs)" = 3 ] || fail "a dry run deletes"
expect 0 at a gc --json
json_ok "$T/out"
has condemned 1
has deleted 1
[ "$(gc deleted_bytes)" -gt 150000 ] || fail "bytes"
[ "$(blobs)" = 2 ] || fail "$(blobs) blobs are left"
expect 0 at a gc
err_has "nothing to free"
expect 0 at a verify
expect 0 at a push
[ "$(blobs)" = 2 ] || fail "a push brings it back"

# what is past the window and gone is said to be that
rm "$T/got"
expect 1 at a restore -o "$T/got" "f@$first"
err_has "past the history window"
expect 1 at a diff "f@$first" f
err_has "past the history window"

# two devices: one has to hear of it; one that sleeps is waited for
device_pair a b
expect 0 at b pull
expect 0 at a pull
days 1
large "$T/a/f"
large "$T/a/of-b"
expect 0 at a push
expect 0 at b pull
mv "$T/b/of-b" "$T/kept"
expect 0 at b push
expect 0 at a pull
[ "$(blobs)" = 4 ] || fail "$(blobs) blobs of two devices"
# when it came is noted by the next run some hours later
days 1
expect 0 at a pull
expect 0 at b pull
days 31
expect 0 at a gc --json
has condemned 2
has deleted 0
expect 0 at a gc --json
has condemned 0
has waiting 2
[ "$(jq -r 'select(.type == "waits") | .device' "$T/out")" = b ] ||
    fail "who is waited for"
[ "$(blobs)" = 4 ] || fail "deleted before b has heard"

# b has not, and finds the very content in its index: nothing is lost
cp "$T/kept" "$T/b/twin"
expect 0 at b push
[ "$(blobs)" = 4 ] || fail "b knew that blob"
expect 0 at b pull
expect 0 at b gc --json
has deleted 1
[ "$(blobs)" = 3 ] || fail "$(blobs) blobs once both have heard"
expect 0 at a pull
cmp "$T/a/twin" "$T/kept" || fail "twin came damaged"
expect 0 at a gc --json
has deleted 0

# after it has heard, b does not name such a blob any more
days 1
rm "$T/b/twin"
expect 0 at b push
days 1
expect 0 at a pull
expect 0 at b pull
days 31
expect 0 at a gc --json
has deleted 1
[ "$(blobs)" = 2 ] || fail "$(blobs) blobs without twin"
cp "$T/kept" "$T/b/twin"
expect 0 at b push
[ "$(blobs)" = 3 ] || fail "twin was not sealed anew"
expect 0 at a pull
cmp "$T/a/twin" "$T/kept" || fail "twin came damaged again"
expect 0 at a verify
expect 0 at b verify

# a remote that refuses to delete is named, and asked again next time
days 1
rm "$T/a/f"
expect 0 at a push
days 1
expect 0 at a pull
days 31
expect 0 at a gc
expect 0 at b pull
if [ "$(id -u)" != 0 ]; then
	find "$T/far" -path '*/blob/*' -type d -exec chmod a-w {} +
	expect 1 at a gc
	err_has "does not delete"
	[ "$(blobs)" = 3 ] || fail "a read-only remote lost blobs"
	find "$T/far" -path '*/blob/*' -type d -exec chmod u+w {} +
fi

# a second remote that was away: it gets what is needed and no more, and
# is cleaned when it was away for the deletion
expect 0 at a remote add "file://$T/near"
expect 0 at a push
[ "$(blobs near)" = 2 ] || fail "near has $(blobs near) blobs"
mv "$T/near" "$T/near-away"
: >"$T/near"
at a gc --json >"$T/out" 2>/dev/null
has deleted 1
[ "$(blobs)" = 2 ] || fail "far has $(blobs) blobs"
rm "$T/near"
mv "$T/near-away" "$T/near"
expect 0 at a gc
expect 0 at a status --check

# a device that was parked, and knew the blob, comes back
large "$T/b/late"
cp "$T/b/late" "$T/kept"
expect 0 at b push
days 1
expect 0 at a pull
rm "$T/a/late"
expect 0 at a push
expect 0 at a device park b
days 1
expect 0 at a pull
days 31
expect 0 at a gc --json
has condemned 1
has deleted 2
[ "$(blobs)" = 2 ] || fail "$(blobs) blobs without b"
cp "$T/kept" "$T/b/again"
mv "$T/b/late" "$T/b/moved"
expect 0 at b push
[ "$(blobs)" -gt 2 ] || fail "b counts on what is gone"
rm -rf "$T/c"
device_pair a c
expect 0 at c pull
cmp "$T/c/again" "$T/kept" || fail "again came damaged"
cmp "$T/c/moved" "$T/kept" || fail "moved came damaged"
expect 0 at b pull
expect 0 at a pull
same_tree a b
same_tree a c
for d in a b c; do
	expect 0 at "$d" verify
done

# changed twice within a minute, and then nothing for as long as the window:
# the first gc after that frees it
device_init q "file://$T/far-q"
large "$T/q/f"
expect 0 at q push
rm "$T/q/f"
expect 0 at q push
days 29
expect 0 at q gc -n --json
has condemned 0
days 2
expect 0 at q gc --json
has condemned 1
has deleted 1
[ "$(blobs far-q)" = 0 ] || fail "$(blobs far-q) blobs are left"

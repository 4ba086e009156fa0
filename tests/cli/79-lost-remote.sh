#!/bin/sh
# A remote that is lost, and replaced by an empty one, gets all content again
# from whoever has it: also of a file that its author removed and that a move
# of another device brought back, which is in no file of its author, and
# nobody who passes its segments on has.  Nothing waits for that, and at rest
# nothing more is sent.
. "${0%/*}/lib.sh"
many_runs

canary=Wk3LostCanary
holds=${BUILD:-$top/build}/tools/holds
[ -x "$holds" ] || skip "tools/holds is not built"

large() {
	echo "$canary $1" >"$1"
	head -c 300000 /dev/urandom >>"$1"
}
# lose DEVICE...: the relay is gone for good, another takes its place.
lost=0
lose() {
	old=$relay_url
	relay_stop
	lost=$((lost + 1))
	mv "$T/relay" "$T/lost-$lost"
	relay_start --plain
	for dev in a b; do
		expect 0 as "$dev" remote rm "$old"
		expect 0 as "$dev" remote add "$relay_url"
	done
}
quiet() { ! grep "$1" "$T/err" || fail "says $1"; }
# settled: another push or pull of anybody sends and changes nothing.
settled() {
	same_tree a b
	before=$("$holds" "$T/relay")
	for dev in a b; do
		expect 0 as "$dev" push
		err_has "pushed 0 files"
		quiet nowhere
		expect 0 as "$dev" pull
		expect 0 as "$dev" status --check
	done
	[ "$("$holds" "$T/relay")" = "$before" ] || fail "a round at rest wrote"
}

relay_start --plain
device_init a "$relay_url"
large "$T/a/$canary-one"
large "$T/a/$canary-two"
echo '*.kept/ atomic' >"$T/a/.zkattributes"
mkdir "$T/a/$canary.kept"
large "$T/a/$canary.kept/part"
echo small >"$T/a/small"
expect 0 as a push
device_pair a b
expect 0 as b pull
expect 0 as b push

# a removes a file and a directory kept as one, which b has moved; the relay
# is lost with what a had sent
mv "$T/b/$canary-one" "$T/b/$canary-moved"
mv "$T/b/$canary.kept" "$T/b/$canary-moved.kept"
expect 0 as b push
rm -r "$T/a/$canary-one" "$T/a/$canary.kept"
expect 0 as a push
lose
expect 0 as a push
err_has "2 earlier versions of large files cannot be sent"
expect 0 as b pull
expect 0 as b -v push
err_has "lacked content of 2 large files"
expect 0 as a pull
cmp -s "$T/a/$canary-moved" "$T/b/$canary-moved" || fail "a lacks it"
cmp -s "$T/a/$canary-moved.kept/part" "$T/b/$canary-moved.kept/part" ||
    fail "a lacks the directory"
expect 0 as a push
expect 0 as b pull
settled

# a knows of the move alone when the relay is lost: it passes it on
rm "$T/a/$canary-two"
expect 0 as a push
mv "$T/b/$canary-two" "$T/b/$canary-back"
expect 0 as b push
expect 0 as a pull small
[ ! -e "$T/a/$canary-back" ] || fail "it came though only small was named"
lose
expect 0 as a push
err_has "the content of 1 large file is nowhere in reach"
expect 0 as a push
quiet nowhere
expect 5 as a pull
err_has "$canary-back"
expect 0 as a status
out_has "$canary-back"
expect 0 as b pull
expect 0 as b push
expect 0 as a pull
settled

# a further remote, which one device has alone at first
mkdir "$T/store"
expect 0 as a remote add "file://$T/store"
expect 0 as a push
expect 0 as b remote add "file://$T/store"
expect 0 as b pull
expect 0 as b push
[ "$(find "$T/store" -path '*/blob/*' -type f | wc -l)" -eq \
    "$("$holds" "$T/relay" | sed 's,.* blobs=\([0-9]*\)/.*,\1,')" ] ||
    fail "the folder lacks blobs: $("$holds" "$T/relay")"
expect 0 as a pull
expect 0 as b pull
settled

! grep -rq "$canary" "$T/relay" "$T/store" || fail "the canary is there"
! find "$T/relay" "$T/store" | grep "$canary" || fail "its name is there"
expect 0 as a verify
expect 0 as b verify

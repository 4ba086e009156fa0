#!/bin/sh
# A version of a large file that was replaced before it was on a remote, or
# that went with a remote that is no more, keeps nothing else back.
. "${0%/*}/lib.sh"
. "${0%/*}/cutpush.sh"

large() { head -c 3000000 /dev/urandom >"$T/a/large"; }
# cut_off: a new large file, and a push that is killed while that is on its
# way; again where the push was through before the signal came.
cut_off() {
	cuts=0
	until cut_once; do
		cuts=$((cuts + 1))
		[ "$cuts" -lt 10 ] || fail "no push is ever cut off"
	done
}
cut_once() {
	large
	push_killed
}

relay_start --plain
device_init a "$relay_url"
expect 0 as a push

# replaced
cut_off
large
expect 0 as a push
err_has "cannot be sent"
expect 0 as a push
! grep "cannot be sent" "$T/err" || fail "said again"

# removed
cut_off
rm "$T/a/large"
expect 0 as a push
expect 0 as a status --check
expect 0 as a verify

# still what is there: it is sent
cut_off
expect 0 as a push
! grep "cannot be sent" "$T/err" || fail "it is there"
device_pair a b
expect 0 as b pull
same_tree a b

# the relay is no more, with all the versions that only it had
large
expect 0 as a push
relay_stop
rm -r "$T/relay"
mkdir "$T/store"
expect 0 as a remote rm "$relay_url"
expect 0 as a remote add "file://$T/store"
expect 0 as a push
err_has "cannot be sent"
expect 0 as a status --check
expect 0 as b remote rm "$relay_url"
expect 0 as b remote add "file://$T/store"
expect 0 as b pull
same_tree a b
expect 0 as b push
expect 0 as b status --check

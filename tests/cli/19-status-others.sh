#!/bin/sh
# What another device wrote is to pull, whichever of the two logs a remote has
# first; that it has heard of what we wrote is not.
. "${0%/*}/lib.sh"
both() { # both URL: a and b, and what each is told of the other
	rm -rf "$T/a" "$T/b" "$T/state-a" "$T/state-b"
	device_init a "$1"
	echo one >"$T/a/f"
	expect 0 as a push
	device_pair a b
	expect 0 as b pull
	expect 0 as a status --check
	echo two >"$T/b/g"
	expect 0 as b push
	expect 7 as a status --check
	err_has "0 to push, 1 to pull"
	expect 0 as a sync
	expect 0 as b status --check
	echo three >"$T/a/h"
	expect 0 as a push
	expect 7 as b status --check
	expect 0 as b sync
	expect 0 as a status --check
	same_tree a b
}
both "file://$T/far"
relay_start
both "$relay_url"

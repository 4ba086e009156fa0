#!/bin/sh
# What a parked device knows of blobs may not be true any more: others have
# deleted them without waiting for it.  Whatever it does first when it is back,
# a value, a message or a push, what it then records is there for the others.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"

for first in "kv set key value" "send $T/message" push; do
	rm -rf "$T/far" "$T/a" "$T/b" "$T/state-a" "$T/state-b" "$T"/.days
	head -c 100000 /dev/urandom >"$T/content"
	echo "a message" >"$T/message"
	days 0
	device_init a "file://$T/far"
	device_pair a b
	expect 0 at b pull
	cp "$T/content" "$T/b/x"
	expect 0 at b push
	expect 0 at a pull
	rm "$T/a/x"
	expect 0 at a push
	full=$(find "$T/far" -path '*/blob/*' -type f -size +90k | wc -l)
	expect 0 at a device park b
	expect 0 at a push
	for i in 1 2 3; do
		days 40
		expect 0 at a gc
	done
	left=$(find "$T/far" -path '*/blob/*' -type f -size +90k | wc -l)
	[ "$full" -eq 1 ] && [ "$left" -eq 0 ] ||
	    fail "$first: $full and $left blobs: nothing to see here"
	# shellcheck disable=SC2086 # words
	expect 0 at b $first
	cp "$T/content" "$T/b/y"
	expect 0 at b push
	expect 0 at a pull
	cmp -s "$T/content" "$T/a/y" || fail "$first: not what b has"
	expect 0 at a verify
done

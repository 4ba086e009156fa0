#!/bin/sh
# P1, P4: three devices and a relay, or a folder, edited at random; nothing is
# lost, nothing comes back, all end the same.  See tests/blackbox/main.c.
#
# BLACKBOX_SEEDS says how many stories, BLACKBOX_FIRST from which seed on,
# BLACKBOX_STEPS how long each is.  A failure prints its story.  Those in
# tests/blackbox/found (scripts/soak adds to it) come first; BLACKBOX_FOUND is
# another such file, or empty.
. "${0%/*}/lib.sh"
many_runs

tool=${BUILD:-$top/build}/tools/blackbox
[ -x "$tool" ] || skip "tools/blackbox is not built"
seed=${BLACKBOX_FIRST:-1}
end=$((seed + ${BLACKBOX_SEEDS:-3}))
found=${BLACKBOX_FOUND-$top/tests/blackbox/found}

stories=0
bad=0
# story SEED STEPS
story() {
	# a relay keeps few mailboxes for one address, for some minutes
	[ $((stories % 8)) -ne 0 ] || {
		[ "$stories" -eq 0 ] || relay_stop
		rm -rf "$T/relay"
		relay_start --plain
	}
	stories=$((stories + 1))
	remote=$relay_url
	[ $(($1 % 2)) -eq 0 ] || remote=file://$T/store
	rm -rf "$T/a" "$T/b" "$T/c" "$T/state-a" "$T/state-b" "$T/state-c" \
	    "$T/store"
	device_init a "$remote"
	device_pair a b
	device_pair a c
	"$tool" "$ZK" "$T" "$1" "$2" && return
	echo "fail: seed $1"
	bad=$((bad + 1))
}

# stories that failed once: seed, steps, what failed
[ -z "$found" ] || while read -r old steps _; do
	[ "$old" = '#' ] || story "$old" "$steps"
done <"$found"
while [ "$seed" -lt "$end" ]; do
	story "$seed" "${BLACKBOX_STEPS:-12}"
	seed=$((seed + 1))
done
[ "$bad" -eq 0 ] || exit 1

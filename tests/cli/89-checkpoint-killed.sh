#!/bin/sh
# Killed anywhere while a checkpoint is written, while what it covers is made
# thin and deleted, or while a newcomer begins from one: run again it ends as
# if nothing had been killed.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
preload_so killcall
killcall=$lib_so
segments() { (cd "$T/far" && find . -path '*/seg/*' -type f | sort); }
blobs() { find "$T/far" -path '*/blob/*' -type f | wc -l; }
# what is written anew each time has another name, and as many segments
like() {
	case $way in
	exact) segments | cmp -s - "$T/want" ;;
	*) [ "$(segments | wc -l)" -eq "$(wc -l <"$T/want")" ] ;;
	esac || fail "$what: segments are not as without a kill:" \
	    "$(segments | diff - "$T/want")"
}
killed() {
	: >"$T/calls"
	LD_PRELOAD="$killcall $clock_so" TEST_KILL_AT=$1 \
	    TEST_KILL_LOG=$T/calls XDG_STATE_HOME="$T/state-$dev" \
	    "$ZK" -q -C "$T/$dev" "$cmd" >"$T/killed" 2>&1
}
keep() {
	rm -rf "$T/kept"
	mkdir "$T/kept"
	cp -a "$T/state-$dev" "$T/far" "$T/kept"
}
# a folder stays the one it is; that of who pulls has nothing in it before
back() {
	rm -rf "$T/state-$dev" "$T/far"
	cp -a "$T/kept"/* "$T"
	[ "$cmd" != pull ] || find "$T/$dev" -mindepth 1 -maxdepth 1 \
	    ! -name .zk -exec rm -rf {} +
}
# kills DEV CMD WAY: a few moments of it, from what is there now on
kills() {
	dev=$1
	cmd=$2
	way=$3
	what="$dev $cmd"
	keep
	expect 0 at "$dev" "$cmd"
	segments >"$T/want"
	want_blobs=$(blobs)
	rm -rf "$T/tree"
	cp -a "$T/$dev" "$T/tree"
	back
	killed 1000000 || fail "$what under killcall: $(cat "$T/killed")"
	calls=$(sed -n 's/ end$//p' "$T/calls")
	hits=0
	for n in 1 2 3 4; do
		back
		{ killed $((calls * n / 4 - 2 * n)); } 2>/dev/null ||
		    hits=$((hits + 1))
		what="$dev $cmd killed at call $(cat "$T/calls") of $calls"
		expect 0 at "$dev" "$cmd"
		like
		[ "$(blobs)" -eq "$want_blobs" ] ||
		    fail "$what: $(blobs) blobs, not $want_blobs"
		same_tree tree "$dev"
		expect 0 at "$dev" verify
	done
	[ "$hits" -ge 3 ] || fail "$dev $cmd: only $hits were killed"
	echo "# $dev $cmd: $hits kills in $calls calls"
}

# a history whose checkpoint takes a blob of its own
device_init a "file://$T/far"
head -c 150000 /dev/urandom >"$T/a/large"
head -c 40000 /dev/urandom >"$T/a/inside"
for n in 1 2 3 4 5 6; do
	head -c 20000 /dev/urandom >"$T/a/stays$((n % 2))"
	[ "$n" -ne 3 ] || rm "$T/a/inside"
	expect 0 at a push
	days 2
done
device_pair a b
expect 0 at b sync
expect 0 at a pull
days 40
echo last >"$T/a/last"
expect 0 at a push
expect 0 at b sync

before=$(segments | wc -l)
kills a gc many
[ "$(segments | wc -l)" -gt "$before" ] || fail "no checkpoint is written"
expect 0 at b pull
expect 0 at a pull
before=$(segments | wc -l)
kills a gc exact
[ "$(segments | wc -l)" -lt "$before" ] || fail "nothing is deleted"
kills b gc exact
device_pair a c
kills c pull many
same_tree a c
expect 0 at c push
expect 0 at a pull
expect 0 at b pull
same_tree a b

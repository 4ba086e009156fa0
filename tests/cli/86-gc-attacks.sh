#!/bin/sh
# zk gc where somebody lies, sleeps or is killed; and how much is left after
# half a year in which files change all the time.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
need jq
forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
preload_so killcall
killcall=$lib_so
blobs() { find "$T/far" -path '*/blob/*' -type f; }
count() { blobs | wc -l; }
large() { head -c 150000 /dev/urandom >"$1"; }
gc() { jq -r "select(.type == \"gc\") | .$1" "$T/out"; }

# half a year, one of three files replaced every fourth week: what the remote
# holds is what is there, and the two versions that the window keeps
device_init a "file://$T/far"
large "$T/a/f"
large "$T/a/g"
large "$T/a/h"
for n in 1 2 3 4 5 6 7; do
	expect 0 at a push
	days 28
	large "$T/a/f"
	expect 0 at a push
	expect 0 at a gc
done
live=$((3 * 150000))
window=$((2 * 150000))
held=$(find "$T/far" -type f -exec cat {} + | wc -c)
[ "$held" -le $(((live + window) * 13 / 10)) ] ||
    fail "the remote holds $held bytes for $live and $window"

# killed at any call: run again it ends as if it had not been
days 40
expect 0 at a push
cp -a "$T/state-a" "$T/kept-state"
cp -a "$T/far" "$T/kept-far"
expect 0 at a gc
want=$(blobs | sort | sed "s,^$T/far,,")
[ "$(cd "$T/kept-far" && find . -path '*/blob/*' -type f | wc -l)" -gt \
    "$(count)" ] || fail "there was nothing to kill"
back() {
	rm -rf "$T/state-a" "$T/far"
	cp -a "$T/kept-state" "$T/state-a"
	cp -a "$T/kept-far" "$T/far"
}
killed() {
	: >"$T/calls"
	LD_PRELOAD="$killcall $clock_so" TEST_KILL_AT=$1 \
	    TEST_KILL_LOG=$T/calls XDG_STATE_HOME="$T/state-a" \
	    "$ZK" -q -C "$T/a" gc >/dev/null 2>&1
}
back
killed 1000000 || fail "gc under killcall"
calls=$(sed -n 's/ end$//p' "$T/calls")
[ "$calls" -gt 30 ] || fail "$calls calls"
hits=0
for n in 1 3 5 7 9 11; do
	back
	{ killed $((calls * n / 12)); } 2>/dev/null || hits=$((hits + 1))
	expect 0 at a gc
	[ "$(blobs | sort | sed "s,^$T/far,,")" = "$want" ] ||
	    fail "after a kill at call $((calls * n / 12)) of $calls"
done
[ "$hits" -ge 4 ] || fail "only $hits were killed"
expect 0 at a verify
expect 0 at a status --check

# a member that condemns what is live: nobody deletes it, and who needs the
# very bytes again sends them again
large "$T/a/twin-of"
expect 0 at a push
device_pair a b
expect 0 at b pull
expect 0 at a pull
n=$(count)
names=$(blobs | sed 's,.*/,,' | sort | tr -d '\n')
printf 'value 40 root %02x%s\n' "$n" "$names" |
    "$forge" "$T/b" "$T/state-b/zk" "file://$T/far" >/dev/null || fail forge
expect 0 at a pull
expect 0 at b pull
expect 0 at a gc
expect 0 at a gc
[ "$(count)" = "$n" ] || fail "$(count) of $n live blobs are left"
cp "$T/a/twin-of" "$T/a/twin"
expect 0 at a push
[ "$(count)" = $((n + 1)) ] || fail "twin was not sealed anew"
device_pair a c
expect 0 at c pull
same_tree a c
expect 0 at b pull
same_tree a b
days 40
expect 0 at b gc
expect 0 at c pull
expect 0 at a pull
expect 0 at a gc
[ "$(count)" = $((n + 1)) ] || fail "live blobs went after the window"

# c sleeps for more than a year with all that others deleted and changed: it
# is waited for, takes part again, and brings nothing back
large "$T/a/gone"
large "$T/a/other"
expect 0 at a push
expect 0 at c pull
expect 0 at b pull
expect 0 at a pull
rm "$T/a/gone"
large "$T/a/other"
expect 0 at a push
expect 0 at b pull
days 1
expect 0 at a pull
days 400
expect 0 at b pull
expect 0 at a gc --json
[ "$(gc condemned)" -gt 0 ] || fail "nothing was past the window"
expect 0 at b pull
expect 0 at a gc --json
[ "$(gc deleted)" = 0 ] || fail "deleted what c has not heard of"
[ "$(jq -r 'select(.type == "waits") | .device' "$T/out")" = c ] ||
    fail "c is not waited for"
mv "$T/c/twin" "$T/c/twin-moved"
expect 0 at c sync
[ ! -e "$T/c/gone" ] || fail "gone came back"
expect 0 at a sync
[ ! -e "$T/a/gone" ] || fail "gone came back to a"
expect 0 at b sync
same_tree a b
same_tree a c
# two at once do what one does
n=$(count)
at b gc >"$T/out-b" 2>&1 &
pids="$pids $!"
expect 0 at a gc
wait $! || fail "gc of b beside that of a: $(cat "$T/out-b")"
[ "$(count)" -lt "$n" ] || fail "nothing is deleted once c has heard"
rm -rf "$T/d"
device_pair b d
expect 0 at d pull
same_tree a d

# an op that is no list of names is refused, and nothing is freed for it
name=$(blobs | sed 's,.*/,,' | head -n 1)
n=$(count)
expect 0 at c pull
printf 'value 40 root 02%s%s\n' "$name" "$name" |
    "$forge" "$T/c" "$T/state-c/zk" "file://$T/far" >/dev/null || fail forge
expect 22 at a pull
at a gc >"$T/out" 2>&1
[ "$(count)" = "$n" ] || fail "freed although something was refused"
for dev in a b; do
	expect 0 at "$dev" verify
done

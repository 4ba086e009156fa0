#!/bin/sh
# A checkpoint by a device whose clock is ahead, of what is not past the window
# yet: it is true, and nobody acts on it before that is.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
need jq
segments() { find "$T/far" -path '*/seg/*' -type f | wc -l; }
gc() { jq -r "select(.type == \"gc\") | .$1" "$T/out"; }
has() { [ "$(gc "$1")" = "$2" ] || fail "$1 is $(gc "$1"): $(cat "$T/out")"; }

device_init a "file://$T/far"
echo small >"$T/a/stays"
expect 0 at a push
device_pair a b
expect 0 at b sync
for _ in 1 2 3 4 5 6; do
	head -c 3000 /dev/urandom >"$T/a/count"
	expect 0 at a push
	days 1
done
expect 0 at b sync
days 2
expect 0 at b sync
echo noted >"$T/a/count"
expect 0 at a push
expect 0 at b sync
cp "$T/clock" "$T/ahead"
TEST_CLOCK="$T/ahead"
days 60
echo ahead >"$T/b/ahead"
expect 0 at b push
expect 0 at b gc --json
has checkpoint true
TEST_CLOCK="$T/clock"
expect 0 at a pull
echo heard >"$T/a/count"
expect 0 at a push
held=$(segments)
expect 0 at a gc --json
has segments 0
[ "$(segments)" -ge "$held" ] || fail "segments went inside of the window"
days 2
echo seen >"$T/a/count"
expect 0 at a push
days 40
echo later >"$T/a/count"
expect 0 at a push
expect 0 at a gc --json
[ "$(gc segments)" -gt 5 ] || fail "nothing went past the window:" \
    "$(cat "$T/out")"
expect 0 at a verify
expect 0 at a pull
expect 0 at b sync
same_tree a b

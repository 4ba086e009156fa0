#!/bin/sh
# Checkpoints where devices did not know of each other: two that write one at
# once, one that acted on what had gone, one that looks at a second one first.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
noise() { head -c 20000 /dev/urandom >"$1"; }
segments() { find "$T/far" -path '*/seg/*' -type f | wc -l; }
away() { mv "$T/far" "$T/away"; }
back() { mv "$T/away" "$T/far"; }

device_init a "file://$T/far"
for n in 1 2 3 4 5 6; do
	noise "$T/a/f"
	expect 0 at a push
	days 1
done
echo precious >"$T/a/x"
expect 0 at a push
device_pair a b
expect 0 at b pull
expect 0 at a pull
expect 0 at b remote add "file://$T/near"
expect 0 at b push
# b moves it, which gets to one remote alone; a removes it, and forgets it
away
mv "$T/b/x" "$T/b/y"
expect 0 at b push
back
rm "$T/a/x"
expect 0 at a push
days 1
expect 0 at a pull
days 41
noise "$T/a/t"
expect 0 at a push
expect 0 at a gc
expect 0 at b sync
expect 0 at b sync
held=$(segments)
expect 0 at a gc
[ "$(segments)" -lt "$held" ] || fail "no checkpoint did anything"
expect 0 at a pull
[ "$(cat "$T/a/y")" = precious ] || fail "what came back is gone on a"
device_pair a c
expect 0 at c pull
[ "$(cat "$T/c/y")" = precious ] || fail "what came back is gone on c"
expect 0 at c verify

# a file comes apart after the first one, which b never looked at: what the
# second one says does not hang on that
noise "$T/a/f"
noise "$T/b/f"
expect 0 at a sync
expect 4 at b sync
at a sync >/dev/null 2>&1
rm "$T"/a/*conflict*
expect 0 at a sync
expect 0 at b sync
for n in 1 2 3 4 5 6; do
	noise "$T/a/g"
	expect 0 at a push
	days 1
done
for d in b c a; do expect 0 at "$d" sync; done
days 41
noise "$T/a/t"
expect 0 at a push
expect 0 at a gc
expect 0 at b pull
expect 0 at b gc
expect 0 at c gc
for d in b c a b c a; do expect 0 at "$d" sync; done

# two at once: each knows its own, and one of them counts
for n in 1 2 3 4 5 6 7 8; do
	noise "$T/a/g"
	expect 0 at a push
	days 1
done
for d in b c a b; do expect 0 at "$d" sync; done
days 41
for d in a b c a b; do expect 0 at "$d" sync; done
away
at b gc >/dev/null 2>&1
back
expect 0 at a gc
for n in 1 2 3; do
	for d in b a c; do
		expect 0 at "$d" sync
		expect 0 at "$d" gc
		expect 0 at "$d" sync
	done
	days 1
done
device_pair a d
expect 0 at d pull
same_tree a d
for d in a b c d; do
	expect 0 at "$d" verify
	same_tree a "$d"
done

#!/bin/sh
# A log with two histories under a checkpoint: a device was set back, wrote to
# another remote, and a relay that has the place already is told the rest in
# its new log.  Who begins from the checkpoint has both.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
noise() { head -c 20000 /dev/urandom >"$1"; }
relay_start
device_init a "$relay_url"
for n in 1 2 3 4 5 6; do
	noise "$T/a/f"
	expect 0 at a push
done
cp -a "$T/state-a" "$T/kept"
echo first >"$T/a/one"
expect 0 at a push
rm -rf "$T/state-a" "$T/a/one"
mv "$T/kept" "$T/state-a"
expect 0 at a remote rm "$relay_url"
expect 0 at a remote add "file://$T/far"
echo second >"$T/a/two"
expect 0 at a push
expect 0 at a remote add "$relay_url"
at a sync >/dev/null 2>&1
at a sync >/dev/null 2>&1
expect 0 at a sync
expect 0 at a remote rm "file://$T/far"
[ "$(cat "$T/a/one" "$T/a/two")" = "first
second" ] || fail "a lacks a branch: $(ls "$T/a")"
device_pair a b
at b pull >/dev/null 2>&1
[ "$(cat "$T/b/one" "$T/b/two")" = "first
second" ] || fail "b lacks a branch: $(ls "$T/b")"
expect 0 at a pull
days 1
expect 0 at a pull
days 41
for n in 1 2; do
	noise "$T/a/t"
	expect 0 at a push
	at a -q gc >"$T/out" 2>&1
	at b pull >/dev/null 2>&1
	at a pull >/dev/null 2>&1
	at a -q -v gc >>"$T/out" 2>&1
done
grep -q "a checkpoint covers" "$T/out" || {
	cat "$T/out"
	fail "no checkpoint did anything"
}
device_pair a c
at c pull >"$T/out" 2>"$T/err"
same_tree a c
expect 0 at c verify
expect 0 at c sync

#!/bin/sh
# A remote that lost the blobs of a checkpoint, or never had them, gets them
# before what the checkpoint stands for is deleted there.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
need jq
segments() { find "$T/far" -path '*/seg/*' -type f | wc -l; }
blobs() { find "$T/far" -path '*/blob*/*' -type f | sort; }

device_init a "file://$T/far"
for n in 1 2 3 4 5 6; do
	for m in 1 2 3 4 5; do
		head -c 3000 /dev/urandom >"$T/a/canary-$n-$m"
	done
	head -c 30000 /dev/urandom >"$T/a/often"
	expect 0 at a push
done
device_pair a b
expect 0 at b pull
expect 0 at a pull
days 40
echo last >"$T/a/today"
expect 0 at a push
blobs >"$T/before"
expect 0 at a gc --json
[ "$(jq -r 'select(.type == "gc") | .checkpoint' "$T/out")" = true ] ||
    fail "no checkpoint: $(cat "$T/out")"
blobs | comm -13 "$T/before" - >"$T/stream"
[ -s "$T/stream" ] || fail "the checkpoint is in no blob"
xargs rm <"$T/stream"
expect 0 at b pull
expect 0 at a pull

# b has all of it as well, but it is a that collects
before=$(segments)
expect 0 at a gc
out_has "of history that a checkpoint covers"
[ "$(segments)" -lt $((before / 2)) ] ||
    fail "$(segments) of $before segments are left"
device_pair b c
expect 0 at c pull
same_tree a c
expect 0 at c verify
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi

#!/bin/sh
# Checkpoints: history past the window goes from the remotes and is kept thin
# on the devices; who comes later, comes back, or brings another remote finds
# all that is there, and nothing that was removed.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
need jq
segments() { find "$T/${1:-far}" -path '*/seg/*' -type f | wc -l; }
gc() { jq -r "select(.type == \"gc\") | .$1" "$T/out"; }
has() { [ "$(gc "$1")" = "$2" ] || fail "$1 is $(gc "$1"): $(cat "$T/out")"; }
notes() { head -c 3000 /dev/urandom | base64 >"$1"; }

# a year's worth of changes, in which things come and go
device_init a "file://$T/far"
mkdir -p "$T/a/dir/sub" "$T/a/small.one" "$T/a/large.one"
echo '*.one/ atomic' >"$T/a/.zkattributes"
echo canary-stays >"$T/a/stays"
echo canary-gone >"$T/a/gone"
head -c 150000 /dev/urandom >"$T/a/large"
for n in 1 2 3 4 5 6 7 8; do
	notes "$T/a/dir/sub/notes.txt"
	echo "$n" >"$T/a/dir/count"
	notes "$T/a/small.one/of-one"
	[ "$n" -gt 2 ] || head -c 100000 /dev/urandom >"$T/a/large.one/of-one"
	expect 0 at a push
	days 2
done
created() {
	at a log --json "$1" | jq -r 'select(.change == "created") | .id'
}
first=$(created dir/count)
first_small=$(created small.one)
first_large=$(created large.one)
expect 0 at a kv set color green
expect 0 at a kv set color blue
device_pair a b
expect 0 at b pull
# c has all of this, and sleeps from here on
device_pair a c
expect 0 at c pull
expect 0 at a pull
rm "$T/a/gone"
mv "$T/a/dir" "$T/a/moved"
expect 0 at a push
expect 0 at b pull
expect 0 at a device park c
expect 0 at a push
days 1
expect 0 at a pull
expect 0 at b pull
days 40
echo last >"$T/a/moved/sub/today"
expect 0 at a push

# one writes it, the other has to hear of it, then all goes
before=$(segments)
expect 0 at a gc -n --json
has checkpoint true
expect 0 at a gc --json
has checkpoint true
has segments 0
expect 0 at a gc --json
has checkpoint false
has segments 0
expect 0 at b pull
expect 0 at a pull
expect 0 at a gc
out_has "of history that a checkpoint covers"
[ "$(segments)" -lt $((before / 2)) ] ||
    fail "$(segments) of $before segments are left"
for d in a b; do
	expect 0 at "$d" verify
	expect 0 at "$d" status --check
done
expect 0 at b gc
expect 0 at b verify
same_tree a b
expect 0 at a log moved/count
out_has "created"
expect 1 at a restore -o "$T/got" "moved/count@$first"
err_has "past the history window"
# directories kept as one are versions like any other
expect 0 at a log small.one
[ "$(grep -c edited "$T/out")" = 7 ] || fail "log: $(cat "$T/out")"
expect 1 at a restore -o "$T/was" "small.one@$first_small"
err_has "past the history window"
expect 1 at a restore -o "$T/was" "large.one@$first_large"
expect 0 at a restore -o "$T/was" small.one
cmp "$T/was/of-one" "$T/b/small.one/of-one" || fail "the one that is there"
expect 0 at a restore -o "$T/got" moved/count
[ "$(cat "$T/got")" = 8 ] || fail "the version that is there"
expect 0 at b kv get color
out_is blue

# a new device begins from it
device_pair b d
expect 0 at d pull
same_tree a d
expect 0 at d verify
expect 0 at d kv get color
out_is blue
expect 0 at d log moved/count
out_has "created"
echo from-d >"$T/d/moved/sub/notes.txt"
expect 0 at d push
expect 0 at a pull
expect 0 at b pull
same_tree a d
same_tree b d

# one that slept through it all: what was removed is not back, what it
# changed, moved or wrote meanwhile is there
echo new >"$T/c/of-c"
mv "$T/c/stays" "$T/c/here"
expect 0 at c sync
[ ! -e "$T/c/gone" ] || fail "what was removed is back on c"
expect 0 at a pull
[ ! -e "$T/a/gone" ] || fail "what was removed is back"
[ "$(cat "$T/a/of-c")" = new ] || fail "what c wrote"
[ "$(cat "$T/a/here")" = canary-stays ] || fail "what c moved"
expect 0 at b pull
expect 0 at d pull
same_tree a c
same_tree a b
same_tree a d
expect 0 at c verify

# another remote, from a device that has all of it thin; from that one alone
# a device comes to the same
expect 0 at a remote add "file://$T/near"
expect 0 at a push
[ "$(segments near)" -lt "$before" ] || fail "near has $(segments near)"
expect 0 at a remote rm "file://$T/far"
device_pair a f
expect 0 at f pull
same_tree a f
expect 0 at f verify
expect 0 at a remote add "file://$T/far"

# a remote that is lost and replaced gets all of it from any of them
rm -rf "$T/far"
for d in a b c d; do
	expect 0 at "$d" remote rm "file://$T/far"
	expect 0 at "$d" remote add "file://$T/far"
done
expect 0 at b push
device_pair b e
expect 0 at e pull
same_tree b e
expect 0 at e verify

# no name or content in what the remotes hold
for word in canary notes.txt moved from-d of-one; do
	if grep -rqF -e "$word" "$T/far" "$T/near"; then
		fail "'$word' is on a remote"
	fi
done

# more time, more of it: the second one takes the place of the first
for n in 1 2 3 4; do
	notes "$T/b/moved/sub/notes.txt"
	expect 0 at b push
	days 3
done
for d in a c d e f; do expect 0 at "$d" sync; done
for d in f a b c d e; do expect 0 at "$d" pull; done
days 40
expect 0 at b push
expect 0 at b gc --json
has checkpoint true
for d in a f a c d e; do expect 0 at "$d" sync; done
expect 0 at b gc --json
[ "$(gc segments)" -gt 4 ] || fail "the second one deletes nothing"
for d in f a b c d e; do
	expect 0 at "$d" pull
	expect 0 at "$d" verify
	same_tree a "$d"
done
device_pair e g
expect 0 at g pull
same_tree a g
expect 0 at g verify

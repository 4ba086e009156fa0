#!/bin/sh
# A version of a large file that no remote was offered, and that was removed
# since, is taken back: where another device keeps the file, which it moved
# meanwhile, it keeps what it had.  What was offered is not taken back.
. "${0%/*}/lib.sh"
. "${0%/*}/cutpush.sh"
need jq

# large FILE: 300 kB of its own.
large() { head -c 300000 /dev/urandom >"$T/a/$1"; }
# versions FILE: how many a has recorded.
versions() { as a log --json "$1" 2>/dev/null | grep -c '"type":"log"'; }
# cut_off FILE...: new large contents, which a records, and no remote gets; a
# push that was through before it was killed is tried again.
cut_off() {
	cuts=0
	until cut_once "$@"; do
		cuts=$((cuts + 1))
		[ "$cuts" -lt 20 ] || fail "no push is cut off when it has to be"
	done
}
cut_once() {
	for f; do
		large "$f"
	done
	# it comes first, and takes a while
	head -c 3000000 /dev/urandom >"$T/a/AA"
	had=$(versions AA)
	push_killed && [ "$(versions AA)" -gt "$had" ]
}
# rounds: both come to the same.
rounds() {
	expect 0 as b push
	for dev in b a b a; do
		expect 0 as $dev pull
		expect 0 as $dev push
	done
	expect 0 as a status --check
	expect 0 as b status --check
	same_tree a b
}
# is FILE COPY: b's file has these bytes.
is() { cmp -s "$T/b/$1" "$T/$2" || fail "b's '$1' is not what was kept"; }

relay_start --plain
device_init a "$relay_url"
large twice
large sent
echo small >"$T/a/small"
mkdir "$T/a/d"
large d/in
expect 0 as a push
device_pair a b
expect 0 as b pull
cp "$T/a/twice" "$T/twice"
cp "$T/a/small" "$T/small"
cp "$T/a/d/in" "$T/in"

# offered, then removed: what others may have seen is what they keep
large sent
cp "$T/a/sent" "$T/sent"
expect 0 as a push
expect 0 as b pull

# edited once, twice, from a small one, and in a directory that goes, too
cut_off twice small d/in new
cut_off twice
rm -r "$T/a/twice" "$T/a/small" "$T/a/sent" "$T/a/d" "$T/a/new"
for f in twice small sent; do
	mv "$T/b/$f" "$T/b/$f.moved"
done
mv "$T/b/d/in" "$T/b/in"
expect 0 as a push
rounds
for f in twice small sent; do
	is "$f.moved" "$f"
done
is in in
[ ! -e "$T/a/d" ] || fail "a directory that was to go was kept"
[ ! -e "$T/b/new" ] || fail "what nobody else knew came back"
expect 0 as b verify

# nothing of it is left behind: a third device gets all of that
device_pair a c
expect 0 as c pull
same_tree a c

# what b made of the version that both had is all that stays
cut_off in
rm "$T/a/in"
echo more >>"$T/b/in"
cp "$T/b/in" "$T/in"
expect 0 as a push
rounds
is in in

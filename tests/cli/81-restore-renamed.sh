#!/bin/sh
# zk log and zk restore of what was in a directory that was renamed since: by
# its path of today and by that of then, with a version and without one.
. "${0%/*}/lib.sh"
many_runs
need jq

has() { [ "$(cat "$T/a/$1" 2>/dev/null)" = "$2" ] || fail "$1 is not '$2'"; }
gone() { [ ! -e "$T/a/$1" ] || fail "$1 is there"; }
push() { expect 0 as a push; }
restores() {
	expect 0 as a restore "$1"
	err_has "restored $2"
}
# fresh: as it was when keep was called
keep() {
	cp -a "$T/a" "$T/kept"
	cp -a "$T/state-a" "$T/kept-state"
}
fresh() {
	rm -rf "$T/a/"* "$T/state-a"
	cp -a "$T/kept/"* "$T/a/"
	cp -a "$T/kept-state" "$T/state-a"
}
log() {
	expect 0 as a log --json "$1"
	jq -r 'select(.type == "log") | "\(.change) \(.path)"' "$T/out" |
	    tr '\n' ' ' >"$T/list"
	[ "$(cat "$T/list")" = "$2" ] || fail "log of $1: $(cat "$T/list")"
}
id() {
	as a log --json "$1" | jq -r --arg c "$2" --arg p "$1" 'select(
	    .change == $c and .path == $p).short' | head -n 1
}

mkdir "$T/remote"
device_init a "file://$T/remote"
mkdir -p "$T/a/old/sub/deep" "$T/a/old/gone" "$T/a/up"
echo f1 >"$T/a/old/f"
echo s1 >"$T/a/old/sub/s"
echo s2 >"$T/a/old/sub/deep/s"
echo g1 >"$T/a/old/gone/g"
echo x1 >"$T/a/old/x"
push
rm -r "$T/a/old/gone" "$T/a/old/x"
push
sleep 1.1
then=$(date +%Y-%m-%dT%H:%M:%S)
sleep 1.1
# renamed, and moved into another; what has its old name now is another
mv "$T/a/old" "$T/a/up/new"
push
echo f2 >"$T/a/up/new/f"
rm -r "$T/a/up/new/sub/deep"
push
keep

# the log, by either name
want="removed up/new/gone removed up/new/gone/g created up/new/gone/g "
want="${want}created up/new/gone "
log up/new/gone "$want"
log old/gone "$want"
log old/x "removed up/new/x created up/new/x "
log up/new/sub/deep "removed up/new/sub/deep removed up/new/sub/deep/s \
created up/new/sub/deep/s created up/new/sub/deep "

# removed before the rename, and after it: to the path that is given
restores up/new/gone "2 entries (3 B)"
has up/new/gone/g g1
gone old
restores up/new/x "1 entry"
has up/new/x x1
restores up/new/sub/deep "2 entries (3 B)"
has up/new/sub/deep/s s2
fresh
restores old/gone "2 entries (3 B)"
has old/gone/g g1
gone up/new/gone
restores old/sub/deep "2 entries"
has old/sub/deep/s s2
fresh
restores "up/new/gone@$(id up/new/gone removed)" "2 entries"
has up/new/gone/g g1
restores "up/new/gone/g@$(id up/new/gone/g created)" "0 entries"
fresh

# a time at which it was called otherwise: the whole, and a part
expect 0 as a restore -n "up/new@$then"
out_has "< changed    up/new/f"
out_has "< new        up/new/sub/deep/s"
restores "up/new@$then" "3 entries (6 B), 3 already as then"
has up/new/f f1
has up/new/sub/deep/s s2
gone up/new/gone
gone old
fresh
restores "up/new/sub@$then" "2 entries (3 B), 2 already as then"
has up/new/sub/deep/s s2
has up/new/f f2
restores "up/new/f@$then" "1 entry"
has up/new/f f1
fresh
# the name of then still names what it was
restores "old@$then" "6 entries"
has old/f f1
gone old/gone
has up/new/f f2
fresh

# what has only moved is there, and where is said
for p in '' /f /sub /sub/s; do
	expect 1 as a restore "old$p"
	err_has "was moved, not removed: it is at 'up/new$p' now"
done
# two of one name once: the one that was removed last, whatever it was in
mkdir "$T/a/old"
mkdir "$T/a/old/gone"
echo other >"$T/a/old/gone/o"
push
rm -r "$T/a/old/gone"
push
rm -r "$T/a/up/new"
push
restores old/gone "2 entries (6 B)"
has old/gone/o other
gone old/gone/g
# all of it went, under its last name and those of before
restores old/sub "2 entries (3 B)"
has old/sub/s s1
rm -rf "$T/a/old"
push
restores up/new "4 entries"
has up/new/f f2
has up/new/sub/s s1
push
expect 0 as a verify

#!/bin/sh
# zk restore: what was removed, on another device than the one that removed
# it; what was overwritten; a directory as of a time; by id; what is in the
# way stays; and each of them is a change that others get.
. "${0%/*}/lib.sh"
many_runs
need jq

relay_start --plain
has() { [ "$(cat "$T/$1" 2>/dev/null)" = "$2" ] || fail "$1 is not '$2'"; }
gone() { [ ! -e "$T/$1" ] && [ ! -L "$T/$1" ] || fail "$1 is there"; }
# id DEVICE PATH CHANGE: the short id of the newest such change
id() {
	as "$1" log --json "$2" | jq -r --arg c "$3" 'select(.change == $c) |
	    .short' | head -n 1
}
# meet: everything is everywhere
meet() {
	expect 0 as a sync
	expect 0 as b sync
	expect 0 as a pull
	same_tree a b
}
# moment: a time that lies between what was and what comes: up to its end
moment() {
	at=$(date +%Y-%m-%dT%H:%M:%S)
	sleep 1.1
}

device_init a "$relay_url"
mkdir -p "$T/a/d/e"
echo one >"$T/a/d/f"
echo deep >"$T/a/d/e/k"
ln -s f "$T/a/d/l"
echo first >"$T/a/g"
echo r1 >"$T/a/r"
chmod 640 "$T/a/g"
touch -d '2020-02-02 02:02:02' "$T/a/g"
expect 0 as a push
device_pair a b
expect 0 as b pull
cp -a "$T/a" "$T/was"
moment
t1=$at

# removed on a, restored on b, with mode and time; then a has it, too
rm "$T/a/g"
expect 0 as a push
expect 0 as b pull
gone b/g
expect 0 as b restore -n g
out_has "new        g"
gone b/g
expect 0 as b restore g
err_has "restored 1 entry (6 B); the next push tells others"
out_empty
meet
same_tree a was

# overwritten on a, seen by a pull on b: by id, in either form, and by time
echo second >"$T/a/g"
expect 0 as a push
expect 0 as b pull
has b/g second
expect 2 as b restore g
err_has "'g' is there now: say which version"
new=$(id b g edited)
expect 0 as b restore "g@$(id b g created)"
has b/g first
full=$(as b log --json g | jq -r --arg s "$new" 'select(.short == $s) | .id')
expect 0 as b restore "g@$full"
has b/g second
expect 0 as b restore --json "g@$t1"
json_ok "$T/out"
[ "$(jq -c 'select(.type == "restored") | [.brought, .same, .kept]' \
    "$T/out")" = '[1,0,0]' ] || fail "what was restored"
has b/g first
expect 0 as b restore "g@$t1"
err_has "restored 0 entries (0 B), 1 already as then"
meet
has a/g first
[ "$(as a log --json g | jq -r 'select(.change == "edited").name' |
    tr '\n' ' ')" = "b b b a " ] || fail "restores are changes"

# what was never pushed is recorded before it is replaced
echo unpushed >"$T/b/g"
expect 0 as b restore "g@$new"
has b/g second
expect 0 as b restore "g@$(as b log --json g | jq -r 'select(.bytes == 9) |
    .short')"
has b/g unpushed
# and one that was deleted and never pushed comes back
rm "$T/b/g"
expect 0 as b restore g
has b/g unpushed
expect 0 as b push
expect 0 as a pull

# a directory: as it was removed, then as of a time; what is new stays
echo two >"$T/a/d/f"
echo new >"$T/a/d/n"
rm "$T/a/d/l"
expect 0 as a push
moment
t2=$at
rm -r "$T/a/d"
expect 0 as a push
expect 0 as b pull
gone b/d
expect 0 as b restore d
has b/d/f two
has b/d/n new
has b/d/e/k deep
gone b/d/l
expect 0 as b restore -n "d@$t1"
out_has "changed    d/f"
out_has "new        d/l"
gone b/d/l
expect 0 as b restore "d@$t1"
err_has "3 already as then, 1 not there then left alone"
has b/d/f one
has b/d/n new
[ "$(readlink "$T/b/d/l")" = f ] || fail "the symlink"
meet
# by its removal, which stands for what was before; one file of it, with the
# directory above it
rm -r "$T/b/d"
expect 0 as b push
expect 0 as b restore d/e/k
has b/d/e/k deep
gone b/d/f
expect 0 as b restore "d@$(id b d removed)"
has b/d/f one
expect 0 as b restore ".@$t2"
has b/d/f two
has b/g unpushed
meet

# under its old name then, and under the old name now
mv "$T/a/r" "$T/a/r2"
echo r2 >"$T/a/r2"
expect 0 as a push
expect 0 as a restore "r2@$t1"
has a/r2 r1
gone a/r
expect 1 as a restore r
err_has "was moved, not removed"
expect 0 as a restore "r@$t1"
has a/r r1
has a/r2 r1

# what is in the way stays, named; of one that was asked for, an error
rm -r "$T/a/d/e"
echo file >"$T/a/d/e"
rm "$T/a/d/f"
mkdir "$T/a/d/f"
expect 3 as a restore "d@$t2"
err_has "did not restore 'd/e': it is no directory any more"
err_has "did not restore 'd/f': a directory is there"
has a/d/e file
[ -d "$T/a/d/f" ] || fail "the directory in the way"
expect 1 as a restore "d/f@$t2"
err_has "did not restore 'd/f': a directory is there"
expect 1 as a restore "d/e/k@$t2"
err_has "'d/e': it is no directory any more"
rm "$T/a/d/n"
meet
echo n >"$T/a/.zkignore"
expect 3 as a restore "d@$t2"
err_has "did not restore 'd/n': it is ignored here"
gone a/d/n
meet

# names with a newline and without sense, and an @ of their own
nl=$(printf 'x\ny')
bad=$(printf 'bad\377')
for f in "$nl" "$bad" 'at@2d' 'at@x'; do
	echo "of $f" >"$T/a/$f"
done
expect 0 as a push
rm "$T/a/$nl" "$T/a/$bad" "$T/a/at@2d" "$T/a/at@x"
expect 0 as a push
expect 0 as b pull
for f in "$nl" "$bad" 'at@2d@' 'at@x'; do
	expect 0 as b restore "$f"
	has "b/${f%@}" "of ${f%@}"
done
meet

# errors: nothing is touched
cp -a "$T/b" "$T/was-b"
expect 2 as b restore nix
err_has "nothing was ever recorded at 'nix'"
expect 2 as b restore g@2026-02-30
err_has "'2026-02-30' is no time and no id"
mkdir "$T/b/g@here"
echo 'g@*' >>"$T/b/.zk/ignore"
expect 2 env -C "$T/b/g@here" XDG_STATE_HOME="$T/state-b" "$ZK" restore .
err_has "'here' is no time and no id"
rm -r "$T/b/g@here" "$T/b/.zk/ignore"
expect 1 as b restore g@1000000
err_has "no change has the id '1000000'"
expect 1 as b restore g@1.ffff
expect 1 as b restore g@3650d
err_has "'g' was not there then"
for p in ../x /etc/passwd .zk/trash d/../../x; do
	expect 2 as b restore "$p@$t1"
	err_has "does not lie in the vault"
done
# two changes of one number
echo a1 >"$T/a/g"
echo b1 >"$T/b/h"
expect 0 as a push
expect 0 as b push
expect 0 as a pull
expect 0 as b pull
n=$(id a g edited)
n=${n%%.*}
m=$(id a h created)
[ "${m%%.*}" = "$n" ] || fail "the numbers $n and $m differ"
expect 2 as a restore "g@$n"
err_has "2 changes have an id that begins with '$n'"
expect 0 as a restore "g@$(id a g edited)"

# a directory above that is a symlink now leads nowhere
mkdir "$T/outside" "$T/a/s"
echo x >"$T/a/s/x"
expect 0 as a push
moment
rm -r "$T/a/s"
ln -s "$T/outside" "$T/a/s"
expect 1 as a restore "s/x@$at"
[ -z "$(ls "$T/outside")" ] || fail "written through a symlink"
expect 0 as a push
expect 1 as a restore "s/x@$at"
[ -z "$(ls "$T/outside")" ] || fail "written through a symlink"

# the brake holds, as for a push
i=0
mkdir "$T/a/m"
while [ $i -lt 120 ]; do
	echo $i >"$T/a/m/$i"
	i=$((i + 1))
done
expect 0 as a push
rm -r "$T/a/m"
expect 20 as a restore m
expect 0 as a restore m --max-delete 121
has a/m/7 7
[ "$(ls "$T/a/m" | wc -l)" = 120 ] || fail "not all came back"
expect 0 as a push
expect 0 as b verify

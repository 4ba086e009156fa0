#!/bin/sh
# The folder and its rules: joining one that has files, the brake on both
# sides, a root that is gone or replaced, ignored files, what is no file,
# what cannot be read, and kinds that change (I2, I6, I7, N16, N17).
. "${0%/*}/lib.sh"
many_runs

relay_start --plain
mkdir "$T/a" "$T/b"
echo same >"$T/a/same"; echo one >"$T/a/differs"; mkdir "$T/a/dir"
echo x >"$T/a/dir/x"
echo same >"$T/b/same"; echo two >"$T/b/differs"; mkdir "$T/b/dir"
echo y >"$T/b/dir/y"
touch -d @1700000000 "$T"/a/same "$T"/b/same
device_init a "$relay_url"
expect 0 as a push

# joining a folder that has files: equal ones adopt, others are conflicts
device_pair a b
before=$(stat -c '%i %Y' "$T/b/same")
expect 4 as b pull
[ "$before" = "$(stat -c '%i %Y' "$T/b/same")" ] || fail "equal: written"
[ "$(cat "$T/b/differs")" = one ] || fail "the vault's file is not there"
cat "$T"/b/differs.conflict-* | grep -q two || fail "the local file is lost"
[ -f "$T/b/dir/x" ] && [ -f "$T/b/dir/y" ] || fail "directories unite"
expect 0 as b push
expect 4 as a pull
same_tree a b

# N16: kinds that change, both ways
rm "$T/a/same"; mkdir "$T/a/same"; echo in >"$T/a/same/in"
rm -r "$T/a/dir"; echo flat >"$T/a/dir"
expect 0 as a push
expect 0 as b pull
same_tree a b

# N17: a hard link to the outside keeps its content
echo old >"$T/b/linked"
ln "$T/b/linked" "$T/outside"
expect 0 as b push
expect 0 as a pull
echo new >"$T/a/linked"
expect 0 as a push
expect 0 as b pull
[ "$(cat "$T/outside")" = old ] || fail "N17: written through a hard link"
[ "$(cat "$T/b/linked")" = new ] || fail "N17: not updated"

# I7: ignored files stay, also below a directory that goes
printf '*.tmp\n' >"$T/a/.zkignore"
mkdir "$T/a/work"; echo k >"$T/a/work/keep"
expect 0 as a push
expect 0 as b pull
echo mine >"$T/b/work/mine.tmp"
rm -r "$T/a/work"
expect 0 as a push
expect 0 as b pull
[ "$(cat "$T/b/work/mine.tmp")" = mine ] || fail "I7: an ignored file went"
[ ! -e "$T/b/work/keep" ] || fail "I7: the removal was not applied"
expect 0 as b push
expect 0 as a pull
[ ! -e "$T/a/work" ] || fail "I7: what was left behind came back"

# what is neither file, directory nor symlink is reported, once a run
mkfifo "$T/a/pipe"
expect 3 as a push
err_has pipe
rm "$T/a/pipe"

# I2, I6: the brake of the sender
mkdir "$T/a/lot"
i=0
while [ $i -lt 200 ]; do echo $i >"$T/a/lot/$i"; i=$((i + 1)); done
expect 0 as a push
expect 0 as b pull
rm -r "$T/a/lot"
expect 20 as a push
expect 0 as b pull
[ "$(find "$T/b/lot" -type f | wc -l)" -eq 200 ] || fail "I6: sent"
n=$(sed -n 's/.*--max-delete \([0-9]*\).*/\1/p' "$T/err" | head -1)
expect 20 as a push
n=$(sed -n 's/.*--max-delete \([0-9]*\).*/\1/p' "$T/err" | head -1)
[ -n "$n" ] || fail "the brake does not name its number"
expect 0 as a push --max-delete "$n"
# ... and of the receiver, which still applies everything else
echo other >"$T/a/other"
expect 0 as a push
expect 20 as b pull
[ "$(cat "$T/b/other")" = other ] || fail "I6: the rest was held back, too"
[ "$(find "$T/b/lot" -type f | wc -l)" -eq 200 ] || fail "I6: removed"
n=$(sed -n 's/.*--max-delete \([0-9]*\).*/\1/p' "$T/err" | head -1)
expect 0 as b pull --max-delete "$n"
[ ! -e "$T/b/lot" ] || fail "the override did nothing"
expect 0 as b push
expect 0 as a pull
rm -rf "$T/b/work"
same_tree a b

# a root that is gone, or another one in its place
mv "$T/b" "$T/elsewhere"
mkdir "$T/b"
expect 10 as b pull
rmdir "$T/b"
cp -a "$T/elsewhere" "$T/b"
expect 21 as b pull
err_has --reattach
rm -rf "$T/b"
mv "$T/elsewhere" "$T/b"
expect 0 as b pull
mv "$T/b/.zk/marker" "$T/marker"
expect 21 as b pull
err_has "'$T/b' or above it has lost its marker"
ln -s "$T/marker" "$T/b/.zk/marker"
expect 21 as b pull
err_has "lost its marker"
mv "$T/marker" "$T/b/.zk/marker"
cp -a "$T/b" "$T/copy"
expect 12 env XDG_STATE_HOME="$T/state-b" "$ZK" init --reattach "$T/copy"
mv "$T/b" "$T/old"
rm "$T/copy/linked"
expect 0 env XDG_STATE_HOME="$T/state-b" "$ZK" init --reattach "$T/copy"
mv "$T/copy" "$T/b"
expect 0 as b pull
[ "$(cat "$T/b/linked")" = new ] || fail "a replaced root deleted something"
expect 0 as b push
expect 0 as a pull
same_tree a b

# what patterns hid arrives once they are dropped, here or by another device
echo '*.log' >"$T/b/.zk/ignore"
echo l >"$T/a/x.log"
expect 0 as a push
expect 0 as b pull
[ ! -e "$T/b/x.log" ] || fail "an ignored file was applied"
: >"$T/b/.zk/ignore"
expect 0 as b pull
[ -e "$T/b/x.log" ] || fail "a file that is no longer ignored is missing"
echo t >"$T/a/x.tmp"
rm "$T/a/.zkignore"
expect 0 as a push
expect 0 as b pull
[ -e "$T/b/x.tmp" ] || fail "a file did not arrive with its pattern gone"

# a PATH is taken from where -C says, not from where zk was started
mkdir "$T/c"
echo 1 >"$T/c/one"; echo 2 >"$T/c/two"
device_init c "file://$T/far-c"
expect 0 as c push two --json
[ "$(json .files)" = 1 ] || fail "not one file of a PATH below -C"
expect 2 as c push ../elsewhere

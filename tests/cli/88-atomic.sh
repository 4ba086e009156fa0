#!/bin/sh
# Directories kept as one: a git repository goes whole, conflicts whole, moves,
# is restored and compared as one.
. "${0%/*}/lib.sh"
need git
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null \
    GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n \
    GIT_COMMITTER_EMAIL=e
# commit DIR TEXT: one more commit of one more line
commit() {
	echo "$2" >>"$1/file"
	git -C "$1" add -A && git -C "$1" commit -qm "$2" || fail "commit"
}
# fsck DIR: the repository is whole, nothing is changed in it
fsck() {
	git -C "$1" fsck --strict >"$T/fsck" 2>&1 || fail "$1: $(cat "$T/fsck")"
	[ -z "$(git -C "$1" --no-optional-locks status --porcelain)" ] ||
	    fail "$1: $(git -C "$1" status --porcelain)"
}
conflict_of() { ls -d "$T/$1"/*.conflict-* 2>/dev/null; }

relay_start --plain
device_init a "$relay_url"
printf '/repo atomic\n*.bundle/ atomic\n' >"$T/a/.zkattributes"
mkdir -p "$T/a/repo/src" "$T/a/x.bundle/empty"
git init -q "$T/a/repo"
ln -s src "$T/a/repo/link"
head -c 2000000 /dev/urandom >"$T/a/repo/src/large"
printf '#!/bin/sh\n' >"$T/a/repo/src/run"
chmod 755 "$T/a/repo/src/run"
commit "$T/a/repo" one
touch -d '2020-02-02 02:02:02.5' "$T/a/repo/src/run"
echo small >"$T/a/x.bundle/part"
sleep 0.1 # behind the clock's tick: nothing is read again
expect 0 as a push
expect 0 as a status --check
device_pair a b
expect 0 as b pull
same_tree a b
fsck "$T/b/repo"
[ "$(stat -c '%a %Y' "$T/b/repo/src/run")" = "755 1580608922" ] ||
    fail "run: $(stat -c '%a %Y' "$T/b/repo/src/run")"
[ -d "$T/b/x.bundle/empty" ] || fail "no empty directory"
expect 0 as b status --check
expect 0 as a --json log
[ "$(grep -c '"kind":"tree"' "$T/out")" = 2 ] || fail "log: $(cat "$T/out")"

# each side commits: both stay whole, the younger one under a made name
commit "$T/a/repo" a-side
commit "$T/b/repo" b-side
expect 0 as a push
expect 4 as b pull
expect 0 as b push
expect 4 as a pull
same_tree a b
[ "$(conflict_of a | wc -l)" = 1 ] || fail "conflicts: $(conflict_of a)"
for d in a b; do
	fsck "$T/$d/repo"
	fsck "$(conflict_of $d)"
done
git -C "$T/a/repo" pull -q --no-rebase --no-edit -X ours \
    "$(conflict_of a)" >"$T/out" 2>&1 || fail "git: $(cat "$T/out")"
rm -r "$(conflict_of a)"
expect 0 as a push
expect 0 as b pull
same_tree a b
fsck "$T/b/repo"
[ "$(git -C "$T/b/repo" log --oneline | wc -l)" = 4 ] || fail "its history"

# a rename is one op, an edit elsewhere meets it
mv "$T/a/repo" "$T/a/moved"
expect 0 as a -n push
[ "$(grep -c . "$T/out")" = 1 ] || fail "dry run: $(cat "$T/out")"
out_has "moved      repo -> moved/"
echo more >"$T/b/repo/more"
expect 0 as a push
expect 0 as b sync
expect 0 as a pull
same_tree a b
[ "$(cat "$T/a/moved/more")" = more ] || fail "the edit of what moved"
mv "$T/a/moved" "$T/a/repo"
expect 0 as a push
expect 0 as b pull

# versions: compared as one, written out, restored
expect 2 as a diff repo
err_has "is a directory that is kept as one"
for what in log diff restore; do
	expect 2 as a $what repo/file
	err_has "'repo/file' is in 'repo', which is kept as one: name that"
done
expect 2 as a log repo-not/file
err_has "nothing was ever recorded at 'repo-not/file'"
id=$(as a log repo | awk '$5 == "created" { id = $1 } END { print id }')
expect 2 as a diff "repo@$id"
expect 2 as a restore "repo@$id" -o -
expect 0 as a restore "repo@$id" -o "$T/old"
fsck "$T/old"
[ "$(cat "$T/old/file")" = one ] || fail "what was written out"
expect 1 as a restore "repo@$id" -o "$T/old"
expect 0 as b restore "repo@$id"
fsck "$T/b/repo"
[ "$(cat "$T/b/repo/file")" = one ] || fail "what was restored"
rm -r "$T/a/x.bundle"
expect 0 as a push
expect 0 as b sync
[ ! -e "$T/b/x.bundle" ] || fail "x.bundle is still there"
expect 0 as b restore x.bundle
[ "$(cat "$T/b/x.bundle/part")" = small ] || fail "x.bundle"
expect 0 as b push
expect 0 as a pull
same_tree a b
expect 0 as a verify
relay_stop

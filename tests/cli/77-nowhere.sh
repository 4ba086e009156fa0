#!/bin/sh
# A path that names nothing is an error, not "0 files": for push where it is
# neither on disk nor in base, for pull where the merged tree lacks it, too.
. "${0%/*}/lib.sh"
need jq

# refused COMMAND DEVICE PATH TEXT: status 2, the path named, nothing done.
refused() {
	expect 2 as "$2" "$1" --json "$3"
	jq -e --arg p "$3" --arg m "$4" 'select(.type == "error" and
	    .status == 2 and .path == $p and .message == $m)' "$T/err" \
	    >/dev/null || fail "$1 '$3' says: $(cat "$T/err")"
	[ "$(json .files)" = 0 ] || fail "$1 '$3' did something"
}
nowhere() {
	refused "$1" "$2" "$3" \
	    "'$3' is neither here nor known to the vault"
}

device_init a "file://$T/far"
cd "$T/a" || exit 1
mkdir d empty
echo 1 >one
echo 2 >d/two
ln -s d link
expect 0 as a push
device_pair a b
expect 0 as b pull

# push: neither here nor in base
echo new >new
nowhere push a nosuch
nowhere push a nosuch/
nowhere push a "$T/a/d/nosuch"
nowhere push a one/below
nowhere push a link/two
# one of two is enough, and nothing is recorded then
expect 2 as a push new nosuch
expect 6 as a status --check --offline
expect 2 as a push -n nosuch
# a file is no directory
refused push a one/ "'one/' is not a directory"
refused push a one/. "'one/.' is not a directory"

# what is here, or was, can be named
for path in new d d/ ./d/two one link . "$T/a/empty"; do
	expect 0 as a push "$path"
done
expect 0 as a status --check --offline

# pull: what others made may be named before it is here
cd "$T/b" || exit 1
nowhere pull b nosuch
nowhere pull b one/below
[ ! -e "$T/b/new" ] || fail "a pull that was refused did something"
expect 2 as b pull nosuch
err_has "zk: 'nosuch' is neither here nor known to the vault"
refused pull b new/ "'new/' is not a directory"
expect 0 as b pull new
[ "$(cat "$T/b/new")" = new ] || fail "new did not come"

# what was deleted here can be named, once
cd "$T/a" || exit 1
rm one
rm -r d
expect 0 as a push --json one
[ "$(json .deleted)" = 1 ] || fail "the deletion of one"
expect 0 as a push --json d/
[ "$(json .deleted)" = 2 ] || fail "the deletion of d"
nowhere push a one

# deleted over there, still here; deleted here, still over there
cd "$T/b" || exit 1
expect 0 as b pull d
[ ! -e "$T/b/d" ] || fail "d was to go"
expect 0 as b pull
rm new
expect 0 as b pull new
expect 0 as b push
expect 0 as a pull
same_tree a b

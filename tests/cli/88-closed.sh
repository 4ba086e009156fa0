#!/bin/sh
# Directories that are closed to writing, for an ordinary user: what cannot be
# brought into one is named; one that is kept as one is open to its owner
# wherever it comes, and gives its place all the same.
. "${0%/*}/lib.sh"

relay_start --plain
device_init a "$relay_url"
echo 'tree atomic' >"$T/a/.zkattributes"
mkdir -p "$T/a/d" "$T/a/tree/ro" "$T/a/gone"
echo 'gone atomic' >>"$T/a/.zkattributes"
echo x >"$T/a/d/f"
echo x >"$T/a/tree/ro/f"
echo x >"$T/a/gone/f"
chmod 555 "$T/a/tree/ro" "$T/a/tree"
expect 0 as a push
device_pair a b
expect 0 as b pull
[ "$(stat -c %a "$T/b/tree" "$T/b/tree/ro" | tr '\n' ' ')" = "755 755 " ] ||
    fail "tree is $(stat -c %a "$T/b/tree" "$T/b/tree/ro")"
expect 0 as b status --check

# the other device is an ordinary user's
if [ "$(id -u)" -eq 0 ]; then
	chmod 711 "$T"
	chown -R nobody "$T/b" "$T/state-b"
fi
as_nobody test -w "$T/b" || skip "an ordinary user cannot get to $T"
as_b() {
	as_nobody env XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" "$@"
}
chmod 555 "$T/b/d" "$T/b/tree/ro" "$T/b/tree" "$T/b/gone"
chmod u+w "$T/a/tree"
echo new >"$T/a/d/new"
echo new >"$T/a/tree/new"
rm -r "$T/a/gone"
expect 0 as a push
expect 3 as_b pull
err_has "'d/new' cannot be brought to what others have: permission denied"
[ "$(cat "$T/b/tree/new")" = new ] || fail "the tree"
[ ! -e "$T/b/gone" ] || fail "what is gone"
chmod 755 "$T/b/d"
expect 0 as_b pull
[ "$(cat "$T/b/d/new")" = new ] || fail "d/new"

# what cannot be read is no change, of the whole
[ "$(id -u)" -ne 0 ] || chown -R nobody "$T/b"
chmod 0 "$T/b/tree/ro"
echo more >"$T/b/tree/new"
expect 3 as_b status
err_has "skipped 'tree/ro': it cannot be read"
err_has "skipped 'tree': it is kept as one, and not all that is in it can be"
chmod 755 "$T/b/tree/ro"
relay_stop

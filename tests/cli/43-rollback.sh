#!/bin/sh
# R07, R08, I23: a remote goes back to what it was. Whoever had seen more
# says so and keeps what it has; the writer gives it back its own segments.
. "${0%/*}/lib.sh"

mkdir "$T/remote"
device_init a "file://$T/remote"
expect 0 as a push
device_pair a b
for i in 1 2 3 4 5 6 7 8 9 10; do
	echo "$i" >"$T/a/f$i"
	expect 0 as a push
	[ "$i" != 7 ] || cp -a "$T/remote" "$T/old"
done
expect 0 as b pull
expect 0 as a sync
cp -a "$T/remote" "$T/new"

# R07
rm -rf "$T/remote"
cp -a "$T/old" "$T/remote"
expect 22 as b pull
err_has rolled
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(cat "$T/b/f$i")" = "$i" ] || fail "f$i is gone from b"
done

# R08: the same bytes, no new ones in their place
run() { "$@" >"$T/out" 2>"$T/err"; }
run as a push
run as a push
(cd "$T/new" && find . -type f -path '*seg*' -o -type f -path '*log*' |
    sort) >"$T/names"
[ -s "$T/names" ] || fail "no segments in the remote: $(find "$T/new")"
while read -r f; do
	case $f in *hint*) continue ;; esac
	cmp -s "$T/new/$f" "$T/remote/$f" || fail "$f is not what it was"
done <"$T/names"
expect 0 as b pull
echo more >"$T/a/more"
expect 0 as a push
expect 0 as b pull
[ "$(cat "$T/b/more")" = more ] || fail "no way on after the rollback"
same_tree a b

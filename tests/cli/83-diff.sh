#!/bin/sh
# zk diff: versions of a text against each other and against the disk; what
# patch makes of it is the second version.
. "${0%/*}/lib.sh"
many_runs
need jq patch

device_init a "file://$T/remote"
mkdir -p "$T/a/d"
seq 1 100 >"$T/a/d/t"
ln -s t "$T/a/d/l"
printf 'b\0in' >"$T/a/bin"
expect 0 as a push
cp "$T/a/d/t" "$T/v1"
sed -i -e 3d -e 's/^50$/fifty/' -e '$a end' "$T/a/d/t"
printf '%s' "no newline" >>"$T/a/d/t"
cp "$T/a/d/t" "$T/v2"
printf 'b\0on' >"$T/a/bin"
ln -sf u "$T/a/d/l"
expect 0 as a push
id() { as a log --json "$1" | jq -r .short | sed -n "$2p"; }
one=$(id d/t 2) two=$(id d/t 1)

expect 0 as a diff "d/t@$one" "d/t@$two"
err_empty
[ "$(sed -n 1,2p "$T/out")" = "--- d/t@$one
+++ d/t@$two" ] || fail "labels"
diff -U3 "$T/v1" "$T/v2" | sed 1,2d >"$T/want"
sed 1,2d "$T/out" | cmp -s - "$T/want" || fail "not as diff -u: $(cat "$T/out")"
cp "$T/v1" "$T/p"
patch -s "$T/p" "$T/out" || fail "patch refuses it"
cmp -s "$T/p" "$T/v2" || fail "patch makes something else of it"
expect 0 as a diff "d/t@$two" "d/t@$one"
patch -s "$T/p" "$T/out" || fail "patch refuses the way back"
cmp -s "$T/p" "$T/v1" || fail "patch does not lead back"

# against the disk; equal ones; what is not recorded yet
expect 0 as a diff "d/t@$two"
out_empty
expect 0 as a diff "d/t@$one"
sed 1,2d "$T/out" | cmp -s - "$T/want" || fail "against the disk"
echo more >>"$T/a/d/t"
expect 0 as a diff d/t
out_has "+no newlinemore"
expect 0 as a diff d/t bin@0s
out_has "binary files d/t and bin@0s differ"
expect 0 as a diff "bin@$(id bin 2)"
out_is "binary files bin@$(id bin 2) and bin differ"
expect 0 as a diff "d/l@$(id d/l 2)"
out_has "+u"
rm "$T/a/d/t"
expect 0 as a diff "d/t@$one"
out_has "+++ /dev/null"
out_has "@@ -1,100 +0,0 @@"

expect 0 as a diff --json "d/t@$one" "d/t@$two"
json_ok "$T/out"
jq -r 'select(.type == "diff").text' "$T/out" | head -n -1 | sed 1,2d |
    cmp -s - "$T/want" || fail "--json"
expect 0 as a diff --json "d/t@$one" "d/t@$one"
[ "$(jq -c 'select(.type == "diff") | [.same, .text]' "$T/out")" = \
    '[true,""]' ] || fail "--json of equal ones"

# errors
expect 2 as a diff d
err_has "'d' was a directory"
expect 2 as a diff "d/t@$one" d
err_has "'d' is neither a file nor a symlink"
expect 2 as a diff nix@1d
expect 2 as a diff ../x@1d
expect 2 as a diff "d/t@$one" ../x
expect 2 as a diff "d/t@$one" .zk/marker
expect 1 as a diff d/t@999
head -c 17000000 /dev/zero >"$T/a/large"
expect 2 as a diff "d/t@$one" large
err_has "'large' is larger than 16 MiB"

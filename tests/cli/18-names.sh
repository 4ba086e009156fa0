#!/bin/sh
# Names with spaces, newlines, escapes, bytes that are not UTF-8, 255 bytes,
# 128 levels: there and back, and escaped on output.
. "${0%/*}/lib.sh"
need jq

device_init a "file://$T/far"
cd "$T/a" || exit 1
printf 'x' >'a space'
printf 'x' >"$(printf 'new\nline')"
printf 'x' >"$(printf 'esc\033[31mred')"
printf 'x' >"$(printf 'bad\377\376utf8')"
printf 'x' >"$(printf 'bidi\342\200\256txt')"
printf 'x' >'-n'
printf 'x' >"$(printf '%0255d' 0)"
mkdir "$(printf 'dir\nwith newline')"
ln -s 'no where' "$(printf 'link\tto')"
deep=d
i=1
while [ "$i" -lt 128 ]; do
	deep=$deep/d
	i=$((i + 1))
done
mkdir -p "${deep%/d}"
printf deep >"$deep"
cd "$T" || exit 1

expect 0 as a push -n
[ "$(wc -l <"$T/out")" -eq "$(find "$T/a" -path "$T/a/.zk" -prune -o \
    ! -path "$T/a" -printf x | wc -c)" ] || fail "not one line a path"
! grep -q "$(printf '\033')" "$T/out" || fail "an escape on stdout"
out_has 'new\x0aline'
out_has 'esc\x1b[31mred'
out_has 'bad\xff\xfeutf8'
expect 0 as a push --json -v
json_ok "$T/out"
[ "$(jq -r 'select(.path_b64 != null) | .path_b64' "$T/out")" = \
    "$(printf 'bad\377\376utf8' | base64)" ] || fail "path_b64"
[ "$(jq -r 'select(.path == "new\nline") | .change' "$T/out")" = new ] ||
    fail "newline in JSON"

device_pair a b
expect 0 as b pull
same_tree a b

# a level deeper cannot travel: named, the rest goes on, status 3
mkdir -p "$T/a/$deep.d/e"
mv "$T/a/$deep" "$T/keep"
mkdir -p "$T/a/$deep"
printf x >"$T/a/$deep/too-deep"
expect 3 as a push
err_has "d/d"
err_has "a name or path that other devices cannot have"

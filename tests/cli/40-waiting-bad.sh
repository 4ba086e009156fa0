#!/bin/sh
# A member's segment that waits for another and proves bad when that has come:
# it is named and left out, and what it waited for and what comes later is
# taken in all the same.
. "${0%/*}/lib.sh"

forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"

device_init a "file://$T/far"
device_pair a b
device_pair a c
echo zero >"$T/a/zero"
expect 0 as a push
expect 0 as b pull
expect 0 as b push
expect 0 as c pull
find "$T/far" -path '*/seg/*' -type f | sort >"$T/before"
echo one >"$T/a/one"
expect 0 as a push
find "$T/far" -path '*/seg/*' -type f | sort >"$T/after"
expect 0 as b pull
late=$(comm -13 "$T/before" "$T/after")
[ "$(echo "$late" | wc -l)" -eq 1 ] || fail "more than one: $late"
echo "create 1 root $(printf bad | od -An -tx1 | tr -d ' \n') 644 0 0 78" |
    "$forge" "$T/b" "$T/state-b/zk" "file://$T/far" 1000000 >/dev/null ||
    fail "forge"
mv "$late" "$T/late"
as c pull >/dev/null 2>&1
[ ! -e "$T/c/one" ] || fail "that was to come later"
mv "$T/late" "$late"
expect 22 as c pull
[ "$(cat "$T/c/one")" = one ] || fail "what it waited for is kept out"
[ ! -e "$T/c/bad" ] || fail "a bad segment was applied"
echo two >"$T/a/two"
expect 0 as a push
as c pull >/dev/null 2>&1
[ "$(cat "$T/c/two")" = two ] || fail "what comes later is kept out"

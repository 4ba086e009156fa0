#!/bin/sh
# I15, N10: there and back of what 18-names has not: modes 0600, 0400 and
# 0000 to others, times to the nanosecond and before 1970, empty directories,
# symlinks to nowhere and to strange places; every output escaped, JSON valid.
. "${0%/*}/lib.sh"
need jq

relay_start --plain
device_init a "$relay_url"
cd "$T/a" || exit 1
mkdir empty empty/inner 'a  b' "$(printf 'nl\n\n')" "$(printf '\377dir')"
mkdir "$(printf 'bidi\342\200\256\342\201\246dir')"
for mode in 600 400 440 644 755 711 777; do
	echo "$mode" >"a  b/m$mode"
	chmod "$mode" "a  b/m$mode"
	mkdir "d$mode"
done
chmod 700 d600 d400 d440 d644
for dir in d711 d755 d777; do
	chmod "${dir#d}" "$dir"
done
: >'a  b/nothing'
echo old >old
touch -d '1969-12-31 23:59:58.123456789 UTC' old
echo older >older
touch -d '1901-12-14 00:00:00.999999999 UTC' older
echo nano >nano
touch -d '2020-02-29 12:00:00.000000001 UTC' nano
echo later >later
touch -d '2100-01-01 00:00:00.5 UTC' later
echo x >"$(printf '\033]0;title\007')"
echo x >"$(printf 'c1\302\233 31m')"
echo x >"$(printf 'cut\342\202')"
echo x >"$(printf 'tab\tcr\rdel\177')"
echo x >"$(printf '\\x41\\n\\')"
echo x >'*'
echo x >'?[a]{b}$(c)`d`"e"'"'f'"
echo x >' '
echo x >'...'
echo x >'--help'
echo x >"$(printf 'e\314\201')" # the two forms of one letter
echo x >"$(printf '\303\251')2"
long=$(printf '%0127d' 0 | sed 's/0/\xc3\xa9/g')
echo long >"${long}z"
ln -s /etc/passwd abs
ln -s ../../.. up
ln -s . self
ln -s loop loop
ln -s "$(printf 'to\n\033[31m\377')" strange
ln -s "$(printf '%04000d' 0)" far
ln -s 'a  b' todir
ln -s .zk/marker inside
deep=d
i=1
while [ "$i" -lt 128 ]; do
	deep=$deep/d
	i=$((i + 1))
done
mkdir -p "$deep"
cd "$T" || exit 1

clean() {
	! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$T/out" \
	    "$T/err" || fail "a control character on output"
	! grep -q "$(printf '\302\233')" "$T/out" "$T/err" || fail "a C1"
	! grep -q "$(printf '\342\200\256')" "$T/out" "$T/err" || fail "bidi"
	iconv -f UTF-8 -t UTF-8 "$T/out" >/dev/null 2>&1 ||
	    fail "not UTF-8 on output"
}
need iconv
expect 0 as a status
clean
expect 0 as a push -n -v
clean
expect 0 as a push -v --json
json_ok "$T/out"
clean
device_pair a b
expect 0 as b pull -n
clean
expect 0 as b pull -v --json
json_ok "$T/out"
clean
same_tree a b
[ "$(stat -c %Y "$T/b/older")" -lt -2147000000 ] || fail "time of older"
[ "$(readlink "$T/b/strange")" = "$(printf 'to\n\033[31m\377')" ] ||
    fail "target of strange"
[ -d "$T/b/$deep" ] || fail "depth 128"
expect 0 as b status --check
expect 0 as b verify

# and back: what b does to them
cd "$T/b" || exit 1
chmod 600 'a  b/m755'
chmod 755 'a  b/m600'
touch -d '1950-06-01 00:00:00.000000007 UTC' old
mv "$(printf '\377dir')" "$(printf '\376dir\n')"
rmdir empty/inner
ln -sfn "$(printf '\033')" strange
mv "${long}z" "z$long"
rm -f '*' abs
printf y >"$(printf '\033]0;title\007')"
cd "$T" || exit 1
expect 0 as b status --json
json_ok "$T/out"
expect 0 as b push -v
clean
expect 0 as a pull -v
clean
same_tree a b
expect 0 as a push
expect 0 as b pull
expect 0 as a status --check
expect 0 as b status --check

# a conflict under such a name is shown escaped too
name=$(printf 'new\nline\377')
echo A >"$T/a/$name"
echo B >"$T/b/$name"
expect 0 as a push
expect 4 as b sync
clean
expect 4 as b status --json --check
json_ok "$T/out"
expect 4 as a sync
clean
same_tree a b

#!/bin/sh
# N01, N02, N10, N11, N14, N15, N21: a member writes what no zk would; the
# others drop what is void, apply the rest, and never leave their folder.
. "${0%/*}/lib.sh"

forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
run() { "$@" >"$T/out" 2>"$T/err"; }
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
# forge NAME < SCRIPT: in the name of that device
as_forger() {
	name=$1
	shift
	"$forge" "$T/$name" "$T/state-$name/zk" "file://$T/remote" "$@" ||
	    fail "forge"
}
# file NAME-HEX MODE SEC NSEC TEXT
file() { echo "create 1 root $1 $2 $3 $4 $(hex "$5")"; }

mkdir "$T/remote" "$T/outside"
echo safe >"$T/outside/x"
device_init a "file://$T/remote"
echo mine >"$T/a/mine"
mkdir "$T/a/dir"
expect 0 as a push
device_pair a b
expect 0 as b pull
echo first >"$T/b/first"
expect 0 as b push
expect 0 as a pull

# N01, N02: names that lead elsewhere or are too long; what follows stands
long=$(printf '%0256d' 0 | tr 0 n)
{
	for n in '../x' 'a/../../x' '/etc/x' 'a//b' './a' '..' '.' 'a/' \
	    '.zk' '.ZK' '.zk-tmp-1' "$long"; do
		file "$(hex "$n")" 644 1767225600 0 evil
	done
	echo "create 1 root - 644 1767225600 0 $(hex evil)"
	file 610062 644 1767225600 0 evil
	file "$(hex after)" 644 1767225600 0 good
} | as_forger b
expect 22 as a pull
[ "$(grep -c "left out" "$T/err")" -eq 14 ] || fail "not each one is named"
[ "$(cat "$T/a/after")" = good ] || fail "what follows void ops is lost"
[ "$(cat "$T/outside/x")" = safe ] || fail "outside was written"
[ ! -e "$T/x" ] && [ ! -e "$T/a/x" ] || fail "a name led elsewhere"
[ "$(find "$T/a" -path "$T/a/.zk" -prune -o -type f -print | wc -l)" = 3 ] ||
    fail "more files than expected: $(find "$T/a" -type f)"

# N10: names that move the cursor; the output is escaped
{
	file "$(printf 'e\033[2Jsc' | od -An -v -tx1 | tr -d ' \n')" \
	    644 1767225600 0 one
	file "$(printf 'new\nline' | od -An -v -tx1 | tr -d ' \n')" \
	    644 1767225600 0 two
	file ff2e74 644 1767225600 0 three
	file e280ae747874 644 1767225600 0 four
} | as_forger b
expect 0 as a -v pull --json
json_ok "$T/out"
[ "$(cat "$T/a/$(printf 'e\033[2Jsc')")" = one ] || fail "escape in a name"
[ "$(cat "$T/a/new
line")" = two ] || fail "newline in a name"
[ "$(cat "$T/a/$(printf '\377.t')")" = three ] || fail "name not UTF-8"
! grep -q "$(printf '\033')" "$T/out" "$T/err" || fail "raw escape printed"

# N11, N14: bits, kinds, times out of range
{
	file "$(hex suid)" 7755 1767225600 0 s
	file "$(hex late)" 644 9223372036854775807 4294967295 l
	file "$(hex early)" 644 -9223372036854775807 0 e
	for kind in 4 5 6 15; do
		echo "create $kind root $(hex "node$kind") 644 0 0 $(hex k)"
	done
	file "$(hex last)" 600 1767225600 1000000000 z
} | as_forger b
expect 22 as a pull
[ "$(stat -c %a "$T/a/suid")" = 755 ] || fail "mode $(stat -c %a "$T/a/suid")"
[ "$(cat "$T/a/late")" = l ] && [ "$(cat "$T/a/early")" = e ] ||
    fail "a strange time lost a file"
[ "$(cat "$T/a/last")" = z ] || fail "what follows is lost"
for kind in 4 5 6 15; do
	[ ! -e "$T/a/node$kind" ] || fail "kind $kind was made"
done

# N15: removal of the root does nothing, and is named
echo "remove root" | as_forger b
expect 22 as a pull
[ "$(cat "$T/a/mine")" = mine ] && [ -d "$T/a/dir" ] || fail "root removed"

# content that is not what its op says: refused, the rest is applied
{
	file "$(hex lying)" 644 1767225600 0 "1234567890"
	echo "edit 0 4 $(hex 1234567890)"
	file "$(hex honest)" 644 1767225600 0 yes
} | as_forger b
run as a pull
[ "$(cat "$T/a/honest")" = yes ] || fail "an honest file is missing"
[ "$(cat "$T/a/lying" 2>/dev/null || :)" != 1234 ] ||
    fail "content cut to a size that its writer invented"
# a verify names it as its writer's, not as damage to what is held here
expect 22 as a verify
err_has "its device recorded it so"
! grep -q "pair --join" "$T/err" || fail "a lie was taken for damage"

# values: what is void is left out alone, and what no zk writes does no harm
lp() { printf '%02x%s' "${#1}" "$(hex "$1")"; }
value() { echo "value $1 $2 $3$(lp "$4")$(lp "$5")${6-}"; }
{
	value 24 root "" "" "" "$(lp nameless)"
	echo "value 24 root 0003610062$(lp nul)"
	value 26 root "" "" total ffffffffffffffffff01
	value 28 0 09 "" kind
	value 28 root 01 "" unseen
	value 24 root "" "" kept "$(lp one)"
	# of another key, and of another kind
	value 28 5 01 "" other
	value 28 5 02 "" kept
	# after what is no item, and after nothing that there is
	value 27 5 "" "" items "$(lp lost)"
	value 27 "@$(printf '%064d' 7)" "" "" items "$(lp lost)"
	value 27 root "" "" items "$(lp first)"
} | as_forger b
expect 22 as a kv get --fetch kept
out_empty
[ "$(grep -c "left out" "$T/err")" -eq 5 ] || fail "not each one is named"
expect 0 as a kv get kept
out_is one
expect 0 as a kv list items
out_is first
expect 0 as a kv ls
out_is "items
kept"
run as a verify
! grep -q kvop "$T/err" || fail "values are not what the ops say"

# messages: a label is no path, what is void is left out, and content that is
# not what was signed is given to nobody, nor what its sender sent after it
mkdir "$T/box"
{
	echo "message $(lp jobs)$(lp ../../escaped) 3 $(hex one)"
	echo "message 03610062$(lp nul) 1 $(hex x)"
	echo "message $(lp jobs)03610062 1 $(hex x)"
	echo "type 32"
	echo "value 33 root $(lp jobs)ffffffffff7f"
	echo "message $(lp jobs)00 9 $(hex two)"
	echo "message $(lp jobs)00 5 $(hex three)"
} | as_forger b
expect 22 as a recv -c jobs -o "$T/box"
err_has "what it sent after that waits"
[ "$(grep -c "left out" "$T/err")" -eq 4 ] || fail "not each one is named"
[ "$(cat "$T"/box/*)" = one ] && [ "$(ls -A "$T/box" | wc -l)" -eq 1 ] ||
    fail "in the directory: $(ls -A "$T/box")"
expect 22 as a recv -c jobs
out_empty

# N21: a Lamport time ahead of its causes is tampering, and stays out
before=$(cd "$T/a" && find . -path ./.zk -prune -o -print | sort)
file "$(hex ahead)" 644 1767225600 0 no | as_forger b 1000000
expect 22 as a pull
[ ! -e "$T/a/ahead" ] || fail "an op jumped ahead"
[ "$(cd "$T/a" && find . -path ./.zk -prune -o -print | sort)" = "$before" ] ||
    fail "something else changed"
echo again >"$T/a/own"
run as a push
[ -e "$T/a/own" ] || fail "own work was touched"

# a body with something behind it: its segment stays out, what came before not
expect 0 as a kv set before yes
value 24 root "" "" twice "$(lp two)00" | as_forger a
expect 22 as b kv get --fetch before
err_has "malformed"
expect 0 as b kv get before
out_is yes
expect 1 as b kv get twice

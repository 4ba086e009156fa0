#!/bin/sh
# Edits of one text on two devices become one text with both on all devices:
# lines apart and beside each other, CRLF, no last newline, a byte order mark,
# emoji and right-to-left, large texts, beside a rename and a removal, after a
# merge, after an undo, on three devices, and when both merge.  What is no text
# stays side by side, and so does what a script lies about.
. "${0%/*}/lib.sh"
need jq
need iconv
canary=WovenCanary

relay_start --plain
device_init a "$relay_url"
cd "$T/a" || fail "no folder"
printf 'one\ntwo\nthree\nfour\n' >apart
printf 'same word here\n' >line
printf 'a\r\nb\r\nc\r\n' >crlf
printf 'x\ny' >nolast
printf '\357\273\277first\nsecond\n' >bom
printf 'smile \360\237\231\202\n\327\251\327\234\327\225\327\235\ne\314\201\n' >emoji
printf 'keep\n%s\n' "$canary" >moves
printf 'keep\n%s\n' "$canary" >goes
printf 'plain\n' >binary
printf 'undo\nme\n' >undo
: >empty
printf 'one\ntwo\n' >paste
printf 'Buy milk\nCall Bob\n' >list
seq 1 40000 >large
seq 1 170000 >huge
cd "$T" || exit 1
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b

sed -i 's/^one/ONE/' "$T/a/apart"
printf 'same WORD here\n' >"$T/a/line"
printf 'a\r\nB\r\nc\r\n' >"$T/a/crlf"
printf 'X\ny' >"$T/a/nolast"
printf '\357\273\277FIRST\nsecond\n' >"$T/a/bom"
printf 'smile \360\237\231\203\n\327\251\327\234\327\225\327\235\ne\314\201\n' >"$T/a/emoji"
mv "$T/a/moves" "$T/a/moved"
rm "$T/a/goes"
printf 'now \0 binary\n' >"$T/a/binary"
echo "from a" >"$T/a/empty"
head -c 300000 /dev/urandom | base64 >>"$T/a/paste"
printf 'Pay rent today\nCall Bob\n' >"$T/a/list"
sed -i 's/^100$/hundred/' "$T/a/large"
sed -i 's/^100$/hundred/' "$T/a/huge"
sed -i 's/^four/FOUR/' "$T/b/apart"
printf 'same word there\n' >"$T/b/line"
printf 'a\r\nb\r\nc\r\nd\r\n' >"$T/b/crlf"
printf 'x\ny\nz' >"$T/b/nolast"
printf '\357\273\277first\nsecond\nthird\n' >"$T/b/bom"
printf 'smile \360\237\231\202!\n\327\251\327\234\327\225\327\235\ne\314\200\n' >"$T/b/emoji"
echo "and more" >>"$T/b/moves"
echo "and more" >>"$T/b/goes"
echo "and more" >>"$T/b/binary"
echo "from b" >"$T/b/empty"
sed -i '1i zero' "$T/b/paste"
printf 'Wash the car\nCall Bob\n' >"$T/b/list"
sed -i 's/^39000$/later/' "$T/b/large"
sed -i 's/^39000$/later/' "$T/b/huge"
expect 0 as a push
expect 0 as b push

# what a dry run says comes true, and is told
expect 4 as b -n --json pull
jq -r 'select(.type == "merged") | .path' "$T/out" | sort >"$T/planned"
expect 4 as b --json pull
jq -r 'select(.type == "merged") | .path' "$T/out" | sort >"$T/merged"
cmp -s "$T/planned" "$T/merged" || fail "planned: $(cat "$T/planned")"
printf '%s\n' apart bom crlf emoji empty large line list nolast paste >"$T/want"
cmp -s "$T/want" "$T/merged" || fail "merged: $(cat "$T/merged")"
[ "$(json .merged)" = 10 ] || fail "merged: $(tail -n 1 "$T/out")"
[ "$(json .conflicts)" = 2 ] || fail "conflicts: $(tail -n 1 "$T/out")"
# nothing is left to push: the merge was published
expect 4 as b status --check
err_has "0 to push, 0 to pull, 2 conflicts"
expect 4 as a pull
same_tree a b

# shellcheck disable=SC2059 # formats are meant
is() { [ "$(cat "$T/b/$1")" = "$(printf "$2")" ] || fail "$1: $(cat "$T/b/$1")"; }
is apart 'ONE\ntwo\nthree\nFOUR\n'
is line 'same WORD there\n'
# two lines in the place of one
[ "$(sort "$T/b/list" | tr '\n' /)" = "Call Bob/Pay rent today/Wash the car/" ] ||
    fail "list: $(cat "$T/b/list")"
is crlf 'a\r\nB\r\nc\r\nd\r\n'
is nolast 'X\ny\nz'
is bom '\357\273\277FIRST\nsecond\nthird\n'
is emoji 'smile \360\237\231\203!\n\327\251\327\234\327\225\327\235\ne\314\200\n'
is moved "keep\n$canary\nand more\n"
is goes "keep\n$canary\nand more\n"
[ "$(sort "$T/b/empty")" = "$(printf 'from a\nfrom b')" ] || fail "empty"
[ "$(sed -n '100p;39000p' "$T/b/large" | tr '\n' ' ')" = "hundred later " ] ||
    fail "large"
for f in apart line crlf nolast bom emoji moved goes empty large; do
	iconv -f UTF-8 -t UTF-8 "$T/b/$f" >/dev/null 2>&1 || fail "UTF-8: $f"
done
# over 1 MiB, and a text that became something else: two files each
[ "$(find "$T/b" -name '*.conflict-*' | wc -l)" = 2 ] || fail "copies"
for f in huge binary; do
	ls "$T/b/$f".conflict-* >/dev/null || fail "no copy of $f"
done
rm "$T"/b/*.conflict-*
expect 0 as b sync
expect 0 as a pull

# a merge is a version as any other: told, and edits go on from it; what is
# text again merges again; an undo is an edit
expect 0 as b log --json apart
[ "$(jq -r 'select(.type == "log") | .change' "$T/out" | sort | uniq -c |
    tr -s ' \n' ' ')" = " 1 created 2 edited 1 merged " ] ||
    fail "log: $(cat "$T/out")"
printf 'text\nagain\n' >"$T/a/binary"
echo typo >>"$T/a/undo"
expect 0 as a sync
expect 0 as b pull
expect 0 as b restore undo@"$(XDG_STATE_HOME=$T/state-b "$ZK" -C "$T/b" log \
    --json undo | jq -r 'select(.change == "created") | .id')"
sed -i 's/^again/AGAIN/' "$T/a/binary"
sed -i 's/^text/TEXT/' "$T/b/binary"
sed -i 's/^undo/done/' "$T/a/undo"
sed -i 's/^ONE/uno/' "$T/a/apart"
sed -i 's/^two/due/' "$T/b/apart"
expect 0 as a push
expect 0 as b sync
expect 0 as a sync
same_tree a b
is binary 'TEXT\nAGAIN\n'
is undo 'done\nme\n'
is apart 'uno\ndue\nthree\nFOUR\n'

# both merge without knowing it, with something of their own that waits for a
# push, and a third device too: one version, one state, nothing left to do
device_pair a c
expect 0 as c pull
sed -i 's/^uno/1/' "$T/a/apart"
sed -i 's/^three/3/' "$T/b/apart"
sed -i 's/^FOUR/4/' "$T/c/apart"
for d in a b c; do expect 0 as $d push; done
for d in a b c; do echo $d >"$T/$d/own-$d"; done
for d in a b c; do
	expect 0 as $d --json pull
	[ "$(json .merged)" = 1 ] || fail "$d merges: $(cat "$T/out")"
done
for d in a b c; do expect 0 as $d push; done
for d in a b c; do
	expect 0 as $d --json sync
	[ "$(json .merged)" = 0 ] || fail "$d merges again: $(cat "$T/out")"
done
same_tree a b
same_tree a c
is apart '1\ndue\n3\n4\n'
for d in a b c; do
	expect 0 as $d --json sync
	[ "$(json .files)" = 0 ] || fail "$d moves: $(cat "$T/out")"
	expect 0 as $d verify
done

# a script that does not make what it says: side by side, nothing else
forge=${BUILD:-$top/build}/tools/forge
if [ -x "$forge" ]; then
	echo base >"$T/a/forged"
	expect 0 as a push
	expect 0 as b pull
	expect 0 as c pull
	id=$("$forge" "$T/c" "$T/state-c/zk" "$relay_url" id forged) ||
	    fail "forge id"
	# "evil\n", with the script of no edits, one that is cut off, and one
	# that reaches beyond the text
	for script in 0000 0400ff 0500ff7f0000; do
		printf 'text @%s 5 %s %s\n' "$id" 6576696c0a "$script"
	done | "$forge" "$T/c" "$T/state-c/zk" "$relay_url" >"$T/forged" ||
	    fail "forge"
	echo "mine too" >>"$T/b/forged"
	expect 0 as b push
	expect 4 as b pull
	[ "$(find "$T/b" -name 'forged*' | wc -l)" = 2 ] ||
	    fail "forged: $(find "$T/b" -name 'forged*')"
	expect 4 as a pull
	same_tree a b
fi

# the relay has seen none of it
! grep -rqaF -e "$canary" -e "hundred" -e "apart" "$T/relay" ||
    fail "the relay holds a name or content"
relay_stop

# a remote without room: what needs none is merged, the rest stands side by
# side until there is some
relay_start --plain --data "$T/tight" --quota 520k
device_init d "$relay_url"
head -c 150000 /dev/urandom | base64 >"$T/d/a-big"
printf 'one\ntwo\nthree\n' >"$T/d/small"
expect 0 as d push
device_pair d e
expect 0 as e pull
sed -i '1s/^/first/' "$T/d/a-big"
sed -i '$s/^/last/' "$T/e/a-big"
sed -i 's/one/ONE/' "$T/d/small"
sed -i 's/three/THREE/' "$T/e/small"
expect 0 as d push
expect 0 as e push
expect 4 as e pull
[ "$(cat "$T/e/small")" = "$(printf 'ONE\ntwo\nTHREE')" ] || fail "small"
[ "$(find "$T/e" -name 'a-big.conflict*' | wc -l)" = 1 ] || fail "a-big"
at=${relay_url#http://}
at=${at%/}
relay_stop
relay_start --plain --data "$T/tight" --quota 2M --listen "$at"
expect 0 as e --json pull
[ "$(json .merged)" = 1 ] || fail "not merged: $(cat "$T/out")"
[ "$(echo "$T"/e/a-big*)" = "$T/e/a-big" ] || fail "a-big: $(ls "$T/e")"
grep -q ^first "$T/e/a-big" && grep -q ^last "$T/e/a-big" || fail "a-big"

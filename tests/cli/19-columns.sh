#!/bin/sh
# The columns of zk status, remote ls, device ls and log stand one below the
# other, whatever the names; those of a terminal, not of bytes.
. "${0%/*}/lib.sh"

device_init a "file://$T/far" "file://$T/a-remote-with-a-longer-name"
wide=$(printf 'l\303\244ptop \346\227\245\346\234\254')
device_pair a b
device_pair a "$wide"
for who in a b "$wide"; do
	echo "of $who" >"$T/$who/of-$who"
	expect 0 as "$who" sync
done
expect 0 as a sync
expect 0 as b pull
rm -rf "$T/far"

# column WORD: of the lines in $T/lines, all in one column of a terminal
column() {
	[ -s "$T/lines" ] || fail "no lines: $(cat "$T/out")"
	while IFS= read -r line; do
		case $line in *"$1"*) ;; *) fail "no '$1' in '$line'" ;; esac
		printf '%s\n' "${line%%"$1"*}"
	done <"$T/lines" >"$T/before"
	# two columns each for the two wide letters, one for the accented
	sed 's/\xe6\x97\xa5\xe6\x9c\xac/1234/; s/\xc3\xa4/1/' "$T/before" |
	    awk '{ print length($0) }' | sort -u >"$T/widths"
	[ "$(wc -l <"$T/widths")" = 1 ] || fail "not aligned: $(cat "$T/out")"
}
lines() {
	grep "$1" "$T/out" >"$T/lines"
	[ "$(wc -l <"$T/lines")" = "$2" ] || fail "lines: $(cat "$T/out")"
}
expect 0 as a status
lines '^remote ' 2
sed -i 's/ \(not reachable\|last success\).*/ |/' "$T/lines"
column '|'
lines '^device ' 3
sed -i 's/ \(this one\|last seen\).*/ |/' "$T/lines"
column '|'
grep -q "^device $wide  [0-9a-f]\{8\}  [a-z0-9]\{6\}  last seen" "$T/out" ||
    fail "the widest has two blanks: $(cat "$T/out")"
expect 0 as a device ls
lines '^device ' 3
sed -i 's/ \(this one\|last seen\).*/ |/' "$T/lines"
column '|'
expect 0 as a remote ls
lines '^remote ' 2
column 'last success'
expect 0 as a log
lines ' of-' 3
column '  created '
column ' of-'
# lines of one kind are together, changes before them
echo new >"$T/a/new"
expect 0 as a status
[ "$(cut -d ' ' -f 1 "$T/out" | uniq | tr '\n' ' ')" = \
    "> remote device " ] || fail "order: $(cat "$T/out")"

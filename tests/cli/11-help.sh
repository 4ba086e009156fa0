#!/bin/sh
# Help comes from the tables, lists the front door first, and names no
# command that is not there.
. "${0%/*}/lib.sh"

expect 0 "$ZK" help
err_empty
cp "$T/out" "$T/help"
expect 0 "$ZK" --help
cmp -s "$T/out" "$T/help" || fail "zk --help is not zk help"
first=$(sed -n '/^Every day:/,/^$/p' "$T/help" | awk 'NR > 1 { print $1 }')
[ "$(echo $first)" = "pair push pull relay status" ] ||
    fail "front door: $first"

expect 0 "$ZK" complete commands
cut -f 1 "$T/out" >"$T/commands"
want="pair push pull relay status init sync log restore diff remote device config kv send recv verify gc help"
[ "$(echo $(cat "$T/commands"))" = "$want" ] ||
    fail "commands: $(cat "$T/commands")"
while read -r c; do
	grep -q "^  $c " "$T/help" || fail "help lacks $c"
	expect 0 "$ZK" "$c" --help
	out_has "usage: zk $c"
	err_empty
	cp "$T/out" "$T/one"
	expect 0 "$ZK" help "$c"
	cmp -s "$T/out" "$T/one" || fail "zk help $c is not zk $c --help"
	# no line is wider than a terminal
	awk 'length > 80 { exit 1 }' "$T/out" || fail "$c: help is too wide"
	# the page that it names is there
	page=$(sed -n 's/^More: \(.*\)(\([0-9]\))$/\1.\2/p' "$T/out")
	[ -f "$top/man/$page" ] || fail "$c: no page '$page'"
done <"$T/commands"
expect 0 "$ZK" remote add --help
out_has "zk remote add"
# of a command with subcommands, what any of them takes
expect 0 "$ZK" remote --help
out_has "--dir DIR"
out_has "--timeout DUR"

expect 0 "$ZK" --version
grep -Eq '^zk [0-9]+\.[0-9]+\.[0-9]+$' "$T/out" || fail "version"
expect 0 "$ZK" --version --json
json_ok "$T/out"

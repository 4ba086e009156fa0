#!/bin/sh
# The man pages' synopses, the exit statuses and the completions agree with
# the tables of the program.
. "${0%/*}/lib.sh"

# the options that a page names in its SYNOPSIS
page_options() {
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$1" |
	    grep -o 'Fl -[a-z][a-z-]*' | sed 's/^Fl //' | sort -u
}
# those of the command's own table, of all its subcommands
own_options() {
	"$ZK" complete options | cut -f 1 >"$T/global"
	{
		"$ZK" complete options "$1"
		for sub in $("$ZK" complete commands "$1" | cut -f 1); do
			"$ZK" complete options "$1" "$sub"
		done
	} | cut -f 1 | sort -u | grep -vxFf "$T/global" |
	    sed 's/^-//; s/=$//'
}
for c in $("$ZK" complete commands | cut -f 1); do
	[ "$c" != help ] || continue
	page=$top/man/zk-$c.1
	[ -f "$page" ] || fail "no man page zk-$c.1"
	own_options "$c" >"$T/own"
	page_options "$page" >"$T/page"
	while read -r o; do
		grep -qx -e "$o" "$T/page" || fail "zk-$c.1 lacks -$o"
	done <"$T/own"
	"$ZK" complete options "$c" | cut -f 1 | sed 's/^-//; s/=$//' \
	    >"$T/all"
	for sub in $("$ZK" complete commands "$c" | cut -f 1); do
		"$ZK" complete options "$c" "$sub" | cut -f 1 |
		    sed 's/^-//; s/=$//' >>"$T/all"
		grep -q "$sub" "$page" || fail "zk-$c.1 lacks $sub"
	done
	while read -r o; do
		grep -qx -e "$o" "$T/all" || fail "zk-$c.1 has -$o, zk $c not"
	done <"$T/page"
	grep -q "zk-$c 1" "$top/man/zk.1" || fail "zk.1 does not name zk-$c"
done

# every global option and variable stands in zk.1
for o in $("$ZK" complete options | cut -f 1 | sed 's/=$//; s/^-//'); do
	grep -Eq "Fl $o( |$)" "$top/man/zk.1" || fail "zk.1 lacks -$o"
done
for v in $(grep -ho 'ZK_[A-Z_]*' "$top"/src/cli/global.c \
    "$top"/src/cli/cmd_pair.c | sort -u); do
	case $v in
	ZK_E*|ZK_OK|ZK_CLI*|ZK_CHECKED|ZK_VERSION) continue ;;
	esac
	grep -q "$v" "$top/man/zk.1" || fail "zk.1 lacks $v"
done

# the exit statuses of the one list
for s in $(sed -n 's/^	X(ZK_[A-Z]*, \([0-9]*\),.*/\1/p' \
    "$top/src/util/err.h" | sort -nu); do
	[ "$s" -ne 128 ] || s='128+N'
	grep -qx "\.It $s" "$top/man/zk.1" || fail "zk.1 lacks status $s"
done

need mandoc
for page in "$top"/man/zk*.1; do
	mandoc -Tlint -W warning "$page" >"$T/lint" || fail "$(cat "$T/lint")"
done

#!/bin/sh
# Completions offer commands, subcommands, options, remotes and devices.
. "${0%/*}/lib.sh"
need bash

mkdir "$T/bin"
ln -s "$ZK" "$T/bin/zk"
PATH=$T/bin:$PATH
export PATH
device_init a "file://$T/far"

cat >"$T/try" <<'BASH'
source "$1/completions/zk.bash"
shift
compopt() { :; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_zk
printf '%s\n' "${COMPREPLY[@]}"
BASH
offers() {
	want=$1
	shift
	XDG_STATE_HOME="$T/state-a" expect 0 bash "$T/try" "$top" "$@"
	[ "$(echo $(cat "$T/out"))" = "$want" ] ||
	    fail "'$*' offers: $(cat "$T/out")"
}
offers "pair push pull" zk p
offers "remote" zk -q rem
offers "ls add rm" zk remote ""
offers "ls rename" zk device ""
offers "--max-delete=" zk push --m
offers "--check" zk status --ch
offers "--join" zk pair --jo
offers "auto always never" zk --progress ""
offers "status sync" zk help s
offers "file://$T/far" zk -C "$T/a" remote rm ""
offers "a" zk -C "$T/a" device rename ""
# outside a vault there is nothing to offer, and no complaint
offers "" zk -C "$T" remote rm ""

# every option of the tables is offered where it belongs
for c in $("$ZK" complete commands | cut -f 1); do
	"$ZK" complete options "$c" | cut -f 1 >"$T/want"
	bash "$T/try" "$top" zk "$c" -- >"$T/got"
	cmp -s "$T/want" "$T/got" || fail "options of $c"
done

need zsh
zsh -n "$top/completions/_zk" || fail "zsh cannot read _zk"
need fish
expect 0 fish -c "source $top/completions/zk.fish
    complete -C 'zk pu'"
out_has push
expect 0 fish -c "source $top/completions/zk.fish
    complete -C 'zk remote a'"
out_has add
expect 0 fish -c "source $top/completions/zk.fish
    complete -C 'zk push --max'"
out_has --max-delete

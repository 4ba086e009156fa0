#!/bin/sh
# Completions offer commands, subcommands, options, remotes and devices.
. "${0%/*}/lib.sh"
many_runs
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
offers "ls rename park" zk device ""
offers "--max-delete=" zk push --m
offers "--check" zk status --ch
offers "rm remove" zk kv r
offers "--offline" zk kv rm -N x --o
offers "--join" zk pair --jo
offers "auto always never" zk --progress ""
offers "status sync send" zk help s
offers "file://$T/far" zk -C "$T/a" remote rm ""
offers "a" zk -C "$T/a" device rename ""
# a folder is named as in a shell, and an option may have its value behind =
XDG_STATE_HOME="$T/state-a" "$ZK" -q init "$T/it's a \"b\\c" --name q \
    --remote "file://$T/far-q" >/dev/null || fail "init of an odd name"
offers "q" zk -C "$T/it\\'s\\ a\\ \\\"b\\\\c" device rename ""
offers "q" zk -C "\"$T/it's a \\\"b\\\\c\"" device rename ""
offers "q" zk --dir = "'$T/it'\\''s a \"b\\c'" device rename ""
offers "a" zk --timeout = 5s -C "$T/a" device rename ""
offers "always" zk --progress = al
offers "auto always never" zk --progress =
# outside a vault there is nothing to offer, and no complaint
offers "" zk -C "$T" remote rm ""

# every option of the tables is offered where it belongs
for c in $("$ZK" complete commands | cut -f 1); do
	"$ZK" complete options "$c" | cut -f 1 >"$T/want"
	bash "$T/try" "$top" zk "$c" -- >"$T/got"
	cmp -s "$T/want" "$T/got" || fail "options of $c"
done

echo "ok completion-bash"

# what a shell offers at the end of a line, the same from zsh and fish
mkdir "$T/a/sub"
XDG_STATE_HOME="$T/state-c" "$ZK" -q init "$HOME/c" --name c \
    --remote "file://$T/far-c" >/dev/null || fail "init of c"
shell_offers() {
	shell=$1 line=$2 want=$3
	(cd "$T/a" && XDG_STATE_HOME="${4:-$T/state-a}" "$shell"_try "$line") \
	    >"$T/out" 2>"$T/err"
	# one shell adds the slash of a directory later, and asks twice
	got=$(sed 's|\(.\)/$|\1|' "$T/out" | sort -u | tr '\n' '|')
	[ "$got" = "$want" ] || fail "$shell: '$line' offers '$got'"
}
all_offers() {
	shell_offers "$1" "zk p" "pair|pull|push|"
	shell_offers "$1" "zk remote " "add|ls|rm|"
	shell_offers "$1" "zk -q device r" "rename|"
	shell_offers "$1" "zk remote rm " "file://$T/far|"
	shell_offers "$1" "zk device rename " "a|"
	shell_offers "$1" "zk -C ~/c device rename " "c|" "$T/state-c"
	shell_offers "$1" "zk -C ~/c remote rm " "file://$T/far-c|" \
	    "$T/state-c"
	shell_offers "$1" "zk --dir $T device rename " ""
	shell_offers "$1" "zk push --ma" "--max-delete=|"
	shell_offers "$1" "zk --progress " "always|auto|never|"
	shell_offers "$1" "zk help s" "send|status|sync|"
	shell_offers "$1" "zk -C s" "sub|"
}

if command -v zsh >/dev/null; then
	# a zsh on a terminal of its own, which tells what it would show
	cat >"$T/init.zsh" <<'ZSH'
PROMPT=
autoload -U compinit
compinit -u -C -d "$ZDUMP"
bindkey '^I' complete-word
mark() { echo -E - $'\0' }
compprefuncs=(mark)
comppostfuncs=(mark exit)
zstyle ':completion:*' insert-tab false
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a hits
	local hit
	builtin compadd -A hits "$@"
	for hit in $hits; do echo -E - "$hit"; done
	builtin compadd "$@"
}
echo ready
ZSH
	cat >"$T/try.zsh" <<'ZSH'
zmodload zsh/zpty || exit 1
zpty z zsh -f -i
zpty -w z "fpath=($1/completions \$fpath); source $2"
while zpty -r z line; do [[ $line == *ready* ]] && break; done
zpty -n -w z "$3"$'\t'
integer on=0
while zpty -r z line; do
	if [[ $line == *$'\0'* ]]; then
		(( on++ )) && break
	elif (( on )); then
		print -r -- ${line%$'\r\n'}
	fi
done
ZSH
	# zsh looks through all its functions once, not for each line
	export ZDUMP="$T/zdump"
	timeout 60 zsh -f -c "fpath=($top/completions \$fpath)
	    autoload -U compinit; compinit -u -d $ZDUMP" || fail "compinit"
	zsh_try() { timeout 30 zsh -f "$T/try.zsh" "$top" "$T/init.zsh" "$1"; }
	all_offers zsh
	echo "ok completion-zsh"
else
	echo "skip completion-zsh # no zsh here"
fi
if command -v fish >/dev/null; then
	fish_try() {
		fish --no-config -c "source $top/completions/zk.fish
		    complete -C '$1'" | cut -f 1
	}
	all_offers fish
	echo "ok completion-fish"
else
	echo "skip completion-fish # no fish here"
fi

# bash completion for zk(1).  What to offer comes from the program itself:
# "zk complete", zk(1) COMPLETIONS.

_zk_words() {
	# the words of this list that begin with what was typed
	local IFS=$'\n' w
	for w in $("${COMP_WORDS[0]}" "${vault[@]}" complete "$@" 2>/dev/null |
	    cut -f 1); do
		[[ $w == "$cur"* ]] && COMPREPLY+=("$w")
	done
}

_zk_plain() {
	# $plain: the word as the shell would hand it over, but for variables
	local w=$1 c quote=''
	plain=''
	[[ ${w:0:2} == \~/ ]] && plain=$HOME/ w=${w:2}
	while [ -n "$w" ]; do
		c=${w:0:1} w=${w:1}
		if [ "$c" = "$quote" ]; then
			quote=''
		elif [ -z "$quote" ] && [[ $c == [\'\"] ]]; then
			quote=$c
		elif [ "$c" = \\ ] && { [ -z "$quote" ] ||
		    { [ "$quote" = '"' ] && [[ $w == [\$\`\"\\]* ]]; }; }; then
			plain+=${w:0:1} w=${w:1}
		else
			plain+=$c
		fi
	done
}

_zk() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev='' i w plain
	local -a named=() vault=()

	COMPREPLY=()
	[ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
	# --option=value is three words here
	[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$cur" = = ] && cur=''
	for ((i = 1; i < COMP_CWORD; i++)); do
		w=${COMP_WORDS[i]}
		case $w in
		-C|--dir)
			[ "${COMP_WORDS[i + 1]}" = = ] && ((i++))
			_zk_plain "${COMP_WORDS[++i]}"
			vault=(-C "$plain")
			;;
		--progress|--timeout|--bwlimit|--max-delete|--lock-wait|\
		-N|--namespace|--type|-c|--channel|-o|--output|--max|--set-expiry)
			[ "${COMP_WORDS[i + 1]}" = = ] && ((i++))
			((i++))
			;;
		-*|=|:) ;;
		*)
			[ ${#named[@]} -lt 2 ] && named+=("$w")
			;;
		esac
	done
	case $prev in
	-C|--dir|--data)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames
		return
		;;
	--progress)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' \
		    -- "$cur")
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		_zk_words options "${named[@]}"
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
		return
	fi
	case $("${COMP_WORDS[0]}" complete operand "${named[@]}" \
	    2>/dev/null) in
	command) _zk_words commands ;;
	subcommand) _zk_words commands "${named[0]}" ;;
	remote) _zk_words remotes ;;
	device) _zk_words devices ;;
	dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames
		;;
	path)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		;;
	esac
}

complete -F _zk zk

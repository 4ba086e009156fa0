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

_zk() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev='' i w
	local -a named=() vault=()

	COMPREPLY=()
	[ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		w=${COMP_WORDS[i]}
		case $w in
		-C|--dir)
			w=${COMP_WORDS[++i]}
			vault=(-C "${w/#\~\//$HOME/}")
			;;
		--progress|--timeout|--bwlimit|--max-delete|--lock-wait)
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

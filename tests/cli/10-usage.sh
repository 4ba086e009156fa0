#!/bin/sh
# Usage errors: status 2, one line on stderr, nothing on stdout.
. "${0%/*}/lib.sh"

usage() {
	expect 2 "$ZK" "$@"
	out_empty
	[ "$(wc -l <"$T/err")" -eq 1 ] || fail "not one line: $*"
}
usage
usage nonsense
usage psuh
err_has "did you mean 'push'"
usage push --jsno
err_has "did you mean '--json'"
usage push --completely-else
err_has "see 'zk push --help'"
usage push -Z
usage push --timeout
usage push --timeout=soon
usage push --timeout=-1s
usage push --bwlimit 1M
usage push --max-delete 101%
usage push --progress=sometimes
usage push --json=1
usage push --yes
err_has "takes no '--yes'"
usage relay
usage relay --listen --dry-run
usage relay --listen 127.0.0.1:0 operand
usage remote add
usage remote add one two
usage remote list
usage device rename one
usage help nonsense
usage init --remote=
usage init one two
usage init --reattach --name x
usage pair operand
usage pair --code 7-apple-river-moon --join
err_has "seen by others"

# a variable is named when it is wrong, and a bad one is never ignored
ZK_TIMEOUT=soon usage status
err_has "ZK_TIMEOUT (DUR, as 30s or 1h30m)"
usage push -x
err_has "see 'zk push --help'"
ZK_YES=maybe usage status
ZK_DRY_RUN=1 usage relay --listen 127.0.0.1:0
err_has ZK_DRY_RUN

# with --json trouble with the command line is JSON too
expect 2 "$ZK" push --jsno --json
json_ok "$T/err"
json_ok "$T/out"
[ "$(json .status)" = 2 ] || fail "summary has not status 2"
[ "$(jq -r .code "$T/err")" = usage ] || fail "error has not code usage"

# options stand anywhere, "--" ends them
mkdir "$T/d"
expect 10 "$ZK" -C "$T/d" push
err_has "no vault"
expect 10 "$ZK" push -C "$T/d"
expect 10 "$ZK" push -qC"$T/d" -- --json
expect 10 "$ZK" --dir="$T/d" push
ZK_DIR=$T/d expect 10 "$ZK" push
# a folder that is not there is not one without a vault
expect 10 "$ZK" -C "$T/missing" status
err_has "there is no folder '$T/missing'"
: >"$T/plain"
expect 10 "$ZK" -C "$T/plain" status
err_has "'$T/plain' is no folder"

# a folder whose parent is not there is named, and nothing is left of it
expect 1 "$ZK" init "$T/none/new"
err_has "cannot make '$T/none/new'"
[ ! -e "$T/none" ] || fail "a folder was made"

# Helpers of the scenarios in this folder.  A scenario is NN-name.sh, begins
# with `. "${0%/*}/lib.sh"`, needs nothing but the program, and says what the
# one right outcome is.  It ends with 0, with 1 after "fail: ...", or with 77
# after "skip: ..." when the machine cannot run it.
#
# $ZK is the program (default build/zk), $T a fresh folder that is removed at
# the end, $HOME an empty one in it.  Devices of one machine differ in their
# state home: see `as`.
# shellcheck disable=SC2034,SC2046 # for scenarios; words are meant
set -u

top=$(cd "${0%/*}/../.." && pwd)
ZK=${ZK:-$top/build/zk}
case $ZK in /*) ;; *) ZK=$PWD/$ZK ;; esac
T=$(mktemp -d) || exit 1
pids=
pair_pid=
# Of those that ended long ago, another test may have the number by now.
# shellcheck disable=SC2317 # called by the trap
lib_ours() {
	grep -q "^PPid:[^0-9]*$$\$" "/proc/$1/status" 2>/dev/null
}
# One that was stopped dies too: it is continued first, since a SIGCONT takes
# back the SIGSTOP with which a sanitizer holds what it looks at in the end,
# and would wait for ever.
# shellcheck disable=SC2317
lib_cleanup() {
	for pid in $pids $pair_pid; do
		lib_ours "$pid" || continue
		kill -CONT "$pid" 2>/dev/null
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	chmod -R u+rwx "$T" 2>/dev/null
	rm -rf "$T"
}
trap lib_cleanup EXIT
trap 'exit 1' INT TERM HUP

for var in $(env | sed -n 's/^\(ZK_[A-Z_]*\)=.*/\1/p'); do
	[ "$var" = ZK_VECTORS ] || unset "$var"
done
unset XDG_STATE_HOME XDG_CONFIG_HOME NO_COLOR
export HOME="$T/home" LC_ALL=C TZ=UTC0
mkdir "$HOME"

fail() {
	echo "fail: $*"
	[ ! -s "$T/err" ] || sed 's/^/  stderr: /' "$T/err" | tail -n 20
	exit 1
}
skip() {
	echo "skip: $*"
	exit 77
}
need() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "no $tool here"
	done
}

# many_runs: of a scenario that runs the program a hundred times or so; a
# sanitizer then looks for leaks in the other scenarios only, which halves
# what a run costs.
many_runs() {
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	export ASAN_OPTIONS
}

# expect STATUS CMD...: runs it; its output is in $T/out and $T/err after.
expect() {
	lib_want=$1
	shift
	"$@" >"$T/out" 2>"$T/err"
	lib_got=$?
	[ "$lib_got" -eq "$lib_want" ] ||
	    fail "status $lib_got, not $lib_want, of: $*"
}
out_is() {
	[ "$(cat "$T/out")" = "$1" ] || fail "stdout is '$(cat "$T/out")'"
}
out_has() { grep -qF -e "$1" "$T/out" || fail "stdout lacks '$1'"; }
err_has() { grep -qF -e "$1" "$T/err" || fail "stderr lacks '$1'"; }
out_empty() { [ ! -s "$T/out" ] || fail "stdout: $(head -c 300 "$T/out")"; }
err_empty() { [ ! -s "$T/err" ] || fail "stderr is not empty"; }

# as NAME ARG...: zk as the device NAME, whose vault is $T/NAME.
as() {
	who=$1
	shift
	XDG_STATE_HOME="$T/state-$who" "$ZK" -C "$T/$who" "$@"
}

# relay_start ARG...: a relay on a free port; sets relay_url, relay_pid.
relay_start() {
	: >"$T/relay.url"
	"$ZK" relay --listen 127.0.0.1:0 --data "$T/relay" "$@" \
	    >"$T/relay.url" 2>"$T/relay.log" &
	relay_pid=$!
	pids="$pids $relay_pid"
	tries=0
	while ! grep -q . "$T/relay.url"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "the relay does not start:" \
		    "$(cat "$T/relay.log")"
		sleep 0.05
	done
	relay_url=$(head -n 1 "$T/relay.url")
}
relay_stop() {
	kill "$relay_pid"
	wait "$relay_pid"
}

# device_init NAME URL...: $T/NAME becomes a vault.
device_init() {
	dev=$1
	shift
	mkdir -p "$T/$dev"
	set -- $(for url in "$@"; do echo --remote "$url"; done)
	XDG_STATE_HOME="$T/state-$dev" "$ZK" -q init "$T/$dev" --name "$dev" \
	    "$@" >/dev/null || fail "init of $dev"
}

# pair_show NAME: NAME shows a code; sets pair_pid, link, and code, empty if
# only the link may be used.  Its output is in $T/show and $T/show.err.
pair_show() {
	: >"$T/show"
	XDG_STATE_HOME="$T/state-$1" "$ZK" -C "$T/$1" pair --yes --json \
	    >"$T/show" 2>"$T/show.err" &
	pair_pid=$!
	tries=0
	while ! grep -q '"type":"invite"' "$T/show"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "no invitation:" \
		    "$(cat "$T/show.err")"
		sleep 0.05
	done
	link=$(sed -n 's/.*"link":"\([^"]*\)".*/\1/p;q' "$T/show")
	code=$(sed -n 's/.*"code":"\([^"]*\)".*/\1/p;q' "$T/show")
}
# pair_ends STATUS: that of the side that shows.
pair_ends() {
	wait "$pair_pid"
	lib_got=$?
	pair_pid=
	[ "$lib_got" -eq "$1" ] || fail "the member ends with $lib_got, not" \
	    "$1: $(cat "$T/show.err")"
}
# pair_enter CODE NEW ARG...: $T/NEW joins by a code or link.
pair_enter() {
	lib_code=$1
	who=$2
	shift 2
	ZK_CODE=$lib_code XDG_STATE_HOME="$T/state-$who" "$ZK" pair --join \
	    "$T/$who" --name "$who" --yes "$@" </dev/null
}

# device_pair MEMBER NEW: $T/NEW joins the vault of $T/MEMBER by its link.
device_pair() {
	mkdir -p "$T/$2"
	pair_show "$1"
	pair_enter "$link" "$2" -q >/dev/null || fail "joining as $2"
	pair_ends 0
}

# preload_so NAME: sets lib_so, which is tests/preload/NAME.c; skips where it
# cannot be put under the program.
preload_so() {
	lib_so=${BUILD:-$top/build}/tools/$1.so
	[ -e "$lib_so" ] || skip "no $lib_so"
	# a sanitizer wants to be first, and works without
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
	export ASAN_OPTIONS
	LD_PRELOAD=$lib_so "$ZK" --version >/dev/null 2>&1 ||
	    skip "nothing can be put under this program"
}
# preload NAME: whatever starts from here on has tests/preload/NAME.c under
# it; skips where that does not work.
preload() {
	preload_so "$1"
	export LD_PRELOAD="$lib_so"
}

# same_tree A B: names, kinds, modes, times, contents; without .zk.
tree_list() {
	(cd "$1" && find . -path ./.zk -prune -o ! -path . \
	    -printf '%p\t%y\t%m\t%l' \
	    \( -type f -printf '\t%T@\t%s' -o -true \) -printf '\0' |
	    sort -z)
}
same_tree() {
	tree_list "$T/$1" >"$T/tree-a"
	tree_list "$T/$2" >"$T/tree-b"
	cmp -s "$T/tree-a" "$T/tree-b" || {
		tr '\0' '\n' <"$T/tree-a" >"$T/tree-a.txt"
		tr '\0' '\n' <"$T/tree-b" >"$T/tree-b.txt"
		fail "$1 and $2 differ:" \
		    "$(diff "$T/tree-a.txt" "$T/tree-b.txt" | head -n 20)"
	}
	diff -r --no-dereference -x .zk -q "$T/$1" "$T/$2" ||
	    fail "contents of $1 and $2 differ"
}

# json_ok FILE: every line is one JSON object with a type.
json_ok() {
	need jq
	jq -e -s --argjson n "$(wc -l <"$1")" 'length == $n and $n > 0 and
	    all(.[]; (.type | type) == "string")' "$1" >/dev/null 2>&1 ||
	    fail "bad JSON: $(head -c 500 "$1")"
}
# json EXPR: what jq prints of the last line of $T/out.
json() { tail -n 1 "$T/out" | jq -r "$1"; }

# as_nobody CMD...: permission tests that run as root drop to nobody.
as_nobody() {
	if [ "$(id -u)" -eq 0 ]; then
		need setpriv
		setpriv --reuid nobody --regid nogroup --clear-groups "$@"
	else
		"$@"
	fi
}

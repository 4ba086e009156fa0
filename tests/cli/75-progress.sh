#!/bin/sh
# The progress line on a terminal: phase, files, bytes, rate, time left, at
# most ten a second, as wide as the terminal, gone at the end; nothing in a
# pipe.  For a push to one remote and to two, for a pull; and --progress.
. "${0%/*}/lib.sh"
need script jq

# on_tty NAME DEVICE ARG...: zk on a terminal of its own; what it drew, one
# update a line, is in $T/NAME.
on_tty() {
	name=$1
	shift
	dev=$1
	shift
	XDG_STATE_HOME="$T/state-$dev" script -qec \
	    "'$ZK' -C '$T/$dev' $*" "$T/tty" </dev/null >"$T/tty.out" 2>&1 ||
	    fail "$name: $(cat "$T/tty.out")"
	# what script adds is not the program's
	grep -av '^Script ' "$T/tty" | tr '\r' '\n' |
	    sed "s/$esc\\[K//g" >"$T/$name"
}
esc=$(printf '\033')

# has NAME PATTERN: one of its updates is like that.
has() {
	grep -qE -e "$2" "$T/$1" ||
	    fail "$1 never shows '$2': $(sort -u "$T/$1" | head -n 40)"
}
size='[0-9.]+ [KMG]?i?B'
# sane NAME SECONDS LEAST: nothing is above its total; at most ten updates a
# second, at least so many.
sane() {
	sed -n 's/^[a-z]*: \([0-9]*\) of \([0-9]*\) [a-z].*/\1 \2/p' "$T/$1" |
	    awk '$1 > $2 { exit 1 }' ||
	    fail "$1: more than all: $(sort -u "$T/$1" | head -n 40)"
	n=$(grep -cE '^[a-z]+: [0-9]' "$T/$1")
	[ "$n" -le $(($2 * 10)) ] || fail "$1: $n updates in $2 s"
	[ "$n" -ge "$3" ] || fail "$1: $n updates, of $3 at least"
	# the line is erased before the last words
	grep -a . "$T/$1" | tail -n 1 | grep -q '^zk: p' ||
	    fail "$1 ends with: $(tail -n 2 "$T/$1")"
}
# steps NAME PHASE: the bytes go on from update to update, as they pass, and
# not only with each of some 15 chunks.
steps() {
	n=$(sed -n "s/^$2: [0-9]* of 2 changes, \([0-9.]* MiB\) of.*/\1/p" \
	    "$T/$1" | sort -u | wc -l)
	[ "$n" -ge 20 ] || fail "only $n steps: $(sort -u "$T/$1")"
}
now() { date +%s; }

relay_start --plain
device_init a "$relay_url"
device_pair a b

# a push to one remote, at a fixed rate
head -c 14000000 /dev/urandom >"$T/a/one"
head -c 2000000 /dev/urandom >"$T/a/two"
t=$(now)
on_tty push a push --bwlimit 5M:0
t=$(($(now) - t + 1))
sane push "$t" 10
# how many are ready to be sent: both may be when it is first drawn
has push "^uploading: [0-2] of 2 changes, $size of 15\\.3 MiB"
has push "^uploading: .* of 15\\.3 MiB, $size/s, [0-9]+s left"
steps push uploading
grep -q '^publishing:.*change' "$T/push" && fail "segments are no changes"

# a pull
t=$(now)
on_tty pull b pull --bwlimit 0:5M
t=$(($(now) - t + 1))
sane pull "$t" 10
has pull "^applying: [01] of 2 changes, $size of 15\\.3 MiB"
has pull "^applying: .* of 15\\.3 MiB, $size/s, [0-9]+s left"
steps pull applying
same_tree a b

# two remotes: the second gets what the first has
expect 0 as a remote add "file://$T/far"
head -c 4000000 /dev/urandom >"$T/a/three"
t=$(now)
on_tty both a push --bwlimit 10M:0
t=$(($(now) - t + 1))
sane both "$t" 10
has both "^uploading: [01] of 1 change, $size of 3\\.8 MiB"
has both "^publishing: [0-9]+ of [0-9]+ segments, $size of 1[0-9.]+ MiB, "
has both "^publishing: .*, $size/s, [0-9]+s left"

# as wide as it may be
head -c 3000000 /dev/urandom >"$T/a/four"
COLUMNS=24
export COLUMNS
on_tty narrow a push --bwlimit 6M:0
unset COLUMNS
has narrow '^uploading: '
grep -E '^[a-z]+: [0-9]' "$T/narrow" | awk 'length($0) > 23 { exit 1 }' ||
    fail "wider than 23: $(sort -u "$T/narrow")"

# nothing in a pipe, unless asked for: then whole lines, one a second
head -c 4000000 /dev/urandom >"$T/a/five"
expect 0 as a push --bwlimit 8M:0
! grep -q 'uploading' "$T/err" || fail "progress in a pipe"
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "more than the summary"
head -c 6000000 /dev/urandom >"$T/a/six"
t=$(now)
expect 0 as a push --bwlimit 3M:0 --progress=always
t=$(($(now) - t + 1))
err_has "zk: uploading: "
! grep -q "$(printf '[\r\033]')" "$T/err" || fail "drawn into a pipe"
n=$(grep -c '^zk: [a-z]*: [0-9]' "$T/err")
[ "$n" -le "$t" ] || fail "$n lines in $t s"
head -c 5000000 /dev/urandom >"$T/a/seven"
expect 0 as a push --bwlimit 3M:0 --progress=always --json
jq -e -s 'map(select(.type == "progress")) |
    any(.[]; .phase == "uploading" and .bytes_total == 5000000) and
    all(.[]; (.files <= .files_total or .files_total == 0) and
    (.segments <= .segments_total or .segments_total == 0) and
    (.bytes <= .bytes_total or .bytes_total == 0))' "$T/out" >/dev/null ||
    fail "progress lines: $(grep progress "$T/out")"
on_tty never a push --progress=never
! grep -q '^[a-z]*: [0-9]' "$T/never" || fail "progress after never"

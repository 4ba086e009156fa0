#!/bin/sh
# Nobody reads standard output any more: status 141, nothing is said, what was
# to be done is done, and no message counts as received that was not written.
. "${0%/*}/lib.sh"
need jq timeout mkfifo

# closed STATUS CMD...: with a standard output that has lost its reader
closed() {
	want=$1
	shift
	exec 9<>"$T/pipe" 8>"$T/pipe" 9<&-
	"$@" >&8 2>"$T/err" 8>&-
	got=$?
	exec 8>&-
	[ "$got" -eq "$want" ] || fail "status $got, not $want, of: $*"
}
quiet() {
	closed 141 "$@"
	err_empty
}
mkfifo "$T/pipe"
as_for() { # as, of which a job that runs too long is ended
	who=$1
	shift
	XDG_STATE_HOME="$T/state-$who" timeout 30 "$ZK" -C "$T/$who" "$@"
}

quiet "$ZK" help
quiet "$ZK" --version
mkdir "$T/remote"
device_init a "file://$T/remote"
device_pair a b
for i in 1 2 3 4 5 6 7 8 9; do
	echo $i >"$T/a/f$i"
done
# what does something does it, and failures have their own status
quiet as a push --json
expect 0 as b pull
same_tree a b
expect 0 as a pull
quiet as a log
quiet as a log --json
quiet as a status --offline
quiet as a restore -o - f1@0s
closed 2 as a restore f1
err_has "'f1' is there now"
closed 2 as a restore --json f1
err_has '"type":"error"'
echo new >"$T/a/f1"
quiet as a push --json
err_empty
expect 0 as a status --check

# to the reader of one line, of much more than a pipe holds
i=0
while [ $i -lt 400 ]; do
	: >"$T/a/$(printf %0230d $i)"
	i=$((i + 1))
done
expect 0 as a push
for how in '' --json; do
	{
		# shellcheck disable=SC2086
		as a log --max 0 $how 2>"$T/err"
		echo $? >"$T/status"
	} | head -n 1 >"$T/out"
	[ "$(wc -l <"$T/out")" = 1 ] || fail "no line"
	[ "$(cat "$T/status")" = 141 ] || fail "log: $(cat "$T/status")"
	err_empty
done

# what follows ends at once, though nothing new comes
expect 0 as a kv set k v
{
	as_for a kv watch --all 2>"$T/err"
	echo $? >"$T/status"
} | head -n 1 >"$T/out"
out_has "k"
[ "$(cat "$T/status")" = 141 ] || fail "watch: $(cat "$T/status")"
err_empty
quiet as_for a kv watch
quiet as_for b recv --follow

# messages: those of which not all was written come again
head -c 300000 /dev/zero | tr '\0' x >"$T/large"
printf 'small\n' | as a send -q || fail "send"
as a send -q "$T/large" || fail "send"
as a send -q "$T/large" || fail "send"
quiet as b recv
quiet as b recv --json
{
	as_for b recv --follow 2>"$T/err"
	echo $? >"$T/status"
} | head -n 1 >"$T/out"
out_is small
[ "$(cat "$T/status")" = 141 ] || fail "recv: $(cat "$T/status")"
err_empty
expect 0 as b recv --json
[ "$(jq -r 'select(.type == "message").size' "$T/out" | tr '\n' ' ')" = \
    "6 300000 300000 " ] || fail "messages were lost"
expect 0 as b recv
out_empty

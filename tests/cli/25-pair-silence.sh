#!/bin/sh
# P03: a question on the member that nobody answers ends with the code, and
# both sides say so.  The minutes pass by tests/preload/clock.
. "${0%/*}/lib.sh"
need script
preload clock

clock=$T/clock
TEST_CLOCK=$clock
export TEST_CLOCK
truncate -s 7200000 "$clock"
relay_start
device_init a "$relay_url"

# wait_for TEXT: until the member's terminal shows it
wait_for() {
	tries=0
	while ! grep -q -e "$1" "$T/tty"; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "no '$1': $(tail -n 5 "$T/tty")"
		sleep 0.05
	done
}

# a terminal on which nothing is typed
mkfifo "$T/keys"
exec 9<>"$T/keys"
: >"$T/tty"
XDG_STATE_HOME="$T/state-a" script -qefc "'$ZK' -C '$T/a' pair" "$T/tty" \
    <"$T/keys" >/dev/null 2>&1 &
pair_pid=$!
wait_for '^code: '
link=$(sed -n 's/^link: \([^[:space:]]*\).*/\1/p' "$T/tty")
pair_enter "$link" b >"$T/out" 2>"$T/err" &
join_pid=$!
pids="$pids $join_pid"
wait_for 'may it have all of this vault'
truncate -s +290000 "$clock"
wait "$join_pid"
lib_got=$?
[ "$lib_got" -eq 12 ] || fail "the joiner ends with $lib_got"
err_has "was not answered in time"
wait "$pair_pid"
lib_got=$?
pair_pid=
exec 9>&-
[ "$lib_got" -eq 12 ] || fail "the member ends with $lib_got"
# a line of its own, not behind the question
tr -d '\r' <"$T/tty" | grep -q '^zk: nobody joined: the time is up' ||
    fail "the member says: $(tail -n 3 "$T/tty")"
[ ! -e "$T/b" ] || fail "there is a folder"
[ "$(as a device --json | grep -c '"type":"device"')" -eq 1 ] ||
    fail "a device was added"

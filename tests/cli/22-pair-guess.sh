#!/bin/sh
# P01, P02, P03: what one who tries codes gets: one guess a code, three wrong
# ones an hour, five minutes for each.  The hours pass by tests/preload/clock.
. "${0%/*}/lib.sh"
preload clock

clock=$T/clock
TEST_CLOCK=$clock
export TEST_CLOCK
truncate -s 7200000 "$clock"
relay_start
hostport=${relay_url#https://}
hostport=${hostport%%/*}
device_init a "$relay_url"
echo hello >"$T/a/f"
expect 0 as a push

members() {
	as a device --json | grep -c '"type":"device"'
}
# nobody NEW: it joined nothing, and nobody was admitted.
nobody() {
	[ "$(members)" -eq "${n_members:=1}" ] || fail "$1: a device was added"
	[ ! -e "$T/$1" ] || fail "$1: there is a folder"
	[ ! -e "$T/state-$1" ] || fail "$1: there are keys"
}
wrong_of() {
	case $1 in
	*-zoo) echo "${1%-*}-able" ;;
	*) echo "${1%-*}-zoo" ;;
	esac
}
# One wrong guess; both sides say so.
guess_wrong() {
	pair_show a
	[ -n "$code" ] || fail "P02: no short code any more"
	expect 12 pair_enter "$(wrong_of "$code")" x --remote "$hostport"
	err_has "wrong code"
	pair_ends 12
	grep -q "somebody tried a wrong code" "$T/show.err" ||
	    fail "P01: the member does not tell of a failed attempt"
}

# P01: the wrong one ends it, whether words or link come after
guess_wrong
expect 12 pair_enter "$code" x --remote "$hostport"
err_has "no device shows this code"
expect 12 pair_enter "$link" x
nobody x
# a link of one pairing is no more than a wrong guess in the next
old=${link##*.}
pair_show a
expect 12 pair_enter "${link%.*}.$old" x
err_has "wrong code"
pair_ends 12
nobody x

# P02: the third, then no words for an hour; the link goes on
guess_wrong
nobody x
pair_show a
[ -z "$code" ] || fail "P02: words after three failures"
grep -q '"code":null' "$T/show" || fail "P02: $(cat "$T/show")"
plate=${link##*#}
expect 12 pair_enter "${plate%%.*}-able-able-able" x --remote "$hostport"
err_has "only the link"
pair_ends 12
nobody x
pair_show a
expect 0 pair_enter "$link" b
pair_ends 0
n_members=2
[ "$(members)" -eq 2 ] || fail "P02: the link does not work"
expect 0 as b pull
same_tree a b

# shown WORDS: whether there is a short code now
shown() {
	pair_show a
	kill "$pair_pid"
	pair_ends 143
	[ "${code:+words}" = "$1" ] || fail "P02: code '$code' $2"
}
truncate -s +3500000 "$clock"
shown "" "within the hour"
truncate -s +100001 "$clock"
shown words "after the hour"
truncate -s 0 "$clock"
shown "" "with the clock set back"
truncate -s 10800002 "$clock"

# P03: time passes for everybody
pair_show a
truncate -s +300001 "$clock"
expect 12 pair_enter "$code" y --remote "$hostport" --json
err_has '"code":"expired"'
pair_ends 12
grep -q "nobody joined: the time is up" "$T/show.err" ||
    fail "P03: the member: $(cat "$T/show.err")"
expect 12 pair_enter "$link" y
nobody y

# P03: the relay forgets it, whatever the member thinks
cp "$clock" "$T/clock-a"
TEST_CLOCK=$T/clock-a
pair_show a
TEST_CLOCK=$clock
truncate -s +300001 "$clock"
expect 12 pair_enter "$code" y --remote "$hostport"
err_has "no device shows this code"
expect 12 pair_enter "$link" y
pair_ends 12
nobody y

# P03: a relay that keeps it for longer helps nobody
cp "$clock" "$T/clock-a"
TEST_CLOCK=$T/clock-a
pair_show a
TEST_CLOCK=$clock
truncate -s +300001 "$T/clock-a"
expect 12 pair_enter "$link" y
pair_ends 12
grep -q "nobody joined: the time is up" "$T/show.err" ||
    fail "P03: the member: $(cat "$T/show.err")"
nobody y

# and so does a member that was stopped all the while
cp "$clock" "$T/clock-a"
TEST_CLOCK=$T/clock-a
pair_show a
TEST_CLOCK=$clock
kill -STOP "$pair_pid"
truncate -s +300001 "$T/clock-a"
pair_enter "$code" y --remote "$hostport" >"$T/out" 2>"$T/err" &
join_pid=$!
pids="$pids $join_pid"
sleep 1
kill -CONT "$pair_pid"
wait "$join_pid"
lib_got=$?
[ "$lib_got" -eq 12 ] || fail "P03: the joiner ends with $lib_got"
pair_ends 12
nobody y

# P01: a dead code takes up no room: the relay has eight for one address
truncate -s +300001 "$clock"
for _ in 1 2 3 4 5 6 7 8 9; do
	pair_show a
	expect 12 pair_enter "${link%.*}.$old" x
	pair_ends 12
done
nobody x

# within its time the same still joins
truncate -s +3600001 "$clock"
pair_show a
truncate -s +200000 "$clock"
expect 0 pair_enter "$code" c --remote "$hostport"
pair_ends 0
[ "$(members)" -eq 3 ] || fail "P03: no code works any more"
exit 0

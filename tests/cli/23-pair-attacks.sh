#!/bin/sh
# P04, P08, P10, P11, P14: codes without their secret, an answer that is not
# yes, links from a photo, sides that play the same part, two at once.
. "${0%/*}/lib.sh"
need script mkfifo

evil=${BUILD:-$top/build}/tools/evil
[ -x "$evil" ] || skip "no $evil"
relay_start
hostport=${relay_url#https://}
hostport=${hostport%%/*}
device_init a "$relay_url"
echo hello >"$T/a/f"
expect 0 as a push

members() {
	as a device --json | grep -c '"type":"device"'
}
# What the relay keeps, as one line.
kept() {
	cat "$T/relay/relay.db" "$T/relay/relay.db-wal" | cksum
}
# nobody NEW: it has no keys and no vault.
nobody() {
	[ ! -e "$T/$1/.zk" ] || fail "$1: there is a vault"
	[ ! -e "$T/state-$1" ] || fail "$1: there are keys"
}
pair_type() {
	XDG_STATE_HOME="$T/state-$1" "$ZK" pair --join "$T/$1" --yes \
	    --code - "$2" "$3" "$4" "$5" <"$T/typed"
}
# Status of a pid that ran in the background.
ends() {
	wait "$1"
	lib_got=$?
	[ "$lib_got" -eq "$2" ] || fail "$3 ends with $lib_got, not $2"
}

# P04: nothing is sent before the whole code is there
: >"$T/heads"
: >"$T/evil.out"
"$evil" "$T/heads" 0 0 "empty * /" >"$T/evil.out" &
pids="$pids $!"
tries=0
while ! grep -q . "$T/evil.out"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the listener does not start"
	sleep 0.05
done
ear=127.0.0.1:$(cat "$T/evil.out")
no_code() {
	expect 2 "$@" --remote "http://$ear/" --timeout 2s
	[ ! -e "$T/x" ] || fail "P04: a folder for '$bad'"
	nobody x
}
for bad in 7 7- 7-apple-river 7-apple--moon 7--apple-river \
    'apple-river-moon' '7-apple- -moon' '7-apple-river-moo' "" \
    "zk+http://$ear/#7" "zk+http://$ear/#7." "zk+http://$ear/#7.AAAA"; do
	no_code pair_enter "$bad" x
done
for bad in 7-apple-river 7-apple--moon; do
	echo "$bad" >"$T/typed"
	no_code pair_type x
done
[ ! -s "$T/heads" ] || fail "P04: asked: $(cat "$T/heads")"
# the ear is one: a whole code is carried there
pair_enter 7-apple-river-moon x --remote "http://$ear/" --timeout 2s \
    >"$T/out" 2>"$T/err" && fail "P04: joined the listener"
grep -q "^PUT /v1/rendezvous/7/1 " "$T/heads" || fail "P04: nothing is heard"

# A member on a terminal: sets link and tty_pid; its screen is in $T/screen.
mkfifo "$T/keys"
exec 3<>"$T/keys"
tty_show() {
	: >"$T/screen"
	XDG_STATE_HOME="$T/state-$1" script -q -e -f \
	    -c "echo \$\$ >'$T/tty.pid'; exec '$ZK' -C '$T/$1' pair" \
	    "$T/screen" <"$T/keys" >/dev/null 2>&1 &
	tty_pid=$!
	pids="$pids $tty_pid"
	screen_has "code: "
	link=$(tr -d '\r' <"$T/screen" | sed -n 's/^link: //p')
}
screen_has() {
	tries=0
	while ! grep -a -qF -e "$1" "$T/screen"; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "no '$1' on the terminal:" \
		    "$(tail -n 5 "$T/screen")"
		sleep 0.05
	done
}
# NEW enters the link; sets join_pid.  Its output is in $T/NEW.out.
asks() {
	pair_enter "$link" "$1" --json >"$T/$1.out" 2>&1 &
	join_pid=$!
	pids="$pids $join_pid"
	screen_has "A device called '$1' wants to join."
	screen_has "[y/N]"
}

# P08: all that is not yes is no
mkdir "$T/x"
echo mine >"$T/x/mine"
store=$(kept)
for answer in n "" yess; do
	tty_show a
	asks x
	echo "$answer" >&3
	ends "$join_pid" 12 "P08: the refused device"
	grep -q '"code":"refused","message":"refused: the answer' \
	    "$T/x.out" || fail "P08: it is told: $(cat "$T/x.out")"
	ends "$tty_pid" 12 "P08: the member"
	screen_has "no device was added"
	[ "$(members)" -eq 1 ] || fail "P08: a member by '$answer'"
	[ "$(kept)" = "$store" ] || fail "P08: the relay keeps a record"
	nobody x
done
# nor is a signal, or a terminal that goes away; the other is told at once
tty_show a
asks x
kill -TERM "$(cat "$T/tty.pid")"
ends "$tty_pid" 143 "P08: the member"
ends "$join_pid" 12 "P08: the device left alone"
tty_show a
asks x
kill -KILL "$tty_pid"
ends "$tty_pid" 137 "P08: the terminal"
ends "$join_pid" 12 "P08: the device left alone"
[ "$(members)" -eq 1 ] || fail "P08: a member by hanging up"
[ "$(kept)" = "$store" ] || fail "P08: the relay keeps a record"
nobody x
[ "$(ls -A "$T/x")" = mine ] || fail "P08: left behind: $(ls -A "$T/x")"
[ -z "$(ls -A "$HOME")" ] || fail "P08: left behind: $(ls -A "$HOME")"

# P14: one pairing at a time on a member, one device at a time on a code
tty_show a
expect 11 as a pair --yes
err_has "another zk"
asks x
expect 12 pair_enter "$link" y
err_has "used already"
nobody y
expect 11 as a pair --yes
echo y >&3
ends "$join_pid" 0 "P14: the first"
ends "$tty_pid" 0 "P14: the member"
[ "$(members)" -eq 2 ] || fail "P14: not one device was added"
[ "$(kept)" != "$store" ] || fail "P14: no record was added"
expect 0 as x pull
[ "$(cat "$T/x/f")" = hello ] || fail "P14: the first has no vault"

# P10: a photo of its link, when it is over and while another is shown
store=$(kept)
photo=$link
expect 12 pair_enter "$photo" y
pair_show a
expect 12 pair_enter "$photo" y
nobody y
[ "$(kept)" = "$store" ] || fail "P10: the relay keeps a record"

# P11: one who enters on a member, or into a vault, plays no part
ZK_CODE=$link expect 2 as x pair --yes
err_has "add '--join'"
echo "$link" >"$T/typed"
expect 2 as x pair --yes --code - <"$T/typed"
expect 1 pair_enter "$link" x
err_has "lies in a vault already"
# and the code is as good as before
expect 0 pair_enter "$link" c
pair_ends 0
[ "$(members)" -eq 3 ] || fail "P11: the code was spent"

# P11: two that enter, with nobody who shows
pair_show a
kill "$pair_pid"
pair_ends 143
pair_enter "$code" d --remote "$hostport" >/dev/null 2>"$T/d.err" &
join_pid=$!
expect 12 pair_enter "$code" e --remote "$hostport"
err_has "no device shows this code"
ends "$join_pid" 12 "P11: the other"
nobody d
nobody e

# P11, P14: two that show are two pairings
pair_show a
link_a=$link
pid_a=$pair_pid
pids="$pids $pid_a"
pair_show x
[ "$link" != "$link_a" ] || fail "P11: one mailbox for two"
expect 0 pair_enter "$link_a" d
ends "$pid_a" 0 "P14: a"
expect 0 pair_enter "$link" e
pair_ends 0
expect 0 as a pull
[ "$(members)" -eq 5 ] || fail "P14: $(members) members"
exit 0

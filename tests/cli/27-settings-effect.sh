#!/bin/sh
# Each setting does what it says, from wherever it comes: option before
# variable before setting of the vault before config file.
. "${0%/*}/lib.sh"
need jq flock

mkdir -p "$HOME/.config/zk"
conf=$HOME/.config/zk/config
relay_start --plain
device_init a "$relay_url"
echo 0 >"$T/a/f"
expect 0 as a push

ms() { echo $(($(date +%s%N) / 1000000)); }
# within LOW HIGH STATUS CMD...: how long it takes, in ms
within() {
	low=$1 high=$2
	shift 2
	start=$(ms)
	expect "$@"
	took=$(($(ms) - start))
	[ "$took" -ge "$low" ] && [ "$took" -le "$high" ] ||
	    fail "$took ms, not $low to $high, of: $*"
}

# ZK_DRY_RUN: the plan, and nothing else
echo 1 >"$T/a/new"
ZK_DRY_RUN=1 expect 0 as a push
out_has "> new        new"
err_has "dry run"
expect 6 as a status --check
ZK_DRY_RUN=0 expect 0 as a push
expect 0 as a status --check

# ZK_LOCK_WAIT: how long for another zk
lock=$(echo "$T"/state-a/zk/*/lock)
hold() {
	flock "$lock" sleep "$1" &
	pids="$pids $!"
	until ! flock -n "$lock" true; do sleep 0.05; done
}
hold 3
expect 11 as a push
ZK_LOCK_WAIT=1s within 900 60000 11 as a push
wait "${pids##* }"
hold 2
ZK_LOCK_WAIT=60s expect 0 as a push
echo "lock-wait = 60s" >"$conf"
hold 2
expect 0 as a push
hold 3
ZK_LOCK_WAIT=0 expect 11 as a push
ZK_LOCK_WAIT=60s expect 11 as a push --lock-wait 0
wait "${pids##* }"
rm "$conf"

# ZK_MAX_DELETE: the brake
for i in 1 2 3 4 5 6; do echo "$i" >"$T/a/many-$i"; done
expect 0 as a push
rm "$T"/a/many-*
ZK_MAX_DELETE=5 expect 20 as a push
ZK_MAX_DELETE=1% expect 20 as a push
echo "max-delete = 5" >"$conf"
expect 20 as a push
ZK_MAX_DELETE=4 expect 20 as a push
expect 20 as a push --max-delete 3
ZK_MAX_DELETE=100% expect 20 as a push --max-delete 1%
ZK_MAX_DELETE=5 expect 0 as a push --max-delete 6
for i in 1 2 3 4 5 6; do echo "$i" >"$T/a/more-$i"; done
expect 0 as a push
rm "$T"/a/more-*
expect 20 as a push
ZK_MAX_DELETE=6 expect 0 as a push
rm "$conf"

# ZK_PROGRESS: here is no terminal, so by itself there is none; at most one
# line a second, so the pushes are slow
blob() { head -c 300000 /dev/urandom >"$T/a/blob"; }
slow() {
	blob
	expect 0 as a push --json --bwlimit 150000:off "$@"
}
progress() { grep -q '"type":"progress"' "$T/out"; }
slow
! progress || fail "progress without a terminal"
ZK_PROGRESS=always slow
progress || fail "ZK_PROGRESS=always shows none"
ZK_PROGRESS=always slow --progress=never
! progress || fail "--progress=never shows some"
echo "progress = always" >"$conf"
slow
progress || fail "progress = always shows none"
ZK_PROGRESS=never slow
! progress || fail "ZK_PROGRESS=never shows some"
ZK_PROGRESS=sometimes expect 2 as a push
err_has ZK_PROGRESS
rm "$conf"

# ZK_PROXY: what is dialled instead of the relay
echo 7 >"$T/a/f"
ZK_PROXY=http://127.0.0.1:1 ZK_TIMEOUT=2s expect 5 as a push
err_has "port 1 "
echo "proxy = http://127.0.0.1:2" >"$conf"
ZK_TIMEOUT=2s expect 5 as a push
err_has "port 2 "
ZK_PROXY=socks5h://127.0.0.1:1 ZK_TIMEOUT=2s expect 5 as a push
err_has "port 1 "
rm "$conf"
expect 0 as a push

# ZK_TIMEOUT: a relay that takes the connection and says nothing
kill -STOP "$relay_pid"
echo 8 >"$T/a/f"
ZK_TIMEOUT=1s within 900 20000 5 as a push
ZK_TIMEOUT=300s within 900 20000 5 as a push --timeout 1s
echo "timeout = 300s" >"$conf"
ZK_TIMEOUT=1s within 900 20000 5 as a push
echo "timeout = 1s" >"$conf"
within 900 20000 5 as a push
rm "$conf"
kill -CONT "$relay_pid"
expect 0 as a push

# ZK_BWLIMIT: 300 KB at 100 KB a second, and at 1 KB, which nobody waits for
blob
ZK_BWLIMIT=100000:off within 2000 60000 0 as a push
blob
ZK_BWLIMIT=1000: within 0 100000 0 as a push --bwlimit off:off
echo "bwlimit = 100000:0" >"$conf"
blob
within 2000 60000 0 as a push
echo "bwlimit = 1000:" >"$conf"
blob
ZK_BWLIMIT=off:off within 0 100000 0 as a push
rm "$conf"
device_pair a b
ZK_BWLIMIT=:100000 within 2000 60000 0 as b pull
same_tree a b
ZK_BWLIMIT=fast expect 2 as a push
err_has ZK_BWLIMIT

# a setting of the vault, which no command makes: below the variable, above
# the file
forge=${BUILD:-$top/build}/tools/forge
if [ -x "$forge" ]; then
	"$forge" "$T/a" "$T/state-a/zk" - setting proxy http://127.0.0.1:3 ||
	    fail forge
	echo "proxy = http://127.0.0.1:2" >"$conf"
	echo 9 >"$T/a/f"
	ZK_TIMEOUT=2s expect 5 as a push
	err_has "port 3 "
	ZK_PROXY=http://127.0.0.1:1 ZK_TIMEOUT=2s expect 5 as a push
	err_has "port 1 "
	rm "$conf"
	ZK_TIMEOUT=2s expect 5 as a push
	err_has "port 3 "
	echo "ok settings-vault"
else
	echo "skip settings-vault # tools/forge is not built"
fi
echo "ok settings-effect"

#!/bin/sh
# A device is parked, by name or id, and is back once it has written; the
# settings of the vault reach every device, and the last one counts.
. "${0%/*}/lib.sh"
need jq
forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"

device_init a "file://$T/far"
echo one >"$T/a/f"
expect 0 as a push
device_pair a b
expect 0 as b pull
device_pair a c
expect 0 as c pull
expect 0 as a pull

# parked CALLER DEVICE: whether the one says that the other is
parked() {
	XDG_STATE_HOME="$T/state-$1" "$ZK" -C "$T/$1" --json device |
	    jq -r "select(.type == \"device\" and .name == \"$2\") | .parked"
}
expect 1 as a device park nosuch
err_has "no device 'nosuch': 'zk device ls' shows them"
expect 12 as a device park a
err_has "'a' is this device"
[ "$(parked a b)" = false ] || fail "b is parked"
expect 0 as a device park b
[ "$(parked a b)" = true ] || fail "b is not parked"
expect 0 as a device park b
err_has "the device is parked already"
expect 0 as a device
out_has ", parked"
expect 0 as a push
expect 0 as c pull
[ "$(parked c b)" = true ] || fail "c has not heard of it"

# b is told, and is back for all with what it writes next
expect 0 as b pull
echo two >"$T/b/g"
expect 0 as b push
[ "$(parked b b)" = false ] || fail "b is parked for itself"
expect 0 as a pull
[ "$(parked a b)" = false ] || fail "b is parked for a"
expect 0 as c pull
[ "$(parked c b)" = false ] || fail "b is parked for c"
[ "$(cat "$T/a/g")" = two ] || fail "what b brought"

# by id, again; two devices of one name are told apart
id=$(as a device | sed -n 's/^device b  \([0-9a-f]*\) .*/\1/p')
expect 0 as c device rename c b
expect 0 as c push
expect 0 as a pull
expect 2 as a device park b
err_has "2 devices are called 'b'"
expect 0 as a device park "$id"
expect 0 as a --json device
[ "$(jq -r "select(.type == \"device\" and .parked) | .id[0:8]" \
    "$T/out")" = "$id" ] || fail "another one is parked"

# a device that was silent for two months is shown as that
. "${0%/*}/clock.sh"
days 61
expect 0 at a device
[ "$(grep -c "silent: 'zk device park' if it stays away" "$T/out")" = 1 ] ||
    fail "silent: $(cat "$T/out")"

# the settings
expect 0 as a config
out_is "history 30d"
for bad in 0d 1h 36h 4000d 30x ""; do
	expect 2 as a config history "$bad"
done
expect 2 as a config nosuch
err_has "no setting 'nosuch': there is 'history'"
expect 0 as a config history 90d
expect 0 as b pull
expect 0 as b config history 7d
expect 0 as a push
expect 0 as b push
expect 0 as a pull
expect 0 as b pull
expect 0 as a config history
cp "$T/out" "$T/of-a"
expect 0 as b config
cmp -s "$T/out" "$T/of-a" || fail "two devices have two windows"
expect 0 as a config history 12d
expect 0 as a push
expect 0 as b pull
expect 0 as b config --json
json_ok "$T/out"
[ "$(jq -r 'select(.type == "setting") | .name + .value' "$T/out")" = \
    history12d ] || fail "the last one does not count"

# a value that nobody understands keeps everything
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
echo "value 20 root 07$(hex history)04$(hex soon)" |
    "$forge" "$T/b" "$T/state-b/zk" "file://$T/far" >/dev/null || fail forge
expect 0 as a pull
expect 0 as a config
out_is "history 3650d"
expect 0 as a config history 30d
expect 0 as a config
out_is "history 30d"
expect 0 as a verify

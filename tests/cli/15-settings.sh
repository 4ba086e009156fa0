#!/bin/sh
# Where settings come from: option, variable, config file, in this order;
# and where state goes without HOME.
. "${0%/*}/lib.sh"
need jq

device_init a "file://$T/far"
mkdir -p "$HOME/.config/zk"
conf=$HOME/.config/zk/config

printf '# comment\n\n quiet = yes \n' >"$conf"
echo 1 >"$T/a/f"
expect 0 as a push
err_empty
echo 2 >"$T/a/f"
ZK_QUIET=0 ZK_VERBOSE=1 expect 0 as a push
err_has "pushed 1 file"
echo 3 >"$T/a/f"
expect 0 as a push -v
err_has "pushed 1 file"

printf 'timeout = whenever\n' >"$conf"
expect 2 as a status
err_has "$conf:1"
printf 'no-such = 1\n' >"$conf"
expect 2 as a status
err_has "no-such"
printf 'yes = 1\n' >"$conf"
expect 2 as a status
printf 'quiet = yes' >"$conf"
expect 0 as a status --offline
err_empty
mkdir "$T/xdg" "$T/xdg/zk"
printf 'verbose = 1\n' >"$T/xdg/zk/config"
XDG_CONFIG_HOME=$T/xdg expect 0 as a status --offline
err_has "in sync"
# a relative path in the variable is ignored
XDG_CONFIG_HOME=xdg expect 0 as a status --offline
err_empty
rm "$conf"

# names of devices
ZK_NAME=fromvar XDG_STATE_HOME="$T/state-b" expect 0 "$ZK" init "$T/b"
expect 0 as b device --json
[ "$(jq -r 'select(.type == "device") | .name' "$T/out")" = fromvar ] ||
    fail "ZK_NAME"
ZK_NAME=fromvar XDG_STATE_HOME="$T/state-c" expect 0 "$ZK" init "$T/c" \
    --name fromopt
expect 0 as c device --json
[ "$(jq -r 'select(.type == "device") | .name' "$T/out")" = fromopt ] ||
    fail "--name"

# without HOME the passwd entry counts; zk help needs neither
env -u HOME "$ZK" help >"$T/out" 2>"$T/err" || fail "help without HOME"
if [ "$(id -u)" -ne 0 ]; then
	skip "needs root to choose a passwd entry"
fi
need setpriv
chmod 711 "$T"
mkdir "$T/n"
chown nobody "$T/n"
# nobody's home does not exist: a clear error, no crash
env -u HOME setpriv --reuid nobody --regid nogroup --clear-groups \
    "$ZK" init "$T/n" >"$T/out" 2>"$T/err"
code=$?
[ "$code" -eq 1 ] || fail "init without a home: status $code"
# and with a state home all is well
env -u HOME XDG_STATE_HOME="$T/n/state" setpriv --reuid nobody \
    --regid nogroup --clear-groups "$ZK" init "$T/n/v" >"$T/out" \
    2>"$T/err" || fail "init without HOME"
[ -d "$T/n/state/zk" ] || fail "no state in XDG_STATE_HOME"

#!/bin/sh
# R29: a pinned relay is replaced by one with another key whose certificate
# an authority signed that this system trusts.  The pin alone decides: 22,
# and not a byte of a request.
. "${0%/*}/lib.sh"
need openssl mkfifo

# An authority, and a relay's key signed by it.
made() { "$@" >"$T/made" 2>&1 || fail "$*: $(cat "$T/made")"; }
ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
# shellcheck disable=SC2086 # words are meant
made openssl req -x509 $ec -keyout "$T/ca.key" -out "$T/ca.pem" -days 30 \
    -subj "/CN=an authority"
# shellcheck disable=SC2086
made openssl req $ec -keyout "$T/key.pem" -out "$T/csr.pem" \
    -subj /CN=localhost
echo "subjectAltName=DNS:localhost,IP:127.0.0.1" >"$T/ext"
made openssl x509 -req -in "$T/csr.pem" -CA "$T/ca.pem" -CAkey "$T/ca.key" \
    -CAcreateserial -days 30 -extfile "$T/ext" -out "$T/cert.pem"
mkdir -m 700 "$T/other"
cp "$T/key.pem" "$T/cert.pem" "$T/other"
chmod 600 "$T/other/key.pem"

preload trust
TEST_TRUST=$T/ca.pem
export TEST_TRUST

relay_start
port=${relay_url#https://127.0.0.1:}
port=${port%%/*}
device_init a "$relay_url"
echo one >"$T/a/one"
expect 0 as a push
relay_stop

# a_relay DATA: one at the same address.
a_relay() {
	: >"$T/other.url"
	"$ZK" relay --listen "127.0.0.1:$port" --data "$1" \
	    >"$T/other.url" 2>"$T/other.log" &
	other_pid=$!
	pids="$pids $other_pid"
	tries=0
	while ! grep -q . "$T/other.url"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] ||
		    fail "the relay: $(cat "$T/other.log")"
		sleep 0.05
	done
}
a_relay "$T/other"
[ "$(cat "$T/other.url")" != "$relay_url" ] || fail "the same key twice"

# the authority is trusted: without a pin everything works there, by it alone
url=https://127.0.0.1:$port/
mkdir "$T/b"
expect 0 env XDG_STATE_HOME="$T/state-b" "$ZK" init "$T/b" --name b \
    --remote "$url"
echo two >"$T/b/two"
expect 0 as b push
unset TEST_TRUST
expect 22 as b pull
err_has "not one that this system trusts"
! grep -q "not the pinned" "$T/err" || fail "a pin is spoken of"
export TEST_TRUST="$T/ca.pem"
expect 0 as b pull

# and still the pinned client refuses
echo three >"$T/a/three"
for run in push pull sync; do
	expect 22 as a --json "$run"
	err_has '"code":"pin_mismatch"'
done
kill "$other_pid"
wait "$other_pid"

# What reaches such a server inside TLS, by another program, in $T/heard.
mkfifo "$T/quiet"
exec 3<>"$T/quiet"
openssl s_server -accept "127.0.0.1:$port" -cert "$T/cert.pem" \
    -key "$T/key.pem" <"$T/quiet" >"$T/heard" 2>&1 &
server_pid=$!
pids="$pids $server_pid"
tries=0
while ! grep -q "^ACCEPT" "$T/heard"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "the server: $(cat "$T/heard")"
	sleep 0.05
done
# heard N: it saw N handshakes end.
heard() {
	tries=0
	while [ "$(grep -c "^CIPHER is" "$T/heard")" -lt "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "no handshake: $(cat "$T/heard")"
		sleep 0.05
	done
}
expect 22 as a --json --timeout 3s push
err_has '"code":"pin_mismatch"'
as a --json status >"$T/out" 2>"$T/err"
err_has '"code":"pin_mismatch"'
heard 2
sleep 0.3
! grep -q "HTTP\|/v1/\|Zk-" "$T/heard" ||
    fail "R29: it was sent $(cat "$T/heard")"
# the same server hears the one without a pin
echo four >"$T/b/four"
expect 5 as b --timeout 2s push
grep -q "HTTP/1.1" "$T/heard" || fail "this server hears nothing"
kill "$server_pid"
wait "$server_pid" 2>/dev/null

# with its own key back all goes on
a_relay "$T/relay"
[ "$(cat "$T/other.url")" = "$relay_url" ] || fail "its key was not kept"
expect 0 as a push
expect 0 as a status --check
exit 0

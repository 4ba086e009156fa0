#!/bin/sh
# TLS of the relay, as another implementation sees it: the pin is that of the
# key, ChaCha20 first, X25519 and P-256 only, nothing below TLS 1.2, no suite
# without AEAD, sessions resumed by id, no renegotiation; and of the client,
# which asks for ChaCha20 first.
. "${0%/*}/lib.sh"
need openssl
aes=TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256

relay_start
host=${relay_url#https://}
host=${host%%/*}
pin=${relay_url#*#sha256//}

# s ARG...: a connection; its report in $T/tls, fails if it does not come up
s() {
	timeout 20 openssl s_client -connect "$host" "$@" </dev/null \
	    >"$T/tls" 2>&1
}
has() { grep -q "$1" "$T/tls" || fail "no '$1': $(cat "$T/tls")"; }

# a URL without the s is answered with what is wrong with it
expect 5 "$ZK" init "$T/plain" --remote "http://$host/" --timeout 5s
err_has "its URL is the https:// one"

s || fail "no connection"
has X25519
s -tls1_2 || fail "no connection with TLS 1.2"
has "CHACHA20.POLY1305"
# with TLS 1.3 (mbedTLS 3.6) the order of the client decides: what zk asks
# for is below; any other that there is connects as well
if s -tls1_3; then
	s -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256:$aes ||
	    fail "no connection with TLS 1.3"
	has "CHACHA20.POLY1305"
	for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384; do
		s -tls1_3 -ciphersuites $suite || fail "no $suite"
		has $suite
	done
fi
openssl x509 -in "$T/relay/cert.pem" -noout -pubkey |
    openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary |
    openssl base64 >"$T/pin"
[ "$(cat "$T/pin")" = "$pin" ] || fail "pin is not $(cat "$T/pin")"

s -groups P-256 || fail "no P-256"
s -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 || fail "no AES-GCM"
for bad in "-groups P-521" "-groups P-384" \
    "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA" \
    "-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384" \
    "-tls1_1 -cipher ALL:@SECLEVEL=0" "-tls1 -cipher ALL:@SECLEVEL=0"; do
	# shellcheck disable=SC2086 # words are meant
	s $bad && fail "connected with $bad"
done

# a second connection resumes by id, without a ticket
s -tls1_2 -no_ticket -reconnect || fail "no connection"
has "^Reused, TLSv1.2"
grep -q "session ticket" "$T/tls" && fail "a ticket was given"

# the client asks to renegotiate: refused, not done
(sleep 1; echo R; sleep 1) | timeout 20 openssl s_client -connect "$host" \
    -tls1_2 >"$T/tls" 2>&1
grep -qi "renegotiat.*\(fail\|refus\|not\|alert\|error\)\|no renegotiation" \
    "$T/tls" || fail "renegotiation: $(tail -n 5 "$T/tls")"

# plain HTTP at the TLS port gets nothing and ends
printf 'GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n' >"$T/req"
need curl
curl -s -m 20 "http://$host/v1/health" >"$T/out" && fail "plain was answered"
expect 0 curl -s -m 20 -k --pinnedpubkey "sha256//$pin" \
    "https://$host/v1/health"
out_has '"ok"'
expect 90 curl -s -m 20 -k \
    --pinnedpubkey "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" \
    "https://$host/v1/health"

# the client, at something that takes what it is offered first: the relay's
# key in other hands
port=${relay_url#https://127.0.0.1:}
port=${port%%/*}
device_init a "$relay_url"
relay_stop
mkfifo "$T/silent"
exec 3<>"$T/silent"
for version in tls1_2 tls1_3; do
	# else what the first one said is read before the second begins
	: >"$T/tls"
	openssl s_server -accept "127.0.0.1:$port" -$version -naccept 1 \
	    -key "$T/relay/key.pem" -cert "$T/relay/cert.pem" \
	    <"$T/silent" >"$T/tls" 2>&1 &
	server_pid=$!
	pids="$pids $server_pid"
	tries=0
	until grep -q ACCEPT "$T/tls"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "no server: $(cat "$T/tls")"
		sleep 0.05
	done
	expect 5 as a --timeout 1s pull
	kill "$server_pid" 2>/dev/null
	wait "$server_pid"
	has "^CIPHER is .*CHACHA20.POLY1305"
done
exit 0

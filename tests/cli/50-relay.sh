#!/bin/sh
# The relay as a program: its first line, port 0, the same pin after a
# restart, one relay to a data directory, modes of what it keeps, SIGTERM,
# and what it says of a wrong address.
. "${0%/*}/lib.sh"
umask 000

relay_start
case $relay_url in
https://127.0.0.1:*/#sha256//*=) ;;
*) fail "first line is '$relay_url'" ;;
esac
pin=${relay_url#*#}
[ "$(wc -l <"$T/relay.url")" -eq 1 ] || fail "more than a line"

[ "$(stat -c %a "$T/relay/key.pem")" = 600 ] || fail "mode of key.pem"
[ "$(stat -c %a "$T/relay/relay.db")" = 600 ] || fail "mode of relay.db"
for dir in "$T/relay/tmp" "$T/relay/obj"; do
	[ "$(stat -c %a "$dir")" = 700 ] || fail "mode of $dir"
done

# another relay may not have the same data
expect 11 "$ZK" relay --listen 127.0.0.1:0 --data "$T/relay"
out_empty

kill -TERM "$relay_pid"
wait "$relay_pid" || fail "status $? after SIGTERM"

relay_start
[ "${relay_url#*#}" = "$pin" ] || fail "another pin after a restart"
kill -INT "$relay_pid"
wait "$relay_pid" || fail "status $? after SIGINT"
[ ! -s "$T/relay.log" ] || fail "stderr: $(cat "$T/relay.log")"

# a key that others may read is refused
chmod 640 "$T/relay/key.pem"
expect 1 "$ZK" relay --listen 127.0.0.1:0 --data "$T/relay"
err_has "may be read by others"
chmod 600 "$T/relay/key.pem"

relay_start --plain
case $relay_url in
http://127.0.0.1:*/) ;;
*) fail "first line is '$relay_url' with --plain" ;;
esac
kill "$relay_pid"
wait "$relay_pid"

for bad in 127.0.0.1:70000 example.org:1 1.2.3.4.5:6 "[::1:5" :x ""x; do
	expect 2 "$ZK" relay --listen "$bad" --data "$T/relay"
	out_empty
done
expect 2 "$ZK" relay --listen 127.0.0.1:0 --data "$T/relay" \
    --url ftp://example.org/
out_empty

# an address in use: a second relay with its own data on the same port
relay_start --plain
port=${relay_url##*:}
expect 1 "$ZK" relay --listen "127.0.0.1:${port%/}" --data "$T/other"
err_has "cannot listen on '127.0.0.1' port ${port%/}: Address already in use"

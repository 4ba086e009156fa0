#!/bin/sh
# A large file whose push was cut off, and that cannot be read when the next
# one comes, keeps nothing else back; it follows once it can be read.
. "${0%/*}/lib.sh"
. "${0%/*}/cutpush.sh"

[ "$(id -u)" -ne 0 ] || need setpriv
chmod 711 "$T"
zk_nobody() {
	as_nobody env HOME="$T/a" XDG_STATE_HOME="$T/state-a" \
	    "$ZK" -C "$T/a" "$@"
}
cut_once() {
	head -c 3000000 /dev/urandom >"$T/a/canary-large"
	push_killed
}

relay_start --plain
device_init a "$relay_url"
head -c 100000 /dev/urandom >"$T/a/canary-large"
expect 0 as a push
device_pair a b
expect 0 as b pull
cp "$T/b/canary-large" "$T/was"
cuts=0
until cut_once; do
	cuts=$((cuts + 1))
	[ "$cuts" -lt 10 ] || fail "no push is ever cut off"
done

[ "$(id -u)" -ne 0 ] || chown -R nobody "$T/a" "$T/state-a"
as_nobody chmod 0 "$T/a/canary-large"
as_nobody sh -c "echo small >'$T/a/small'"
for again in 1 2; do
	expect 3 zk_nobody push
	err_has "skipped 'canary-large': permission denied"
done
as b pull >"$T/out" 2>"$T/err"
code=$?
[ "$(cat "$T/b/small")" = small ] || fail "kept back ($code): $(cat "$T/err")"
cmp "$T/b/canary-large" "$T/was" || fail "neither the old nor the new one"

as_nobody chmod 600 "$T/a/canary-large"
expect 0 zk_nobody push
expect 0 as b pull
cmp "$T/a/canary-large" "$T/b/canary-large" || fail "not sent"
expect 0 as b verify
if grep -rqF -e canary "$T/relay"; then
	fail "a name is on the relay"
fi

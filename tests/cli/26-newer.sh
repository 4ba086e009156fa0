#!/bin/sh
# What a newer zk wrote ends with 23 and is left as it is: the data of a
# relay, the database of a vault, and an op of a type that must be understood
# (zk-format(5)), which arrives from a remote.
. "${0%/*}/lib.sh"
need sqlite3 jq
forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"

# the data of a relay
relay_start --plain
device_init a "$relay_url"
echo one >"$T/a/f"
expect 0 as a push
relay_stop
sqlite3 "$T/relay/relay.db" \
    "UPDATE meta SET value = 99 WHERE key = 'version'" || fail sqlite3
expect 23 "$ZK" relay --listen 127.0.0.1:0 --data "$T/relay"
out_empty
sqlite3 "$T/relay/relay.db" \
    "UPDATE meta SET value = 1 WHERE key = 'version'" || fail sqlite3

# the database of a vault
db=$(echo "$T"/state-a/zk/*/vault.db)
cp -a "$T/state-a" "$T/state-kept"
"$forge" "$T/a" "$T/state-a/zk" - schema 99 || fail "forge"
before=$(find "$T/a" -printf '%p %T@ %C@\n' | sort | cksum)
for cmd in push pull sync status "device ls" verify; do
	# shellcheck disable=SC2086 # words are meant
	expect 23 as a $cmd
	err_has "'$db' was written by a newer zk: install that version"
	out_empty
done
[ "$before" = "$(find "$T/a" -printf '%p %T@ %C@\n' | sort | cksum)" ] ||
    fail "a vault of a newer version was touched"
rm -r "$T/state-a"
mv "$T/state-kept" "$T/state-a"
expect 0 as a status --offline

# what arrives from a remote
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
file() { echo "create 1 root $(hex "$1") 644 1767225600 0 $(hex "$2")"; }
as_forger() {
	"$forge" "$T/$1" "$T/state-$1/zk" "file://$T/far" >/dev/null ||
	    fail "forge"
}
stops() {
	expect 23 as "$1" pull --json
	[ "$(jq -r .code "$T/err" | head -n 1)" = newer_format ] ||
	    fail "not called newer_format: $(cat "$T/err")"
	[ "$(json .status)" = 23 ] || fail "the summary has another status"
}
device_init c "file://$T/far"
echo mine >"$T/c/mine"
expect 0 as c push
for d in d e; do
	device_pair c "$d"
	expect 0 as "$d" pull
	echo "$d" >"$T/$d/of-$d"
	expect 0 as "$d" push
	expect 0 as c pull
done

# fields that may be passed over, and one that may not
{
	echo "ext 020161"
	file even fine
} | as_forger d
expect 0 as c pull
[ "$(cat "$T/c/even")" = fine ] || fail "an op with an even field is lost"
{
	file before there
	echo "ext 010161"
	file odd there
	file behind there
} | as_forger d
stops c
[ ! -e "$T/c/odd" ] || fail "a critical field was passed over"

# a type that is not known; what others write still arrives, and goes out
{
	file first there
	echo "type 77"
	file second there
} | as_forger e
stops c
echo new >"$T/c/new"
expect 23 as c sync
[ "$(cat "$T/c/mine")" = mine ] && [ -e "$T/c/of-e" ] || fail "a file is gone"
device_pair c f
run_f() { as f pull >"$T/out" 2>"$T/err"; }
run_f
[ "$(cat "$T/f/new")" = new ] || fail "own work did not go out"

#!/bin/sh
# zk kv: two devices on a relay write values at the same time and see the
# same; what is killed, refused, missing or damaged says so; the relay sees
# nothing of it, and the folder stays as it is.
. "${0%/*}/lib.sh"
need jq
many_runs

flip=${BUILD:-$top/build}/tools/dbflip
[ -x "$flip" ] || skip "tools/dbflip is not built"
canary=Kv7Canary
relay_start --plain
device_init a "$relay_url"
echo untouched >"$T/a/file"
echo "not pushed" >"$T/a/.later"
chmod 0 "$T/a/.later"
# with when a file was read, which a listing of the directory is not
stats() {
	(cd "$T/a" && find . -path ./.zk -prune -o \( -type f \
	    -printf '%p %T@ %C@ %A@\n' -o -printf '%p %T@ %C@\n' \) | sort)
}
stats >"$T/stat"
device_pair a b

# nothing is there: one line, status 1
expect 1 as a kv get nothing
out_empty
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "not one line"
err_has "'nothing'"
for sub in members list; do expect 1 as a kv $sub nothing; done
expect 1 as a kv rm nothing
expect 1 as a kv remove nothing x
expect 1 as a kv get nothing --json
grep -q '"code":"not_found"' "$T/err" || fail "no code"
expect 0 as a kv ls
out_empty
# and what cannot be
expect 2 as a kv set "$(printf '%0256d' 0)" x
expect 2 as a kv set "" x
expect 2 as a kv incr n 9007199254740992
expect 2 as a kv incr n x
expect 2 as a kv get --all --proof k
expect 2 as a kv get -n --fetch k
head -c 1048577 /dev/zero >"$T/in"
expect 2 as a kv set big <"$T/in"
err_has "1048576"

# a value, and nothing else, comes back, on the other device too
expect 0 as a kv set color "$canary blue"
out_empty
expect 0 as a kv get color
[ "$(cat "$T/out"; echo .)" = "$canary blue." ] || fail "not the bytes"
expect 1 as b kv get color
expect 0 as b kv get --fetch color
out_is "$canary blue"
printf 'a\0b\n\377' >"$T/bin"
as a kv set bin <"$T/bin" || fail "set of bytes"
head -c 1048576 /dev/urandom >"$T/large"
as a kv set -N 'n s' large - <"$T/large" || fail "set of 1 MiB"
: | as a kv set empty || fail "set of nothing"
expect 0 as b kv get --fetch bin
cmp "$T/out" "$T/bin" || fail "bytes changed"
expect 0 as b kv get -N 'n s' large
cmp "$T/out" "$T/large" || fail "1 MiB changed"
expect 0 as b kv get empty
out_empty
expect 0 as b kv get --json bin
[ "$(sed -n 1p "$T/out" | jq -r .value_b64 | base64 -d | od -An -tx1)" = \
    "$(od -An -tx1 <"$T/bin")" ] || fail "bytes in JSON"
expect 0 as b kv ls
out_is "bin
color
empty"
expect 0 as b kv ls -0 --namespaces
[ "$(tr '\0' '|' <"$T/out")" = "|n s|" ] || fail "namespaces"
expect 0 as b kv -0 --namespaces
[ "$(tr '\0' '|' <"$T/out")" = "|n s|" ] || fail "namespaces without ls"
expect 2 as b kv -N "n s" get k
err_has "'--namespace' stands before 'get'"
expect 0 as b kv ls --json -N 'n s'
json_ok "$T/out"
[ "$(sed -n 1p "$T/out" | jq -c 'del(.type)')" = \
    '{"namespace":"n s","key":"large","kind":"register","count":1}' ] ||
    fail "$(cat "$T/out")"
echo "ok kv-values"

# at the same time: both values, on both; the next write replaces both
expect 0 as a kv set color red
expect 0 as b kv set color green
for d in a b; do
	expect 0 as $d kv get --fetch --all color --json
	[ "$(jq -r 'select(.type == "value") | "\(.device) \(.value)"' \
	    "$T/out" | sort)" = "a red
b green" ] || fail "$d: $(cat "$T/out")"
	sed -n 1p "$T/out" | jq -r .value >"$T/wins-$d"
done
cmp -s "$T/wins-a" "$T/wins-b" || fail "each sees its own"
expect 0 as a kv get color
out_is "$(cat "$T/wins-b")"
expect 0 as a kv set color violet
expect 0 as b kv get --fetch --all color
[ "$(wc -l <"$T/out")" -eq 1 ] || fail "$(cat "$T/out")"
# a removal that has not seen a value leaves it
expect 0 as a kv rm color
expect 0 as b kv set color late
expect 0 as a kv get --fetch color
out_is late

# counters add up, also what a removal has not seen
expect 0 as a kv incr hits 40
out_is 40
expect 0 as b kv incr hits
expect 0 as b kv incr -- hits -3
out_is -2
expect 0 as a kv get --fetch hits
out_is 38
expect 0 as b kv incr hits 100
expect 0 as a kv rm hits
expect 1 as a kv get hits
expect 0 as a kv get --fetch hits
out_is 100
expect 0 as a kv incr hits
expect 0 as b kv get --fetch hits
out_is 101

# sets: a member added again without knowing of its removal stays
expect 0 as a kv add tags one
expect 0 as a kv add tags two
expect 0 as b kv members --fetch tags
expect 0 as b kv add tags one
expect 0 as a kv remove tags one
expect 0 as a kv remove tags two
expect 1 as a kv remove tags two
for d in a b; do
	expect 0 as $d kv members --fetch tags
	out_is one
done

# lists: what one device pushes stays together
for i in 1 2 3; do
	expect 0 as a kv push todo "a$i"
	expect 0 as b kv push todo "b$i"
done
expect 0 as a kv list --fetch todo
case "$(echo $(cat "$T/out"))" in
"a1 a2 a3 b1 b2 b3" | "b1 b2 b3 a1 a2 a3") ;;
*) fail "list: $(cat "$T/out")" ;;
esac
cp "$T/out" "$T/list"
expect 0 as b kv list --fetch todo
cmp -s "$T/out" "$T/list" || fail "the lists differ"
expect 0 as b kv remove --list todo b2
expect 0 as a kv list --fetch todo
[ "$(cat "$T/out")" = "$(grep -v b2 "$T/list")" ] || fail "remove of an item"
expect 0 as a kv rm todo --type list
expect 1 as a kv list todo
echo "ok kv-merge"

# many at once; what stands there already is left alone
awk 'BEGIN { for (i = 0; i < 10000; i++)
	printf "key-%d\tvalue %d\n", i, i }' >"$T/lines"
echo k >"$T/in"
expect 2 as a kv import <"$T/in"
err_has "line 1"
{ cat "$T/lines"; echo "no tab"; } >"$T/in"
expect 2 as a kv import -N many <"$T/in"
err_has "line 10001"
expect 0 as a kv ls -N many
out_empty
# killed on the way, then done again
for at in 0.03 0.07 0.12 0.2; do
	XDG_STATE_HOME="$T/state-a" timeout --foreground -s KILL $at "$ZK" \
	    -C "$T/a" kv import -N many "$T/lines" >/dev/null 2>&1
	expect 0 as a kv ls -N many
	n=$(wc -l <"$T/out")
	[ "$n" -eq 0 ] || [ "$n" -eq 10000 ] || fail "a part of it: $n"
done
expect 0 as a kv import -N many "$T/lines"
expect 0 as a kv import -N many "$T/lines"
err_has "imported 0 values, 10000 stood"
expect 0 as b kv get --fetch -N many key-9999
out_is "value 9999"
expect 0 as b kv ls -N many
[ "$(wc -l <"$T/out")" -eq 10000 ] || fail "import: $(wc -l <"$T/out")"
printf 'x\0l1\nl2\0y\0\0' >"$T/in"
expect 0 as a kv import -0 "$T/in"
expect 0 as a kv get x
out_is "l1
l2"
printf 'x\0v' >"$T/in"
expect 2 as a kv import -0 "$T/in"
expect 1 as a kv import "$T/nowhere"
err_has nowhere
echo "ok kv-import"

# watch: what others and other runs write, as it comes, until a signal
XDG_STATE_HOME="$T/state-b" "$ZK" -C "$T/b" kv watch --json >"$T/watch" \
    2>"$T/watch.err" &
watch_pid=$!
pids="$pids $watch_pid"
seen() { # FILTER
	tries=0
	until jq -e "select($1)" "$T/watch" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "not seen: $1:" \
		    "$(cat "$T/watch" "$T/watch.err")"
		sleep 0.05
	done
}
expect 0 as a kv set first 1
seen '.key == "first" and .value == "1" and .device == "a"'
expect 0 as a kv incr hits
seen '.key == "hits" and .total == 102'
# it does not keep other runs out
expect 0 as b kv set --offline --lock-wait 5s mine 2
err_has "this device alone"
seen '.key == "mine" and .device == "b"'
expect 0 as a kv rm first
seen '.key == "first" and .present == false'
kill "$watch_pid"
wait "$watch_pid"
[ $? -eq 143 ] || fail "watch ends with $?"
expect 1 as a kv get --fetch mine
expect 0 as b kv set other 3
expect 0 as a kv get --fetch mine
echo "ok kv-watch"

# the folder was neither read nor changed, nor is there more to do
stats | cmp - "$T/stat" || fail "the folder was touched"
rm -f "$T/a/.later"
expect 0 as a sync
expect 0 as b sync
same_tree a b

# readers need no lock; writers wait for it or say so
(
	flock 9
	expect 0 as a kv get mine
	out_is 2
	expect 11 as a kv set mine 4
) 9>"$(echo "$T"/state-a/zk/*/lock)" || exit 1

# proved, and refused once it is not what was signed
expect 0 as b kv get --proof mine
json_ok "$T/out"
[ "$(wc -l <"$T/out")" -eq 1 ] || fail "more than a proof"
jq -e '.type == "proof" and .value == "2" and .device == "b" and
    (.signature | length) == 128 and (.header | length) == 194 and
    (.segment | length) == 64 and (.certificate | startswith(
    "'"$(as b device --json | jq -r 'select(.self).id')"'"))' "$T/out" \
    >/dev/null || fail "$(cat "$T/out")"
expect 0 as b verify
db=$(echo "$T"/state-b/zk/*/vault.db)
cp "$db" "$T/good.db"
lied() { # SQL: verify names it
	cp "$T/good.db" "$db"
	rm -f "$db-wal" "$db-shm"
	"$flip" sql "$db" "$1" || fail "$1"
	cmp -s "$db" "$T/good.db" && fail "changes nothing: $1"
	expect 22 as b verify
	err_has kvop
	err_has mine
}
mine="k=(SELECT k FROM kvkey WHERE name=CAST('mine' AS BLOB))"
lied "UPDATE kvop SET value=x'33' WHERE $mine"
expect 22 as b kv get --proof mine
out_empty
lied "UPDATE kvop SET live=0 WHERE $mine"
lied "UPDATE kvop SET loc=loc+1 WHERE $mine"
expect 22 as b kv get --proof mine
lied "DELETE FROM kvop WHERE $mine"
cp "$T/good.db" "$db"
rm -f "$db-wal" "$db-shm"
echo "ok kv-proof"

# no remote: nothing is recorded, but with --offline
relay_stop
expect 5 as a kv set mine 5
expect 5 as a kv incr hits
expect 0 as a kv get hits
out_is 102
expect 0 as a kv get mine
out_is 2
expect 5 as a kv get --fetch mine
expect 0 as a kv incr --offline hits
out_is 103

# and the relay knows none of it
grep -raF -e "$canary" -e key-99 -e "value 99" -e tags "$T/relay" \
    "$T/relay.log" && fail "the relay can read it"
echo "ok kv-away"

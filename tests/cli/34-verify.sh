#!/bin/sh
# zk verify finds whatever went bad in what a device holds: one bit in any
# kind of it, as a disk does it; and what a program wrote wrongly, with
# checksums that are right.  Each is named, the status is 22, nothing else.
. "${0%/*}/lib.sh"
many_runs

flip=${BUILD:-$top/build}/tools/dbflip
[ -x "$flip" ] || skip "no dbflip here"

store=$T/store
mkdir "$store"
device_init a "file://$store"
mkdir -p "$T/a/dir/sub"
for i in 1 2 3 4 5 6 7 8 9; do echo "text $i" >"$T/a/dir/sub/f$i"; done
echo one >"$T/a/conspicuous-name.txt"
ln -s target "$T/a/link"
head -c 6000000 /dev/urandom >"$T/a/large"
expect 0 as a push
device_pair a b
expect 0 as b pull
echo two >>"$T/b/conspicuous-name.txt"
mv "$T/b/dir/sub" "$T/b/dir/bus"
rm "$T/b/dir/bus/f9"
expect 0 as b push
expect 0 as a sync
printf 'here\0' >"$T/a/dir/bus/f1"
printf 'there\0' >"$T/b/dir/bus/f1"
expect 0 as a push
expect 4 as b sync
expect 4 as a sync
expect 0 as a verify
expect 0 as b verify

db=$(echo "$T"/state-a/zk/*/vault.db)
keys=${db%vault.db}keys
cp "$db" "$T/good.db"
cp -p "$keys" "$T/good.keys"
fresh() {
	rm -f "$db-wal" "$db-shm"
	cp "$T/good.db" "$db"
	cp -p "$T/good.keys" "$keys"
}
query() { "$flip" sql "$T/good.db" "$1" | sed 's/^row|//'; }

# found WHAT: verify gives 22, names it, and says what to do
found() {
	expect 22 as a --json verify
	grep -q "pair --join" "$T/err" || fail "$1: what to do is not said"
	grep '"type":"error"' "$T/err" | grep '"status":22' |
	    grep '"code":"tampered"' | grep -q '"path":"[^"]' ||
	    fail "$1: no error as JSON"
	tail -n 1 "$T/out" | grep -q '"status":22' || fail "$1: no summary"
}

# raw WHAT SQL: the bytes that SQL gives in hex, wherever they lie: one bit
raw() {
	hex=$(query "$2" | head -n 1)
	at=$("$flip" find "$T/good.db" "$hex" | head -n 3)
	[ -n "$hex" ] && [ -n "$at" ] || fail "$1: nothing to damage"
	for off in $at; do
		fresh
		"$flip" bit "$db" $((off * 8 + 19)) || fail "$1: no flip"
		found "$1"
		err_has vault.db
	done
}
raw record "SELECT hex(substr(data,40,12)) FROM rec ORDER BY id DESC"
raw header "SELECT hex(substr(data,3,12)) FROM segdata ORDER BY id DESC"
raw cipher "SELECT hex(substr(data,length(data)/2,12)) FROM segdata"
raw signature "SELECT hex(substr(data,length(data)-20,12)) FROM segdata"
raw previous "SELECT hex(substr(prev,5,12)) FROM seg WHERE seq=2"
raw chunk "SELECT hex(substr(key,5,12)) FROM chunk"
raw held "SELECT hex(substr(name,5,12)) FROM chunk_at"
raw name "SELECT hex(name) FROM tnode WHERE
    CAST(name AS TEXT) LIKE 'conspicuous%'"
raw node "SELECT hex(substr(id,7,12)) FROM tnode ORDER BY n DESC"
raw op "SELECT hex(substr(id,7,12)) FROM top ORDER BY o DESC"
raw base "SELECT hex(substr(stat,1,24)) FROM base WHERE kind=1"
raw more "SELECT hex(substr(hash,1,12)) FROM base_more WHERE size=6000000"
raw log "SELECT hex(substr(device,1,12)) FROM log"
raw told "SELECT hex(substr(hash,1,12)) FROM told"
raw acked "SELECT hex(substr(log,1,12)) FROM ack"
raw mark "SELECT hex(mark0) FROM remote"
raw url "SELECT hex(url) FROM remote"
raw setting "SELECT hex(substr(value,1,12)) FROM setting
    WHERE name LIKE 'name.%'"
raw root "SELECT hex(marker) FROM base_root"
raw schema "SELECT hex(substr(sql,1,40)) FROM sqlite_master
    WHERE name='tnode'"

# the file's own header, and the keys
for off in 0 17 18 19 20 27 40 59 70 96; do
	fresh
	"$flip" bit "$db" $((off * 8 + off % 8)) || fail "no flip"
	expect 22 as a verify
	err_has vault.db
done
fresh
"$flip" bit "$keys" $(($(wc -c <"$keys") * 4 + 1)) || fail "no flip"
expect 22 as a verify
err_has keys

# wrote TABLE WORD SQL: as a program does; the table and WORD are named
wrote() {
	fresh
	"$flip" sql "$db" "$3" || fail "$3"
	cmp -s "$db" "$T/good.db" && fail "changes nothing: $3"
	found "$3"
	err_has "$1"
	err_has "$2"
}
other="x'$(printf '5a%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 \
    17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)'"
change() { # COLUMN OFFSET: that byte of it another one
	echo "$1=CAST(substr($1,1,$2-1)||CASE substr($1,$2,1) WHEN x'5a'
	    THEN x'5b' ELSE x'5a' END||substr($1,$2+1) AS BLOB)"
}
wrote tnode f2 "UPDATE tnode SET name='f0' WHERE name=CAST('f2' AS BLOB)"
wrote tnode f3 "UPDATE tnode SET size=size+1 WHERE name=CAST('f3' AS BLOB)"
wrote tnode f4 "UPDATE tnode SET hash=$other
    WHERE name=CAST('f4' AS BLOB)"
wrote tnode f5 "DELETE FROM tnode WHERE name=CAST('f5' AS BLOB)"
wrote tnode dir "UPDATE tnode SET nvis=nvis+1 WHERE name=CAST('dir' AS BLOB)"
wrote top bus "UPDATE top SET flags=flags+1 WHERE dirmove=1"
wrote top f1 "UPDATE top SET wall=wall+1 WHERE o=(SELECT max(o) FROM top
    WHERE node=(SELECT n FROM tnode WHERE name=CAST('f1' AS BLOB)))"
wrote tedge conspicuous "DELETE FROM tedge WHERE p=(SELECT n FROM tnode
    WHERE CAST(name AS TEXT) LIKE 'conspicuous%')"
wrote tnode link "UPDATE tdevice SET id=$other WHERE d=1"
wrote base f6 "DELETE FROM base WHERE name=CAST('f6' AS BLOB)"
wrote base f7 "DELETE FROM base_more WHERE name=CAST('f7' AS BLOB)"
wrote base f8 "UPDATE base_more SET size=size+1
    WHERE name=CAST('f8' AS BLOB)"
wrote base f8 "UPDATE base_more SET hash=$other
    WHERE name=CAST('f8' AS BLOB)"
wrote base f8 "UPDATE base_more SET $(change nodes 8)
    WHERE name=CAST('f8' AS BLOB)"
wrote base f8 "UPDATE base_more SET $(change refs 20)
    WHERE name=CAST('f8' AS BLOB)"
wrote base bus "UPDATE base SET kind=1 WHERE name=CAST('bus' AS BLOB)"
wrote base_node node "UPDATE base_node SET id=99999
    WHERE node=(SELECT max(node) FROM base_node)"
wrote log certificate "UPDATE log SET device=zeroblob(32)"
wrote log certificate "UPDATE log SET incarnation=incarnation+1"
wrote log 'whose it is' "DELETE FROM log"
wrote seg 'segment 1' "UPDATE seg SET lamport=lamport+1 WHERE seq=1"
wrote seg 'segment 2' "UPDATE seg SET $(change prev 3) WHERE seq=2"
wrote seg segment "UPDATE seg SET tip=0"
wrote seg order "UPDATE seg SET ord=ord+1 WHERE ord=(SELECT max(ord)
    FROM seg)"
wrote seg segment "UPDATE seg SET blobs=1-blobs WHERE seq=1"
wrote seg missing "DELETE FROM segdata WHERE id=1"
for at in 1 2 3 20 60 120 'length(data)/2' 'length(data)-9'; do
	wrote seg 'segment 1' "UPDATE segdata SET $(change data "$at")
	    WHERE id=1"
done
wrote told head "UPDATE told SET hash=$other
    WHERE hash=(SELECT min(hash) FROM told)"
wrote ack acknowledged "UPDATE ack SET seq=seq+100"
wrote segwait waiting "INSERT INTO segwait VALUES(1,$other,$other,9)"
wrote chunk blob "UPDATE chunk SET $(change nonce 3)"
wrote chunk blob "INSERT INTO chunk_part VALUES($other,$other)"
wrote remote 'how far' "UPDATE remote SET mark0=zeroblob(65)"
wrote remote_has holds "UPDATE remote_has SET remote=77"
wrote tdirty directory "INSERT INTO tdirty VALUES(99999,1)"
wrote record record "UPDATE rec SET $(change data 40) WHERE id=2"

# any bit, anywhere: 22, or what the database says is what it said
fresh
"$flip" dump "$db" >"$T/said" || fail "dump"
size=$("$flip" size "$T/good.db")
flips=${VERIFY_FLIPS:-60}
awk -v n="$flips" -v max=$((size * 8)) 'BEGIN {
	srand(34)
	while (n-- > 0)
		printf "%d\n", rand() * max
}' >"$T/bits"
dead=0
while read -r bit; do
	fresh
	"$flip" bit "$db" "$bit" || fail "no flip"
	as a verify >"$T/out" 2>"$T/err" </dev/null
	code=$?
	[ $code -eq 22 ] && continue
	[ $code -eq 0 ] || fail "bit $bit: status $code"
	dead=$((dead + 1))
	"$flip" dump "$db" >"$T/says" 2>/dev/null &&
	    cmp -s "$T/said" "$T/says" || fail "bit $bit was not found"
done <"$T/bits"
[ $dead -lt $((flips / 2)) ] || fail "$dead of $flips bits in no page in use"

fresh
"$flip" sql "$db" "UPDATE log SET device=zeroblob(32)" || fail "sql"
expect 22 as a verify
out_empty
err_has "zk: log: log "
fresh
expect 0 as a verify
expect 0 as a push

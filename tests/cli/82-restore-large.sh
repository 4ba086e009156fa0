#!/bin/sh
# zk restore of content that lies on a relay: fetched whole before anything
# changes, also by a device that never had it; without the relay nothing is
# done; -o changes nothing in the vault.
. "${0%/*}/lib.sh"
many_runs
need jq

relay_start --plain
device_init a "$relay_url"
mkdir -p "$T/a/kestrel/sub"
head -c 3000000 /dev/urandom >"$T/a/kestrel/big"
head -c 200000 /dev/urandom >"$T/a/kestrel/mid"
cp "$T/a/kestrel/mid" "$T/a/kestrel/sub/same"
echo "kestrel inside" >"$T/a/kestrel/sub/small"
chmod 700 "$T/a/kestrel/sub"
expect 0 as a push
cp -a "$T/a" "$T/was"
sleep 1.1
head -c 2500000 "$T/was/kestrel/big" >"$T/a/kestrel/big"
echo tail >>"$T/a/kestrel/big"
expect 0 as a push
rm -r "$T/a/kestrel"
expect 0 as a push

# a device that joined after all was gone
device_pair a b
expect 0 as b pull
[ ! -e "$T/b/kestrel" ] || fail "it is there"
first=$(as b log --json --max 0 kestrel/big | jq -r 'select(.change ==
    "created").short')
old=$(as b log --json --max 0 kestrel/sub | jq -r 'select(.path ==
    "kestrel/sub/small" and .change == "created").short')

# without the relay: nothing at all, said once
relay_stop
cp -a "$T/b" "$T/was-b"
for what in kestrel kestrel/big "kestrel/mid@$old" "kestrel@$first"; do
	expect 5 as b restore --timeout 5s "$what"
	[ "$(grep -c . "$T/err")" = 1 ] || fail "said more than once"
	out_empty
	same_tree b was-b
done
expect 5 as b restore --timeout 5s -o "$T/new" kestrel/big
[ "$(echo "$T"/new*)" = "$T/new*" ] || fail "left something of -o"
expect 5 as b restore --timeout 5s -o - kestrel/big
out_empty
# what lies inside its op needs no remote
expect 0 as b restore -o - kestrel/sub/small
out_is "kestrel inside"

# with it, all of it, with modes and times; and a has nothing to fetch again
port=${relay_url#http://127.0.0.1:}
relay_start --plain --listen "127.0.0.1:${port%%/*}"
expect 0 as b restore kestrel
err_has "restored 6 entries (2.8 MiB)"
cmp -s "$T/b/kestrel/mid" "$T/was/kestrel/mid" || fail "mid"
[ "$(tail -n 1 "$T/b/kestrel/big" | tail -c 5)" = tail ] || fail "big"
ls -A "$T/b/.zk/tmp" | grep . && fail "left in staging"
expect 0 as b push
expect 0 as a pull
same_tree a b
rm -r "$T/b/kestrel"
expect 0 as b restore "kestrel@$first"
cmp -s "$T/b/kestrel/big" "$T/was/kestrel/big" || fail "big by its id"
[ ! -e "$T/b/kestrel/mid" ] || fail "mid came later"
expect 0 as a restore "kestrel@$old" -v
cmp -s "$T/a/kestrel/big" "$T/was/kestrel/big" || fail "big as of then"
out_has "changed    kestrel/big"
expect 0 as b push
expect 0 as a push

# -o: whole, in a new file or nothing, and the vault is as it was
tree_list "$T/b" >"$T/tree-before"
expect 0 as b restore -o "$T/new" "kestrel/big@$first"
cmp -s "$T/new" "$T/was/kestrel/big" || fail "-o"
expect 1 as b restore -o "$T/new" kestrel/mid
err_has "already exists"
cmp -s "$T/new" "$T/was/kestrel/big" || fail "-o replaced a file"
expect 0 as b restore -o - kestrel/mid
cmp -s "$T/out" "$T/was/kestrel/mid" || fail "-o -"
expect 2 as b restore -o "$T/dir" kestrel
err_has "'kestrel' was a directory"
[ ! -e "$T/dir" ] || fail "-o of a directory"
expect 2 as b restore --json -o - kestrel/mid
expect 1 as b restore -o "$T/no/such/dir" kestrel/mid
tree_list "$T/b" | cmp -s - "$T/tree-before" || fail "-o changed the vault"
expect 0 as b status --check --offline

# no name, and nothing of what is in a file, is seen by the relay
! grep -rqaF kestrel "$T/relay" || fail "the relay knows a name"

#!/bin/sh
# R38, I21: nothing that a person named or wrote is found in what a relay
# keeps, prints or is sent (plain HTTP, so that the wire shows what it sees);
# I22: stored sizes are padded; I17: a further sync moves nothing.
. "${0%/*}/lib.sh"
need jq

canary=Xq7CanaryZ
relay_start --plain
if [ "$(id -u)" -eq 0 ]; then
	need tcpdump
	: >"$T/tcpdump.err"
	port=${relay_url##*:}
	tcpdump -i lo -U -s 0 -w "$T/wire" tcp port "${port%%/*}" \
	    >/dev/null 2>"$T/tcpdump.err" &
	cap_pid=$!
	pids="$pids $cap_pid"
	n=0
	while ! grep -q listening "$T/tcpdump.err" && [ "$n" -lt 100 ]; do
		n=$((n + 1))
		sleep 0.05
	done
fi
device_init a "$relay_url"
mkdir "$T/a/$canary-dir"
echo "$canary content" >"$T/a/$canary-dir/$canary-name.txt"
i=0
while [ "$i" -lt 40000 ]; do
	echo "$canary line $i of a large file"
	i=$((i + 1))
done >"$T/a/large"
cp "$T/a/large" "$T/a/large-again"
head -c 5000000 /dev/urandom >"$T/a/random"
ln -s "$canary-target" "$T/a/link"
expect 0 as a push
device_pair a b
expect 0 as b pull
mv "$T/b/$canary-dir" "$T/b/$canary-moved"
expect 0 as b push
expect 0 as a pull
expect 0 as a sync
expect 0 as b sync
same_tree a b

# I17: after quiescence nothing moves
list() { (cd "$T/relay" && find . -type f ! -name '*-wal' ! -name '*-shm' \
	-printf '%p %s\n' | sort); }
expect 0 as a sync
expect 0 as b sync
before=$(list)
(cd "$T/a" && find . -printf '%p %T@ %C@\n' | grep -v '/\.zk' | sort) \
	>"$T/stat"
expect 0 as a sync --json
[ "$(json .files)" = 0 ] || fail "a further sync moved files"
expect 0 as b sync --json
[ "$(json .files)" = 0 ] || fail "a further sync moved files"
[ "$(list)" = "$before" ] || fail "a further sync wrote to the relay"
(cd "$T/a" && find . -printf '%p %T@ %C@\n' | grep -v '/\.zk' | sort) |
    cmp -s - "$T/stat" || fail "a further sync touched the folder"

relay_stop
if [ -n "${cap_pid:-}" ]; then
	sleep 0.5
	kill "$cap_pid"
	wait "$cap_pid"
	[ -s "$T/wire" ] && grep -qaF /v1/ "$T/wire" || fail "nothing captured"
else
	echo "# not root: the wire is not looked at"
	: >"$T/wire"
fi
for word in "$canary" large-again from-a "name.txt"; do
	if grep -rqaF -e "$word" "$T/relay" "$T/relay.log" "$T/wire"; then
		fail "'$word' is at the relay: $(grep -rlaF -e "$word" \
		    "$T/relay" "$T/relay.log" "$T/wire")"
	fi
done
# nor base64, hex or hashes of the content without a key
sum=$(b2sum -l 256 "$T/a/large" | cut -c 1-64)
sha=$(sha256sum "$T/a/large" | cut -c 1-64)
for hex in "$sum" "$sha" "$(printf %s "$canary" | od -An -tx1 | tr -d ' ')"; do
	! grep -rqaiF -e "$hex" "$T/relay" "$T/wire" || fail "a plain hash is there"
	raw=$(printf %s "$hex" | sed 's/../\\x&/g')
	! LC_ALL=C grep -rqaP -e "$raw" "$T/relay" || fail "raw hash is there"
done

# I22: bodies that lie in files of their own have Padme sizes
find "$T/relay" -type f -size +64k ! -name '*.db*' -printf '%s\n' |
    awk 'function log2(v, n) { while (v > 1) { v = int(v / 2); n++ } return n }
	{ step = 2 ^ (log2($1) - log2(log2($1)) - 1); seen++ }
	$1 % step != 0 { print "size " $1; bad = 1 }
	END { if (!seen) print "no bodies in files"; exit bad || !seen }' \
	>"$T/sizes" || fail "$(cat "$T/sizes")"

#!/bin/sh
# R38, I21: nothing that a person named or wrote is found in what a relay
# keeps, prints or is sent (plain HTTP, so that the wire shows what it sees,
# with every request line that a proxy's access log would have): names of
# devices, vaults and files, paths, contents, times, in bytes, hex, base64 or
# as plain hashes; I22: stored sizes are padded; I17: a further sync moves
# nothing.
. "${0%/*}/lib.sh"
need jq

canary=Xq7CanaryZ
laptop=Xq7Laptop
desk=Xq7Desk
secs=1234567890
nano=987654321
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
device_init "$laptop" "$relay_url"
mkdir "$T/$laptop/$canary-dir"
echo "$canary content" >"$T/$laptop/$canary-dir/$canary-name.txt"
i=0
while [ "$i" -lt 40000 ]; do
	echo "$canary line $i of a large file"
	i=$((i + 1))
done >"$T/$laptop/large"
cp "$T/$laptop/large" "$T/$laptop/large-again"
head -c 5000000 /dev/urandom >"$T/$laptop/random-data"
ln -s "$canary-target" "$T/$laptop/link"
touch -d "@$secs.$nano" "$T/$laptop/$canary-dir/$canary-name.txt" \
    "$T/$laptop/large"
expect 0 as "$laptop" push
device_pair "$laptop" "$desk"
expect 0 as "$desk" pull
mv "$T/$desk/$canary-dir" "$T/$desk/$canary-moved"
expect 0 as "$desk" push
expect 0 as "$laptop" pull
expect 0 as "$laptop" sync
expect 0 as "$desk" sync
same_tree "$laptop" "$desk"

# I17: after quiescence nothing moves
list() { (cd "$T/relay" && find . -type f ! -name '*-wal' ! -name '*-shm' \
	-printf '%p %s\n' | sort); }
expect 0 as "$laptop" sync
expect 0 as "$desk" sync
before=$(list)
(cd "$T/$laptop" && find . -printf '%p %T@ %C@\n' | grep -v '/\.zk' | sort) \
	>"$T/stat"
expect 0 as "$laptop" sync --json
[ "$(json .files)" = 0 ] || fail "a further sync moved files"
expect 0 as "$desk" sync --json
[ "$(json .files)" = 0 ] || fail "a further sync moved files"
[ "$(list)" = "$before" ] || fail "a further sync wrote to the relay"
(cd "$T/$laptop" && find . -printf '%p %T@ %C@\n' | grep -v '/\.zk' | sort) |
    cmp -s - "$T/stat" || fail "a further sync touched the folder"

relay_stop
if [ -n "${cap_pid:-}" ]; then
	sleep 0.5
	kill "$cap_pid"
	wait "$cap_pid"
	[ -s "$T/wire" ] && grep -qaF /v1/ "$T/wire" || fail "nothing captured"
	echo "ok canary-wire"
else
	echo "skip canary-wire # not root: the wire is not looked at"
	: >"$T/wire"
fi

# Needles and haystacks are hexadecimal, so that any byte can be looked for.
hex() { od -An -v -tx1 | tr -d ' \n'; }
# needles as bytes, as hex of both cases, and as base64 of either alphabet, of
# the whole groups of three bytes in them, wherever the first begins
forms() {
	awk '
	function text(s, i, o) {
		for (i = 1; i <= length(s); i++)
			o = o ord[substr(s, i, 1)]
		return o
	}
	function b64(h, i, k, v, o) {
		for (i = 1; i + 5 <= length(h); i += 6) {
			for (v = k = 0; k < 6; k++)
				v = v * 16 + index("0123456789abcdef",
				    substr(h, i + k, 1)) - 1
			for (k = 262144; k >= 1; k /= 64)
				o = o substr(digits, int(v / k) % 64 + 1, 1)
		}
		return o
	}
	BEGIN {
		for (i = 1; i < 127; i++)
			ord[sprintf("%c", i)] = sprintf("%02x", i)
		digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
		    "abcdefghijklmnopqrstuvwxyz0123456789+/"
	}
	{
		print
		print text($0)
		print text(toupper($0))
		for (first = 1; first <= 5; first += 2) {
			o = b64(substr($0, first))
			if (length(o) < 8)
				continue
			print text(o)
			gsub("[+]", "-", o)
			gsub("/", "_", o)
			print text(o)
		}
	}'
}
# the hashes of FILE that need no key
sums() {
	b2sum -l 256 "$1" | cut -c 1-64
	b2sum "$1" | cut -c 1-128
	sha256sum "$1" | cut -c 1-64
}
word() {
	printf %s "$1" >"$T/word"
	hex <"$T/word"
	echo
	sums "$T/word"
}
# a number as 8 bytes in both orders, as a varint, as digits
number() {
	be=$(printf '%016x' "$1")
	echo "$be"
	echo "$be" | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/'
	for v in "$1" "$(($1 * 2))"; do
		while [ "$v" -gt 127 ]; do
			printf %02x "$((v % 128 + 128))"
			v=$((v / 128))
		done
		printf '%02x\n' "$v"
	done
	printf %s "$1" | hex
	echo
}
dir=$T/$laptop
{
	for w in "$canary" "$laptop" "$desk" "$dir" "$T/$desk" \
	    "$canary-name.txt" "name.txt" "$canary-moved" "$canary-dir" \
	    "$canary-dir/$canary-name.txt" "$canary-moved/$canary-name.txt" \
	    large-again random-data "$canary-target" "$canary content"; do
		word "$w"
	done
	for f in "$dir/large" "$dir/random-data" \
	    "$dir/$canary-moved/$canary-name.txt"; do
		sums "$f"
		head -c 64 "$f" | hex
		echo
		tail -c 64 "$f" | hex
		echo
	done
	number "$secs"
	number "${secs}987"
	number "${secs}987654"
	number "$secs$nano"
} >"$T/plain"
forms <"$T/plain" | sort -u >"$T/needles"
# nothing so short that chance would find it
! grep -qE '^.{0,9}$' "$T/needles" || fail "a needle is too short"
[ "$(wc -l <"$T/needles")" -gt 300 ] || fail "where are the needles?"
# found FILE...: which needles are in them
found() {
	for f in "$@"; do
		hex <"$f"
		echo
	done >"$T/hay"
	grep -oFf "$T/needles" "$T/hay" | sort -u
}
# the search finds what is there: names, contents, a time, a hash
for sample in "$laptop" "$(echo "x$canary-dir" | base64)" \
    "$(printf %s "$laptop" | sha256sum)" "m=$secs"; do
	echo "some bytes $sample and more" >"$T/sample"
	[ -n "$(found "$T/sample")" ] ||
	    fail "the search is blind to '$sample'"
done
# what the file system tells of the relay's files belongs to them
(cd "$T/relay" && find . -printf '%p %l %T@\n') >"$T/listing"
# shellcheck disable=SC2046 # names of the relay's files have no blanks
set -- $(find "$T/relay" -type f) "$T/listing" "$T/relay.log" \
    "$T/relay.url" "$T/wire"
if [ -n "$(found "$@")" ]; then
	for f in "$@"; do
		found "$f" | sed "s|^|# ${f#"$T/"}: |"
	done
	fail "plaintext is at the relay"
fi
echo "ok canary"

# I22: bodies that lie in files of their own have Padme sizes
find "$T/relay" -type f -size +64k ! -name '*.db*' -printf '%s\n' |
    awk 'function log2(v, n) { while (v > 1) { v = int(v / 2); n++ } return n }
	{ step = 2 ^ (log2($1) - log2(log2($1)) - 1); seen++ }
	$1 % step != 0 { print "size " $1; bad = 1 }
	END { if (!seen) print "no bodies in files"; exit bad || !seen }' \
	>"$T/sizes" || fail "$(cat "$T/sizes")"

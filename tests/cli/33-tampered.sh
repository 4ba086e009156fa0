#!/bin/sh
# A carrier that lies about what it keeps (R01 to R05): the lie is named,
# what depends on it is left out, all else is applied, the status is 22, and
# after the repair the same command succeeds.
. "${0%/*}/lib.sh"

store=$T/store
mkdir "$store"
device_init a "file://$store"
head -c 6000000 /dev/urandom >"$T/a/one"
head -c 6000000 /dev/urandom >"$T/a/two"
echo small >"$T/a/small"
expect 0 as a push
device_pair a b
cp -a "$store" "$T/good"
repair() { rm -rf "$store"; cp -a "$T/good" "$store"; }
flip() { # FILE OFFSET
	byte=$(dd if="$1" bs=1 skip="$2" count=1 2>/dev/null | od -An -tu1)
	printf "\\$(printf %o $(((byte + 1) % 256)))" |
	    dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
blobs() { find "$store" -path '*blob*' -type f | sort; }
segs() { find "$store" -path '*/seg/*' -type f | sort; }

# R01: one bit in one chunk
flip "$(blobs | head -1)" 1000
expect 22 as b pull
[ "$(cat "$T/b/small")" = small ] || fail "R01: the rest was not applied"
[ "$(find "$T/b" -maxdepth 1 -type f | wc -l)" -eq 2 ] ||
    fail "R01: one of two files should be there"
repair
expect 0 as b pull
same_tree a b
expect 0 as b verify

repair_from() { rm -rf "$T/good"; cp -a "$store" "$T/good"; }

repair_from() { rm -rf "$T/good"; cp -a "$store" "$T/good"; }

# R03: two chunks of equal size change places
blobs >"$T/had"
n=0
pair=
while [ -z "$pair" ] && [ $n -lt 8 ]; do
	n=$((n + 1))
	head -c 8000000 /dev/urandom >"$T/a/more$n"
	expect 0 as a push
	pair=$(blobs | comm -13 "$T/had" - | xargs stat -c '%s %n' | sort -n |
	    awk '$1 == size { print last; print $2; exit }
		{ size = $1; last = $2 }')
done
[ -n "$pair" ] || fail "R03: no two chunks of one size"
repair_from
x=$(echo "$pair" | head -1); y=$(echo "$pair" | tail -1)
mv "$x" "$T/x"; mv "$y" "$x"; mv "$T/x" "$y"
expect 22 as b pull
for f in "$T"/b/more*; do
	[ ! -e "$f" ] || cmp -s "$T/a/${f##*/}" "$f" ||
	    fail "R03: wrong bytes are visible"
done
repair
expect 0 as b pull
same_tree a b

# R02: one bit in an op: what is before it is applied, nothing after
echo first >"$T/a/first"; expect 0 as a push
echo second >"$T/a/second"; expect 0 as a push
echo third >"$T/a/third"; expect 0 as a push
repair_from
last=$(segs | tail -2 | head -1)
flip "$last" 300
expect 22 as b pull
err_has segment
[ -f "$T/b/first" ] || fail "R02: what is before was not applied"
[ ! -f "$T/b/second" ] && [ ! -f "$T/b/third" ] || fail "R02: applied"
repair
expect 0 as b pull
[ -f "$T/b/third" ] || fail "R02: not healed"

# R04: keys of two files: a segment with the body of another
echo fourth >"$T/a/fourth"; expect 0 as a push
echo fifth >"$T/a/fifth!"; expect 0 as a push
repair_from
s=$(segs | tail -1); q=$(segs | tail -2 | head -1)
cp "$s" "$T/s"; cp "$q" "$s"
expect 22 as b pull
repair
expect 0 as b pull
same_tree a b

# R05: the older version under the name of the newer one
head -c 5000000 /dev/urandom >"$T/a/five"; expect 0 as a push
expect 0 as b pull
blobs >"$T/old"
head -c 5000000 /dev/urandom >"$T/a/five"; expect 0 as a push
repair_from
new=$(blobs | comm -13 "$T/old" - | head -1)
cp "$(head -1 "$T/old")" "$new"
sum=$(cksum <"$T/b/five")
expect 22 as b pull
[ "$sum" = "$(cksum <"$T/b/five")" ] || fail "R05: wrong bytes were visible"
repair
expect 0 as b pull
same_tree a b

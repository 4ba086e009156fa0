#!/bin/sh
# A tree of 5,000 files and 50 symlinks there and back; a renamed directory
# of 1,000 files is one small segment; a byte in a large file is few chunks
# (R39).
. "${0%/*}/lib.sh"
many_runs
need awk

make_tree() {
	awk -v root="$1" 'BEGIN {
		srand(7)
		for (d = 0; d < 50; d++) {
			dir = root "/d" d % 7 "/e" d
			system("mkdir -p \"" dir "\"")
			for (f = 0; f < 100; f++) {
				name = dir "/f" f
				if (f % 25 == 0) name = dir "/with space " f
				n = int(rand() * rand() * 120)
				for (i = 0; i <= n; i++)
					print d, f, i, rand() > name
				close(name)
			}
		}
	}'
	i=0
	while [ $i -lt 50 ]; do
		ln -s "../d$((i % 7))/e$i/f$i" "$1/d0/link$i"
		i=$((i + 1))
	done
	mkdir "$1/empty" "$1/closed"
	chmod 750 "$1/closed"
	find "$1" -name 'f1*' -exec chmod 640 {} +
	find "$1" -name 'f2*' -exec touch -d '2001-02-03 04:05:06.789' {} +
}

relay_start --plain
mkdir "$T/a"
make_tree "$T/a"
device_init a "$relay_url"
expect 0 as a push
device_pair a b
expect 0 as b pull
same_tree a b
expect 0 as b push
expect 0 as a pull
same_tree a b

# a directory of many files is renamed: one op, no content
mkdir "$T/a/many"
i=0
while [ $i -lt 1000 ]; do echo "$i" >"$T/a/many/$i"; i=$((i + 1)); done
expect 0 as a push
expect 0 as b pull
size() { find "$T/relay" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }'; }
mv "$T/a/many" "$T/a/renamed"
expect 0 as a push --json
grep -q '"files":0,"bytes":0,.*"directories":1,' "$T/out" || fail "a rename is more than that:" \
    "$(cat "$T/out")"
expect 0 as b pull
same_tree a b

# R39: a byte in a large file
head -c 20000000 /dev/urandom >"$T/a/large"
expect 0 as a push
expect 0 as b pull
find "$T/relay" -type f -size +64k | sort >"$T/before"
{ head -c 9000000 "$T/a/large"; printf x; tail -c +9000001 "$T/a/large"; } \
    >"$T/large" && mv "$T/large" "$T/a/large"
expect 0 as a push
find "$T/relay" -type f -size +64k | sort >"$T/after"
n=$(comm -13 "$T/before" "$T/after" | wc -l)
[ "$n" -le 3 ] || fail "R39: $n new objects for one byte"
expect 0 as b pull
same_tree a b
expect 0 as b verify

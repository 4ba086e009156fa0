#!/bin/sh
# A sync is a pull and a push: what both of them meet is said and counted
# once.
. "${0%/*}/lib.sh"
need mkfifo

# said N TEXT: stderr has it so often
said() {
	lib_got=$(grep -cF -e "$2" "$T/err")
	[ "$lib_got" -eq "$1" ] || fail "'$2' $lib_got times, not $1"
}

device_init a "file://$T/far"
mkdir "$T/a/d"
i=0
while [ "$i" -lt 300 ]; do
	echo "$i" >"$T/a/d/$i"
	i=$((i + 1))
done
expect 0 as a sync
mkfifo "$T/a/pipe"
expect 3 as a sync
said 1 "skipped 'pipe'"
err_has ", 1 skipped"
mkfifo "$T/a/pipe2"
expect 3 as a sync --json
[ "$(grep -c '"pipe"' "$T/out")" -le 1 ] || fail "told twice in JSON"
expect 3 as a sync -n
said 1 "skipped 'pipe'"
said 1 "skipped 'pipe2'"
expect 3 as a push
said 1 "skipped 'pipe'"
expect 3 as a pull
said 1 "skipped 'pipe'"
rm -f "$T"/a/pipe*
rm -r "$T/a/d"
expect 20 as a sync
said 1 "entries are gone from this folder"
expect 20 as a sync -n
said 1 "entries are gone from this folder"
expect 0 as a sync --max-delete 301

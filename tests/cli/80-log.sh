#!/bin/sh
# zk log: who did what, the newest first; a path through its names, when it
# is gone, and below a directory; the trash.
. "${0%/*}/lib.sh"
many_runs
need jq

relay_start --plain
# changes FILTER: what of each line of $T/out jq says
changes() { jq -r "select(.type == \"log\") | $1" "$T/out"; }
is() { [ "$(changes "$1")" = "$2" ] || fail "$1: $(changes "$1")"; }
words='"\(.change) \(.name) \(.from // "")\(if .from then " " else "" end)\(.path)"'

device_init a "$relay_url"
expect 0 as a log
out_empty
mkdir -p "$T/a/d/e"
echo one >"$T/a/d/f"
echo two >"$T/a/g"
expect 0 as a push
echo more >>"$T/a/g"
mv "$T/a/d/f" "$T/a/d/h"
expect 0 as a push
device_pair a b
expect 0 as b pull
chmod 600 "$T/b/g"
expect 0 as b push
expect 0 as a pull
mv "$T/a/d" "$T/a/dd"
expect 0 as a push
rm "$T/a/g"
expect 0 as a push
echo new >"$T/a/g"
expect 0 as a push
expect 0 as b pull

# both devices say the same, newest first
expect 0 as a log --json
json_ok "$T/out"
cp "$T/out" "$T/of-a"
is "$words" "created a g
removed a g
moved a d dd
mode b g
moved a dd/f dd/h
edited a g
created a dd/f
created a dd/e
created a g
created a d"
is '.bytes // "-"' "$(printf '4\n-\n-\n-\n-\n9\n4\n-\n4\n-')"
is '.kind' "$(printf '%s\n' file file directory file file file file \
    directory file directory)"
[ "$(changes 'select(.change == "mode") | .mode')" = 0600 ] || fail "mode"
[ "$(changes .id | awk 'length != 64' | wc -l)" = 0 ] || fail "ids"
now=$(date +%s)
changes .time | while read -r ms; do
	[ $((ms / 1000)) -le "$now" ] && [ $((now - ms / 1000)) -lt 300 ] ||
	    fail "time $ms"
done || exit 1
expect 0 as b log --json
grep -v '"type":"summary"' "$T/of-a" >"$T/1"
grep -v '"type":"summary"' "$T/out" >"$T/2"
cmp -s "$T/1" "$T/2" || fail "devices tell different histories"

# for people: a line each, with local time
expect 0 env TZ=UTC-5 XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" log
err_empty
[ "$(wc -l <"$T/out")" = 10 ] || fail "lines: $(cat "$T/out")"
ms=$(sed -n 1p "$T/of-a" | jq .time)
at=$(TZ=UTC-5 date -d "@$((ms / 1000))" '+%Y-%m-%d %H:%M:%S')
id=$(sed -n 1p "$T/of-a" | jq -r .short)
[ "$(head -n 1 "$T/out" | tr -s ' ')" = "$id $at a created 4 B g" ] ||
    fail "line: $(head -n 1 "$T/out")"
out_has "d/ -> dd/"
out_has "mode 600"

# a path through its names; of one that came again, all of its lives
expect 0 as a log --json g
is "$words" "created a g
removed a g
mode b g
edited a g
created a g"
expect 0 as a log --json dd/h
is "$words" "moved a dd/f dd/h
created a dd/f"
# by names of then: what moved away, for the time it was there
expect 0 as a log --json dd/f
is "$words" "moved a dd/f dd/h
created a dd/f"
expect 0 as a log --json d
is "$words" "moved a d dd
moved a dd/f dd/h
created a dd/f
created a dd/e
created a d"
rm -r "$T/a/dd"
expect 0 as a push
expect 0 as a log --json dd/h
is '.change' "$(printf 'removed\nmoved\ncreated')"
expect 0 as a log --json dd/e
is '.change' "$(printf 'removed\ncreated')"

# no more than asked for, and it says so
expect 0 as a log --max 2
[ "$(wc -l <"$T/out")" = 2 ] || fail "--max"
err_has "the newest 2 changes"
expect 0 as a log --max 2 --json
[ "$(jq -r 'select(.type == "more") | .shown' "$T/out")" = 2 ] || fail "more"
expect 0 as a log --max 0
[ "$(wc -l <"$T/out")" = 13 ] || fail "--max 0"
err_empty
i=0
while [ $i -lt 101 ]; do
	echo $i >"$T/a/n$i"
	i=$((i + 1))
done
expect 0 as a push
expect 0 as a log
[ "$(wc -l <"$T/out")" = 100 ] || fail "default of --max"
err_has "the newest 100 changes"

# names that a terminal could act on, and those that are no text
nl=$(printf 'x\ny')
bad=$(printf 'bad\377')
echo 1 >"$T/a/$nl"
echo 2 >"$T/a/$bad"
expect 0 as a push
expect 0 as a log "$nl"
[ "$(wc -l <"$T/out")" = 1 ] || fail "a name with a newline"
out_has 'x\x0ay'
expect 0 as a log --json "$bad"
[ "$(changes .path_b64 | base64 -d)" = "$bad" ] || fail "invalid UTF-8"

# a conflict: the copy's edit and its removal
printf 'a\0' >"$T/a/g"
expect 0 as a push
printf 'b\0' >"$T/b/g"
expect 0 as b push
expect 4 as b pull
rm "$T"/b/g.conflict-*
expect 0 as b push
expect 0 as b log --json g
[ "$(changes .change | head -n 1)" = dropped ] || fail "dropped copy"
[ "$(changes .change | grep -c edited)" = 3 ] || fail "both edits"

# the trash of what was applied, here alone
expect 0 as a pull
expect 0 as b log --json --trash
[ "$(jq -r 'select(.type == "trash" and .path == "dd/h") | .file' \
    "$T/out")" = ".zk/trash/$(date +%F)/dd/h" ] || fail "trash of b"
expect 0 as b log --trash
out_has ".zk/trash/$(date +%F)/dd/h"
expect 2 as a log --trash g
err_has "it takes no PATH"

# errors
expect 2 as a log nix
err_has "nothing was ever recorded at 'nix'"
expect 2 as a log ../x
err_has "does not lie in the vault"
expect 2 as a log --max 1x
err_has "'1x' is no number of changes"
expect 2 as a log a b

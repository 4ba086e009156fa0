#!/bin/sh
# What goes to stdout and stderr, in every form: quiet, JSON, for people;
# stdout that cannot be written.
. "${0%/*}/lib.sh"
need jq

device_init a "file://$T/far"
echo one >"$T/a/one.txt"

# people: results on stdout, the summary on stderr
expect 0 as a push
out_empty
err_has "zk: pushed 1 file (4 B) to 1 of 1 remote, 0 conflicts"
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "more than a summary"

# quiet: nothing at all
echo two >"$T/a/two.txt"
expect 0 as a -q push
out_empty
err_empty
expect 0 as a --quiet pull
out_empty
err_empty
expect 0 as a -q status
out_empty
err_empty
ZK_QUIET=1 expect 0 as a sync
out_empty
err_empty

# -v beats ZK_QUIET, since an option beats a variable
echo three >"$T/a/three.txt"
ZK_QUIET=1 expect 0 as a -v push
out_has "> new        three.txt"
err_has "zk: pushed 1 file"

# JSON: lines of objects, the summary last, nothing on stderr
echo four >"$T/a/four.txt"
expect 0 as a push --json -v
json_ok "$T/out"
err_empty
[ "$(json .type)" = summary ] || fail "the last line is no summary"
[ "$(json '[.command, .status, .files, .bytes, .conflicts, .deleted] |
    join(",")')" = "push,0,1,5,0,0" ] || fail "summary: $(cat "$T/out")"
[ "$(json '.remotes[0] | [.url, .ok, .behind] | map(tostring) |
    join(",")')" = "file://$T/far,true,0" ] || fail "remotes"
json '.ms' | grep -Eq '^[0-9]+$' || fail "ms"
[ "$(jq -r 'select(.type == "change") | .path' "$T/out")" = four.txt ] ||
    fail "no change line"
ZK_JSON=1 expect 0 as a status
json_ok "$T/out"
jq -e -s 'any(.type == "device" and .self)' "$T/out" >/dev/null ||
    fail "status has no line of this device"
jq -e -s 'any(.type == "remote")' "$T/out" >/dev/null ||
    fail "status has no line of the remote"

# errors: stdout stays empty without --json, stderr is JSON with it
mv "$T/far" "$T/away"
: >"$T/far"
expect 5 as a pull || expect 1 as a pull
out_empty
as a pull --json >"$T/out" 2>"$T/err"
json_ok "$T/out"
json_ok "$T/err"
[ "$(json .status)" = "$(tail -n 1 "$T/err" | jq -r .status)" ] ||
    fail "statuses differ"
rm "$T/far"
mv "$T/away" "$T/far"

# a result that stdout did not take is no success
expect 0 as a device
as a device >/dev/full 2>"$T/err" && fail "device to a full disk: 0"
err_has "cannot write to standard output"
as a device --json >/dev/full 2>"$T/err" && fail "json to a full disk: 0"
json_ok "$T/err"
# closed descriptors: never a file of the vault in their place
(as a status --offline >&- 2>&- <&-) && fail "status with stdout closed: 0"
expect 0 as a device

# URLs in output carry no credentials
expect 0 as a remote
out_has "file://$T/far"

# a pull lists what it applied when asked to
device_pair a b
expect 0 as b pull -n
out_has "< new        one.txt"
[ ! -e "$T/b/one.txt" ] || fail "a dry run wrote"
err_has "nothing was done"
expect 0 as b pull -v
out_has "< new        one.txt"
same_tree a b
expect 0 as b pull -v
out_empty

# files are files and symlinks; directories are named where nothing else went
summary() {
	json '[.files, .directories, .bytes, .deleted] | map(tostring) |
	    join(",")'
}
mkdir -p "$T/a/x/y"
expect 0 as a push
err_has "zk: pushed 2 directories to 1 of 1 remote, 0 conflicts"
expect 0 as b pull
err_has "zk: pulled 2 directories from 1 of 1 remote, 0 conflicts"
mkdir "$T/a/z"
echo in >"$T/a/z/file"
ln -s file "$T/a/z/link"
expect 0 as a push
err_has "zk: pushed 2 files (7 B) to 1 of 1 remote, 0 conflicts"
expect 0 as b pull --json
[ "$(summary)" = 2,1,7,0 ] || fail "a pull of a directory: $(summary)"
# moved, edited and touched is one file; closed to others, one directory
mv "$T/a/z/file" "$T/a/x/moved"
echo more >>"$T/a/x/moved"
chmod 700 "$T/a/z"
mv "$T/a/z" "$T/a/x/z"
expect 0 as a push --json
[ "$(summary)" = 1,1,8,0 ] || fail "a push of moves: $(summary)"
expect 0 as b pull --json
[ "$(summary)" = 1,1,8,0 ] || fail "a pull of moves: $(summary)"
rm -r "$T/a/x/z"
expect 0 as a push
err_has "zk: pushed 0 files (0 B) to 1 of 1 remote, 0 conflicts, 2 deleted"
expect 0 as b pull
err_has "zk: pulled 0 files (0 B) from 1 of 1 remote, 0 conflicts, 2 deleted"

# what a pull recorded counts in the push that sends it, in the same way
mkdir "$T/a/late"
mv "$T/a/x" "$T/a/late/x"
echo again >>"$T/a/late/x/moved"
chmod 600 "$T/a/late/x/moved"
expect 0 as a pull --json
[ "$(summary)" = 0,0,0,0 ] || fail "a pull of nothing: $(summary)"
expect 0 as a push --json
[ "$(summary)" = 1,2,14,0 ] || fail "a push of what a pull recorded:" \
    "$(summary)"
expect 0 as b pull --json
[ "$(summary)" = 1,2,14,0 ] || fail "a pull of it: $(summary)"

# a sync counts both directions
echo five >"$T/a/five.txt"
expect 0 as a -q push
echo six >"$T/b/six.txt"
expect 0 as b sync
err_has "synced 2 files (9 B) with 1 of 1 remote"

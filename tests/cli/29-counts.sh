#!/bin/sh
# A summary counts files, each once, also where a new remote gets what was
# recorded in many steps.
. "${0%/*}/lib.sh"
need jq

device_init a "file://$T/far"
for text in one two three; do
	echo "$text" >"$T/a/f"
	expect 0 as a push
	err_has "pushed 1 file ("
done
touch -d @1000000000 "$T/a/f"
expect 0 as a push
mv "$T/a/f" "$T/a/g"
expect 0 as a push
mkdir "$T/a/dir"
mv "$T/a/g" "$T/a/dir/h"
expect 0 as a push
ln -s h "$T/a/dir/link"
expect 0 as a push
expect 0 as a remote rm "file://$T/far"
expect 0 as a remote add "file://$T/new"
expect 0 as a push
err_has "pushed 2 files ("
expect 0 as a remote rm "file://$T/new"
expect 0 as a remote add "file://$T/newer"
expect 0 as a push --json
[ "$(json .files)" = 2 ] || fail "$(json .files) files, not 2"
[ "$(json .directories)" = 1 ] || fail "$(json .directories) directories"
expect 0 as a push --json
[ "$(json .files)" = 0 ] || fail "what was sent counts again"

#!/bin/sh
# A relay that is away: said once a run and a remote, by sync too, which asks
# in two halves; 5 if no remote is there, else what can be done is done.
. "${0%/*}/lib.sh"
need jq

relay_start
device_init a "$relay_url" "file://$T/far"
device_init b "$relay_url"
relay_stop

# errors URL: how many errors of the last run name that remote; "none": no one
errors() { jq -r '.remote // "none"' "$T/err" | grep -cFx -e "$1"; }

# the other remote is there: one line and a summary, and the file is pushed
echo 1 >"$T/a/1"
expect 0 as a sync
err_has "zk: synced 1 file (2 B) with 1 of 2 remotes"
[ "$(wc -l <"$T/err")" -eq 2 ] || fail "a sync says more than it should"
expect 0 as a sync --json
json_ok "$T/err"
[ "$(errors "$relay_url")" -eq 1 ] || fail "not one error of the relay"
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "more than one error"
[ "$(json '.remotes | map("\(.ok) \(.behind > 0)") | join(",")')" = \
    "false true,true false" ] || fail "remotes: $(cat "$T/out")"

# none is: each is named once, and that none could be used
mv "$T/far" "$T/away"
expect 5 as a sync --json
json_ok "$T/err"
[ "$(errors "$relay_url")" -eq 1 ] || fail "not one error of the relay"
[ "$(errors "file://$T/far")" -eq 1 ] || fail "not one error of the folder"
[ "$(errors none)" -eq 1 ] || fail "not one error of the run"
[ "$(wc -l <"$T/err")" -eq 3 ] || fail "more errors than remotes"

# of the only one there is nothing to add
for command in push pull sync; do
	expect 5 as b "$command"
	out_empty
	err_has "network error"
	[ "$(wc -l <"$T/err")" -eq 1 ] || fail "$command says it again"
	expect 5 as b "$command" --json
	[ "$(errors "$relay_url")" -eq 1 ] || fail "not one error: $command"
	[ "$(wc -l <"$T/err")" -eq 1 ] || fail "$command says it again"
done

# what could not be sent goes out when the relay is there again
mv "$T/away" "$T/far"
port=${relay_url#https://127.0.0.1:}
relay_start --listen "127.0.0.1:${port%%/*}"
expect 0 as a sync --json
[ "$(json '.remotes | map("\(.ok) \(.behind)") | join(",")')" = \
    "true 0,true 0" ] || fail "remotes: $(cat "$T/out")"

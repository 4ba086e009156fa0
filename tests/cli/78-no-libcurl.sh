#!/bin/sh
# A machine without libcurl: what asks no relay works, what does says which
# library is missing, and nothing is lost.
. "${0%/*}/lib.sh"

relay_start --plain
device_init a "$relay_url"
echo one >"$T/a/one"
expect 0 as a push
preload nocurl
echo two >"$T/a/two"
expect 0 as a status --offline
expect 1 as a push
err_has libcurl4
expect 1 as a pull
err_has "$relay_url"
expect 6 as a status --check --offline
expect 0 "$ZK" init "$T/b" --remote "file://$T/store" --name b
echo three >"$T/b/three"
expect 0 "$ZK" -C "$T/b" push
unset LD_PRELOAD
expect 0 as a push
expect 0 as a status --check

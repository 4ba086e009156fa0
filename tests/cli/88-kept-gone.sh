#!/bin/sh
# What had to be left in a place that others use stands for nothing: when it
# goes with the directory that it is in, that is recorded as ever.
. "${0%/*}/lib.sh"

device_init a "file://$T/remote"
mkdir "$T/a/d"
echo 1 >"$T/a/d/f"
expect 0 as a push
device_pair a b
expect 0 as b pull
mkfifo "$T/b/d/x"
echo x >"$T/a/d/x"
expect 0 as a push
expect 3 as b pull
rm -r "$T/b/d"
expect 0 as b push
err_has "3 deleted"
expect 0 as b status --check
expect 0 as a pull
[ ! -e "$T/a/d" ] || fail "d is still there"

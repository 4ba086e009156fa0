#!/bin/sh
# Disks that are full: the folder of one who pulls, the state of one who
# pushes, the data of a relay.  Each ends with its status, nothing is half
# there, and the same command ends with 0 once there is space.
if [ "${FULL_DISK_NS:-}" != 1 ]; then
	unshare -m true 2>/dev/null || {
		echo "skip: needs root, for mounts of its own"
		exit 77
	}
	FULL_DISK_NS=1 exec unshare -m --propagation private sh "$0"
fi
. "${0%/*}/lib.sh"
need mount jq df

# small NAME KIB: $T/NAME is a disk of its own of so many KiB
small() {
	mkdir -p "$T/$1"
	mount -t tmpfs -o "size=${2}k" zk-full "$T/$1" ||
	    skip "cannot mount a tmpfs"
	disks="${disks:-} $T/$1"
}
free_disks() {
	lib_cleanup_pids
	for d in ${disks:-}; do
		umount -l "$d"
	done
	lib_cleanup
}
lib_cleanup_pids() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	pids=
}
trap free_disks EXIT
# fill DIR KIB: its disk has so many KiB left
fill() {
	head -c "$((($(df -k --output=avail "$1" | tail -n 1) - $2) * 1024))" \
	    /dev/zero >"$1/fill" 2>/dev/null
}
code_is() { [ "$(jq -r .code "$T/err" | head -n 1)" = "$1" ] ||
    fail "code is not $1: $(cat "$T/err")"; }

relay_start --plain
device_init a "$relay_url"
mkdir "$T/a/dir"
echo small >"$T/a/dir/small"
expect 0 as a push

# the folder of one who pulls
small b 4096
device_pair a b
expect 0 as b pull
i=0
while [ "$i" -lt 30 ]; do
	i=$((i + 1))
	echo "new $i" >"$T/a/dir/f$i"
done
head -c 3000000 /dev/urandom >"$T/a/dir/large"
echo changed >"$T/a/dir/small"
expect 0 as a push
fill "$T/b/.zk" 1000
expect 1 as b pull --json
code_is disk_full
[ "$(tail -n 1 "$T/out" | jq -r .status)" = 1 ] || fail "status in JSON"
[ ! -e "$T/b/dir/large" ] || fail "a file that does not fit is there"
for f in "$T/b/dir/"*; do
	[ ! -e "$T/a/dir/${f##*/}" ] && fail "${f##*/} should not be there"
	cmp -s "$f" "$T/a/dir/${f##*/}" || case $f in
	*/small) [ "$(cat "$f")" = small ] || fail "small is half written" ;;
	*) fail "${f##*/} is half written" ;;
	esac
done
expect 1 as b pull
err_has "no space"
rm "$T/b/.zk/fill"
expect 0 as b pull
same_tree a b
[ -z "$(find "$T/b/.zk/tmp" -type f)" ] || fail "left in tmp"
expect 0 as b verify
expect 0 as b status --check

# the state of one who pushes
small state-c 4096
device_pair a c
expect 0 as c pull
fill "$T/state-c" 24
i=0
while [ "$i" -lt 60 ]; do
	i=$((i + 1))
	head -c 5000 /dev/urandom >"$T/c/c$i"
done
expect 1 as c push --json
code_is disk_full
expect 1 as c push
err_has "no space"
expect 0 as b pull
[ ! -e "$T/b/c60" ] || fail "a push that failed has published"
rm "$T/state-c/fill"
expect 0 as c push
expect 0 as c verify
expect 0 as b pull
same_tree b c
expect 0 as a pull
same_tree a b

# the data of a relay
relay_stop
pids=
small full 3072
: >"$T/full.url"
"$ZK" relay --plain --listen 127.0.0.1:0 --data "$T/full" >"$T/full.url" \
    2>"$T/full.log" &
relay_pid=$!
pids="$pids $relay_pid"
tries=0
while ! grep -q . "$T/full.url"; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "no relay: $(cat "$T/full.log")"
	sleep 0.05
done
url=$(head -n 1 "$T/full.url")
device_init d "$url"
echo one >"$T/d/one"
expect 0 as d push
device_pair d e
echo two >"$T/d/two"
expect 0 as d push
fill "$T/full" 0
head -c 1500000 /dev/urandom >"$T/d/large"
expect 5 as d push --json
code_is remote_full
expect 5 as d push
err_has full
# what it has can be read; that it was read cannot be acknowledged there
expect 5 as e pull --json
code_is remote_full
[ "$(cat "$T/e/one")$(cat "$T/e/two")" = onetwo ] || fail "reading while full"
[ ! -e "$T/e/large" ] || fail "what does not fit is there"
rm "$T/full/fill"
expect 0 as d push
expect 0 as e pull
same_tree d e
expect 0 as d verify
[ -z "$(find "$T/full/tmp" -type f)" ] || fail "left in the relay's tmp"

# a folder as the remote, on a full disk
small stick 3072
mkdir "$T/stick/far"
device_init f "file://$T/stick/far"
echo one >"$T/f/one"
expect 0 as f push
device_pair f g
fill "$T/stick" 0
echo two >"$T/f/two"
head -c 1500000 /dev/urandom >"$T/f/large"
expect 5 as f push --json
code_is remote_full
expect 5 as g pull --json
code_is remote_full
[ "$(cat "$T/g/one")" = one ] || fail "reading a full folder"
rm "$T/stick/fill"
expect 0 as f push
expect 0 as g pull
same_tree f g
expect 0 as f verify

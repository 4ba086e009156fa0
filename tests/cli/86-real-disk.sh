#!/bin/sh
# N08: folders on file systems that fold names, as far as this machine has
# some: ext4 with casefold, and NTFS as lowntfs-3g shows it to Windows'
# taste, which lists every name in lower case and refuses some characters.
. "${0%/*}/lib.sh"
many_runs
[ "$(id -u)" -eq 0 ] || skip "only root can mount a file system"

mounted=
unmount() {
	[ -z "$mounted" ] || umount "$mounted" 2>/dev/null ||
	    umount -l "$mounted"
	mounted=
}
trap 'unmount; lib_cleanup' EXIT

# mount_ext4 DIR, mount_ntfs DIR: false where this machine cannot
mount_ext4() {
	command -v mkfs.ext4 >/dev/null && command -v chattr >/dev/null &&
	    mkfs.ext4 -q -O casefold "$T/img" &&
	    mount -o loop "$T/img" "$1" || return 1
	mounted=$1
	rmdir "$1/lost+found"
	chattr +F "$1"
}
mount_ntfs() {
	[ -e /dev/fuse ] && command -v mkfs.ntfs >/dev/null &&
	    command -v lowntfs-3g >/dev/null &&
	    mkfs.ntfs -F -q "$T/img" &&
	    lowntfs-3g -o windows_names,ignore_case "$T/img" "$1" || return 1
	mounted=$1
}
texts() {
	find "$1" -name .zk -prune -o -type f -exec cat {} + | sort
}

# round KIND: a has the names, b is on that disk
round() {
	rm -rf "$T/a" "$T/b" "$T/remote" "$T"/state-*
	mkdir "$T/b" "$T/remote"
	truncate -s 40M "$T/img"
	"mount_$1" "$T/b" >"$T/mount" 2>&1 || {
		echo "no $1 here: $(tail -n 1 "$T/mount")"
		unmount
		return 1
	}
	device_init a "file://$T/remote"
	mkdir -p "$T/a/Dir" "$T/a/dir/Sub" "$T/a/dir/sub"
	for n in Read read 10:30 'a?b' dot. dot 'sp ' Ärger ärger Dir/f dir/g \
	    dir/Sub/h dir/sub/h; do
		echo "$1 $n" >"$T/a/$n"
	done
	expect 0 as a push
	device_pair a b
	expect 0 as b pull
	texts "$T/a" >"$T/want"
	texts "$T/b" >"$T/got"
	cmp -s "$T/want" "$T/got" || fail "$1: $(diff "$T/want" "$T/got")"
	expect 0 as b status
	out_has ' for read'
	tree_list "$T/a" >"$T/before"
	for d in b a b a; do expect 0 as $d sync; done
	tree_list "$T/a" >"$T/after"
	cmp -s "$T/before" "$T/after" || fail "$1: a name came back changed"
	n=$(find "$T/remote" -type f | wc -l)
	for d in b a; do expect 0 as $d sync; done
	[ "$(find "$T/remote" -type f | wc -l)" = "$n" ] ||
	    fail "$1: a round at rest wrote"
	# the elder one goes: the other has the name
	mv "$T/a/Read" "$T/a/else"
	expect 0 as a push
	expect 0 as b pull
	[ "$(cat "$T/b/read")" = "$1 read" ] || fail "$1: the alias stays"
	expect 0 as b sync
	expect 0 as a sync
	[ "$(cat "$T/a/read" "$T/a/else")" = "$1 read
$1 Read" ] || fail "$1: what a has"
	unmount
}

done=0
for kind in ext4 ntfs; do
	round $kind && done=$((done + 1))
done
[ "$done" -gt 0 ] || skip "no file system here folds names"

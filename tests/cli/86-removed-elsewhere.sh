#!/bin/sh
# A file was changed and then removed; a device that has read of both, and has
# the older one on its disk still, touches, moves or edits it, while another,
# which knows of neither, moved the newer one: both of them are kept.
. "${0%/*}/lib.sh"
relay_start
put() { printf '%s\0\n' "$1" >"$2"; }
# kept WHAT: a file with these bytes is on each device
kept() {
	put "$1" "$T/one"
	for d in a z w; do
		find "$T/$d" -type f -exec cmp -s "$T/one" {} \; -print |
		    grep -q . || fail "$how: $d lacks $1: $(ls "$T/$d")"
	done
}
all_sync() {
	for d in "$@"; do as "$d" sync >"$T/out" 2>"$T/err"; done
}

device_init a "$relay_url"
for d in z w; do device_pair a "$d"; done
for how in edit touch move; do
	f=canary-$how
	put "$how-older" "$T/a/$f"
	all_sync a z w
	put "$how-newer" "$T/a/$f"
	expect 0 as a sync
	expect 0 as w sync
	mv "$T/w/$f" "$T/w/$f-kept"
	rm "$T/a/$f"
	expect 0 as a sync
	case $how in
	edit) put "$how-mine" "$T/z/$f" ;;
	touch) touch -d 2001-01-01 "$T/z/$f" ;;
	move) mv "$T/z/$f" "$T/z/$f-moved" ;;
	esac
	all_sync z w z a w
	kept "$how-newer"
	case $how in
	edit) kept "$how-mine" ;;
	*) kept "$how-older" ;;
	esac
	same_tree a z
	same_tree a w
done

# a conflict copy removed with its file, by who saw both: what is moved
# elsewhere is what was moved
how=copy
put base "$T/a/canary-f"
all_sync a z w
put copy-one "$T/a/canary-f"
put copy-two "$T/z/canary-f"
all_sync a z a z w
copy=$(find "$T/a" -name 'canary-f.conflict-*')
[ -e "$copy" ] || fail "no copy: $(ls "$T/a")"
cp "$T/z/canary-f" "$T/was"
rm "$T/a/canary-f" "$copy"
expect 0 as a sync
mv "$T/z/canary-f" "$T/z/canary-here"
all_sync z a w
for d in a z w; do
	cmp "$T/was" "$T/$d/canary-here" || fail "$d: another was moved"
done
same_tree a z
same_tree a w
for d in a z w; do expect 0 as "$d" verify; done
if grep -rqF -e canary "$T/relay"; then
	fail "a name is on the relay"
fi

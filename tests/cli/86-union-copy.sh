#!/bin/sh
# Two files that were made under one name with equal bytes, one of which has a
# conflict copy beside it: a change of the one leaves the copy of the other.
. "${0%/*}/lib.sh"
relay_start
copies() { find "$T/$1" -name "$2*.conflict-*" -type f | wc -l; }

device_init a "$relay_url"
echo s >"$T/a/start"
expect 0 as a push
for d in b c; do
	device_pair a "$d"
	expect 0 as "$d" pull
done
# the file of a comes behind that of c in the order of ids
for n in 1 2 3 4 5 6 7 8 9; do echo "$n" >"$T/a/before$n"; done
for f in edited moved mode; do printf 'base\0\n' >"$T/a/$f"; done
expect 0 as a push
expect 0 as b pull
for f in edited moved mode; do
	printf 'canary-one-%s\0\n' "$f" >"$T/a/$f"
	printf 'canary-two-%s\0\n' "$f" >"$T/b/$f"
done
expect 0 as a push
expect 0 as b push
expect 4 as b pull
expect 4 as a pull
for f in edited moved mode; do cp "$T/a/$f" "$T/c/$f"; done
expect 0 as c push
as a pull >"$T/out" 2>"$T/err"
for f in edited moved mode; do
	[ "$(copies a "$f")" -eq 1 ] || fail "before: $(ls "$T/a")"
	# whose version is the copy is as the ids have it
	cp "$(find "$T/a" -name "$f.conflict-*")" "$T/copy-$f"
	cp "$T/a/$f" "$T/at-$f"
done

printf 'edited\0\n' >"$T/a/edited"
mv "$T/a/moved" "$T/a/elsewhere"
chmod 755 "$T/a/mode"
expect 0 as a push
for d in a b c a; do as "$d" sync >"$T/out" 2>"$T/err"; done
for d in a b c; do
	for f in edited moved mode; do
		find "$T/$d" -type f -exec cmp -s "$T/copy-$f" {} \; -print |
		    grep -q . || fail "$d lost the copy: $(ls "$T/$d")"
	done
	[ "$(tr -d '\0' <"$T/$d/edited")" = edited ] || fail "$d: edited"
	[ -x "$T/$d/mode" ] || fail "$d: mode"
	cmp "$T/at-moved" "$T/$d/elsewhere" || fail "$d: moved"
done
same_tree a b
same_tree a c
if grep -rqF -e canary "$T/relay"; then
	fail "content is on the relay"
fi

#!/bin/sh
# .zkattributes: what merges as JSON does by structure, also across histories
# that cross; what is to be a copy is one; what is said wrongly is told.
. "${0%/*}/lib.sh"
need jq

relay_start --plain
device_init a "$relay_url"
mkdir "$T/a/sub"
printf '*.json merge=json\n*.note -merge\n' >"$T/a/.zkattributes"
printf '*.note merge\n' >"$T/a/sub/.zkattributes"
cat >"$T/a/x.json" <<'X'
{
    "name": "zk",
    "size": 1,
    "tags": ["one", "two"],
    "items": [
        {"id": 1, "text": "first"},
        {"id": 2, "text": "second"}
    ]
}
X
cp "$T/a/x.json" "$T/a/bad.json"
printf 'one\ntwo\nthree\n' >"$T/a/a.note"
cp "$T/a/a.note" "$T/a/sub/b.note"
expect 0 as a push
device_pair a b
expect 0 as b pull

edit() { jq --indent 4 "$3" "$T/$1/$2" >"$T/edited" && cat "$T/edited" >"$T/$1/$2"; }
edit a x.json '.tags += ["three"] | .items[0].text = "FIRST" | .size = 2'
edit b x.json '.tags = ["zero"] + .tags | .items += [{"id": 3}] | .extra = true'
echo '// no JSON' >>"$T/a/bad.json"
sed -i 's/"zk"/"ZK"/' "$T/b/bad.json"
sed -i 's/one/ONE/' "$T/a/a.note" "$T/a/sub/b.note"
sed -i 's/three/THREE/' "$T/b/a.note" "$T/b/sub/b.note"
expect 0 as a push
expect 0 as b push
expect 4 as b --json pull
jq -r 'select(.type == "merged") | .path' "$T/out" | sort >"$T/merged"
printf '%s\n' bad.json sub/b.note x.json | cmp -s - "$T/merged" ||
    fail "merged: $(cat "$T/merged")"
[ "$(jq -r 'select(.type == "conflict") | .of' "$T/out")" = a.note ] ||
    fail "copies: $(cat "$T/out")"
is() { [ "$(jq -c "$2" "$T/$1/x.json")" = "$3" ] || fail "$2: $(cat "$T/$1/x.json")"; }
is b '.tags' '["zero","one","two","three"]'
is b '.items' '[{"id":1,"text":"FIRST"},{"id":2,"text":"second"},{"id":3}]'
is b '[.name, .size, .extra]' '["zk",2,true]'
grep -q '^    "name": "zk",$' "$T/b/x.json" || fail "layout: $(cat "$T/b/x.json")"
[ "$(tail -n 1 "$T/b/bad.json")" = "// no JSON" ] || fail "bad.json: its end"
grep -q ZK "$T/b/bad.json" || fail "bad.json: $(cat "$T/b/bad.json")"
[ "$(cat "$T/b/sub/b.note")" = "$(printf 'ONE\ntwo\nTHREE')" ] || fail b.note
rm "$T"/b/*.conflict-*
expect 0 as b push

# a goes on from its own version: what both branches have comes once
edit a x.json '.tags += ["four"]'
expect 0 as a push
expect 0 as b --json pull
[ "$(json .merged)" = 1 ] || fail "not merged: $(cat "$T/out")"
is b '.tags' '["zero","one","two","three","four"]'
is b '.items | length' 3
expect 0 as a pull
same_tree a b

# both merge by themselves, and differently at first
edit a x.json '.tags += ["a5"]'
edit b x.json '.name = "b"'
expect 0 as a push
expect 0 as b push
echo a >"$T/a/own-a"
echo b >"$T/b/own-b"
expect 0 as a pull
expect 0 as b pull
edit a x.json '.tags += ["a6"]'
edit b x.json '.tags += ["b6"]'
for d in a b a b; do expect 0 as $d sync; done
same_tree a b
[ "$(jq -c '.tags | sort' "$T/a/x.json")" = \
    '["a5","a6","b6","four","one","three","two","zero"]' ] ||
    fail "tags: $(jq -c .tags "$T/a/x.json")"
is a '.name' '"b"'
expect 0 as a verify

# a line that is not obeyed is told, once
printf '[attr]x merge\n*.json merge=json\n' >"$T/a/.zkattributes"
edit a x.json '.size = 3'
echo more >>"$T/a/sub/b.note"
expect 0 as a push
err_has ".zkattributes', line 1: "
[ "$(grep -c zkattributes "$T/err")" = 1 ] || fail "$(cat "$T/err")"
relay_stop

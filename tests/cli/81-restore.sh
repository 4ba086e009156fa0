. "${0%/*}/lib.sh"
relay_start --plain
device_init a "$relay_url"
mkdir -p "$T/a/d/e"; echo one >"$T/a/d/f"; echo two >"$T/a/g"; echo k >"$T/a/d/e/k"
head -c 3000000 /dev/urandom >"$T/a/big"; cp "$T/a/big" "$T/big1"
head -c 200000 /dev/urandom >"$T/a/mid"; cp "$T/a/mid" "$T/mid1"
chmod 640 "$T/a/g"
as a -q push
t0=$(date +%Y-%m-%dT%H:%M:%S)
sleep 1.1
device_pair a b; as b -q pull
echo more >>"$T/a/g"; mv "$T/a/d/f" "$T/a/d/h"; as a -q push
as a log g
as a restore g; echo "status $?"
as a restore g@4; echo "status $?"
cat "$T/a/g"
as a -q restore g@7; cat "$T/a/g"
as a -v restore g@$t0; cat "$T/a/g"; ls -l "$T/a"
as a log g
echo "--- deleted, other device"
rm "$T/a/g" "$T/a/big" "$T/a/mid"; as a -q push; as b -q pull
as b restore big; as b restore mid; as b restore g; echo $?
cmp "$T/b/big" "$T/big1"; cmp "$T/b/mid" "$T/mid1"; cat "$T/b/g"
ls -la "$T/b/.zk/tmp"
as b push; as a pull; same_tree a b
as a log g
echo "--- folder"
rm -r "$T/a/d"; as a push; as b pull; ls -R "$T/b"
as b restore d; find "$T/b/d" -type f
as b restore d@$t0; find "$T/b/d" -type f; cat "$T/b/d/f"
as b push; as a pull; same_tree a b
echo "--- -o"
as a restore -o "$T/o1" d/f@$t0; cat "$T/o1"
as a restore -o - d/f@$t0 
as a restore -o "$T/o1" d/f@$t0 
as a restore ../x; as a restore g@99; as a restore g@zz; as a restore nix@2h
as a -n restore .@$t0
as a  restore .@$t0

/*
 * An operation as plain data: what a segment carries and what the merge is
 * a function of.  No I/O and no ownership of strings: pointers lend from the
 * bytes that were decoded (or from the caller that is about to encode) and
 * live as long as those.  Byte layout: zk-format(5), OPERATIONS.
 */
#ifndef ZK_CRDT_OP_H
#define ZK_CRDT_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * An op id: Lamport time (6 bytes, big endian), the first 6 bytes of the
 * log id, the first 20 bytes of the op's hash (which covers the whole log
 * id).  Comparing the 32 bytes therefore orders by (Lamport, log, op hash)
 * and never ties for two different ops.  All zero is the root directory's
 * node id and never an op.
 */
#define OPID_LEN 32
#define OPID_LAMPORT_MAX ((UINT64_C(1) << 48) - 1)
#define OPID_HASH_AT 12	/* where the op's hash begins */
#define OPID_HASH_LEN (OPID_LEN - OPID_HASH_AT)

struct opid {
	uint8_t b[OPID_LEN];
};

static inline int
opid_cmp(const struct opid *a, const struct opid *b)
{
	return memcmp(a->b, b->b, OPID_LEN);
}

static inline bool
opid_is_root(const struct opid *a)
{
	static const struct opid root;

	return memcmp(a->b, root.b, OPID_LEN) == 0;
}

/* The Lamport time in an id. */
static inline uint64_t
opid_lamport(const struct opid *a)
{
	uint64_t v = 0;

	for (int i = 0; i < 6; i++)
		v = v << 8 | a->b[i];
	return v;
}

/* Op types.  Critical: a reader that does not know one stops with 23. */
enum op_type {
	/* the tree */
	OP_CREATE = 1,	/* a new node; its id is the op's id */
	OP_MOVE = 2,	/* place := (parent, name); replaces place_refs */
	OP_EDIT = 3,	/* content := content; replaces content_refs */
	OP_ATTR = 4,	/* mode and/or mtime; replaces attr_refs */
	OP_REMOVE = 5,	/* covers place_, content_, attr_refs as seen */
	OP_DROP = 6,	/* drops content heads content_refs, no new one */
	OP_KEEP = 7,	/* node lives on its own, zk-merge(7) LIVENESS */
	OP_SPLIT = 8,	/* content_refs of node become a node of their own */
	/* CREATE of a NODE_TREE, in bytes alone: none has this type */
	OP_CREATE_TREE = 9,
	/* the log itself */
	OP_LOG = 16,	/* certificate of this incarnation; first op of seq 1 */
	OP_NAME = 17,	/* this device's name */
	OP_ALIAS = 18,	/* another stored object for a chunk */
	OP_FORK = 19,	/* republishes a branch of a forked log */
	OP_SETTING = 20, /* of the whole vault; the greatest id counts */
	/* small values: crdt/kv.h */
	OP_KV_SET = 24,	/* a register's value; replaces content_refs */
	OP_KV_ADD = 25,	/* a member of a set; replaces content_refs */
	OP_KV_TOTAL = 26, /* a counter: what this log has added so far */
	OP_KV_PUSH = 27, /* an item of a list, after the item node */
	OP_KV_REMOVE = 28, /* covers content_refs, of any of the four */
	/* channels: format/msgop.h */
	OP_MSG = 32,	/* a message: content, sent into a channel */
	OP_CHANNEL = 33, /* how long messages of a channel are given out */
	/* space */
	OP_CONDEMN = 40, /* blobs that nothing needs, to be deleted */
	OP_CHECKPOINT = 41 /* content: segments up to a cut, made thin */
};

/* Types that have content, which may be in blobs. */
static inline bool
op_has_content(uint8_t type)
{
	return type == OP_CREATE || type == OP_EDIT || type == OP_MSG ||
	    type == OP_CHECKPOINT;
}

enum node_kind {
	NODE_FILE = 1,
	NODE_DIR = 2,
	NODE_SYMLINK = 3,
	/*
	 * A directory kept as one: to the merge a file, whose content says
	 * all that is in it (zk-format(5), TREES).
	 */
	NODE_TREE = 4
};

/* How concurrent versions of a content merge; each content op says it. */
enum merge_kind {
	MERGE_COPY = 0,
	MERGE_TEXT = 1,
	MERGE_JSON = 2	/* by structure; else as text */
};

/* Where content bytes are. */
enum content_form {
	CONTENT_NONE = 0,	/* directories */
	CONTENT_INLINE = 1,	/* data holds them, compressed if it pays */
	CONTENT_MANIFEST = 2,	/* data holds an encoded manifest */
	/*
	 * In thin segments alone (format/thin.h): past the history window,
	 * known by size and hash; data is the hash in the op's id
	 */
	CONTENT_GONE = 3
};

#define CONTENT_HASH_LEN 32

struct content {
	uint8_t form;		/* enum content_form */
	uint8_t merge;		/* enum merge_kind */
	uint64_t size;		/* bytes of all of it */
	uint8_t hash[CONTENT_HASH_LEN];	/* format/filehash.h */
	const uint8_t *data;	/* as the form says; raw bytes */
	size_t data_len;
	/*
	 * How it came of what it replaces, packed (format/opscript.h), unless
	 * merge is MERGE_COPY.  It is in ops as they are encoded and decoded
	 * alone: the merge does not keep it.
	 */
	const uint8_t *script;
	size_t script_len;
	/*
	 * Where the local store finds data again: opaque to the merge, which
	 * keeps it and gives it back; never encoded.  At most INT64_MAX.
	 */
	uint64_t locator;
	/* decoded: the bytes that all of this came from, lent as data */
	const uint8_t *enc;
	size_t enc_len;
};

/* mtime limits that readers clamp to: years 0001 to 9999. */
#define OP_MTIME_MIN INT64_C(-62135596800)
#define OP_MTIME_MAX INT64_C(253402300799)

#define OP_REFS_MAX 256	/* of each kind, in one op */

struct op {
	struct opid id;		/* filled when its place is known */
	uint8_t type;		/* enum op_type */
	uint8_t kind;		/* enum node_kind; CREATE, SPLIT */
	bool has_mode;		/* CREATE, EDIT, ATTR, SPLIT may carry it */
	bool has_mtime;
	uint16_t mode;		/* & 0777 */
	uint32_t mtime_nsec;	/* 0..999999999 */
	int64_t mtime_sec;
	/* what it acts on; CREATE: not encoded, = id; KV_PUSH: see there */
	struct opid node;
	struct opid parent;	/* CREATE, MOVE, SPLIT */
	const uint8_t *name;	/* CREATE, MOVE, SPLIT: valid by path_name_ok */
	size_t name_len;
	const struct opid *place_refs;
	size_t place_refs_n;
	const struct opid *content_refs;
	size_t content_refs_n;
	const struct opid *attr_refs;
	size_t attr_refs_n;
	struct content content;	/* CREATE of file or symlink, EDIT */
	/* display only, decide nothing */
	uint8_t device[32];	/* id of the device that wrote it */
	int64_t wall_ms;	/* when it says it was written, ms since 1970 */
	/* types from 16 on: the encoded body, for their own decoders */
	const uint8_t *body;
	size_t body_len;
	/* unknown extension fields as they came, for encoding alone */
	const uint8_t *ext;
	size_t ext_len;
};

#endif

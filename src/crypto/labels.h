/*
 * Every domain label, one per use: a key, hash or signature made for one
 * purpose cannot be taken for another.  zk-format(5), LABELS, lists them.
 * Nothing else in the program writes a label as a string.
 */
#ifndef ZK_CRYPTO_LABELS_H
#define ZK_CRYPTO_LABELS_H

/* hashes */
#define LABEL_HASH_CONTENT "zk content"		/* plain bytes of a file */
#define LABEL_HASH_PART "zk manifest part"	/* plain part of a manifest */
#define LABEL_HASH_LIST "zk chunk list"		/* content hash over chunks */
#define LABEL_HASH_GEAR "zk gear"		/* public table of the cutter */
#define LABEL_HASH_CUT "zk cutting key"		/* name of a cutting key */
#define LABEL_HASH_BLOB "zk blob"		/* stored bytes: its name */
#define LABEL_HASH_RECORD "zk record"		/* stored bytes: its name */
#define LABEL_HASH_RECORD_ID "zk record id"	/* plain record: epoch id */
#define LABEL_HASH_RECORD_BODY "zk record body"	/* signed by its author */
#define LABEL_HASH_GENESIS "zk vault"		/* plain genesis: vault id */
#define LABEL_HASH_SEGMENT "zk segment"		/* header, body hash */
#define LABEL_HASH_SEGMENT_BODY "zk segment body"
#define LABEL_HASH_LOG "zk log"			/* log key: log id */
#define LABEL_HASH_DEVICE "zk device"		/* device keys: device id */
#define LABEL_HASH_OP "zk op"
#define LABEL_HASH_SPLIT "zk split node"	/* content head: node id */
#define LABEL_HASH_SPACE "zk space"		/* space key: locator */
#define LABEL_BODY "zk request body"		/* body of a signed request */
#define LABEL_HASH_KEYSFILE "zk keys file"	/* checksum of the keys file */
#define LABEL_HASH_CHUNK_ROW "zk chunk row"	/* checksum in the index */
#define LABEL_HASH_TREE_STAT "zk tree stat"	/* local: stat of a tree */
#define LABEL_HASH_TRACE "zk trace"		/* simulator runs */

/* commitments */
#define LABEL_COMMIT_EPOCH "zk commit epoch key"
#define LABEL_COMMIT_RECORD "zk commit record key"

/* keys from the device seed */
#define LABEL_KEY_DEVICE_SIGN "zk device sign"
#define LABEL_KEY_DEVICE_KEM "zk device kem"
#define LABEL_KEY_DEVICE_LOCAL "zk device local"

/* keys from an epoch key */
#define LABEL_KEY_SEGMENT "zk epoch segment"
#define LABEL_KEY_REQUEST "zk epoch request"
#define LABEL_KEY_CHUNKER "zk epoch chunker"
#define LABEL_KEY_EARLIER "zk epoch earlier keys"

/* keys from the record key */
#define LABEL_KEY_RECORD "zk record seal"

/* sealing to a device's key */
#define LABEL_SEAL_EPOCH "zk seal epoch key"
#define LABEL_SEAL_GRANT "zk seal grant"

/* associated data */
#define LABEL_AD_SEGMENT "zk ad segment"
#define LABEL_AD_RECORD "zk ad record"
#define LABEL_AD_EARLIER "zk ad earlier keys"
#define LABEL_AD_BLOB "zk ad blob"

/* signatures */
#define LABEL_SIGN_SEGMENT "zk sign segment"
#define LABEL_SIGN_RECORD "zk sign record"
#define LABEL_SIGN_ADDED "zk sign added device"
#define LABEL_SIGN_LOG "zk sign log certificate"
#define LABEL_REQUEST "zk sign request"
#define LABEL_CREATE "zk sign create space"	/* by the space key */
#define LABEL_KEYS "zk sign request keys"

/* pairing */
#define LABEL_PAIR_CI "zk pair cpace"
#define LABEL_PAIR_ISK "zk pair isk"
#define LABEL_PAIR_CONFIRM_SHOW "zk pair confirm show"
#define LABEL_PAIR_CONFIRM_JOIN "zk pair confirm join"
#define LABEL_PAIR_TRANSCRIPT "zk pair transcript"
#define LABEL_PAIR_COMMIT "zk pair commit"
#define LABEL_PAIR_KEM "zk pair kem"
#define LABEL_PAIR_MASTER "zk pair master"
#define LABEL_PAIR_SHOW "zk pair from show"
#define LABEL_PAIR_JOIN "zk pair from join"
#define LABEL_PAIR_WORDS "zk pair check words"

#endif

/*
 * What a request asks for: method, path and query of zk-protocol(7),
 * REQUESTS.  The client encodes a struct target, the relay decodes the same
 * struct, so the two cannot drift.
 *
 *	GET    /v1/health
 *	PUT    /v1/spaces/LOCATOR                       create
 *	PUT    /v1/spaces/LOCATOR/keys                  change request keys
 *	POST   /v1/spaces/LOCATOR/segments              append
 *	GET    /v1/spaces/LOCATOR/segments?mark=&max=&wait=
 *	GET    /v1/spaces/LOCATOR/segments/LOG/SEQ
 *	DELETE /v1/spaces/LOCATOR/segments/LOG/SEQ
 *	GET    /v1/spaces/LOCATOR/heads/LOG
 *	PUT    /v1/spaces/LOCATOR/heads/LOG             begin
 *	GET    /v1/spaces/LOCATOR/records?mark=&max=
 *	GET    /v1/spaces/LOCATOR/records/NAME
 *	PUT    /v1/spaces/LOCATOR/records/NAME
 *	GET    /v1/spaces/LOCATOR/blobs?mark=           mark: a NAME
 *	GET    /v1/spaces/LOCATOR/blobs/NAME            (Range)
 *	PUT    /v1/spaces/LOCATOR/blobs/NAME
 *	DELETE /v1/spaces/LOCATOR/blobs/NAME
 *	POST   /v1/spaces/LOCATOR/missing
 *	PUT    /v1/rendezvous/PLATE/SIDE                claim; PLATE 0: fresh
 *	PUT    /v1/rendezvous/PLATE/SIDE/N              send message N
 *	GET    /v1/rendezvous/PLATE/SIDE/N?wait=        message N for SIDE
 *	DELETE /v1/rendezvous/PLATE
 *
 * LOCATOR, LOG, NAME: 64 hex digits.  SEQ, PLATE, N: decimal without leading
 * zeroes.  Query members stand in the order shown; those with value 0 (or
 * an empty mark) are left out.  Any other form is refused: a request has one
 * spelling.
 */
#ifndef ZK_PROTO_TARGET_H
#define ZK_PROTO_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;

#define TARGET_NAME_LEN 32		/* bytes of a locator, log id, name */
#define TARGET_MARK_MAX 64		/* bytes of a read mark */
#define TARGET_MAX 1024			/* bytes of path, '?' and query */
#define TARGET_WAIT_MAX 55000u		/* ms a reply may be held back */
#define TARGET_PAGE_MAX (8u * 1024 * 1024) /* bytes asked for in one page */
#define TARGET_PLATE_MAX 999999999u
#define TARGET_RV_MSGS 16u		/* messages a side, 0..15 */

enum target_call {
	TARGET_HEALTH,
	TARGET_CREATE,
	TARGET_KEYS,
	TARGET_APPEND,
	TARGET_READ,
	TARGET_SEG_GET,
	TARGET_SEG_DELETE,
	TARGET_HEAD,
	TARGET_BEGIN,
	TARGET_REC_LIST,
	TARGET_REC_GET,
	TARGET_REC_PUT,
	TARGET_BLOB_LIST,
	TARGET_BLOB_GET,
	TARGET_BLOB_PUT,
	TARGET_BLOB_DELETE,
	TARGET_MISSING,
	TARGET_RV_CLAIM,
	TARGET_RV_PUT,
	TARGET_RV_GET,
	TARGET_RV_CLOSE,
	TARGET_CALLS
};

/* A call and its arguments; those that a call does not have are 0. */
struct target {
	enum target_call call;
	uint8_t locator[TARGET_NAME_LEN]; /* all under /v1/spaces */
	uint8_t name[TARGET_NAME_LEN];	/* log id, record or blob name */
	uint64_t seq;			/* SEG_GET, SEG_DELETE: from 1 */
	uint8_t mark[TARGET_MARK_MAX];	/* READ, REC_LIST, BLOB_LIST */
	size_t mark_len;		/* 0: from the start */
	uint32_t max;			/* READ, REC_LIST: bytes; 0: default */
	uint32_t wait_ms;		/* READ, RV_GET: <= TARGET_WAIT_MAX */
	uint32_t plate;			/* RV_*: 0 only with RV_CLAIM side 0 */
	unsigned side;			/* RV_*: 0 or 1, the caller's */
	unsigned msg;			/* RV_PUT, RV_GET: < TARGET_RV_MSGS */
};

/* GET, PUT, POST or DELETE; static storage. */
const char *target_method(enum target_call call);

/* The most bytes the body of a request may have; 0: it has none. */
size_t target_body_max(enum target_call call);

/* Under /v1/spaces and signed by a request key (all but CREATE and KEYS). */
bool target_signed(enum target_call call);

/* A PUT whose path names the hash of its body (REC_PUT, BLOB_PUT). */
bool target_names_body(enum target_call call);

/*
 * Appends the path, starting with '/', and, where there is one, '?' and the
 * query.  *path_len is the length of the path alone.  ZK_ELIMIT, ZK_ENOMEM
 * from out.
 */
ZK_CHECKED enum zk_err target_encode(const struct target *t, struct buf *out,
    size_t *path_len);

/*
 * Decodes what a request line gave: method, path, query ("" for none; no
 * '?').  ZK_ENOENT: no such path.  ZK_EREFUSED: the path exists, the method
 * does not.  ZK_EFORMAT: a malformed argument.
 */
ZK_CHECKED enum zk_err target_decode(const char *method, const char *path,
    size_t path_len, const char *query, size_t query_len,
    struct target *out);

#endif

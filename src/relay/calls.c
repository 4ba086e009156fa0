/* What each call does once its request is complete. */
#include <stddef.h>
#include <string.h>

#include "crypto/labels.h"
#include "crypto/sign.h"
#include "proto/msg.h"
#include "proto/seghdr.h"
#include "relay/intake.h"
#include "relay/req.h"

/* The store is done with the job of a request: back on its lane. */
static void
job_back(void *arg)
{
	struct req *q = arg;
	struct buf out;

	q->submitted = false;
	if (q->conn == NULL) {
		req_free(q);
		return;
	}
	if (q->job.r == ZK_EREFUSED) {
		req_fail(q, ERROR_KEY_RETIRED);
		return;
	}
	if (q->job.r != ZK_OK) {
		req_fail_zk(q, q->job.r);
		return;
	}
	buf_init(&out, 4 + MSG_SEGS_MAX);
	if (q->job.op == DEPOT_APPEND) {
		uint8_t res[MSG_SEGS_MAX];

		for (size_t i = 0; i < q->job.n_segs; i++)
			res[i] = q->job.segs[i].result;
		(void)msg_results_put(&out, res, q->job.n_segs);
	}
	req_bytes(q, q->job.fresh || q->job.stored ? 201 : 200, &out);
	buf_release(&out);
}

static void
job_done(struct depot_job *job)
{
	struct req *q = job->arg;

	/* without memory for the call the client hears of it by timeout */
	if (httpd_post(q->worker, job_back, q) != ZK_OK)
		return;
}

static void
submit(struct req *q, enum depot_op op)
{
	q->job.op = op;
	q->job.space = q->pass.space;
	q->job.done = job_done;
	q->job.arg = q;
	q->submitted = true;
	depot_submit(q->core->depot, &q->job);
}

static void
run_object_get(struct req *q)
{
	struct view_body body;
	enum zk_err r = view_object(lane_view(q->lane),
	    q->t.call == TARGET_BLOB_GET, q->pass.space, q->t.name, &body);

	if (r == ZK_OK)
		req_object(q, &body);
	else
		req_fail_zk(q, r);
}

static void
run_object_put(struct req *q)
{
	uint8_t hash[HASH_LEN];

	hash_final(&q->hash, hash);
	if (memcmp(hash, q->t.name, HASH_LEN) != 0) {
		req_fail(q, ERROR_BAD_OBJECT);
		return;
	}
	memcpy(q->job.name, q->t.name, DEPOT_NAME_LEN);
	q->job.body = q->body;
	submit(q, q->t.call == TARGET_BLOB_PUT ? DEPOT_PUT_BLOB :
	    DEPOT_PUT_REC);
}

/* Whether the body is the one that the signature announced. */
static bool
hash_holds(struct req *q)
{
	uint8_t hash[HASH_LEN];

	hash_final(&q->hash, hash);
	return memcmp(hash, q->pass.auth.hash, HASH_LEN) == 0;
}

static void
run_append(struct req *q)
{
	enum zk_err r = intake_end(q->intake);

	if (r != ZK_OK) {
		req_fail(q, ERROR_BAD_REQUEST);
		return;
	}
	if (!hash_holds(q)) {
		req_fail(q, ERROR_BAD_OBJECT);
		return;
	}
	q->job.segs = intake_segs(q->intake, &q->job.n_segs);
	submit(q, DEPOT_APPEND);
}

static void
run_begin(struct req *q)
{
	struct msg_head head;

	if (msg_head_get(q->small.data, q->small.len, &head) != ZK_OK ||
	    head.seq > SEGHDR_SEQ_MAX) {
		req_fail(q, ERROR_BAD_REQUEST);
		return;
	}
	if (!hash_holds(q)) {
		req_fail(q, ERROR_BAD_OBJECT);
		return;
	}
	memcpy(q->job.name, q->t.name, DEPOT_NAME_LEN);
	memcpy(q->job.hash, head.hash, DEPOT_NAME_LEN);
	q->job.seq = head.seq;
	submit(q, DEPOT_BEGIN);
}

/*
 * Answers with what is there; with nothing and time left, waits.  The wait
 * stands before the look, so nothing is missed in between.
 */
static void
run_read(struct req *q)
{
	struct view_page page;
	enum zk_err r;

	if (q->t.wait_ms > 0)
		lane_wait(q->lane, &q->wait, LANE_SPACE, q->pass.space);
	r = view_segs(lane_view(q->lane), q->pass.space, q->t.mark,
	    q->t.mark_len, req_page_max(q), &page);
	if (r != ZK_OK) {
		lane_leave(q->lane, &q->wait);
		req_fail_zk(q, r);
		return;
	}
	if (page.count == 0 && q->t.wait_ms > 0) {
		view_page_release(lane_view(q->lane), &page);
		if (!q->waited)
			httpd_park(q->conn, q->t.wait_ms);
		q->waited = true;
		return;
	}
	lane_leave(q->lane, &q->wait);
	req_page(q, &page);
}

static void
run_rec_list(struct req *q)
{
	struct view_page page;
	enum zk_err r = view_recs(lane_view(q->lane), q->pass.space,
	    q->t.mark, q->t.mark_len, req_page_max(q), &page);

	if (r == ZK_OK)
		req_page(q, &page);
	else
		req_fail_zk(q, r);
}

static void
run_blob_list(struct req *q)
{
	struct view_page page;
	enum zk_err r;

	if (q->t.mark_len != 0 && q->t.mark_len != DEPOT_NAME_LEN) {
		req_fail(q, ERROR_BAD_REQUEST);
		return;
	}
	r = view_blobs(lane_view(q->lane), q->pass.space,
	    q->t.mark_len == 0 ? NULL : q->t.mark, &page);
	if (r == ZK_OK)
		req_page(q, &page);
	else
		req_fail_zk(q, r);
}

static void
run_seg_get(struct req *q)
{
	struct view_body body;
	enum zk_err r = view_seg(lane_view(q->lane), q->pass.space,
	    q->t.name, q->t.seq, &body);

	if (r == ZK_OK)
		req_object(q, &body);
	else
		req_fail_zk(q, r);
}

static void
run_head(struct req *q)
{
	struct msg_head head;
	struct buf out;
	enum zk_err r = view_head(lane_view(q->lane), q->pass.space,
	    q->t.name, &head.seq, head.hash);

	if (r != ZK_OK) {
		req_fail_zk(q, r);
		return;
	}
	buf_init(&out, 64);
	(void)msg_head_put(&out, &head);
	req_bytes(q, 200, &out);
}

static void
run_missing(struct req *q)
{
	size_t n = q->small.len / MSG_NAME_LEN;
	uint8_t flags[MSG_MISSING_MAX];
	struct buf out;
	enum zk_err r;

	if (n == 0 || q->small.len % MSG_NAME_LEN != 0) {
		req_fail(q, ERROR_BAD_REQUEST);
		return;
	}
	if (!hash_holds(q)) {
		req_fail(q, ERROR_BAD_OBJECT);
		return;
	}
	r = view_missing(lane_view(q->lane), q->pass.space,
	    q->small.data, n, flags);
	if (r != ZK_OK) {
		req_fail_zk(q, r);
		return;
	}
	buf_init(&out, MSG_MISSING_MAX);
	(void)buf_put(&out, flags, n);
	req_bytes(q, 200, &out);
}

static void
run_create(struct req *q)
{
	struct msg_create m;
	uint8_t locator[HASH_LEN];
	const uint8_t *sig;
	size_t n;
	enum error_code e;

	if (msg_create_get(q->small.data, q->small.len, &m, &n, &sig) !=
	    ZK_OK) {
		req_fail(q, ERROR_BAD_REQUEST);
		return;
	}
	hash_bytes(LABEL_HASH_SPACE, m.space, MSG_PK_LEN, locator);
	if (memcmp(locator, q->t.locator, HASH_LEN) != 0 ||
	    sign_pk_check(m.request) != ZK_OK ||
	    sign_check(m.space, LABEL_CREATE, q->small.data, n, sig) !=
	    ZK_OK) {
		gate_failed(q->core, q->conn);
		req_fail(q, ERROR_AUTH);
		return;
	}
	e = gate_terms(q->core, m.time, m.authority, m.authority_len);
	if (e != GATE_OPEN) {
		req_fail(q, e);
		return;
	}
	memcpy(q->job.name, locator, DEPOT_NAME_LEN);
	memcpy(q->keys, m.space, MSG_PK_LEN);
	memcpy(q->keys + MSG_PK_LEN, m.request, MSG_PK_LEN);
	memcpy(q->keys + 2 * MSG_PK_LEN, m.recovery, MSG_PK_LEN);
	q->job.space_pk = q->keys;
	q->job.active = q->keys + MSG_PK_LEN;
	q->job.n_active = 1;
	q->job.recovery_pk = m.has_recovery ? q->keys + 2 * MSG_PK_LEN :
	    NULL;
	submit(q, DEPOT_CREATE);
}

static void
run_keys(struct req *q)
{
	struct msg_keys m;
	uint8_t pk[DEPOT_NAME_LEN];
	const uint8_t *sig;
	size_t n;
	enum error_code e;
	enum zk_err r;

	if (msg_keys_get(q->small.data, q->small.len, &m, &n, &sig) !=
	    ZK_OK) {
		req_fail(q, ERROR_BAD_REQUEST);
		return;
	}
	r = view_space(lane_view(q->lane), q->t.locator, &q->pass.space, pk);
	if (r != ZK_OK && r != ZK_ENOENT) {
		req_fail(q, ERROR_INTERNAL);
		return;
	}
	if (r == ZK_ENOENT ||
	    sign_check(pk, LABEL_KEYS, q->small.data, n, sig) != ZK_OK) {
		gate_failed(q->core, q->conn);
		req_fail(q, ERROR_AUTH);
		return;
	}
	e = gate_terms(q->core, m.time, m.authority, m.authority_len);
	for (size_t i = 0; i < m.n_active && e == GATE_OPEN; i++)
		if (sign_pk_check(m.active + i * MSG_PK_LEN) != ZK_OK)
			e = ERROR_BAD_REQUEST;
	if (e != GATE_OPEN) {
		req_fail(q, e);
		return;
	}
	q->job.active = m.active;
	q->job.n_active = m.n_active;
	q->job.retired = m.retired;
	q->job.n_retired = m.n_retired;
	submit(q, DEPOT_KEYS);
}

static void
run_claim(struct req *q)
{
	uint32_t plate = q->t.plate;
	struct buf out;
	enum zk_err r = boxes_claim(q->core->boxes, httpd_peer(q->conn),
	    q->t.side, q->token, &plate);

	if (r != ZK_OK) {
		req_fail_zk(q, r);
		return;
	}
	buf_init(&out, 8);
	(void)msg_plate_put(&out, plate);
	req_bytes(q, 200, &out);
}

static void
box_news(struct req *q)
{
	int64_t key = q->t.plate;

	lane_wake(q->core, LANE_BOX, &key, 1);
}

static void
run_rv_put(struct req *q)
{
	struct buf none;
	enum zk_err r = boxes_put(q->core->boxes, q->t.plate, q->t.side,
	    q->token, q->t.msg, q->small.data, q->small.len);

	if (r != ZK_OK) {
		req_fail_zk(q, r);
		return;
	}
	box_news(q);
	buf_init(&none, 0);
	req_bytes(q, 200, &none);
}

static void
run_rv_get(struct req *q, bool last)
{
	bool wait = q->t.wait_ms > 0 && !last;
	struct buf out;
	enum zk_err r;

	buf_init(&out, MSG_RV_MAX);
	if (wait)
		lane_wait(q->lane, &q->wait, LANE_BOX, q->t.plate);
	r = boxes_get(q->core->boxes, q->t.plate, q->t.side, q->token,
	    q->t.msg, &out);
	if (r == ZK_ENOENT && wait) {
		if (!q->waited)
			httpd_park(q->conn, q->t.wait_ms);
		q->waited = true;
		return;
	}
	lane_leave(q->lane, &q->wait);
	if (r == ZK_OK)
		req_bytes(q, 200, &out);
	else
		req_fail_zk(q, r);
	buf_release(&out);
}

static void
run_rv_close(struct req *q)
{
	struct buf none;

	boxes_close(q->core->boxes, q->t.plate, q->token);
	box_news(q);
	buf_init(&none, 0);
	req_bytes(q, 200, &none);
}

/* What q waits for may have happened. */
static void
woken(struct lane_wait *w)
{
	struct req *q = (struct req *)((char *)w -
	    offsetof(struct req, wait));

	if (q->t.call == TARGET_READ)
		run_read(q);
	else
		run_rv_get(q, false);
}

void
req_expire(struct req *q)
{
	lane_leave(q->lane, &q->wait);
	q->t.wait_ms = 0;
	if (q->t.call == TARGET_READ)
		run_read(q);
	else
		run_rv_get(q, true);
}

static void
run_health(struct req *q)
{
	struct httpd_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = 200;
	reply.type = "application/json";
	buf_init(&reply.body, 64);
	(void)buf_str(&reply.body, "{\"status\":\"ok\"}\n");
	httpd_reply(q->conn, &reply);
	buf_release(&reply.body);
}

static void
run_delete(struct req *q)
{
	memcpy(q->job.name, q->t.name, DEPOT_NAME_LEN);
	q->job.seq = q->t.seq;
	submit(q, q->t.call == TARGET_SEG_DELETE ? DEPOT_DEL_SEG :
	    DEPOT_DEL_BLOB);
}

/* A flat table of calls. */
void
req_run(struct req *q)
{
	q->wait.wake = woken;
	switch (q->t.call) {
	case TARGET_HEALTH:
		run_health(q);
		break;
	case TARGET_CREATE:
		run_create(q);
		break;
	case TARGET_KEYS:
		run_keys(q);
		break;
	case TARGET_APPEND:
		run_append(q);
		break;
	case TARGET_BEGIN:
		run_begin(q);
		break;
	case TARGET_READ:
		run_read(q);
		break;
	case TARGET_SEG_GET:
		run_seg_get(q);
		break;
	case TARGET_SEG_DELETE:
	case TARGET_BLOB_DELETE:
		run_delete(q);
		break;
	case TARGET_HEAD:
		run_head(q);
		break;
	case TARGET_REC_LIST:
		run_rec_list(q);
		break;
	case TARGET_BLOB_LIST:
		run_blob_list(q);
		break;
	case TARGET_REC_GET:
	case TARGET_BLOB_GET:
		run_object_get(q);
		break;
	case TARGET_REC_PUT:
	case TARGET_BLOB_PUT:
		run_object_put(q);
		break;
	case TARGET_MISSING:
		run_missing(q);
		break;
	case TARGET_RV_CLAIM:
		run_claim(q);
		break;
	case TARGET_RV_PUT:
		run_rv_put(q);
		break;
	case TARGET_RV_GET:
		run_rv_get(q, false);
		break;
	case TARGET_RV_CLOSE:
		run_rv_close(q);
		break;
	case TARGET_CALLS:
		break;
	}
}

/* Mailboxes of pairing: two sides, waiting, and their caps. */
#include "relayone.h"

/* One rendezvous call; token is that of the side. */
static int
rv(enum target_call call, uint32_t *plate, unsigned side, unsigned n,
    unsigned wait, unsigned token, const char *msg, struct kit_reply *out)
{
	struct target t;
	struct buf b;
	struct kit_reply r;
	size_t len;
	int fd = kit_connect(&kit), status;

	memset(&t, 0, sizeof(t));
	t.call = call;
	t.plate = *plate;
	t.side = side;
	t.msg = n;
	t.wait_ms = wait;
	buf_init(&b, 8192);
	buf_printf(&b, "%s ", target_method(call));
	if (target_encode(&t, &b, &len) != ZK_OK)
		abort();
	buf_printf(&b, " HTTP/1.1\r\nHost: x\r\nZk-Side: %032x\r\n", token);
	if (call == TARGET_RV_PUT)
		buf_printf(&b, "Content-Length: %zu\r\n", strlen(msg));
	buf_str(&b, "\r\n");
	if (call == TARGET_RV_PUT)
		buf_str(&b, msg);
	kit_send(fd, b.data, b.len);
	kit_recv(fd, &r);
	close(fd);
	buf_release(&b);
	status = r.status;
	if (call == TARGET_RV_CLAIM && status == 200)
		CHECK(msg_plate_get(r.body, r.len, plate) == ZK_OK);
	if (out != NULL)
		*out = r;
	else
		kit_reply_free(&r);
	return status;
}

static void
test_rendezvous(void)
{
	struct kit_reply r;
	uint32_t plate = 0, again = 0;

	one_begin();
	NEED(kit_start(&kit));
	CHECK(rv(TARGET_RV_CLAIM, &plate, 0, 0, 0, 7, NULL, NULL) == 200);
	CHECK(plate >= 1 && plate <= 999);
	CHECK(rv(TARGET_RV_CLAIM, &again, 0, 0, 0, 7, NULL, NULL) == 200);
	CHECK(again == plate);
	CHECK(rv(TARGET_RV_CLAIM, &plate, 1, 0, 0, 8, NULL, NULL) == 200);
	CHECK(rv(TARGET_RV_CLAIM, &plate, 1, 0, 0, 8, NULL, NULL) == 200);
	/* one joiner for each code */
	CHECK(rv(TARGET_RV_CLAIM, &plate, 1, 0, 0, 9, NULL, NULL) == 409);
	CHECK(rv(TARGET_RV_PUT, &plate, 0, 0, 0, 7, "hello", NULL) == 200);
	CHECK(rv(TARGET_RV_PUT, &plate, 0, 0, 0, 7, "hello", NULL) == 200);
	CHECK(rv(TARGET_RV_PUT, &plate, 0, 0, 0, 7, "other", NULL) == 409);
	CHECK(rv(TARGET_RV_GET, &plate, 1, 0, 0, 8, NULL, &r) == 200);
	CHECK(r.len == 5 && memcmp(r.body, "hello", 5) == 0);
	kit_reply_free(&r);
	CHECK(rv(TARGET_RV_GET, &plate, 1, 1, 0, 8, NULL, NULL) == 404);
	CHECK(rv(TARGET_RV_GET, &plate, 1, 1, 500, 8, NULL, NULL) == 404);
	/* strangers neither read nor write */
	CHECK(rv(TARGET_RV_GET, &plate, 1, 0, 0, 9, NULL, NULL) == 410);
	CHECK(rv(TARGET_RV_PUT, &plate, 1, 0, 0, 9, "x", NULL) == 410);
	/* a last message outlives the close of its sender */
	CHECK(rv(TARGET_RV_PUT, &plate, 0, 1, 0, 7, "bye", NULL) == 200);
	CHECK(rv(TARGET_RV_CLOSE, &plate, 0, 0, 0, 7, NULL, NULL) == 200);
	CHECK(rv(TARGET_RV_GET, &plate, 1, 1, 0, 8, NULL, NULL) == 200);
	CHECK(rv(TARGET_RV_GET, &plate, 1, 2, 9000, 8, NULL, NULL) == 410);
	CHECK(rv(TARGET_RV_CLOSE, &plate, 0, 0, 0, 8, NULL, NULL) == 200);
	CHECK(rv(TARGET_RV_CLAIM, &plate, 1, 0, 0, 8, NULL, NULL) == 404);
	one_end();
}

/* A waiting get is answered by the put of the other side. */
static void
test_rendezvous_wait(void)
{
	struct kit_reply r;
	uint32_t plate = 0;
	pid_t pid;
	int64_t start;

	one_begin();
	NEED(kit_start(&kit));
	CHECK(rv(TARGET_RV_CLAIM, &plate, 0, 0, 0, 7, NULL, NULL) == 200);
	CHECK(rv(TARGET_RV_CLAIM, &plate, 1, 0, 0, 8, NULL, NULL) == 200);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		usleep(400000);
		_exit(rv(TARGET_RV_PUT, &plate, 1, 0, 0, 8, "late", NULL) ==
		    200 ? 0 : 1);
	}
	start = kit_ms();
	CHECK(rv(TARGET_RV_GET, &plate, 0, 0, 8000, 7, NULL, &r) == 200);
	CHECK(kit_ms() - start >= 300 && kit_ms() - start < 4000);
	CHECK(r.len == 4);
	kit_reply_free(&r);
	waitpid(pid, NULL, 0);
	one_end();
}

/* Q08 in small: nameplates cannot be tried through; mailboxes end. */
static void
test_rendezvous_caps(void)
{
	uint32_t plate, first = 0;
	int status = 404;
	unsigned n = 0;

	one_begin();
	kit.opts.limits.box_ms = 600;
	kit.opts.limits.boxes_addr = 3;
	NEED(kit_start(&kit));
	CHECK(rv(TARGET_RV_CLAIM, &first, 0, 0, 0, 100, NULL, NULL) == 200);
	for (unsigned i = 1; i < 4; i++) {
		plate = 0;
		CHECK(rv(TARGET_RV_CLAIM, &plate, 0, 0, 0, 100 + i, NULL,
		    NULL) == (i < 3 ? 200 : 503));
	}
	usleep(700000);
	CHECK(rv(TARGET_RV_CLAIM, &first, 1, 0, 0, 1, NULL, NULL) == 404);
	while (status == 404 && n < 100) {
		plate = 100000 + n++;
		status = rv(TARGET_RV_CLAIM, &plate, 1, 0, 0, 1, NULL, NULL);
	}
	CHECK(status == 429 && n == 20);
	one_end();
}

TESTS(
    { "rendezvous", test_rendezvous },
    { "rendezvous wait", test_rendezvous_wait },
    { "rendezvous caps", test_rendezvous_caps },
)

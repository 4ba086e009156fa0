/*
 * The relay client against a relay that lies, by the names of what an
 * attacker tries.
 */
#include <sys/resource.h>

#include "proto/msg.h"
#include "tests/unit/liar_fix.h"

static void
r15_empty(void)
{
	struct liar l;
	struct tmark mark = { 0 };
	struct tmark was = { 0 };

	NEED(liar_start(&l, "empty * /", NULL));
	CHECK(liar_get_blob(&l, 1024) == ZK_ENET);
	CHECK(liar_read_some(&l, &mark) == ZK_ENET);
	CHECK(memcmp(&mark, &was, sizeof(mark)) == 0);
	CHECK(liar_get_record(&l) == ZK_ENET);
	CHECK(liar_append(&l) == ZK_ENET);
	liar_stop(&l);
}

/* Less than the length says: retried, then given up. */
static void
r15_short(void)
{
	struct liar l;
	struct tmark mark = { 0 };

	NEED(liar_start(&l, "hangup GET /segments", "hangup * /"));
	CHECK(liar_get_blob(&l, 1024) == ZK_ENET);
	CHECK(liar_saw(&l, "/blobs/") > 1);
	CHECK(liar_read_some(&l, &mark) == ZK_ENET);
	CHECK(mark.len == 0);
	liar_stop(&l);
}

static void
r16_endless(void)
{
	struct liar l;
	struct tmark mark = { 0 };
	struct rusage before;
	struct rusage after;

	NEED(liar_start(&l, "endless * /", NULL));
	(void)getrusage(RUSAGE_SELF, &before);
	CHECK(liar_get_blob(&l, 1024) == ZK_ELIMIT);
	CHECK(liar_get_record(&l) == ZK_ELIMIT);
	CHECK(liar_append(&l) == ZK_ELIMIT);
	CHECK(liar_read_some(&l, &mark) == ZK_ELIMIT);
	(void)getrusage(RUSAGE_SELF, &after);
	CHECK(after.ru_maxrss - before.ru_maxrss < 32 * 1024);
	/* a limit is not tried again */
	CHECK(liar_saw(&l, "/blobs/") == 1);
	liar_stop(&l);
}

static void
r17_drip(void)
{
	struct liar l;
	struct tmark mark = { 0 };
	int64_t start;

	NEED(liar_start(&l, "drip * /", NULL));
	start = env_mono_ms(env_posix());
	CHECK(liar_get_blob(&l, 200000) == ZK_ETIMEDOUT);
	CHECK(liar_read_some(&l, &mark) == ZK_ETIMEDOUT);
	CHECK(env_mono_ms(env_posix()) - start < 9000);
	liar_stop(&l);
}

static void
silence(void)
{
	struct liar l;
	struct tmark mark = { 0 };
	int64_t start;

	NEED(liar_start(&l, "silent * /", NULL));
	start = env_mono_ms(env_posix());
	CHECK(liar_get_blob(&l, 200000) == ZK_ETIMEDOUT);
	CHECK(liar_read_some(&l, &mark) == ZK_ETIMEDOUT);
	CHECK(liar_append(&l) == ZK_ETIMEDOUT);
	CHECK(env_mono_ms(env_posix()) - start < 12000);
	liar_stop(&l);
}

static bool
stop_now(void *arg)
{
	return env_mono_ms(env_posix()) > *(int64_t *)arg;
}

/* A signal ends what waits, long before its deadline. */
static void
stopped(void)
{
	struct liar l;
	struct tmark mark = { 0 };
	int64_t start = env_mono_ms(env_posix());
	int64_t at = start + 300;

	NEED(liar_start(&l, "silent * /", NULL));
	transport_free(l.t);
	l.f.opts.timeout_ms = 60000;
	l.f.opts.stop = stop_now;
	l.f.opts.stop_arg = &at;
	l.t = fix_open(&l.f);
	NEED(l.t != NULL);
	CHECK(liar_read_some(&l, &mark) == ZK_ESIGNAL);
	CHECK(liar_get_blob(&l, 1024) == ZK_ESIGNAL);
	CHECK(liar_append(&l) == ZK_ESIGNAL);
	CHECK(env_mono_ms(env_posix()) - start < 5000);
	liar_stop(&l);
}

static void
redirected(const char *status, const char *to, struct liar *second)
{
	struct liar l;
	struct tmark mark = { 0 };
	char rule[300];

	(void)snprintf(rule, sizeof(rule), "redirect * / 0 0 %s:%s", status,
	    to);
	NEED(liar_start(&l, rule, NULL));
	CHECK(liar_get_blob(&l, 200000) == ZK_ENET);
	CHECK(liar_read_some(&l, &mark) == ZK_ENET);
	CHECK(liar_append(&l) == ZK_ENET);
	CHECK(liar_saw(&l, "HTTP/1.1") == 3);
	CHECK(liar_saw(second, "HTTP/1.1") == 0);
	liar_stop(&l);
}

static void
r18_redirect(void)
{
	struct liar second;
	char to[64];

	NEED(liar_start(&second, "empty * /", NULL));
	(void)snprintf(to, sizeof(to), "http://127.0.0.1:%u/x",
	    (unsigned)second.port);
	redirected("301", to, &second);
	redirected("302", to, &second);
	redirected("307", to, &second);
	redirected("308", to, &second);
	redirected("302", "file:///etc/passwd", &second);
	liar_stop(&second);
}

static void
r20_headers(void)
{
	struct liar l;

	NEED(liar_start(&l, "headers * /", NULL));
	CHECK(liar_get_blob(&l, 1024) == ZK_ELIMIT);
	CHECK(liar_append(&l) == ZK_ELIMIT);
	liar_stop(&l);
}

static void
r20_header(void)
{
	struct liar l;

	NEED(liar_start(&l, "header * /", NULL));
	CHECK(liar_get_blob(&l, 1024) == ZK_ELIMIT);
	CHECK(liar_append(&l) == ZK_ELIMIT);
	liar_stop(&l);
}

/* 401 clock from a relay that proved nothing changes nothing. */
static void
r26_plain(void)
{
	struct liar l;

	NEED(liar_start(&l, "clock * /", NULL));
	CHECK(liar_append(&l) == ZK_EAUTH);
	CHECK(liar_append(&l) == ZK_EAUTH);
	CHECK(liar_saw(&l, "time=4070908800") == 0);
	CHECK(liar_saw(&l, "time=") == 2);
	liar_stop(&l);
}

static void
statuses(void)
{
	static const struct {
		const char *rule;
		enum zk_err r;
		bool again;
	} want[] = {
		{ "status * / 0 0 401", ZK_EAUTH, false },
		{ "status * / 0 0 403", ZK_EREFUSED, false },
		{ "status * / 0 0 404", ZK_ENOENT, false },
		{ "status * / 0 0 413", ZK_EREFUSED, false },
		{ "status * / 0 0 429", ZK_EBUSY, true },
		{ "status * / 0 0 500", ZK_EBUSY, true },
		{ "status * / 0 0 503", ZK_EBUSY, true },
		{ "status * / 0 0 507", ZK_EREMOTEFULL, false },
		{ "status * / 0 0 204", ZK_ENET, false },
		{ "status * / 0 0 206", ZK_ENET, false },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct liar l;
		enum zk_err r;

		NEED(liar_start(&l, want[i].rule, NULL));
		r = liar_get_blob(&l, 1024);
		if (r != want[i].r)
			printf("# %s: %s\n", want[i].rule, err_name(r));
		CHECK(r == want[i].r);
		CHECK((liar_saw(&l, "HTTP/1.1") > 1) == want[i].again);
		liar_stop(&l);
	}
}

/* Nobody there, and nobody of that name. */
static void
unreachable(void)
{
	struct fix f;
	struct transport *t;
	enum tseg_result res[1];
	struct fix_log a;
	int64_t start = env_mono_ms(env_posix());
	uint16_t port = 0;
	int fd = evil_listen(&port);

	NEED(fd >= 0 && fix_init(&f, FIX_FOLDER) && fix_log(&a, 1, 1));
	(void)close(fd);
	(void)snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%u/",
	    (unsigned)port);
	f.opts.timeout_ms = 5000;
	t = fix_open(&f);
	NEED(t != NULL);
	CHECK(transport_append(t, a.seg, 1, res) == ZK_ENET);
	transport_free(t);
	(void)snprintf(f.url, sizeof(f.url), "http://no.such.invalid/");
	t = fix_open(&f);
	NEED(t != NULL);
	CHECK(transport_append(t, a.seg, 1, res) != ZK_OK);
	transport_free(t);
	CHECK(env_mono_ms(env_posix()) - start < 12000);
	fix_log_release(&a);
	fix_release(&f);
}

static void
proxies(void)
{
	static const char *const bad[] = { "socks5://127.0.0.1:9050",
	    "socks4://127.0.0.1:9050", "https://127.0.0.1:1", "127.0.0.1" };
	struct liar l;

	NEED(liar_start(&l, "status * / 0 0 507", NULL));
	for (size_t i = 0; i < 4; i++) {
		struct transport *t = NULL;

		l.f.opts.proxy = bad[i];
		CHECK(transport_open("http://relay.invalid:1/", &l.f.opts,
		    &t) == ZK_EUSAGE);
		transport_free(t);
	}
	/* the liar as a proxy: it sees the whole URL of the relay */
	transport_free(l.t);
	l.f.opts.proxy = l.f.url;
	l.t = NULL;
	NEED(transport_open("http://relay.invalid:1/", &l.f.opts, &l.t) ==
	    ZK_OK);
	CHECK(liar_append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "POST http://relay.invalid:1/v1/") == 1);
	liar_stop(&l);
}

/* Without a space key nothing is created and nothing is sent. */
static void
no_keys(void)
{
	struct liar l;

	NEED(liar_start(&l, "empty * /", NULL));
	transport_free(l.t);
	l.f.opts.request = NULL;
	l.f.opts.space = NULL;
	l.t = fix_open(&l.f);
	NEED(l.t != NULL);
	CHECK(liar_append(&l) == ZK_EAUTH);
	CHECK(transport_create(l.t) == ZK_EAUTH);
	CHECK(liar_saw(&l, "HTTP/1.1") == 0);
	liar_stop(&l);
}

/* With an honest relay behind the lies. */

static enum zk_err
put_blob(struct liar *l, uint8_t fill, size_t n, struct fix_blob *b)
{
	static uint8_t data[100000];

	memset(data, fill, sizeof(data));
	fix_blob(b, true, data, n);
	return fix_xfer(l->t, b);
}

static enum zk_err
get_back(struct liar *l, uint8_t fill, size_t n)
{
	static uint8_t data[100000];
	struct fix_blob b;
	enum zk_err r;

	memset(data, fill, sizeof(data));
	fix_blob(&b, false, data, n);
	r = fix_xfer(l->t, &b);
	CHECK((b.x.body.len == 0) == (r != ZK_OK));
	buf_release(&b.x.body);
	return r;
}

static void
blob_lies(void)
{
	static const struct {
		const char *rule;
		enum zk_err r;
	} want[] = {
		{ "pass GET /blobs/", ZK_OK },
		{ "flip GET /blobs/", ZK_ETAMPER },
		{ "cut GET /blobs/", ZK_ETAMPER },
		{ "short GET /blobs/", ZK_ENET },
		{ "long GET /blobs/", ZK_ELIMIT },
		{ "empty GET /blobs/", ZK_ENET },
		/* what passes is tried again */
		{ "short GET /blobs/ 0 2", ZK_OK },
		{ "hangup GET /blobs/ 0 2", ZK_OK },
		{ "status GET /blobs/ 0 2 503", ZK_OK },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct liar l;
		struct fix_blob b;
		enum zk_err r;

		NEED(liar_before(&l, want[i].rule, NULL));
		CHECK(put_blob(&l, 5, 50000, &b) == ZK_OK);
		r = get_back(&l, 5, 50000);
		if (r != want[i].r)
			printf("# %s: %s\n", want[i].rule, err_name(r));
		CHECK(r == want[i].r);
		liar_stop(&l);
	}
}

static void
page_lies(void)
{
	static const char *const rules[] = { "short GET /segments?",
	    "cut GET /segments?", "empty GET /segments?",
	    "long GET /segments?" };

	for (size_t i = 0; i < 4; i++) {
		struct fix_got got = { 0 };
		struct tmark mark = { 0 };
		enum tseg_result res[3];
		struct fix_log a;
		struct liar l;

		/* the query is what tells a page from the others */
		NEED(liar_before(&l, rules[i], NULL));
		NEED(fix_log(&a, 3, 1));
		CHECK(transport_append(l.t, a.seg, 3, res) == ZK_OK);
		mark.len = 0;
		CHECK(fix_read(l.t, &mark, 5000, 0, &got) == ZK_ENET);
		CHECK(mark.len == 0);
		fix_log_release(&a);
		liar_stop(&l);
	}
}

/* A liar whose pages are all this one. */
static bool
tells(struct liar *l, const struct msg_page *page, const void *tail, size_t n)
{
	struct env *env = env_posix();
	char rule[400];
	struct buf b;
	enum zk_err r;
	int dir;

	buf_init(&b, 65536);
	if (!liar_init(l, "pass GET /no", NULL) ||
	    msg_page_head(&b, page) != ZK_OK ||
	    buf_put(&b, tail, n) != ZK_OK)
		return false;
	(void)snprintf(rule, sizeof(rule), "answer GET / 0 0 %s/page",
	    l->f.dir);
	dir = env_openat(env, ENV_CWD, l->f.dir, O_DIRECTORY, 0);
	r = io_replace_file(env, dir, "page", b.data, b.len, 0600);
	(void)env_close(env, dir);
	buf_release(&b);
	dir = evil_listen(&l->port);
	if (r != ZK_OK || dir < 0 || !evil_parse(&l->e, rule) ||
	    !liar_serve(l, dir))
		return false;
	l->t = fix_open(&l->f);
	return l->t != NULL;
}

/* A page that is made up; *got and the mark are what came of it. */
static enum zk_err
made_up(const struct msg_page *page, const void *tail, size_t n,
    struct fix_got *got, struct tmark *mark)
{
	struct tread how = { .each = fix_take, .arg = got };
	struct liar l;
	enum zk_err r = ZK_EBUG;
	bool more;

	if (tells(&l, page, tail, n))
		r = transport_read(l.t, &how, mark, &more);
	liar_stop(&l);
	return r;
}

/* R22: pages that never end, or promise more than they hold. */
static void
r22_pages(void)
{
	static const uint8_t at[65] = { 1 };
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tmark mark = { .len = 16, .b = { 1 } };
	struct tmark was = mark;
	struct msg_page p = { .mark = at, .mark_len = 16 };

	NEED(got != NULL);
	/* as it should be: nothing new */
	CHECK(made_up(&p, "", 0, got, &mark) == ZK_OK);
	CHECK(got->n == 0 && memcmp(&mark, &was, sizeof(mark)) == 0);
	/* more, of nothing */
	p.more = true;
	CHECK(made_up(&p, "", 0, got, &mark) == ZK_ENET);
	/* more, and the mark stands still */
	p.count = 1;
	CHECK(made_up(&p, "\3\0\0\0abc", 7, got, &mark) == ZK_ENET);
	/* ten million */
	p.more = false;
	p.count = 10000000;
	CHECK(made_up(&p, "\3\0\0\0abc", 7, got, &mark) == ZK_ENET);
	p.count = 1;
	CHECK(made_up(&p, "\377\377\377\377abc", 7, got, &mark) == ZK_ENET);
	/* bytes behind the last */
	CHECK(made_up(&p, "\3\0\0\0abcd", 8, got, &mark) == ZK_ENET);
	CHECK(memcmp(&mark, &was, sizeof(mark)) == 0);
	/* what is no segment goes on as such, for the reader to refuse */
	memset(got, 0, sizeof(*got));
	CHECK(made_up(&p, "\3\0\0\0abc", 7, got, &mark) == ZK_OK);
	CHECK(got->n == 1 && got->damaged && got->seg[0].seq == 0);
	free(got);
}

/* Takes three names, and then no more. */
static enum zk_err
three(void *arg, const uint8_t *name)
{
	unsigned *n = arg;

	(void)name;
	return ++*n > 3 ? ZK_EBUG : ZK_OK;
}

/* R22: lists of names that never end, of records and of blobs. */
static void
r22_names(void)
{
	static const uint8_t name[32] = { 7 };
	struct msg_page p = { .more = true, .mark = name, .mark_len = 32,
		.count = 1 };
	struct tmark mark = { .len = 0 };
	struct liar l;
	unsigned n = 0;
	bool more = false;

	/* the mark moves once, and then stands still */
	NEED(tells(&l, &p, name, 32));
	CHECK(transport_rec_list(l.t, &mark, three, &n) == ZK_ENET);
	CHECK(n == 1 && mark.len == 0);
	n = 0;
	CHECK(transport_blob_list(l.t, NULL, three, &n, &more) == ZK_OK);
	CHECK(n == 1 && more);
	CHECK(transport_blob_list(l.t, name, three, &n, &more) == ZK_ENET);
	CHECK(n == 1);
	liar_stop(&l);
}

/* A write whose answer is lost is done once, and said to be done. */
static void
write_again(void)
{
	enum tseg_result res[2];
	struct fix_blob b;
	struct fix_log a;
	struct liar l;

	NEED(liar_before(&l, "short POST /segments 0 2",
	    "hangup PUT /blobs/ 0 2"));
	NEED(fix_log(&a, 2, 1));
	CHECK(transport_append(l.t, a.seg, 2, res) == ZK_OK);
	CHECK(res[0] == TSEG_HAVE && res[1] == TSEG_HAVE);
	CHECK(put_blob(&l, 6, 30000, &b) == ZK_OK);
	CHECK(get_back(&l, 6, 30000) == ZK_OK);
	fix_log_release(&a);
	liar_stop(&l);
}

static void
r21_cookies(void)
{
	enum tseg_result res[1];
	struct fix_blob b;
	struct fix_log a;
	struct liar l;

	NEED(liar_before(&l, "cookies * /", NULL));
	NEED(fix_log(&a, 1, 1));
	CHECK(transport_append(l.t, a.seg, 1, res) == ZK_OK);
	CHECK(put_blob(&l, 1, 1000, &b) == ZK_OK);
	CHECK(get_back(&l, 1, 1000) == ZK_OK);
	CHECK(liar_saw(&l, "HTTP/1.1") == 4);
	CHECK(liar_saw(&l, "Cookie") == 0 && liar_saw(&l, "cookie") == 0);
	CHECK(liar_saw(&l, "Upgrade") == 0);
	fix_log_release(&a);
	liar_stop(&l);
}

TESTS(
    { "R15/empty", r15_empty },
    { "R15/short", r15_short },
    { "R16", r16_endless },
    { "R17", r17_drip },
    { "R18", r18_redirect },
    { "R20/headers", r20_headers },
    { "R20/header", r20_header },
    { "R26/plain", r26_plain },
    { "silence", silence },
    { "stopped", stopped },
    { "statuses", statuses },
    { "unreachable", unreachable },
    { "proxies", proxies },
    { "no keys", no_keys },
    { "blobs", blob_lies },
    { "pages", page_lies },
    { "R22", r22_pages },
    { "R22/names", r22_names },
    { "writes again", write_again },
    { "R21", r21_cookies },
)

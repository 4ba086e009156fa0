/*
 * The relay client against a relay that lies, by the names of what an
 * attacker tries.  Nothing is passed on to an honest relay here: the lie is
 * the whole answer.
 */
#include <sys/resource.h>

#include "tests/evil/evil.h"
#include "tests/unit/transport_fix.h"

struct liar {
	struct evil e;
	uint16_t port;
	pid_t pid;
	struct fix f;	/* keys and options; url names the liar */
	struct transport *t;
};

/* A liar with these rules, and a transport on it. */
static bool
liar_start(struct liar *l, const char *rule, const char *rule2)
{
	int fd;

	memset(l, 0, sizeof(*l));
	if (!fix_init(&l->f, FIX_FOLDER) || !evil_parse(&l->e, rule) ||
	    (rule2 != NULL && !evil_parse(&l->e, rule2)))
		return false;
	(void)snprintf(l->e.log, sizeof(l->e.log), "%s/log", l->f.dir);
	(void)snprintf(l->e.count, sizeof(l->e.count), "%s/count",
	    l->f.dir);
	fd = evil_listen(&l->port);
	if (fd < 0)
		return false;
	fflush(stdout);
	l->pid = fork();
	if (l->pid == 0) {
		(void)setpgid(0, 0);
		evil_loop(&l->e, fd);
	}
	(void)setpgid(l->pid, l->pid);
	(void)close(fd);
	(void)snprintf(l->f.url, sizeof(l->f.url), "http://127.0.0.1:%u/",
	    (unsigned)l->port);
	l->f.opts.timeout_ms = 3000;
	l->t = fix_open(&l->f);
	return l->t != NULL;
}

static void
liar_stop(struct liar *l)
{
	transport_free(l->t);
	if (l->pid > 0) {
		(void)kill(-l->pid, SIGKILL);
		(void)waitpid(l->pid, NULL, 0);
	}
	fix_release(&l->f);
}

/* Requests that the liar saw, those that hold word. */
static size_t
liar_saw(const struct liar *l, const char *word)
{
	struct buf b;
	const char *s;
	size_t n = 0;

	buf_init(&b, 1 << 20);
	if (io_read_file(env_posix(), ENV_CWD, l->e.log, &b) == ZK_OK)
		for (s = buf_cstr(&b); (s = strstr(s, word)) != NULL; s++)
			n++;
	buf_release(&b);
	return n;
}

static enum zk_err
get_blob(struct liar *l, size_t max)
{
	static const uint8_t data[1024];
	struct fix_blob b;
	enum zk_err r;

	fix_blob(&b, false, data, sizeof(data));
	buf_init(&b.x.body, max);
	r = fix_xfer(l->t, &b);
	/* nothing that failed is handed out */
	if (r != ZK_OK)
		CHECK(b.x.body.len == 0);
	buf_release(&b.x.body);
	return r;
}

static enum zk_err
read_some(struct liar *l, struct tmark *mark)
{
	struct fix_got got = { 0 };
	enum zk_err r = fix_read(l->t, mark, 0, 0, &got);

	CHECK(got.n == 0);
	return r;
}

static enum zk_err
get_record(struct liar *l)
{
	static const uint8_t name[32];
	struct buf out;
	enum zk_err r;

	buf_init(&out, 1 << 20);
	r = transport_rec_get(l->t, name, &out);
	CHECK(out.len == 0);
	buf_release(&out);
	return r;
}

static enum zk_err
append(struct liar *l)
{
	enum tseg_result res[1] = { TSEG_TAKEN };
	struct fix_log a;
	enum zk_err r;

	if (!fix_log(&a, 1, 1))
		return ZK_EBUG;
	r = transport_append(l->t, a.seg, 1, res);
	fix_log_release(&a);
	return r;
}

static void
r15_empty(void)
{
	struct liar l;
	struct tmark mark = { 0 };
	struct tmark was = { 0 };

	NEED(liar_start(&l, "empty * /", NULL));
	CHECK(get_blob(&l, 1024) == ZK_ENET);
	CHECK(read_some(&l, &mark) == ZK_ENET);
	CHECK(memcmp(&mark, &was, sizeof(mark)) == 0);
	CHECK(get_record(&l) == ZK_ENET);
	CHECK(append(&l) == ZK_ENET);
	liar_stop(&l);
}

/* Less than the length says: retried, then given up. */
static void
r15_short(void)
{
	struct liar l;
	struct tmark mark = { 0 };

	NEED(liar_start(&l, "hangup GET /segments", "hangup * /"));
	CHECK(get_blob(&l, 1024) == ZK_ENET);
	CHECK(liar_saw(&l, "/blobs/") > 1);
	CHECK(read_some(&l, &mark) == ZK_ENET);
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
	CHECK(get_blob(&l, 1024) == ZK_ELIMIT);
	CHECK(get_record(&l) == ZK_ELIMIT);
	CHECK(append(&l) == ZK_ELIMIT);
	CHECK(read_some(&l, &mark) == ZK_ELIMIT);
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
	CHECK(get_blob(&l, 200000) == ZK_ETIMEDOUT);
	CHECK(read_some(&l, &mark) == ZK_ETIMEDOUT);
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
	CHECK(get_blob(&l, 200000) == ZK_ETIMEDOUT);
	CHECK(read_some(&l, &mark) == ZK_ETIMEDOUT);
	CHECK(append(&l) == ZK_ETIMEDOUT);
	CHECK(env_mono_ms(env_posix()) - start < 12000);
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
	CHECK(get_blob(&l, 200000) == ZK_ENET);
	CHECK(read_some(&l, &mark) == ZK_ENET);
	CHECK(append(&l) == ZK_ENET);
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
	CHECK(get_blob(&l, 1024) == ZK_ELIMIT);
	CHECK(append(&l) == ZK_ELIMIT);
	liar_stop(&l);
}

static void
r20_header(void)
{
	struct liar l;

	NEED(liar_start(&l, "header * /", NULL));
	CHECK(get_blob(&l, 1024) == ZK_ELIMIT);
	CHECK(append(&l) == ZK_ELIMIT);
	liar_stop(&l);
}

/* 401 clock from a relay that proved nothing changes nothing. */
static void
r26_plain(void)
{
	struct liar l;

	NEED(liar_start(&l, "clock * /", NULL));
	CHECK(append(&l) == ZK_EAUTH);
	CHECK(append(&l) == ZK_EAUTH);
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
		r = get_blob(&l, 1024);
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
	CHECK(append(&l) == ZK_EREMOTEFULL);
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
	CHECK(append(&l) == ZK_EAUTH);
	CHECK(transport_create(l.t) == ZK_EAUTH);
	CHECK(liar_saw(&l, "HTTP/1.1") == 0);
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
    { "statuses", statuses },
    { "unreachable", unreachable },
    { "proxies", proxies },
    { "no keys", no_keys },
)

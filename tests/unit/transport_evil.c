/*
 * The relay client against a relay that lies, by the names of what an
 * attacker tries.
 */
#include <sys/resource.h>

#include "proto/msg.h"
#include "tests/evil/evil.h"
#include "tests/evil/evil_tls.h"
#include "tests/unit/transport_fix.h"

struct liar {
	struct evil e;
	struct evil_tls tls;
	uint16_t port;
	pid_t pid[2];	/* the liar; TLS in front of it */
	pid_t honest;	/* the relay behind, if there is one */
	struct fix f;	/* keys and options; url names the liar */
	struct transport *t;
};

/* Starts a process group of its own that runs what serves. */
static pid_t
liar_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setpgid(pid, pid);
	return pid;
}

static bool
liar_init(struct liar *l, const char *rule, const char *rule2)
{
	memset(l, 0, sizeof(*l));
	if (!fix_init(&l->f, FIX_FOLDER) || !evil_parse(&l->e, rule) ||
	    (rule2 != NULL && !evil_parse(&l->e, rule2)))
		return false;
	(void)snprintf(l->e.log, sizeof(l->e.log), "%s/log", l->f.dir);
	(void)snprintf(l->e.count, sizeof(l->e.count), "%s/count",
	    l->f.dir);
	l->f.opts.timeout_ms = 2000;
	return true;
}

/* Forks the liar; its port is known afterwards. */
static bool
liar_serve(struct liar *l, int fd)
{
	l->pid[0] = liar_fork();
	if (l->pid[0] == 0)
		evil_loop(&l->e, fd);
	(void)close(fd);
	(void)snprintf(l->f.url, sizeof(l->f.url), "http://127.0.0.1:%u/",
	    (unsigned)l->port);
	return l->pid[0] > 0;
}

/* A liar with these rules, and a transport on it. */
static bool
liar_start(struct liar *l, const char *rule, const char *rule2)
{
	int fd;

	if (!liar_init(l, rule, rule2))
		return false;
	fd = evil_listen(&l->port);
	if (fd < 0 || !liar_serve(l, fd))
		return false;
	l->t = fix_open(&l->f);
	return l->t != NULL;
}

/* As liar_start, with an honest relay behind and the space created. */
static bool
liar_before(struct liar *l, const char *rule, const char *rule2)
{
	char data[300];
	char url[256];
	char listen[64];
	uint16_t port = 0;
	int fd;
	int free_port = evil_listen(&port);

	if (!liar_init(l, rule, rule2) || free_port < 0)
		return false;
	(void)close(free_port);
	fd = evil_listen(&l->port);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/",
	    (unsigned)l->port);
	(void)snprintf(data, sizeof(data), "%s/relay", l->f.dir);
	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u",
	    (unsigned)port);
	l->honest = fix_relay(data, listen, url, true, l->f.url,
	    sizeof(l->f.url));
	l->e.upstream = port;
	if (fd < 0 || l->honest < 0 || !liar_serve(l, fd))
		return false;
	l->t = fix_open(&l->f);
	return l->t != NULL && transport_create(l->t) == ZK_OK;
}

/* As liar_start, over TLS; pinned names its key. */
static bool
liar_tls(struct liar *l, enum evil_tls_kind kind, bool pinned,
    const char *rule, const char *rule2)
{
	uint16_t front = 0;
	int fd;

	if (!liar_start(l, rule, rule2))
		return false;
	fd = evil_listen(&front);
	if (fd < 0 || !evil_tls_init(&l->tls, kind, l->port))
		return false;
	(void)snprintf(l->tls.noted, sizeof(l->tls.noted), "%s/noted",
	    l->f.dir);
	l->pid[1] = liar_fork();
	if (l->pid[1] == 0)
		evil_tls_loop(&l->tls, fd);
	(void)close(fd);
	transport_free(l->t);
	(void)snprintf(l->f.url, sizeof(l->f.url),
	    "https://127.0.0.1:%u/#%s", (unsigned)front, pinned ?
	    l->tls.pin :
	    "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	l->t = fix_open(&l->f);
	return l->t != NULL;
}

static void
liar_stop(struct liar *l)
{
	transport_free(l->t);
	for (int i = 0; i < 2; i++) {
		if (l->pid[i] <= 0)
			continue;
		(void)kill(-l->pid[i], SIGKILL);
		(void)waitpid(l->pid[i], NULL, 0);
	}
	if (l->pid[1] > 0)
		evil_tls_release(&l->tls);
	fix_stop(l->honest);
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
	CHECK(read_some(&l, &mark) == ZK_ESIGNAL);
	CHECK(get_blob(&l, 1024) == ZK_ESIGNAL);
	CHECK(append(&l) == ZK_ESIGNAL);
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

/* A page that is made up; *got and the mark are what came of it. */
static enum zk_err
made_up(const struct msg_page *page, const void *tail, size_t n,
    struct fix_got *got, struct tmark *mark)
{
	struct tread how = { .each = fix_take, .arg = got };
	struct env *env = env_posix();
	char rule[400];
	struct liar l;
	struct buf b;
	enum zk_err r;
	bool more;
	int dir;

	buf_init(&b, 65536);
	if (!liar_init(&l, "pass GET /no", NULL) ||
	    msg_page_head(&b, page) != ZK_OK ||
	    buf_put(&b, tail, n) != ZK_OK)
		return ZK_EBUG;
	(void)snprintf(rule, sizeof(rule), "answer GET / 0 0 %s/page",
	    l.f.dir);
	dir = env_openat(env, ENV_CWD, l.f.dir, O_DIRECTORY, 0);
	r = io_replace_file(env, dir, "page", b.data, b.len, 0600);
	(void)env_close(env, dir);
	buf_release(&b);
	dir = evil_listen(&l.port);
	if (r != ZK_OK || dir < 0 || !evil_parse(&l.e, rule) ||
	    !liar_serve(&l, dir))
		return ZK_EBUG;
	l.t = fix_open(&l.f);
	r = l.t == NULL ? ZK_EBUG : transport_read(l.t, &how, mark, &more);
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

/* TLS. */

static size_t
handshakes(const struct liar *l)
{
	struct env_stat st;

	return env_statat(env_posix(), ENV_CWD, l->tls.noted, &st) == 0 ?
	    (size_t)st.size : 0;
}

static void
r29_other_key(void)
{
	struct liar l;
	struct tmark mark = { 0 };

	NEED(liar_tls(&l, EVIL_TLS_GOOD, false, "empty * /", NULL));
	CHECK(append(&l) == ZK_EPIN);
	CHECK(get_blob(&l, 1024) == ZK_EPIN);
	CHECK(read_some(&l, &mark) == ZK_EPIN);
	CHECK(transport_create(l.t) == ZK_EPIN);
	CHECK(liar_saw(&l, "HTTP") == 0);
	/* and not tried again */
	CHECK(handshakes(&l) <= 4);
	liar_stop(&l);
	/* the same relay with the right pin is spoken to */
	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "status * / 0 0 507", NULL));
	CHECK(append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "HTTP/1.1") == 1);
	liar_stop(&l);
}

/* Of several pins one is enough. */
static void
r30_backup_pin(void)
{
	struct liar l;

	NEED(liar_tls(&l, EVIL_TLS_GOOD, false, "status * / 0 0 507", NULL));
	transport_free(l.t);
	(void)snprintf(l.f.url + strlen(l.f.url),
	    sizeof(l.f.url) - strlen(l.f.url), ";%s", l.tls.pin);
	l.t = fix_open(&l.f);
	NEED(l.t != NULL);
	CHECK(append(&l) == ZK_EREMOTEFULL);
	liar_stop(&l);
}

static void
r31_old_tls(void)
{
	static const enum evil_tls_kind kinds[] = { EVIL_TLS_OLD,
	    EVIL_TLS_CBC };

	for (size_t i = 0; i < 2; i++) {
		struct liar l;
		enum zk_err r;

		if (!evil_tls_can(kinds[i]))
			continue;
		NEED(liar_tls(&l, kinds[i], true, "empty * /", NULL));
		r = append(&l);
		CHECK(r == ZK_ENET);
		CHECK(handshakes(&l) == 0 && liar_saw(&l, "HTTP") == 0);
		liar_stop(&l);
	}
}

/* The offset, of any size, once, and for signing alone. */
static void
r26_pinned(void)
{
	struct liar l;
	int64_t now = env_now_ms(env_posix());

	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "clock * / 0 1",
	    "status * / 0 0 507"));
	CHECK(append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "time=40709088") == 1);
	CHECK(append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "time=40709088") == 2);
	CHECK(liar_saw(&l, "HTTP/1.1") == 3);
	CHECK(env_now_ms(env_posix()) - now < 60000);
	liar_stop(&l);
	/* a relay that goes on saying so is not believed twice */
	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "clock * /", NULL));
	CHECK(append(&l) == ZK_EAUTH);
	CHECK(append(&l) == ZK_EAUTH);
	CHECK(liar_saw(&l, "HTTP/1.1") == 3);
	liar_stop(&l);
}

/*
 * Without a pin and with a key that no authority vouches for: pairing may
 * talk to it and learns its key; nothing else is sent.
 */
static void
unpinned(void)
{
	struct fix f;
	struct trv rv = { .side = 0, .id = { 1 } };
	struct trv other = { .side = 1, .id = { 2 } };
	struct transport *t;
	struct buf out;
	char full[512];
	char pin[64];
	char *hash;

	buf_init(&out, 1024);
	NEED(fix_init(&f, FIX_TLS));
	(void)snprintf(full, sizeof(full), "%s", f.url);
	hash = strchr(f.url, '#');
	NEED(hash != NULL);
	*hash = '\0';
	t = fix_open(&f);
	NEED(t != NULL);
	CHECK(transport_pin(t, pin, sizeof(pin)) == ZK_ENET);
	CHECK(transport_create(t) == ZK_EPIN);
	CHECK(transport_rv_claim(t, &rv) == ZK_OK);
	CHECK(transport_pin(t, pin, sizeof(pin)) == ZK_OK);
	CHECK(strstr(full, pin) != NULL && strlen(pin) == 52);
	other.plate = rv.plate;
	CHECK(transport_rv_claim(t, &other) == ZK_OK);
	CHECK(transport_rv_put(t, &rv, 0, "m", 1) == ZK_OK);
	CHECK(transport_rv_get(t, &other, 0, 1000, &out) == ZK_OK);
	/* the same connection does not serve what needs trust */
	CHECK(transport_create(t) == ZK_EPIN);
	transport_free(t);
	buf_release(&out);
	fix_release(&f);
}

/* An unpinned relay that changes its key between two requests. */
static void
unpinned_changes(void)
{
	struct evil_tls second;
	struct trv rv = { .side = 0, .id = { 1 } };
	struct liar l;
	uint16_t port;
	int fd;

	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "hangup * / 1",
	    "status * / 0 0 507"));
	transport_free(l.t);
	*strchr(l.f.url, '#') = '\0';
	l.t = fix_open(&l.f);
	NEED(l.t != NULL);
	CHECK(transport_rv_claim(l.t, &rv) == ZK_EREMOTEFULL);
	port = (uint16_t)strtoul(strrchr(l.f.url, ':') + 1, NULL, 10);
	(void)kill(-l.pid[1], SIGKILL);
	(void)waitpid(l.pid[1], NULL, 0);
	NEED(evil_tls_init(&second, EVIL_TLS_GOOD, l.port));
	(void)snprintf(second.noted, sizeof(second.noted), "%s/noted2",
	    l.f.dir);
	fd = evil_listen(&port);
	NEED(fd >= 0);
	l.pid[1] = liar_fork();
	if (l.pid[1] == 0)
		evil_tls_loop(&second, fd);
	(void)close(fd);
	CHECK(transport_rv_claim(l.t, &rv) == ZK_EPIN);
	CHECK(liar_saw(&l, "HTTP/1.1") == 1);
	evil_tls_release(&second);
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
    { "writes again", write_again },
    { "R21", r21_cookies },
    { "R29", r29_other_key },
    { "R30", r30_backup_pin },
    { "R31", r31_old_tls },
    { "R26", r26_pinned },
    { "unpinned", unpinned },
    { "unpinned/changes", unpinned_changes },
)

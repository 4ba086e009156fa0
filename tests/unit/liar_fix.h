/*
 * A relay that lies, as tests/evil has it, in a process of its own, and a
 * transport on it; TLS in front of it, or an honest relay behind.
 */
#ifndef ZK_TESTS_UNIT_LIAR_FIX_H
#define ZK_TESTS_UNIT_LIAR_FIX_H

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
static inline pid_t
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

static inline bool
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
static inline bool
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
static inline bool
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
static inline bool
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
static inline bool
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

static inline void
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
static inline size_t
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

static inline enum zk_err
liar_get_blob(struct liar *l, size_t max)
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

static inline enum zk_err
liar_read_some(struct liar *l, struct tmark *mark)
{
	struct fix_got got = { 0 };
	enum zk_err r = fix_read(l->t, mark, 0, 0, &got);

	CHECK(got.n == 0);
	return r;
}

static inline enum zk_err
liar_get_record(struct liar *l)
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

static inline enum zk_err
liar_append(struct liar *l)
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

#endif

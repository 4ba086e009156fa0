/*
 * What the transport tests share: remotes of every kind to test on, signed
 * segments to put there, and a relay in a child process.
 */
#ifndef ZK_TESTS_UNIT_TRANSPORT_FIX_H
#define ZK_TESTS_UNIT_TRANSPORT_FIX_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "proto/seghdr.h"
#include "relay/relay.h"
#include "tests/unit/test.h"
#include "transport/remote_fake.h"
#include "transport/transport.h"
#include "util/env.h"
#include "util/env_fake.h"
#include "util/io.h"
#include "util/log.h"

enum fix_kind { FIX_FOLDER, FIX_FAKE, FIX_PLAIN, FIX_TLS };

struct fix {
	enum fix_kind kind;
	char dir[256];			/* temporary directory */
	char url[512];
	struct fake *world;		/* FIX_FAKE */
	struct remote_fake *fake;
	pid_t relay;
	struct env *env;
	struct signkey *space;
	struct signkey *request;
	uint8_t locator[32];
	struct transport_opts opts;
};

static inline struct signkey *
fix_key(void)
{
	struct key *seed = NULL;
	struct signkey *k = NULL;

	if (key_random(env_posix(), KEY_SIGN, &seed) == ZK_OK &&
	    signkey_new(seed, &k) != ZK_OK)
		k = NULL;
	key_free(seed);
	return k;
}

/*
 * Starts a relay at listen over data, known as public too unless that is
 * NULL; its URL without the line end in url.  Returns its process, or -1.
 */
static inline pid_t
fix_relay(const char *data, const char *listen, const char *public,
    bool plain, char *url, size_t cap)
{
	struct relay_opts o = {
		.env = env_posix(), .listen = listen, .data = data,
		.plain = plain, .threads = 2, .urls = &public,
		.n_urls = public != NULL ? 1 : 0,
	};
	size_t n = 0;
	int fd[2];
	pid_t pid;

	o.limits.lookups_addr = 100000;
	o.limits.boxes_addr = 1000;
	if (pipe(fd) < 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(fd[1], 1);
		(void)close(fd[0]);
		(void)close(fd[1]);
		_exit(relay_run(&o) == ZK_OK ? 0 : 1);
	}
	(void)close(fd[1]);
	while (n + 1 < cap && read(fd[0], url + n, 1) == 1 && url[n] != '\n')
		n++;
	url[n] = '\0';
	(void)close(fd[0]);
	if (n == 0 && pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return -1;
	}
	return pid;
}

static inline void
fix_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
}

static inline bool
fix_remote(struct fix *f)
{
	char data[300];

	switch (f->kind) {
	case FIX_FOLDER:
		(void)snprintf(f->url, sizeof(f->url), "file://%s/remote",
		    f->dir);
		return true;
	case FIX_FAKE:
		f->world = fake_new(1);
		f->fake = remote_fake_new(1);
		if (f->world == NULL || f->fake == NULL)
			return false;
		f->env = fake_env(f->world);
		return true;
	default:
		(void)snprintf(data, sizeof(data), "%s/relay", f->dir);
		f->relay = fix_relay(data, "127.0.0.1:0", NULL,
		    f->kind == FIX_PLAIN, f->url, sizeof(f->url));
		return f->relay > 0;
	}
}

/* A fresh remote of this kind and the keys of a new space. */
static inline bool
fix_init(struct fix *f, enum fix_kind kind)
{
	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->env = env_posix();
	(void)snprintf(f->dir, sizeof(f->dir), "%.200s/zk-test-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (crypto_init() != ZK_OK || mkdtemp(f->dir) == NULL)
		return false;
	f->space = fix_key();
	f->request = fix_key();
	if (f->space == NULL || f->request == NULL || !fix_remote(f))
		return false;
	hash_bytes(LABEL_HASH_SPACE, signkey_pk(f->space), SIGN_PK_LEN,
	    f->locator);
	f->opts.env = f->env;
	f->opts.locator = f->locator;
	f->opts.space = f->space;
	f->opts.request = f->request;
	f->opts.timeout_ms = 20000;
	return true;
}

static inline void
fix_release(struct fix *f)
{
	fix_stop(f->relay);
	remote_fake_free(f->fake);
	fake_free(f->world);
	signkey_free(f->space);
	signkey_free(f->request);
	if (f->dir[0] != '\0' && io_remove_tree(env_posix(), ENV_CWD,
	    f->dir) != ZK_OK)
		printf("# cannot remove %s\n", f->dir);
}

/* Another transport on the remote, as another process would have. */
static inline struct transport *
fix_open(struct fix *f)
{
	struct transport *t = NULL;
	enum zk_err r = f->kind == FIX_FAKE ?
	    remote_fake_open(f->fake, "fake:", &f->opts, &t) :
	    transport_open(f->url, &f->opts, &t);

	return r == ZK_OK ? t : NULL;
}

/* Opens and creates. */
static inline struct transport *
fix_begin(struct fix *f)
{
	struct transport *t = fix_open(f);

	if (t != NULL && transport_create(t) != ZK_OK) {
		transport_free(t);
		t = NULL;
	}
	return t;
}

/* A log of segments to append. */
struct fix_log {
	struct signkey *key;
	struct tseg seg[256];
	size_t n;
};

/* Adds a signed segment of n body bytes (SEGHDR_BODY_MIN at least). */
static inline bool
fix_seg(struct fix_log *l, size_t body, uint8_t fill)
{
	struct tseg *s = &l->seg[l->n];
	struct seghdr h = {
		.format = SEGHDR_FORMAT, .suite = SEGHDR_SUITE,
		.seq = l->n + 1, .body_len = (uint32_t)body,
	};
	uint8_t *p = malloc(SEGHDR_LEN + body + SEGHDR_SIG_LEN);

	if (p == NULL || l->n == 256)
		return false;
	memcpy(h.pk, signkey_pk(l->key), SEGHDR_PK_LEN);
	if (l->n > 0)
		memcpy(h.prev, l->seg[l->n - 1].hash, SEGHDR_HASH_LEN);
	seghdr_encode(&h, p);
	memset(p + SEGHDR_LEN, fill, body);
	seghdr_hash(p, p + SEGHDR_LEN, body, s->hash);
	sign_make(l->key, LABEL_SIGN_SEGMENT, s->hash, SEGHDR_HASH_LEN,
	    p + SEGHDR_LEN + body);
	seghdr_log_id(h.pk, s->log);
	s->seq = h.seq;
	s->data = p;
	s->len = SEGHDR_LEN + body + SEGHDR_SIG_LEN;
	l->n++;
	return true;
}

/* A log of n small segments. */
static inline bool
fix_log(struct fix_log *l, size_t n, uint8_t fill)
{
	memset(l, 0, sizeof(*l));
	l->key = fix_key();
	for (size_t i = 0; i < n && l->key != NULL; i++)
		if (!fix_seg(l, SEGHDR_BODY_MIN, fill))
			return false;
	return l->key != NULL;
}

static inline void
fix_log_release(struct fix_log *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->seg[i].data);
	signkey_free(l->key);
	memset(l, 0, sizeof(*l));
}

/* What a read gave. */
struct fix_got {
	struct tseg seg[2048];	/* data is not kept */
	size_t n;
	size_t bytes;
	bool damaged;		/* a segment that does not verify */
	enum zk_err fail;	/* returned by each() */
};

static inline enum zk_err
fix_take(void *arg, const struct tseg *s)
{
	struct fix_got *g = arg;
	struct seghdr h;
	uint8_t log[32];
	uint8_t hash[32];

	if (g->fail != ZK_OK)
		return g->fail;
	if (seghdr_check(s->data, s->len, &h, log, hash) != ZK_OK ||
	    memcmp(log, s->log, 32) != 0 || h.seq != s->seq ||
	    memcmp(hash, s->hash, 32) != 0)
		g->damaged = true;
	if (g->n < 2048)
		g->seg[g->n++] = *s;
	g->bytes += s->len;
	return ZK_OK;
}

static inline size_t
fix_count(const struct fix_got *g, const struct tseg *s)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += memcmp(g->seg[i].hash, s->hash, 32) == 0;
	return n;
}

/* Whether the caller holds it: what was got before. */
static inline bool
fix_have(void *arg, const uint8_t *log, uint64_t seq, const uint8_t *hash)
{
	const struct fix_got *g = arg;

	(void)log;
	(void)seq;
	for (size_t i = 0; i < g->n; i++)
		if (memcmp(g->seg[i].hash, hash, 32) == 0)
			return true;
	return false;
}

/* Reads everything after mark, page by page. */
static inline enum zk_err
fix_read(struct transport *t, struct tmark *mark, size_t max, unsigned wait,
    struct fix_got *g)
{
	struct tread how = { .max_bytes = max, .wait_ms = wait,
	    .each = fix_take, .have = fix_have, .arg = g };
	enum zk_err r;
	bool more;

	do {
		r = transport_read(t, &how, mark, &more);
		how.wait_ms = 0;
	} while (r == ZK_OK && more);
	return r;
}

/* A blob transfer of its own. */
struct fix_blob {
	struct txfer x;
	bool done;
	unsigned times;
	enum zk_err r;
};

static inline void
fix_done(struct txfer *x, enum zk_err r)
{
	struct fix_blob *b = x->arg;

	b->done = true;
	b->times++;
	b->r = r;
}

static inline void
fix_blob(struct fix_blob *b, bool put, const uint8_t *p, size_t n)
{
	memset(b, 0, sizeof(*b));
	hash_bytes(LABEL_HASH_BLOB, p, n, b->x.name);
	b->x.put = put;
	b->x.done = fix_done;
	b->x.arg = b;
	if (put) {
		b->x.data = p;
		b->x.len = n;
	}
	buf_init(&b->x.body, put ? 0 : n);
}

/* Runs one transfer to its end. */
static inline enum zk_err
fix_xfer(struct transport *t, struct fix_blob *b)
{
	enum zk_err r = transport_submit(t, &b->x);

	if (r == ZK_OK)
		r = transport_wait(t, 0, 60000);
	if (r != ZK_OK) {
		transport_cancel(t);
		return r;
	}
	return b->done ? b->r : ZK_EBUG;
}

#endif

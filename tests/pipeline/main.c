/*
 * Figures of the content pipelines (make bench): cutting on one core, and
 * pushing and pulling one file through a relay in a child process, without
 * the folder, the log and the database of a vault that scripts/bench has
 * around them.  Ends with 1 where a push of 16 objects or more has fewer
 * than 4 in flight at once, or one inserted byte makes more than 3 new ones.
 *
 *	pipeline cut [MIB]
 *	pipeline relay|tls|folder [MIB] [random|text|sparse|files]
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "relay/relay.h"
#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/sign.h"

#include "util/io.h"

#include "tests/unit/blob_fix.h"

struct bench {
	struct fix f;
	char dir[64];
	char url[256];
	pid_t relay;
	struct signkey *space, *request;
	int fd;
	uint64_t size;
};

static double
now(void)
{
	return (double)env_mono_ms(env_posix()) / 1000;
}

static double
cpu(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long
peak_mib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss / 1024;
}

static struct signkey *
sign_key(void)
{
	struct key *seed = NULL;
	struct signkey *k = NULL;

	if (key_random(env_posix(), KEY_SIGN, &seed) == ZK_OK &&
	    signkey_new(seed, &k) != ZK_OK)
		k = NULL;
	key_free(seed);
	return k;
}

static int
bench_cut(size_t mib)
{
	uint8_t *p = malloc(mib * MIB);
	struct cutter *c = NULL;
	struct fix f;
	size_t at = 0, n = 0;
	double t;

	if (p == NULL || !fix_init(&f, 1, NULL) ||
	    cut_new(f.cut, &c) != ZK_OK)
		return 1;
	fix_fill(p, mib * MIB, 1);
	t = now();
	while (at < mib * MIB) {
		size_t len = cut_find(c, p + at, mib * MIB - at);

		at += len > 0 ? len : mib * MIB - at;
		n++;
	}
	t = now() - t;
	printf("cut %zu MiB into %zu: %.2f GB/s\n", mib, n,
	    (double)(mib * MIB) / 1e9 / t);
	cut_free(c);
	fix_release(&f, true);
	free(p);
	return 0;
}

static bool
start_relay(struct bench *b, bool plain)
{
	char data[128];
	struct relay_opts o = { .env = env_posix(), .listen = "127.0.0.1:0",
	    .data = data, .plain = plain };
	size_t n = 0;
	int fd[2];

	(void)snprintf(data, sizeof(data), "%s/relay", b->dir);
	if (pipe(fd) < 0)
		return false;
	fflush(stdout);
	b->relay = fork();
	if (b->relay == 0) {
		(void)dup2(fd[1], 1);
		(void)close(fd[0]);
		(void)close(fd[1]);
		_exit(relay_run(&o) == ZK_OK ? 0 : 1);
	}
	(void)close(fd[1]);
	while (n + 1 < sizeof(b->url) && read(fd[0], b->url + n, 1) == 1 &&
	    b->url[n] != '\n')
		n++;
	b->url[n] = '\0';
	(void)close(fd[0]);
	return n > 0;
}

/* A database on disk, since commits are part of the figures. */
static bool
open_all(struct bench *b)
{
	struct transport_opts to = { .env = env_posix() };
	char path[128];

	b->space = sign_key();
	b->request = sign_key();
	to.locator = b->f.locator;
	to.space = b->space;
	to.request = b->request;
	hash_bytes(LABEL_HASH_SPACE, signkey_pk(b->space), SIGN_PK_LEN,
	    b->f.locator);
	transport_free(b->f.t);
	b->f.t = NULL;
	db_close(b->f.db);
	b->f.db = NULL;
	(void)snprintf(path, sizeof(path), "%s/vault.db", b->dir);
	if (db_open(path, DB_CREATE, &b->f.db) != ZK_OK ||
	    db_exec(b->f.db, chunkdb_schema) != ZK_OK ||
	    db_exec(b->f.db, gcdb_schema) != ZK_OK ||
	    db_exec(b->f.db, largedb_schema) != ZK_OK ||
	    transport_open(b->url, &to, &b->f.t) != ZK_OK ||
	    transport_create(b->f.t) != ZK_OK)
		return false;
	b->f.uo.db = b->f.dlo.db = b->f.db;
	b->f.uo.remote = b->f.remote.t = b->f.t;
	return true;
}

static void
make_file(struct bench *b, size_t mib, const char *what)
{
	bool text = strcmp(what, "text") == 0;
	uint8_t *p = malloc(MIB);

	b->fd = fix_file(NULL, 0);
	if (strcmp(what, "sparse") == 0) {
		b->size = (uint64_t)mib * MIB;
		if (ftruncate(b->fd, (off_t)b->size) != 0)
			b->size = 0;
		mib = 0;
	}
	for (size_t i = 0; i < mib && p != NULL; i++) {
		fix_fill(p, MIB, i + 1);
		for (size_t j = 0; text && j < MIB; j++)
			p[j] = (uint8_t)("etaoin shrdlu\ncm"[p[j] & 15]);
		if (pwrite(b->fd, p, MIB, (off_t)(i * MIB)) != MIB)
			break;
	}
	if (mib > 0)
		b->size = (uint64_t)mib * MIB;
	free(p);
}

static void
report(const char *what, const struct bench *b, double t, double c,
    unsigned flight, uint64_t held)
{
	printf("%s %llu MiB: %.2f s, %.0f MB/s, %.2f CPUs of ours, "
	    "%u in flight, %llu MiB held, peak RSS %ld MiB\n", what,
	    (unsigned long long)(b->size / MIB), t, (double)b->size / 1e6 / t,
	    c / t, flight, (unsigned long long)(held / MIB), peak_mib());
}

/* What the figures must at least be. */
static enum zk_err
enough(bool ok, const char *what)
{
	if (!ok)
		fprintf(stderr, "pipeline: %s\n", what);
	return ok ? ZK_OK : ZK_EREFUSED;
}

static enum zk_err
push(struct bench *b, const char *what, const struct content *prev)
{
	struct upload_stats st = { 0 };
	struct upload *u = NULL;
	double t = now(), c = cpu(RUSAGE_SELF);
	enum zk_err r;

	r = upload_new(&b->f.uo, &u);
	if (r == ZK_OK)
		r = upload_file(u, b->fd, prev, &b->f.data, &b->f.c);
	if (r == ZK_OK)
		r = upload_flush(u);
	if (r == ZK_OK)
		upload_stats(u, &st);
	upload_free(u);
	report(what, b, now() - t, cpu(RUSAGE_SELF) - c, st.max_inflight,
	    st.max_held);
	printf("  %llu objects, %llu sent, %llu bytes\n",
	    (unsigned long long)st.chunks, (unsigned long long)st.sent,
	    (unsigned long long)st.sent_bytes);
	if (r == ZK_OK && st.sent >= 16)
		r = enough(st.max_inflight >= 4, "fewer than 4 in flight");
	if (r == ZK_OK && prev != NULL)
		r = enough(st.sent <= 3, "one byte made more than 3 objects");
	return r;
}

/* Files of 100 KiB, each a chunk of its own. */
static enum zk_err
push_files(struct bench *b, size_t mib)
{
	size_t len = 102400, n = mib * MIB / len;
	uint8_t *p = malloc(len);
	struct upload_stats st = { 0 };
	struct upload *u = NULL;
	double t = now(), c = cpu(RUSAGE_SELF);
	enum zk_err r = upload_new(&b->f.uo, &u);

	b->size = n * len;
	for (size_t i = 0; r == ZK_OK && p != NULL && i < n; i++) {
		fix_fill(p, len, i + 1);
		r = upload_bytes(u, p, len, NULL, &b->f.data, &b->f.c);
	}
	if (r == ZK_OK)
		r = upload_flush(u);
	if (r == ZK_OK)
		upload_stats(u, &st);
	upload_free(u);
	free(p);
	report("files", b, now() - t, cpu(RUSAGE_SELF) - c, st.max_inflight,
	    st.max_held);
	printf("  %zu files, %.0f a second\n", n, (double)n / (now() - t));
	return r;
}

static enum zk_err
pull(struct bench *b)
{
	struct download_item it = { .c = &b->f.c, .old_fd = -1 };
	struct download_stats st = { 0 };
	struct download *d = NULL;
	double t = now(), c = cpu(RUSAGE_SELF);
	enum zk_err r;

	it.fd = fix_file(NULL, 0);
	r = download_new(&b->f.dlo, &d);
	if (r == ZK_OK)
		r = download_file(d, &it);
	if (r == ZK_OK)
		download_stats(d, &st);
	download_free(d);
	report("pull", b, now() - t, cpu(RUSAGE_SELF) - c, st.max_inflight,
	    st.max_held);
	close(it.fd);
	return r;
}

/* One byte goes into the middle; the file is written anew. */
static bool
insert(struct bench *b)
{
	uint8_t *p = malloc(b->size + 1);
	uint64_t off = 0, half = b->size / 2;
	bool ok = p != NULL;

	while (ok && off < b->size) {
		ssize_t n = pread(b->fd, p + off, b->size - off, (off_t)off);

		ok = n > 0;
		off += ok ? (uint64_t)n : 0;
	}
	if (ok) {
		memmove(p + half + 1, p + half, b->size - half);
		close(b->fd);
		b->fd = fix_file(p, ++b->size);
	}
	free(p);
	return ok && b->fd >= 0;
}

static int
stop(struct bench *b)
{
	if (b->relay > 0) {
		(void)kill(b->relay, SIGTERM);
		(void)waitpid(b->relay, NULL, 0);
		printf("  relay: %.2f s of CPU in all\n",
		    cpu(RUSAGE_CHILDREN));
	}
	fix_release(&b->f, true);
	signkey_free(b->space);
	signkey_free(b->request);
	return io_remove_tree(env_posix(), ENV_CWD, b->dir) == ZK_OK ? 0 : 1;
}

static int
bench_remote(const char *kind, size_t mib, const char *what)
{
	struct bench b = { .dir = "/tmp/zk-bench-XXXXXX" };
	uint8_t root[UPLOAD_DATA_MAX];
	struct content prev;
	enum zk_err r;

	if (mkdtemp(b.dir) == NULL || !fix_init(&b.f, 1, NULL))
		return 1;
	log_set_level(LOG_WARN);
	if (strcmp(kind, "folder") == 0)
		(void)snprintf(b.url, sizeof(b.url), "file://%s/remote",
		    b.dir);
	else if (!start_relay(&b, strcmp(kind, "relay") == 0))
		return 1;
	if (!open_all(&b))
		return 1;
	if (strcmp(what, "files") == 0)
		return push_files(&b, mib) == ZK_OK ? stop(&b) : 1;
	make_file(&b, mib, what);
	r = push(&b, "push", NULL);
	if (r == ZK_OK)
		r = pull(&b);
	prev = b.f.c;
	memcpy(root, prev.data, prev.data_len);
	prev.data = root;
	if (r == ZK_OK && strcmp(what, "sparse") != 0 && insert(&b))
		r = push(&b, "insert", &prev);
	close(b.fd);
	printf("%s: %s\n", kind, err_name(r));
	return stop(&b) == 0 && r == ZK_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	size_t mib = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 256;
	const char *what = argc > 3 ? argv[3] : "random";

	if (argc < 2 || mib == 0) {
		fprintf(stderr, "usage: pipeline cut|relay|tls|folder "
		    "[MIB] [random|text|sparse|files]\n");
		return 2;
	}
	if (strcmp(argv[1], "cut") == 0)
		return bench_cut(mib);
	return bench_remote(argv[1], mib, what);
}

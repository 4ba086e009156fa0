/*
 * Load on a relay of its own on this machine, with figures on stdout.
 *
 *	relayload append CLIENTS SECONDS
 *	relayload blob MIB CONNECTIONS plain|tls
 *	relayload idle CONNECTIONS
 *	relayload alone MIB
 *
 * Requests of appends are made and signed before the clock starts: the
 * figure is the relay's.  Blobs go through libcurl, as the client's do.
 */
#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "tests/relayload/alone.h"
#include "tests/unit/relaycall.h"

#define SEG_BODY 863	/* a stored segment of 1 KiB */
#define BLOB_LEN (4u * 1024 * 1024)

static struct kit kit;
static struct kit_space space;

/* One client of the append load: its requests, one after the other. */
struct client {
	int fd;
	uint8_t *bytes;		/* all requests */
	size_t *end;		/* where each ends */
	unsigned n, next;
	size_t sent;
	char reply[1024];
	size_t got;
};

static void
prepare(struct client *c, unsigned n)
{
	struct target t = kit_target(&space, TARGET_APPEND);
	struct kit_log log;
	struct buf all, body;

	kit_log_init(&log);
	buf_init(&all, SIZE_MAX);
	buf_init(&body, 1u << 20);
	c->end = calloc(n, sizeof(*c->end));
	c->n = n;
	for (unsigned i = 0; i < n; i++) {
		buf_reset(&body);
		kit_append_body(&log, 1, SEG_BODY, &body);
		kit_head(&kit, &space, &t, body.data, body.len, NULL, &all);
		buf_put(&all, body.data, body.len);
		c->end[i] = all.len;
	}
	if (buf_err(&all) != ZK_OK)
		abort();
	c->bytes = buf_take(&all, &c->sent);
	c->sent = 0;
	buf_release(&body);
	signkey_free(log.key);
}

static void
push(struct client *c)
{
	if (c->next == c->n)
		return;
	if (!kit_send(c->fd, c->bytes + c->sent, c->end[c->next] - c->sent))
		abort();
	c->sent = c->end[c->next++];
}

/* True when the reply to the last request is whole. */
static bool
pull(struct client *c)
{
	ssize_t k = recv(c->fd, c->reply + c->got,
	    sizeof(c->reply) - 1 - c->got, 0);
	const char *end;

	if (k <= 0)
		abort();
	c->got += (size_t)k;
	c->reply[c->got] = '\0';
	end = strstr(c->reply, "\r\n\r\n");
	/* u32 count and one result */
	if (end == NULL || c->got < (size_t)(end + 4 - c->reply) + 5)
		return false;
	if (strncmp(c->reply, "HTTP/1.1 200", 12) != 0 || end[8] != 0) {
		fprintf(stderr, "%s\n", c->reply);
		abort();
	}
	c->got = 0;
	return true;
}

static int
run_append(unsigned clients, unsigned seconds)
{
	struct client *c = calloc(clients, sizeof(*c));
	unsigned each = 12000 * seconds / clients + 200;
	struct epoll_event ev[64];
	int ep = epoll_create1(0);
	unsigned long done = 0;
	int64_t start, now, end;

	if (clients == 1)
		each = 6000 * seconds;
	for (unsigned i = 0; i < clients; i++) {
		struct epoll_event e = { EPOLLIN, { .u32 = i } };

		prepare(&c[i], each);
		c[i].fd = kit_connect(&kit);
		epoll_ctl(ep, EPOLL_CTL_ADD, c[i].fd, &e);
	}
	start = kit_ms();
	end = start + 1000 * (int64_t)seconds;
	for (unsigned i = 0; i < clients; i++)
		push(&c[i]);
	for (now = start; now < end; now = kit_ms()) {
		int n = epoll_wait(ep, ev, 64, 100);

		for (int i = 0; i < n; i++) {
			struct client *one = &c[ev[i].data.u32];

			if (!pull(one))
				continue;
			done++;
			if (one->next == one->n)
				end = 0;	/* out of requests */
			push(one);
		}
	}
	printf("append clients=%u rate=%.0f/s\n", clients,
	    (double)done * 1000 / (double)(now - start));
	return 0;
}

/* One transfer of the blob load. */
struct slot {
	CURL *easy;
	struct curl_slist *head;
	const uint8_t *data;
	size_t off, len;
};

static size_t
give(char *p, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;
	size_t k = size * n < s->len - s->off ? size * n : s->len - s->off;

	memcpy(p, s->data + s->off, k);
	s->off += k;
	return k;
}

static size_t
take(char *p, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;

	(void)p;
	s->off += size * n;
	return size * n;
}

/* Readies slot for a request; Authorization and the rest from kit_head. */
static void
arm(struct slot *s, const struct target *t, const uint8_t *data, size_t n)
{
	struct buf head, url;
	const char *pin = strchr(kit.url, '#');
	char *line, *save = NULL;
	bool put = t->call == TARGET_BLOB_PUT;
	size_t len;

	buf_init(&head, 16384);
	buf_init(&url, 4096);
	kit_head(&kit, &space, t, data, n, NULL, &head);
	buf_printf(&url, "%s://%s", pin != NULL ? "https" : "http",
	    kit.authority);
	if (target_encode(t, &url, &len) != ZK_OK)
		abort();
	curl_slist_free_all(s->head);
	s->head = curl_slist_append(NULL, "Expect:");
	for (line = strtok_r((char *)buf_cstr(&head), "\r\n", &save);
	    line != NULL; line = strtok_r(NULL, "\r\n", &save))
		if (strncmp(line, "Authorization", 13) == 0)
			s->head = curl_slist_append(s->head, line);
	curl_easy_reset(s->easy);
	curl_easy_setopt(s->easy, CURLOPT_URL, buf_cstr(&url));
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->head);
	curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	if (pin != NULL)
		curl_easy_setopt(s->easy, CURLOPT_PINNEDPUBLICKEY, pin + 1);
	curl_easy_setopt(s->easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->easy, CURLOPT_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	s->off = 0;
	if (put) {
		s->data = data;
		s->len = n;
		curl_easy_setopt(s->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(s->easy, CURLOPT_READFUNCTION, give);
		curl_easy_setopt(s->easy, CURLOPT_READDATA, s);
		curl_easy_setopt(s->easy, CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)n);
		curl_easy_setopt(s->easy, CURLOPT_UPLOAD_BUFFERSIZE,
		    256L * 1024);
	}
	buf_release(&head);
	buf_release(&url);
}

/* All blobs one way through n connections; MB a second. */
static double
pass(enum target_call call, uint8_t **blob, uint8_t (*name)[32], unsigned n,
    unsigned conns)
{
	struct slot *slot = calloc(conns, sizeof(*slot));
	CURLM *multi = curl_multi_init();
	struct target t = kit_target(&space, call);
	unsigned next = 0, done = 0;
	int64_t start = kit_ms();
	int running, left;
	CURLMsg *msg;

	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)conns);
	for (unsigned i = 0; i < conns; i++) {
		slot[i].easy = curl_easy_init();
		memcpy(t.name, name[next], 32);
		arm(&slot[i], &t, blob[next++], BLOB_LEN);
		curl_multi_add_handle(multi, slot[i].easy);
	}
	while (done < n) {
		curl_multi_perform(multi, &running);
		curl_multi_poll(multi, NULL, 0, 100, NULL);
		for (msg = curl_multi_info_read(multi, &left); msg != NULL;
		    msg = curl_multi_info_read(multi, &left)) {
			CURL *easy = msg->easy_handle;
			CURLcode r = msg->data.result;
			struct slot *s = NULL;

			if (r != CURLE_OK) {
				fprintf(stderr, "%s\n",
				    curl_easy_strerror(r));
				exit(1);
			}
			curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s);
			curl_multi_remove_handle(multi, easy);
			done++;
			if (next == n)
				continue;
			memcpy(t.name, name[next], 32);
			arm(s, &t, blob[next++], BLOB_LEN);
			curl_multi_add_handle(multi, easy);
		}
	}
	start = kit_ms() - start;
	for (unsigned i = 0; i < conns; i++)
		curl_easy_cleanup(slot[i].easy);
	curl_multi_cleanup(multi);
	free(slot);
	return (double)n * BLOB_LEN / 1000 / (double)(start > 0 ? start : 1);
}

static int
run_blob(unsigned mib, unsigned conns)
{
	unsigned n = mib / (BLOB_LEN >> 20);
	uint8_t **blob = calloc(n, sizeof(*blob));
	uint8_t (*name)[32] = calloc(n, 32);
	double up, down;

	for (unsigned i = 0; i < n; i++)
		blob[i] = kit_blob(BLOB_LEN, LABEL_HASH_BLOB, name[i]);
	up = pass(TARGET_BLOB_PUT, blob, name, n, conns);
	down = pass(TARGET_BLOB_GET, blob, name, n, conns);
	printf("blob %s mib=%u conns=%u up=%.0f MB/s down=%.0f MB/s\n",
	    kit.opts.plain ? "plain" : "tls", mib, conns, up, down);
	return 0;
}

/* What all that cost the relay. */
static void
print_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	printf("relay cpu=%ld ms max_rss=%ld KiB\n",
	    (long)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	    (long)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000,
	    u.ru_maxrss);
}

/* n members that wait for news, each on a connection; the relay's memory. */
static int
run_idle(unsigned n)
{
	struct target t = kit_target(&space, TARGET_READ);
	struct kit_reply r;
	struct buf head;
	char path[64], line[256];
	unsigned waiting = 0;
	FILE *f;

	t.wait_ms = TARGET_WAIT_MAX;
	buf_init(&head, 16384);
	for (unsigned i = 0; i < n; i++) {
		int fd = kit_connect(&kit);

		if (fd < 0)
			break;
		buf_reset(&head);
		kit_head(&kit, &space, &t, NULL, 0, NULL, &head);
		waiting += kit_send(fd, head.data, head.len);
	}
	buf_release(&head);
	/* served after all of them were taken in */
	t = kit_target(&space, TARGET_REC_LIST);
	kit_call(&kit, &space, &t, NULL, 0, NULL, &r);
	sleep(1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)kit.pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			printf("idle waiting=%u answered=%d %s", waiting,
			    r.status, line);
	if (f != NULL)
		fclose(f);
	kit_reply_free(&r);
	return waiting == n ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct rlimit rl = { 0, 0 };
	unsigned a, b;
	int r;

	if (argc < 3)
		return 2;
	a = (unsigned)strtoul(argv[2], NULL, 10);
	b = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	if (strcmp(argv[1], "alone") == 0)
		return alone_run(a);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	kit_init(&kit);
	kit.opts.threads = 0;
	kit_space_init(&space);
	if (!kit_start(&kit) || kit_create(&kit, &space, "") != 201)
		return 1;
	if (argc > 4 && strcmp(argv[4], "tls") == 0) {
		(void)kit_stop(&kit, SIGTERM);
		kit.opts.plain = false;
		if (!kit_start(&kit))
			return 1;
	}
	if (strcmp(argv[1], "append") == 0)
		r = run_append(a, b);
	else if (strcmp(argv[1], "idle") == 0)
		r = run_idle(a);
	else
		r = run_blob(a, b);
	kit_end(&kit);
	print_cpu();
	return r;
}

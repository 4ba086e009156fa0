#include "tests/sim/messages.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/msg.h"
#include "tests/sim/world.h"
#include "util/env_fake.h"
#include "util/io.h"

#define FILES_MAX 512		/* in one directory */
#define LARGE_MAX 100000u	/* bytes */

static enum zk_err
nothing(void *arg, const struct msg *m)
{
	(void)arg;
	(void)m;
	return ZK_OK;
}

static enum zk_err
flushed(void *arg)
{
	(void)arg;
	return ZK_OK;
}

static enum zk_err
receive(struct vault *v, uint64_t max)
{
	const struct sync_opts o = { .paths = NULL };
	const struct msg_recv_opts how = { .channel = "c", .max = max,
		.dir = MESSAGES_DIR, .sink = { .end = nothing,
		    .flush = flushed } };
	struct msg_received got;
	struct sync_report rep;

	return sync_msg_recv(v, &o, &how, &got, &rep);
}

/* "FROM NUMBER SIZE", and bytes that follow from these up to SIZE. */
static void
content(unsigned from, unsigned number, unsigned size, struct buf *out)
{
	uint32_t x = from * 1000003u + number * 17u + 1;

	buf_reset(out);
	(void)buf_printf(out, "%u %u %u\n", from, number, size);
	while (out->len < size) {
		x = x * 1664525u + 1013904223u;
		(void)buf_u8(out, (uint8_t)(x >> 24));
	}
}

static enum zk_err
send_one(struct vault *v, struct fake *dice, unsigned from, bool large,
    unsigned *sent)
{
	const struct sync_opts o = { .paths = NULL };
	struct msg_source src = { .channel = "c", .fd = -1 };
	struct msg_sent out;
	struct sync_report rep;
	struct buf b;
	unsigned size = (unsigned)fake_below(dice, large &&
	    fake_below(dice, 4) == 0 ? LARGE_MAX : 40);
	enum zk_err r = ZK_EBUG;

	buf_init(&b, LARGE_MAX + 64);
	content(from, *sent + 1, size, &b);
	src.p = b.data;
	src.n = b.len;
	r = sync_msg_send(v, &o, &src, &out, &rep);
	*sent += out.recorded;
	buf_release(&b);
	return r;
}

enum zk_err
messages_step(struct vault *v, struct fake *dice, unsigned from, bool large,
    unsigned *sent)
{
	if (fake_below(dice, 2) == 0)
		return send_one(v, dice, from, large, sent);
	return receive(v, fake_below(dice, 4));
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One file: the next of its sender. */
static bool
check_one(struct env *env, int fd, const char *name, unsigned *got,
    unsigned devices)
{
	char *end = NULL;
	unsigned long from = 0, number = 0, size = 0;
	struct buf is, want;
	bool good = false;

	buf_init(&is, LARGE_MAX + 64);
	buf_init(&want, LARGE_MAX + 64);
	if (io_read_file(env, fd, name, &is) == ZK_OK) {
		from = strtoul(buf_cstr(&is), &end, 10);
		number = strtoul(end, &end, 10);
		size = strtoul(end, &end, 10);
		if (from < devices && size < LARGE_MAX)
			content((unsigned)from, (unsigned)number,
			    (unsigned)size, &want);
		good = want.len > 0 && want.len == is.len &&
		    memcmp(want.data, is.data, is.len) == 0 &&
		    number == got[from] + 1;
		if (good)
			got[from]++;
	}
	if (!good)
		printf("# message %lu of %lu, %lu bytes, in %s\n", number,
		    from, size, name);
	buf_release(&is);
	buf_release(&want);
	return good;
}

static bool
check_files(struct env *env, unsigned *got, unsigned devices)
{
	char *list[FILES_MAX];
	size_t n = 0;
	struct env_dirent e;
	int err = 0;
	int fd = env_openat(env, ENV_CWD, MESSAGES_DIR,
	    O_RDONLY | O_DIRECTORY, 0);
	struct env_dir *d = fd < 0 ? NULL : env_dir_open(env, fd, &err);
	bool good = d != NULL;

	while (d != NULL && env_dir_next(env, d, &e) == 1 && n < FILES_MAX)
		list[n++] = strdup(e.name);
	if (d != NULL)
		env_dir_close(env, d);
	qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 0; i < n; i++) {
		good = good && check_one(env, fd, list[i], got, devices);
		free(list[i]);
	}
	if (fd >= 0)
		(void)env_close(env, fd);
	return good;
}

bool
messages_check(struct vault *v, struct env *env, unsigned self,
    const unsigned *sent, unsigned devices)
{
	unsigned got[WORLD_DEVICES] = { 0 };
	enum zk_err r = receive(v, 0);
	bool good = r == ZK_OK;

	if (!good)
		printf("# receiving: %s\n", err_text(r));
	good = good && check_files(env, got, devices);
	for (unsigned i = 0; good && i < devices; i++)
		if (got[i] != (i == self ? 0 : sent[i])) {
			printf("# device %u has %u messages of %u, not %u\n",
			    self, got[i], i, sent[i]);
			good = false;
		}
	return good;
}

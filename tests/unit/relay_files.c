/* The relay's files on a disk that fails, and on one that loses power. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>

#include "relay/files.h"
#include "util/env_fake.h"
#include "util/io.h"

struct disk {
	struct fake *f;
	struct env *env;
	struct files *files;
	int dirfd;
};

static void
disk_open(struct disk *d)
{
	d->dirfd = env_openat(d->env, ENV_CWD, "/", O_RDONLY | O_DIRECTORY, 0);
	CHECK(d->dirfd >= 0);
	CHECK(files_open(d->env, d->dirfd, &d->files) == ZK_OK);
}

static bool
disk_new(struct disk *d, uint64_t seed)
{
	d->f = fake_new(seed);
	if (d->f == NULL)
		return false;
	d->env = fake_env(d->f);
	disk_open(d);
	return d->files != NULL;
}

static void
disk_free(struct disk *d)
{
	files_close(d->files);
	fake_free(d->f);
}

/* A file of one byte at number no; what comes of it before it is durable. */
static enum zk_err
place(struct disk *d, uint64_t no)
{
	uint64_t tmp = 0;
	int fd = -1;
	enum zk_err r = files_tmp(d->files, &fd, &tmp);

	if (r == ZK_OK)
		r = io_write_full(d->env, fd, "x", 1);
	if (r == ZK_OK && env_fsync(d->env, fd) != 0)
		r = ZK_EIO;
	if (fd >= 0)
		(void)env_close(d->env, fd);
	return r == ZK_OK ? files_place(d->files, tmp, no) : r;
}

static bool
is_there(struct disk *d, uint64_t no)
{
	int fd = -1;
	enum zk_err r = files_read(d->files, no, &fd);

	files_close_fd(d->files, fd);
	CHECK(r == ZK_OK || r == ZK_ENOENT);
	return r == ZK_OK;
}

/* Linux tells a failure to one fsync alone: the next one says nothing. */
static void
test_not_durable_is_not_forgotten(void)
{
	/* its directory, then that of all */
	static const int nth[] = { 1, 2 };
	struct disk d;

	for (size_t i = 0; i < sizeof(nth) / sizeof(nth[0]); i++) {
		NEED(disk_new(&d, 1 + i));
		CHECK(place(&d, 1) == ZK_OK);
		fake_fail_at(d.f, fake_calls(d.f) + nth[i], EIO, false);
		CHECK(files_sync(d.files) == ZK_EIO);
		CHECK(files_sync(d.files) == ZK_EIO);
		CHECK(place(&d, 2) == ZK_OK);
		CHECK(files_sync(d.files) == ZK_EIO);
		files_close(d.files);
		disk_open(&d);
		CHECK(place(&d, 3) == ZK_OK);
		CHECK(files_sync(d.files) == ZK_OK);
		disk_free(&d);
	}
}

/* A directory that could not be opened was not made durable: once more. */
static void
test_not_opened_is_tried_again(void)
{
	struct disk d;

	NEED(disk_new(&d, 1));
	CHECK(place(&d, 1) == ZK_OK);
	fake_fail_at(d.f, fake_calls(d.f), EMFILE, false);
	CHECK(files_sync(d.files) != ZK_OK);
	CHECK(files_sync(d.files) == ZK_OK);
	fake_crash(d.f);
	files_close(d.files);
	disk_open(&d);
	CHECK(is_there(&d, 1));
	disk_free(&d);
}

/* Removes one, with the power gone before or after it was made durable. */
static bool
comes_back(uint64_t seed, bool sync)
{
	struct disk d;
	bool back = true;

	if (!disk_new(&d, seed))
		return true;
	CHECK(place(&d, 1) == ZK_OK && place(&d, 5000) == ZK_OK);
	CHECK(files_sync(d.files) == ZK_OK);
	CHECK(files_remove(d.files, 1) == ZK_OK);
	CHECK(!is_there(&d, 1));
	/* the same again, as after a kill: it counts as before */
	if (sync) {
		files_close(d.files);
		disk_open(&d);
		CHECK(files_remove(d.files, 1) == ZK_OK);
		CHECK(files_sync_removed(d.files) == ZK_OK);
	}
	fake_crash(d.f);
	files_close(d.files);
	disk_open(&d);
	back = is_there(&d, 1);
	CHECK(is_there(&d, 5000));
	disk_free(&d);
	return back;
}

static void
test_removed_for_good(void)
{
	unsigned back = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		CHECK(!comes_back(seed, true));
		back += comes_back(seed, false);
	}
	/* or this would have shown nothing */
	CHECK(back > 0);
}

/* No directory for it any more: nothing to remove, and nothing breaks. */
static void
test_removed_with_its_directory(void)
{
	struct disk d;

	NEED(disk_new(&d, 1));
	CHECK(files_remove(d.files, 7000) == ZK_OK);
	CHECK(files_sync_removed(d.files) == ZK_OK);
	disk_free(&d);
}

TESTS(
    { "not_durable_is_not_forgotten", test_not_durable_is_not_forgotten },
    { "not_opened_is_tried_again", test_not_opened_is_tried_again },
    { "removed_for_good", test_removed_for_good },
    { "removed_with_its_directory", test_removed_with_its_directory }
)

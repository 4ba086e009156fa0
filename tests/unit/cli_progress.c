/* The progress line, and sizes for people. */
#include "cli/progress.h"

#include "sync/sync.h"
#include "test.h"

static void
check_text(const struct sync_progress *p, double rate, const char *want)
{
	struct buf b;

	buf_init(&b, 512);
	CHECK(progress_text(&b, p, rate) == ZK_OK);
	if (strcmp(buf_cstr(&b), want) != 0)
		printf("# got '%s'\n", buf_cstr(&b));
	CHECK(strcmp(buf_cstr(&b), want) == 0);
	buf_release(&b);
}

static void
test_text(void)
{
	struct sync_progress p = { .phase = SYNC_SCAN, .files = 1 };

	check_text(&p, 0, "scanning: 1 path");
	p.files = 1200;
	check_text(&p, 0, "scanning: 1200 paths");
	p = (struct sync_progress){ .phase = SYNC_UPLOAD, .files = 3,
		.files_total = 12, .bytes = 1048576, .bytes_total = 3145728 };
	check_text(&p, 0, "uploading: 3 of 12 changes, 1.0 MiB of 3.0 MiB");
	check_text(&p, 524288, "uploading: 3 of 12 changes, 1.0 MiB of "
	    "3.0 MiB, 512.0 KiB/s, 4s left");
	check_text(&p, 20000, "uploading: 3 of 12 changes, 1.0 MiB of "
	    "3.0 MiB, 19.5 KiB/s, 1m44s left");
	check_text(&p, 100, "uploading: 3 of 12 changes, 1.0 MiB of "
	    "3.0 MiB, 100 B/s, 5h49m left");
	p.bytes = p.bytes_total;
	check_text(&p, 100, "uploading: 3 of 12 changes, 3.0 MiB of "
	    "3.0 MiB, 100 B/s");
	/* what is fetched and published is no file */
	p = (struct sync_progress){ .phase = SYNC_FETCH, .segments = 1,
		.bytes = 2048 };
	check_text(&p, 1024, "fetching: 1 segment, 2.0 KiB, 1.0 KiB/s");
	p = (struct sync_progress){ .phase = SYNC_PUBLISH, .segments = 1,
		.segments_total = 3, .bytes = 512, .bytes_total = 1024 };
	check_text(&p, 0, "publishing: 1 of 3 segments, 512 B of 1.0 KiB");
	p = (struct sync_progress){ .phase = SYNC_APPLY, .files = 1 };
	check_text(&p, 0, "applying: 1 change");
	p.phase = SYNC_DONE;
	check_text(&p, 0, "done");
}

static void
test_size(void)
{
	char s[16];

	CHECK(strcmp(progress_size(s, 0), "0 B") == 0);
	CHECK(strcmp(progress_size(s, 1023), "1023 B") == 0);
	CHECK(strcmp(progress_size(s, 1024), "1.0 KiB") == 0);
	CHECK(strcmp(progress_size(s, 1048575), "1.0 MiB") == 0);
	CHECK(strcmp(progress_size(s, 3565158), "3.4 MiB") == 0);
	CHECK(strcmp(progress_size(s, 1.8446744073709552e19), "16384.0 PiB")
	    == 0);
}

TESTS(
    { "text", test_text },
    { "size", test_size },
)

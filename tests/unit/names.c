/*
 * What a disk makes of names (tree/shown.h), and what is kept of it
 * (store/aliasdb.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "db/db.h"
#include "store/aliasdb.h"
#include "store/basedb.h"
#include "store/largedb.h"
#include "tree/shown.h"
#include "util/env_fake.h"

#include "test.h"

static struct db *
open_db(void)
{
	struct db *db = NULL;

	if (db_open(":memory:", DB_CREATE, &db) != ZK_OK)
		return NULL;
	if (db_exec(db, basedb_schema) == ZK_OK &&
	    db_exec(db, aliasdb_schema) == ZK_OK &&
	    db_exec(db, largedb_schema) == ZK_OK && base_init(db) == ZK_OK)
		return db;
	db_close(db);
	return NULL;
}

static void
put(struct db *db, const char *name, enum alias_how how, const char *form)
{
	CHECK(aliasdb_form_put(db, 1, name, strlen(name), how, form,
	    strlen(form)) == ZK_OK);
}

static bool
has(struct db *db, const char *name, enum alias_how how, const char *form)
{
	enum alias_how got;
	struct buf b;
	bool good;

	buf_init(&b, 256);
	good = aliasdb_form(db, 1, name, strlen(name), &b, &got) == ZK_OK &&
	    got == how && strcmp(buf_cstr(&b), form) == 0;
	buf_release(&b);
	return good;
}

/* What is the same as one is the same as all of them. */
static void
test_forms(void)
{
	struct db *db = open_db();
	bool yes = true;

	NEED(db != NULL);
	CHECK(aliasdb_forms(db, 0, &yes) == ZK_OK && !yes);
	CHECK(has(db, "a", ALIAS_PLAIN, "a"));
	put(db, "a", ALIAS_SAME, "A");
	CHECK(has(db, "a", ALIAS_SAME, "A") && has(db, "A", ALIAS_PLAIN, "A"));
	/* told the other way round: nothing new */
	put(db, "A", ALIAS_SAME, "a");
	CHECK(has(db, "A", ALIAS_PLAIN, "A"));
	put(db, "A", ALIAS_SAME, "aa");
	CHECK(has(db, "a", ALIAS_SAME, "aa") && has(db, "A", ALIAS_SAME, "aa"));
	put(db, "b.", ALIAS_SHOWN, "b");
	CHECK(has(db, "b.", ALIAS_SHOWN, "b"));
	put(db, "c:", ALIAS_NEVER, "");
	CHECK(has(db, "c:", ALIAS_NEVER, "c:"));
	CHECK(aliasdb_forms(db, 0, &yes) == ZK_OK && yes);
	CHECK(aliasdb_forms(db, 2, &yes) == ZK_OK && !yes);
	CHECK(aliasdb_forget(db, 1) == ZK_OK);
	CHECK(has(db, "a", ALIAS_PLAIN, "a"));
	db_close(db);
}

/* An alias counts while its row lies under the name it had then. */
static void
test_rows(void)
{
	struct db *db = open_db();
	struct opid node = { { 7 } };
	struct base_entry e = { .parent = BASE_ROOT,
		.name = (const uint8_t *)"a~1", .name_len = 3,
		.kind = NODE_FILE, .nodes = &node, .nodes_n = 1 };
	int64_t row = 0;
	bool yes = false;
	struct buf b;

	NEED(db != NULL);
	buf_init(&b, 256);
	CHECK(base_put(db, &e) == ZK_OK);
	CHECK(aliasdb_get(db, e.id, &b) == ZK_ENOENT);
	CHECK(aliasdb_put(db, e.id, "A", 1) == ZK_OK);
	CHECK(aliasdb_get(db, e.id, &b) == ZK_OK);
	CHECK(strcmp(buf_cstr(&b), "A") == 0);
	buf_reset(&b);
	CHECK(aliasdb_next(db, &row, &b) == ZK_OK && row == e.id);
	CHECK(aliasdb_next(db, &row, &b) == ZK_ENOENT);
	CHECK(base_move(db, e.id, BASE_ROOT, "x", 1) == ZK_OK);
	CHECK(aliasdb_get(db, e.id, &b) == ZK_ENOENT);
	CHECK(aliasdb_any(db, &yes) == ZK_OK && yes);
	CHECK(aliasdb_tidy(db) == ZK_OK);
	CHECK(aliasdb_any(db, &yes) == ZK_OK && !yes);
	CHECK(aliasdb_put(db, e.id, "A", 1) == ZK_OK);
	CHECK(base_remove(db, e.id) == ZK_OK);
	CHECK(aliasdb_any(db, &yes) == ZK_OK && !yes);
	buf_release(&b);
	db_close(db);
}

static void
make(struct env *env, int fd, const char *name)
{
	int f = env_openat(env, fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	CHECK(f >= 0);
	if (f >= 0)
		(void)env_close(env, f);
}

static void
test_shown(void)
{
	struct fake *f = fake_new(3);
	struct env *env = fake_env(f);
	struct buf b;
	int fd;

	buf_init(&b, 256);
	NEED(env_mkdirat(env, ENV_CWD, "/d", 0755) == 0);
	fd = env_openat(env, ENV_CWD, "/d", O_RDONLY | O_DIRECTORY, 0);
	NEED(fd >= 0);
	make(env, fd, "Ab");
	CHECK(shown_name(env, fd, "Ab", &b) == SHOWN_SO);
	CHECK(shown_name(env, fd, "aB", &b) == SHOWN_NOT);
	CHECK(shown_exact(env, fd));
	CHECK(!shown_refused(env, fd, "c:d", -EINVAL));
	fake_set_names(f, FAKE_FOLD | FAKE_STRICT);
	CHECK(shown_exact(env, fd));
	CHECK(shown_name(env, fd, "Ab", &b) == SHOWN_SO);
	CHECK(shown_name(env, fd, "aB", &b) == SHOWN_OTHER);
	CHECK(strcmp(buf_cstr(&b), "Ab") == 0);
	CHECK(shown_refused(env, fd, "c:d", -EINVAL));
	CHECK(!shown_refused(env, fd, "cd", -EINVAL));
	CHECK(!shown_refused(env, fd, "c:d", -ENOSPC));
	fake_set_names(f, FAKE_TRIM);
	CHECK(!shown_exact(env, fd));
	CHECK(shown_name(env, fd, "Ab..", &b) == SHOWN_OTHER);
	CHECK(shown_doubtful("x.", 2) && shown_doubtful("X", 1));
	CHECK(shown_doubtful("\xc3\xa9", 2) && !shown_doubtful(".x y", 4));
	/* nothing is left of what was tried */
	CHECK(shown_name(env, fd, "n-X", &b) == SHOWN_NOT);
	CHECK(shown_name(env, fd, "cd", &b) == SHOWN_NOT);
	(void)env_close(env, fd);
	buf_release(&b);
	fake_free(f);
}

static const struct test_case cases[] = {
	{ "forms", test_forms },
	{ "rows", test_rows },
	{ "shown", test_shown },
};

int
main(int argc, char **argv)
{
	return test_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}

/* The keys file: there and back, damage, and files that are refused. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "store/keys.h"
#include "test.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"

static const uint8_t vault[32] = "vault";

__attribute__((constructor)) static void
start(void)
{
	if (crypto_init() != ZK_OK)
		abort();
	log_set_level(LOG_QUIET);
	umask(0);	/* D08: modes do not depend on it */
}

struct kit {
	char dir[64];
	int fd;
	struct env *env;
	struct keys *keys;
	struct key *a;
	struct key *b;
};

static bool
kit_init(struct kit *k)
{
	memset(k, 0, sizeof(*k));
	k->env = env_posix();
	snprintf(k->dir, sizeof(k->dir), "%s", "/tmp/zk-keys-XXXXXX");
	if (mkdtemp(k->dir) == NULL)
		return false;
	k->fd = open(k->dir, O_RDONLY | O_DIRECTORY);
	return k->fd >= 0 && keys_new(k->env, &k->keys) == ZK_OK &&
	    key_random(k->env, KEY_SIGN, &k->a) == ZK_OK &&
	    key_random(k->env, KEY_SEED, &k->b) == ZK_OK;
}

/* A device in a vault with three epochs. */
static bool
kit_fill(struct kit *k)
{
	static const uint8_t ids[3][32] = { "b", "c", "a" };

	if (keys_set_vault(k->keys, vault, k->a, k->b) != ZK_OK)
		return false;
	for (int i = 0; i < 3; i++)
		if (keys_epoch_add(k->keys, ids[i], k->b) != ZK_OK)
			return false;
	return keys_epoch_add(k->keys, ids[1], k->b) == ZK_OK &&
	    keys_epoch_count(k->keys) == 3;
}

static void
kit_release(struct kit *k)
{
	char cmd[128];

	keys_free(k->keys);
	key_free(k->a);
	key_free(k->b);
	close(k->fd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", k->dir);
	CHECK(system(cmd) == 0);
}

static void
test_file(void)
{
	struct keys *got;
	struct stat st;
	uint8_t id[32];
	struct kit k;

	NEED(kit_init(&k));
	CHECK(keys_load(k.env, k.fd, &got) == ZK_ENOENT);
	CHECK(keys_save(k.env, k.fd, k.keys) == ZK_OK);
	NEED(keys_load(k.env, k.fd, &got) == ZK_OK);
	CHECK(keys_vault(got) == NULL && keys_space(got) == NULL);
	CHECK(keys_incarnation(got) == 1);
	keys_free(got);
	NEED(kit_fill(&k));
	CHECK(keys_new_log(k.keys, k.env) == ZK_OK);
	CHECK(keys_save(k.env, k.fd, k.keys) == ZK_OK);
	NEED(fstatat(k.fd, KEYS_FILE, &st, 0) == 0);
	CHECK((st.st_mode & 07777) == 0600);
	NEED(keys_load(k.env, k.fd, &got) == ZK_OK);
	CHECK(memcmp(keys_vault(got), vault, 32) == 0);
	CHECK(key_equal(keys_device_seed(got), keys_device_seed(k.keys)));
	CHECK(key_equal(keys_log(got), keys_log(k.keys)));
	CHECK(key_equal(keys_space(got), k.a));
	CHECK(key_equal(keys_record(got), k.b));
	CHECK(keys_incarnation(got) == 2);
	CHECK(keys_epoch_count(got) == 3);
	CHECK(keys_epoch_at(got, 0, id) != NULL && id[0] == 'a');
	CHECK(keys_epoch(got, vault) == NULL);
	keys_free(got);
	kit_release(&k);
}

/* X02, X04: damage anywhere, and one spelling. */
static void
test_bytes(void)
{
	struct keys *got;
	struct buf b, again;
	struct kit k;

	NEED(kit_init(&k) && kit_fill(&k));
	buf_init_secret(&b, 4096);
	buf_init_secret(&again, 4096);
	NEED(keys_encode(k.keys, &b) == ZK_OK);
	NEED(keys_decode(b.data, b.len, &got) == ZK_OK);
	CHECK(keys_encode(got, &again) == ZK_OK);
	CHECK(b.len == again.len && memcmp(b.data, again.data, b.len) == 0);
	keys_free(got);
	for (size_t i = 0; i < b.len; i++) {
		CHECK(keys_decode(b.data, i, &got) != ZK_OK);
		b.data[i] ^= 4;
		CHECK(keys_decode(b.data, b.len, &got) != ZK_OK);
		CHECK(got == NULL);
		b.data[i] ^= 4;
	}
	b.data[3] = 2;
	CHECK(keys_decode(b.data, b.len, &got) == ZK_EVERSION);
	buf_release(&b);
	buf_release(&again);
	kit_release(&k);
}

/* D08, D09: what is not this user's own private file. */
static void
test_refused(void)
{
	static const mode_t open_modes[] = { 0640, 0604, 0660, 0606, 0644 };
	struct keys *got;
	struct kit k;

	NEED(kit_init(&k));
	NEED(keys_save(k.env, k.fd, k.keys) == ZK_OK);
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(mode_t); i++) {
		NEED(fchmodat(k.fd, KEYS_FILE, open_modes[i], 0) == 0);
		CHECK(keys_load(k.env, k.fd, &got) == ZK_EPERM);
	}
	NEED(fchmodat(k.fd, KEYS_FILE, 0600, 0) == 0);
	NEED(renameat(k.fd, KEYS_FILE, k.fd, "real") == 0);
	NEED(symlinkat("real", k.fd, KEYS_FILE) == 0);
	CHECK(keys_load(k.env, k.fd, &got) == ZK_EPERM);
	NEED(unlinkat(k.fd, KEYS_FILE, 0) == 0);
	NEED(mkfifoat(k.fd, KEYS_FILE, 0600) == 0);
	CHECK(keys_load(k.env, k.fd, &got) == ZK_EPERM);
	NEED(unlinkat(k.fd, KEYS_FILE, 0) == 0);
	NEED(mkdirat(k.fd, KEYS_FILE, 0700) == 0);
	CHECK(keys_load(k.env, k.fd, &got) == ZK_EPERM);
	kit_release(&k);
}

static void
test_owner(void)
{
	struct keys *got;
	struct kit k;

	if (geteuid() != 0)
		SKIP("only root can give a file away");
	NEED(kit_init(&k));
	NEED(keys_save(k.env, k.fd, k.keys) == ZK_OK);
	NEED(fchownat(k.fd, KEYS_FILE, 65534, 65534, 0) == 0);
	CHECK(keys_load(k.env, k.fd, &got) == ZK_EPERM);
	kit_release(&k);
}

TESTS(
    { "file", test_file },
    { "X02_X04_bytes", test_bytes },
    { "D08_D09_refused", test_refused },
    { "D09_owner", test_owner },
)

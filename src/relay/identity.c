#include <fcntl.h>
#include <sys/stat.h>

#include "http/tls.h"
#include "relay/identity.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define KEY_FILE "key.pem"
#define CERT_FILE "cert.pem"

static enum zk_err
make(struct env *env, int dirfd, struct buf *key, struct buf *cert)
{
	enum zk_err r = tls_generate(env, key, cert);

	/* the certificate first: a key alone would look like a loss */
	if (r == ZK_OK)
		r = io_replace_file(env, dirfd, CERT_FILE, cert->data,
		    cert->len, 0644);
	if (r == ZK_OK)
		r = io_replace_file(env, dirfd, KEY_FILE, key->data,
		    key->len, 0600);
	return r;
}

/* The key must be a plain file that only its owner can read. */
static enum zk_err
check_mode(struct env *env, int dirfd)
{
	struct env_stat st;
	int r = env_statat(env, dirfd, KEY_FILE, &st);

	if (r < 0)
		return err_from_errno(-r);
	if (!S_ISREG(st.mode) || (st.mode & 077) != 0)
		return ZK_EPERM;
	return ZK_OK;
}

static enum zk_err
load(struct env *env, int dirfd, struct buf *key, struct buf *cert)
{
	enum zk_err r = check_mode(env, dirfd);

	if (r == ZK_ENOENT)
		return make(env, dirfd, key, cert);
	if (r == ZK_OK)
		r = io_read_file(env, dirfd, KEY_FILE, key);
	if (r == ZK_OK)
		r = io_read_file(env, dirfd, CERT_FILE, cert);
	return r;
}

enum zk_err
identity_load(struct env *env, const char *dir, struct tls_ident **out)
{
	struct log_where where = { dir, NULL };
	struct buf key, cert;
	enum zk_err r = ZK_OK;
	int dirfd;

	*out = NULL;
	buf_init_secret(&key, TLS_PEM_MAX);
	buf_init(&cert, TLS_PEM_MAX);
	dirfd = env_openat(env, ENV_CWD, dir, O_RDONLY | O_DIRECTORY, 0);
	if (dirfd < 0)
		r = err_from_errno(-dirfd);
	if (r == ZK_OK)
		r = load(env, dirfd, &key, &cert);
	if (r == ZK_OK)
		r = tls_ident_new(env, &key, &cert, out);
	if (r == ZK_EPERM)
		log_error(r, &where, "'%s/" KEY_FILE "' may be read by "
		    "others; its mode must be 0600", dir);
	else if (r == ZK_EREFUSED)
		log_error(r, &where, "'%s/" KEY_FILE "' and '" CERT_FILE
		    "' do not belong together", dir);
	else if (r != ZK_OK)
		log_error(r, &where, "cannot load key and certificate "
		    "from '%s': %s", dir, err_text(r));
	if (dirfd >= 0)
		(void)env_close(env, dirfd);
	buf_release(&key);
	buf_release(&cert);
	return r;
}

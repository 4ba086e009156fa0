/* The one list of error codes.  See err.h. */
#include "util/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	int status;
	const char *name;
	const char *text;
} table[] = {
#define X(code, status, name, text) { status, name, text },
	ZK_ERR_LIST(X)
#undef X
};

int
err_status(enum zk_err e)
{
	return (unsigned)e < ZK_ERR_COUNT ? table[e].status : 1;
}

const char *
err_name(enum zk_err e)
{
	return (unsigned)e < ZK_ERR_COUNT ? table[e].name : "internal";
}

const char *
err_text(enum zk_err e)
{
	return (unsigned)e < ZK_ERR_COUNT ? table[e].text : "internal error";
}

/* Place in the order of zk(1), EXIT STATUS: smaller is worse. */
static int
rank(enum zk_err e)
{
	static const int order[] = {
		128, 22, 24, 23, 21, 20, 11, 12, 10, 2, 5, 1, 141, 3, 4, 6, 7,
		8
	};
	int n = (int)(sizeof(order) / sizeof(order[0]));

	if (e == ZK_OK)
		return n + 1;
	for (int i = 0; i < n; i++)
		if (order[i] == err_status(e))
			return i;
	return n;
}

enum zk_err
err_worse(enum zk_err a, enum zk_err b)
{
	return rank(b) < rank(a) ? b : a;
}

enum zk_err
err_from_errno(int e)
{
	switch (e) {
	case 0:
		return ZK_OK;
	case ENOMEM:
		return ZK_ENOMEM;
	case ENOSPC:
	case EDQUOT:
		return ZK_EDISKFULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return ZK_EPERM;
	case ENOENT:
		return ZK_ENOENT;
	case EEXIST:
		return ZK_EEXIST;
	case EAGAIN:
		return ZK_EBUSY;
	case ETIMEDOUT:
		return ZK_ETIMEDOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ENETUNREACH:
	case EHOSTUNREACH:
		return ZK_ENET;
	default:
		return ZK_EIO;
	}
}

_Noreturn void
err_bug(const char *file, int line, const char *text)
{
	fprintf(stderr, "zk: bug at %s:%d: %s\n", file, line, text);
	abort();
}

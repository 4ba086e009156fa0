/* Settings that all devices of the vault share.  See sync.h. */
#include <stdio.h>
#include <string.h>

#include "format/logop.h"
#include "sync/logtake.h"
#include "sync/segw.h"
#include "sync/vault.h"
#include "util/log.h"

#define HISTORY "history"

/* "30d"; what another zk may write otherwise is not understood. */
static bool
parse_days(const char *s, unsigned *days)
{
	unsigned n = 0;
	size_t i = 0;

	for (; s[i] >= '0' && s[i] <= '9' && i < 5; i++)
		n = n * 10 + (unsigned)(s[i] - '0');
	if (i == 0 || s[0] == '0' || strcmp(s + i, "d") != 0 ||
	    n > SYNC_HISTORY_DAYS_MAX)
		return false;
	*days = n;
	return true;
}

enum zk_err
sync_history_days(struct vault *v, unsigned *days)
{
	struct buf b;
	enum zk_err r = ZK_EBUG;

	*days = SYNC_HISTORY_DAYS;
	buf_init(&b, LOGOP_SETTING_MAX + 1);
	r = logtake_value(v, HISTORY, &b);
	if (r == ZK_ENOENT)
		r = ZK_OK;
	/* in doubt nothing is deleted before its time */
	else if (r == ZK_OK && !parse_days(buf_cstr(&b), days))
		*days = SYNC_HISTORY_DAYS_MAX;
	buf_release(&b);
	return r;
}

static enum zk_err
put(struct vault *v, const struct logop_setting *s)
{
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, 4096);
	r = logop_setting_encode(s, &b);
	if (r == ZK_OK)
		r = segw_one(v, OP_SETTING, b.data, b.len);
	buf_release(&b);
	return r;
}

enum zk_err
sync_history_set(struct vault *v, unsigned days)
{
	struct logop_setting s = { .name = HISTORY };

	if (days < 1 || days > SYNC_HISTORY_DAYS_MAX) {
		log_error(ZK_EUSAGE, NULL, "history is from 1d to %dd",
		    SYNC_HISTORY_DAYS_MAX);
		return ZK_EUSAGE;
	}
	(void)snprintf(s.value, sizeof(s.value), "%ud", days);
	return put(v, &s);
}

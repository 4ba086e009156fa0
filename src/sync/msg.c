/* Waiting for messages, listing channels.  See msg.h. */
#include "sync/msg.h"

#include <string.h>

#include "store/msgdb.h"
#include "sync/await.h"
#include "sync/vault.h"

/* Waiting ----------------------------------------------------------------- */

struct looking {
	struct vault *v;
	const char *channel;
	int64_t since;
};

/* An await_look_fn. */
static enum zk_err
look(void *arg, bool *news)
{
	struct looking *l = arg;
	struct msgdb_channel ch;
	int64_t newest = 0;
	enum zk_err r = msgdb_find(l->v->db, l->channel, strlen(l->channel),
	    &ch);

	if (r == ZK_OK)
		r = msgdb_newest(l->v->db, ch.c, &newest);
	*news = r == ZK_OK && newest > l->since;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
sync_msg_wait(struct vault *v, const struct sync_opts *o,
    const char *channel, int64_t since, unsigned ms, bool *news)
{
	struct looking l = { v, channel, since };

	return await_news(v, o, ms, look, &l, news);
}

/* Listing ----------------------------------------------------------------- */

struct listing {
	msg_channel_fn *each;
	void *arg;
};

static enum zk_err
see(void *arg, const struct msgdb_seen *seen)
{
	struct listing *l = arg;
	struct msg_channel c = { seen->name, seen->name_len, seen->expiry,
		seen->waiting };

	return l->each(l->arg, &c);
}

enum zk_err
sync_msg_channels(struct vault *v, msg_channel_fn *each, void *arg)
{
	struct listing l = { each, arg };

	return msgdb_channels(v->db, see, &l);
}

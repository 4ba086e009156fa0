/* Remotes in a run: opening, greeting, reading, publishing.  See round.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "format/segment.h"
#include "store/chunkdb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "sync/round.h"
#include "sync/upload.h"
#include "transport/url.h"
#include "util/log.h"

#define FETCH_BYTES (8u << 20)	/* asked for in one read */
#define SEND_BYTES (8u << 20)	/* segments in one append */
#define SEND_SEGS 64

enum zk_err
remotes_open_url(struct vault *v, const struct sync_opts *o,
    const char *url, struct transport **out)
{
	struct transport_opts to = { .env = v->env, .locator = v->locator,
		.space = v->space };
	struct signkey *request = NULL;
	const struct key *E = NULL;
	uint8_t epoch_id[32];
	struct url u;
	struct buf auth, why;
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	if (o != NULL) {
		to.timeout_ms = o->timeout_ms;
		to.up_rate = o->up_rate;
		to.down_rate = o->down_rate;
		to.proxy = o->proxy;
		to.invite = o->invite;
	}
	buf_init(&auth, 4096);
	buf_init(&why, 4096);
	r = url_parse(url, &u, &why);
	if (r != ZK_OK) {
		log_error(r, NULL, "'%s': %s", url, buf_cstr(&why));
		goto out;
	}
	r = records_epoch(v, &E, epoch_id);
	if (r == ZK_OK)
		r = u.host[0] != '\0' ? url_authority(&u, &auth) :
		    buf_str(&auth, url);
	if (r == ZK_OK)
		r = epoch_request_key(E, buf_cstr(&auth), &request);
	to.request = request;
	if (r == ZK_OK)
		r = v->opener(v->opener_arg, url, &to, out);
out:
	/* the transport copies what it needs of the key: see its contract */
	buf_release(&auth);
	buf_release(&why);
	if (r != ZK_OK)
		signkey_free(request);
	return r;
}

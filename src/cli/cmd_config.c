/* zk config: settings of the whole vault, zk-config(1). */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/value.h"
#include "sync/sync.h"
#include "util/log.h"

static enum zk_err
show(struct cmd_ctx *c)
{
	unsigned days = 0;
	char value[16];
	enum zk_err r = sync_history_days(c->vault, &days);

	if (r != ZK_OK)
		return r;
	snprintf(value, sizeof(value), "%ud", days);
	if (out_json(c->out)) {
		struct jsonw *w = out_begin(c->out, "setting");

		jsonw_str(w, "name", "history");
		jsonw_str(w, "value", value);
		out_end(c->out);
	} else {
		out_printf(c->out, "history %s\n", value);
	}
	return ZK_OK;
}

static enum zk_err
config_run(struct cmd_ctx *c)
{
	int64_t ms = 0;
	enum zk_err r = ZK_OK;

	if (c->argc > 0 && strcmp(c->argv[0], "history") != 0) {
		log_error(ZK_EUSAGE, NULL, "no setting '%s': there is "
		    "'history'", c->argv[0]);
		return ZK_EUSAGE;
	}
	if (c->argc < 2)
		return show(c);
	if (value_duration(c->argv[1], &ms) != ZK_OK || ms < SYNC_DAY_MS ||
	    ms % SYNC_DAY_MS != 0 || ms > SYNC_DAY_MS *
	    SYNC_HISTORY_DAYS_MAX) {
		log_error(ZK_EUSAGE, NULL, "history is from 1d to %dd, in "
		    "whole days, not '%s'", SYNC_HISTORY_DAYS_MAX,
		    c->argv[1]);
		return ZK_EUSAGE;
	}
	r = sync_history_set(c->vault, (unsigned)(ms / SYNC_DAY_MS));
	if (r == ZK_OK)
		snprintf(c->say, sizeof(c->say),
		    "set for the vault; the next push tells the others");
	return r;
}

const struct cmd cmd_config = {
	.name = "config",
	.args = "[NAME [VALUE]]",
	.summary = "show and change settings of the whole vault",
	.flags = CMD_VAULT,
	.globals = G_VAULT,
	.max_args = 2,
	.run = config_run,
};

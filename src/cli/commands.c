/* The list of commands, and nothing else. */
#include "cli/cmd.h"

const struct cmd *const commands[] = {
	&cmd_pair,
	&cmd_push,
	&cmd_pull,
	&cmd_relay,
	&cmd_status,
	&cmd_init,
	&cmd_sync,
	&cmd_log,
	&cmd_restore,
	&cmd_diff,
	&cmd_remote,
	&cmd_device,
	&cmd_config,
	&cmd_kv,
	&cmd_send,
	&cmd_recv,
	&cmd_verify,
	&cmd_gc,
	&cmd_help,
	&cmd_complete,
	NULL
};

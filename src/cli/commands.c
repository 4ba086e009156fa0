/* The list of commands, and nothing else. */
#include "cli/cmd.h"

const struct cmd *const commands[] = {
	&cmd_relay,
	&cmd_init,
	&cmd_help,
	NULL
};

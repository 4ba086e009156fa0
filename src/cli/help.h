/* Help texts, made from the records and tables alone. */
#ifndef ZK_CLI_HELP_H
#define ZK_CLI_HELP_H

#include "cli/cmd.h"

/* All commands, the front door first, and the global options. */
void help_all(struct out *o);

/* Usage, summary, options of c; parent is NULL unless c is a subcommand. */
void help_cmd(struct out *o, const struct cmd *parent, const struct cmd *c);

#endif

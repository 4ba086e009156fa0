/* The version that `zk --version` prints. */
#ifndef ZK_CLI_VERSION_H
#define ZK_CLI_VERSION_H

#define ZK_VERSION "0.1.0"

#endif

/* What the TLS library moves by itself, to hold the relay's figures against. */
#ifndef ZK_TESTS_RELAYLOAD_ALONE_H
#define ZK_TESTS_RELAYLOAD_ALONE_H

/*
 * One connection over loopback, this library at both ends in a process each,
 * mib MiB one way and then the other; prints both rates.  0, or 1.
 */
int alone_run(unsigned mib);

#endif

/*
 * evil-relay LOG UPSTREAM-PORT PORT [RULE]...
 *
 * Serves on 127.0.0.1:PORT (0 picks one) until killed; prints the port.  The
 * log gets the head of every request; see evil.h for the rules.
 */
#include "tests/evil/evil.h"

int
main(int argc, char **argv)
{
	static struct evil e;
	uint16_t port;
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: evil-relay LOG UPSTREAM-PORT PORT "
		    "[RULE]...\n");
		return 2;
	}
	(void)snprintf(e.log, sizeof(e.log), "%s", argv[1]);
	(void)snprintf(e.count, sizeof(e.count), "%.380s.count", argv[1]);
	e.upstream = (uint16_t)strtoul(argv[2], NULL, 10);
	port = (uint16_t)strtoul(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++)
		if (!evil_parse(&e, argv[i])) {
			fprintf(stderr, "evil-relay: bad rule '%s'\n",
			    argv[i]);
			return 2;
		}
	fd = evil_listen(&port);
	if (fd < 0) {
		perror("evil-relay");
		return 1;
	}
	printf("%u\n", (unsigned)port);
	(void)fflush(stdout);
	evil_loop(&e, fd);
	return 0;
}

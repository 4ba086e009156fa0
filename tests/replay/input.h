/* The few parts of JSON that traces are made of, read one after another. */
#ifndef ZK_TESTS_REPLAY_INPUT_H
#define ZK_TESTS_REPLAY_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/replay/trace.h"

#define INPUT_BLOCK 65536

struct input {
	int fd;
	pid_t unzip;		/* the child that writes to fd, or 0 */
	unsigned char block[INPUT_BLOCK];
	size_t at, n;		/* in block: the next byte, and how many */
	bool bad;		/* reading failed */
	enum zk_err err;	/* the first failure; all reads are then empty */
};

/* ZK_EIO with errno set. */
enum zk_err input_open(struct input *in, const char *path);
/* False if what was read did not end well. */
bool input_close(struct input *in);

void input_fail(struct input *in, enum zk_err e);

/* The next character that is no white space, not taken; EOF at the end. */
int input_peek(struct input *in);
/* Takes c, else fails. */
void input_want(struct input *in, int c);
/*
 * Between the members of an object or array whose bracket was taken: true
 * when another follows, with the comma taken; false with the end taken.
 */
bool input_more(struct input *in, int end, bool *first);

uint32_t input_number(struct input *in);
/* Appends the code points of a string. */
void input_string(struct input *in, struct points *out);
/* A string or number of less than n bytes, as it stands, with a NUL. */
void input_token(struct input *in, char *out, size_t n);
/* The name of a member, with the colon behind it; cut off at n bytes. */
void input_name(struct input *in, char *out, size_t n);
void input_skip(struct input *in);

bool points_add(struct points *p, uint32_t v);

#endif

/* The fake remote's rendezvous mailboxes. */
#ifndef ZK_TRANSPORT_BOX_FAKE_H
#define ZK_TRANSPORT_BOX_FAKE_H

#include "transport/set_fake.h"

struct fake_box {
	uint64_t plate;
	bool claimed[2];
	uint8_t id[2][16];
	struct fake_set msgs[2];
};

struct fake_boxes {
	struct fake_box *v;
	size_t n;
};

void box_fake_release(struct fake_boxes *b);

/* As the operations of transport/transport.h, without waiting. */
ZK_CHECKED enum zk_err box_fake_claim(struct fake_boxes *b, struct trv *rv);
ZK_CHECKED enum zk_err box_fake_put(struct fake_boxes *b,
    const struct trv *rv, unsigned seq, const void *p, size_t n);
ZK_CHECKED enum zk_err box_fake_get(const struct fake_boxes *b,
    const struct trv *rv, unsigned seq, struct buf *out);
void box_fake_close(struct fake_boxes *b, const struct trv *rv);

#endif

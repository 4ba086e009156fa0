/*
 * The edge signatures (vectors cctv-ed25519, by number) that zk accepts.
 * Devices have to agree on this set for ever.
 */
#ifndef ZK_TESTS_UNIT_ED25519_EDGE_H
#define ZK_TESTS_UNIT_ED25519_EDGE_H

static const int ed25519_edge[] = {
	7, 29, 50, 117, 139, 161, 182, 249, 305, 411,
	425, 438, 465, 473, 481, 489, 497, 511, 525, 538,
	565, 573, 581, 589, 597, 611, 625, 638, 665, 673,
	681, 689, 697, 711, 725, 738, 765, 773, 781, 789,
	797, 832, 899
};

#endif

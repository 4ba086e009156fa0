/* A builder of segments that does not judge, in place of the library's. */
#define op_encode op_encode_raw
#include "format/segb.c"

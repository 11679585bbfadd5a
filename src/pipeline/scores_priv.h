#pragma once
/* pipeline/scores_priv.h: what writing and reading a file of scores share. */
#include "media/child_proto.h"

#define ORI_SCORES_FORMAT "oriane-scores"
#define ORI_SCORES_VERSION 1
#define ORI_SCORES_SIDES 4 /* bytes in front of a look's samples */
#define ORI_SCORES_LOOK_BYTES (ORI_SCORES_SIDES + ORI_CHILD_LOOK_BYTES)
/* Deflate adds 5 bytes to each 16 KB that it cannot make smaller. */
#define ORI_SCORES_PACKED_BYTES (ORI_SCORES_LOOK_BYTES + 1024)

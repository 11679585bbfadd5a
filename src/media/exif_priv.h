#pragma once
/* media/exif_priv.h: how a picture was held when it was taken: the tag Orientation of its EXIF block.
 * Where    JPEG: the first APP1 segment named Exif; PNG: the chunk eXIf; WebP: the chunk EXIF
 * Hostile  a walk over the file's parts and one over the entries of one table: each looks at a byte
 *          once, follows one offset, and stays inside what it is given. What makes no sense says
 *          nothing: a picture with a broken EXIF block is a picture
 * Threads  pure
 * Source   CIPA DC-008 (EXIF 2.32), 4.5 and 4.6.4; TIFF 6.0; PNG 1.5 extensions, eXIf; the WebP
 *          container specification
 * Checked by tests/unit/media_exif_test.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 to 8 of a whole picture file; 1 (upright) when it says nothing, or nothing that makes sense. */
int ori_exif_orientation(const uint8_t *data, size_t bytes);
/* The same of a block alone, which begins with its byte order, "II" or "MM". */
int ori_exif_block_orientation(const uint8_t *data, size_t bytes);
/* What makes such a picture upright, in the words of orient_priv.h. */
void ori_exif_turn(int orientation, int *ret_rotation, bool *ret_is_mirrored);

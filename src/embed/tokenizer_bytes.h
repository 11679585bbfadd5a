#pragma once
/* embed/tokenizer_bytes.h: the alphabet of byte-level BPE, a printable character for each byte.
 * Source   GPT-2's encoder.py, bytes_to_unicode
 * Threads  pure; any thread */
#include <stdint.h>

#include "embed/tokenizer_text.h"

uint32_t ori_tok_byte_char(uint8_t byte);
/* Adds a character for each byte of a text whose first `origin` bytes count as origin. */
void ori_tok_add_byte_chars(struct ori_tok_string *string, const char *text, size_t bytes,
                            size_t origin);

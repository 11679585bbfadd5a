#pragma once
/* net/xml.h: the little of XML that S3 answers in, read piece by piece.
 * Gives     elements as they open and close, and their texts; attributes, comments and processing
 *           instructions are passed over, prefixes of names left out
 * Refuses   a DOCTYPE (so no entities but the five, and numbers), CDATA, elements that do not match,
 *           more than ORI_LIMIT_MAX_XML_DEPTH levels, a text or name out of its limits, NUL
 * Call order init; next until it is not ORI_OK: ORI_EOF at the end of the one root
 * Ownership the text is borrowed by the reader for its life
 * Threads   plain data; one thread at a time
 * Source    XML 1.0, 5th edition */
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/limits.h"
#include "util/status.h"

#define ORI_XML_NAME_BYTES 64

enum ori_xml_kind { ORI_XML_OPEN, ORI_XML_TEXT, ORI_XML_CLOSE };

struct ori_xml {
    const char *at;
    const char *end;
    int depth; /* of open elements: in OPEN and CLOSE with the element's own */
    enum ori_xml_kind kind;
    char names[ORI_LIMIT_MAX_XML_DEPTH][ORI_XML_NAME_BYTES]; /* of the open elements */
    const char *name;      /* OPEN, CLOSE: the element's; TEXT: the one it is in */
    struct ori_buf text;   /* TEXT: with references resolved */
    bool is_empty_element; /* private: its CLOSE comes next */
    bool has_root;         /* private */
    bool is_closing;       /* private: the element of the last CLOSE still counts */
};

void ori_xml_init(struct ori_xml *ret_xml, const void *data, size_t bytes);
void ori_xml_deinit(struct ori_xml *xml); /* idempotent */
/* ORI_OK with the next piece, ORI_EOF behind the last, ORI_STORE for what is no such XML, ORI_LIMIT,
 * ORI_NOMEM. */
ori_status ori_xml_next(struct ori_xml *xml, struct ori_error *err);
/* Whether the open elements are these, from the root on: "Error", "Code". NULL ends. */
bool ori_xml_is_at(const struct ori_xml *xml, const char *const *path);

/* Every message parser of lib under one shape, for tests and fuzz targets that treat them alike. */
#ifndef TESTS_CODECS_H
#define TESTS_CODECS_H

#include "msg.h"

typedef struct codec {
    const char *name; /* as in tests/fuzz/corpus/<name>/ */
    uint8_t type;     /* HandshakeType that the writer puts in front */
    bool canonical;   /* one value has one encoding: writing gives back the bytes that were parsed */
    bool in_clear;    /* travels unprotected, or is computed: tests/fuzz/corpus holds recorded ones */
    /* Parses body and, when that is HF_OK, appends the message to w. */
    hf_status (*rewrite)(hf_slice body, hf_writer *w);
} codec;

extern const codec codecs[]; /* ends with name NULL */

/* NULL when there is none of that name. */
const codec *codec_by_name(const char *name);

/* The body of a message in `message`, header checked (type, length); false when the header is wrong. */
bool codec_body(const codec *c, const uint8_t *message, size_t len, hf_slice *out_body);

#endif

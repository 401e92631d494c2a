/* An HTTP/1.1 response as it comes in (RFC 9112): status, then the body by length, chunks, or the connection's end. */
#ifndef HANDFAST_APPS_HTTP_RESPONSE_H
#define HANDFAST_APPS_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_RESPONSE_LINE_MAX 8192  /* one line of the head or of a chunk's */
#define HF_RESPONSE_HEAD_MAX 65536 /* the head in all, and each 1xx before it */

typedef enum hf_response_state {
    HF_RESPONSE_STATUS,
    HF_RESPONSE_FIELDS,
    HF_RESPONSE_LENGTH,     /* `left` bytes of body, then done */
    HF_RESPONSE_CHUNK_SIZE, /* the line before a chunk */
    HF_RESPONSE_CHUNK,      /* `left` bytes, then an empty line */
    HF_RESPONSE_CHUNK_END,
    HF_RESPONSE_TRAILER,
    HF_RESPONSE_TO_END, /* the body ends with the connection */
    HF_RESPONSE_DONE,
    HF_RESPONSE_BAD /* not HTTP, or a limit */
} hf_response_state;

typedef struct hf_response {
    hf_response_state state;
    unsigned status;
    bool chunked, has_length;
    uint64_t left, length;
    size_t head_len, line_len;
    char line[HF_RESPONSE_LINE_MAX];
    /* Gets the body; false stops with BAD. */
    bool (*body)(void *arg, const uint8_t *data, size_t len);
    void *arg;
} hf_response;

void hf_response_init(hf_response *response, bool (*body)(void *arg, const uint8_t *data, size_t len), void *arg);
/* Takes bytes; those after the end are ignored. */
void hf_response_take(hf_response *response, const uint8_t *data, size_t len);
/* The connection was closed properly: whether the response is whole. */
bool hf_response_end(hf_response *response);

#endif

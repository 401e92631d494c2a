/* HTTP/1.1 requests as far as a static folder needs them (RFC 9110, RFC 9112). Pure: bytes in, a request out. */
#ifndef HANDFAST_APPS_HTTP_H
#define HANDFAST_APPS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HF_HTTP_HEAD_MAX 8192   /* request line and header fields, bytes */
#define HF_HTTP_TARGET_MAX 2048 /* request target, bytes */
#define HF_HTTP_FIELDS_MAX 100  /* header fields */

typedef struct hf_http_request {
    bool head;       /* HEAD; else GET */
    bool keep_alive; /* another request may follow on the connection */
    size_t path_len;
    char
        path[HF_HTTP_TARGET_MAX + 1]; /* decoded, starts with '/', no query, ends with NUL; may hold any byte but NUL */
} hf_http_request;

/* Length of a complete head at data, its empty line included; 0 when the end is not there yet. `seen`: how many bytes
 * an earlier call looked at already. */
size_t hf_http_head_end(const char *data, size_t len, size_t seen);

/* Parses a complete head. 200, or the status to refuse with: 400, 405, 414, 431, 505. On refusal keep_alive
 * is false, and head is what the request line says, if it does. */
unsigned hf_http_parse(const char *head, size_t len, hf_http_request *out);

/* "Not Found" for 404 etc. Static storage. */
const char *hf_http_reason(unsigned status);

#endif

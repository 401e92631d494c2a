/* Checks of hello extensions that server and client share, and the settling of limits. */
#ifndef HF_HELLO12_H
#define HF_HELLO12_H

#include "conn.h"

/* Bytes for a max_fragment_length code (RFC 6066 section 4); 0 when the code is none of the four. */
static inline size_t hf_max_fragment_bytes(uint8_t code)
{
    return code >= 1 && code <= 4 ? (size_t)256 << code : 0;
}

/* Lowers a limit. */
static inline void hf_lower(size_t *limit, size_t to)
{
    if (to < *limit)
        *limit = to;
}

/* Server: checks the hello against policy and credentials and settles what follows from it in conn and hs.
 * HF_OK, or the failure with its reason (static text). */
hf_status hf_server12_settle(hf_conn *conn, const hf_client_hello *hello, const char **why) HF_MUST_CHECK;
hf_status hf_server12_write_hello(hf_conn *conn, const hf_client_hello *hello) HF_MUST_CHECK;

/* Client: our hello, and the check of the server's answer to it. */
hf_status hf_client12_write_hello(hf_conn *conn) HF_MUST_CHECK;
hf_status hf_client12_settle(hf_conn *conn, const hf_server_hello *hello, const char **why) HF_MUST_CHECK;

#endif

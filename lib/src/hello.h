/* Hellos: what is checked, chosen and answered, by side and version. */
#ifndef HF_HELLO_H
#define HF_HELLO_H

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

static inline bool hf_has(const hf_extensions *ext, hf_ext which)
{
    return ext->present & HF_EXT_BIT(which);
}

/* Room for the lists that a hello's extensions point to. */
typedef struct hf_hello_lists {
    uint8_t suites[2 * (HF_SUITES_MAX + 1)];
    uint8_t groups[2 * HF_GROUPS_MAX];
    uint8_t schemes[2 * HF_KEY_SCHEMES_MAX];
    uint8_t versions[4];
    uint8_t share[4 + HF_GROUP_PUBLIC_MAX];
    uint8_t alpn[HF_LIMIT_ALPN_PROTOCOLS * (1 + HF_LIMIT_ALPN_SIZE)];
} hf_hello_lists;

/* All functions: HF_OK, or the failure with its reason (static text). */

/* Server, any version: name, application protocol, record limits. In TLS 1.3 record_size_limit counts the content type
 * too (RFC 8449 section 4): `type_bytes` 1, else 0. And the answer to them. */
hf_status hf_server_settle_names(hf_conn *conn, const hf_client_hello *hello, const char **why) HF_MUST_CHECK;
hf_status hf_server_settle_limits(hf_conn *conn, const hf_client_hello *hello, size_t type_bytes,
                                  const char **why) HF_MUST_CHECK;
void hf_server_answer(hf_conn *conn, const hf_client_hello *hello, hf_hello_lists *room, hf_extensions *ext);

hf_status hf_server12_settle(hf_conn *conn, const hf_client_hello *hello, const char **why) HF_MUST_CHECK;
hf_status hf_server12_write_hello(hf_conn *conn, const hf_client_hello *hello) HF_MUST_CHECK;
/* The machines' first message, which hf_server_start has parsed. */
hf_next hf_server12_hello(hf_conn *conn, const hf_message *message, const hf_client_hello *hello);
hf_next hf_server13_hello(hf_conn *conn, const hf_message *message, const hf_client_hello *hello);

/* Client, any version: our hello (again after a HelloRetryRequest); what the server answers to names and limits. */
hf_status hf_client_write_hello(hf_conn *conn) HF_MUST_CHECK;
hf_status hf_client_settle_limits(hf_conn *conn, const hf_extensions *ext, size_t type_bytes,
                                  const char **why) HF_MUST_CHECK;
hf_status hf_client_settle_alpn(hf_conn *conn, const hf_extensions *ext, const char **why) HF_MUST_CHECK;
const hf_suite *hf_client_offered_suite(const hf_config *config, uint16_t id);

hf_next hf_client12_hello(hf_conn *conn, const hf_message *message, const hf_server_hello *hello);
hf_next hf_client13_hello(hf_conn *conn, const hf_message *message, const hf_server_hello *hello);
hf_status hf_client12_settle(hf_conn *conn, const hf_server_hello *hello, const char **why) HF_MUST_CHECK;

#endif

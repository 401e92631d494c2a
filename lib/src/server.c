/* The server's start: one ClientHello, and the version that is made of it. RFC 8446 sections 4.2.1 and 4.1.3, RFC 7507.
 */
#include "hello.h"
#include "negotiate.h"

#define SENTINEL_SIZE 8

/* The highest version that both sides have; 0: none. When the client sends the list, it alone counts. */
static uint16_t choose_version(const hf_config *config, const hf_client_hello *hello)
{
    bool list = hf_has(&hello->ext, HF_EXT_SUPPORTED_VERSIONS);

    if (hello->legacy_version <= HF_VERSION_SSL30) /* refused whatever the list says: RFC 8446 section 4.1.2 */
        return 0;
    if (config->tls13 && list && hf_list_has(hello->ext.supported_versions, HF_TLS13))
        return HF_TLS13;
    if (!config->tls12)
        return 0;
    if (list)
        return hf_list_has(hello->ext.supported_versions, HF_TLS12) ? HF_TLS12 : 0;
    return hello->legacy_version >= HF_TLS12 ? HF_TLS12 : 0;
}

/* In server_random: tells a client of TLS 1.3 that this is a lower version (RFC 8446 section 4.1.3). */
static void mark_downgrade(uint8_t random[HF_RANDOM_SIZE])
{
    static const uint8_t sentinel[SENTINEL_SIZE] = {'D', 'O', 'W', 'N', 'G', 'R', 'D', 1};

    memcpy(random + HF_RANDOM_SIZE - SENTINEL_SIZE, sentinel, SENTINEL_SIZE);
}

hf_next hf_server_start(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_client_hello hello;

    if (!message)
        return HF_NEXT_MESSAGE;
    if (message->type != HF_MSG_CLIENT_HELLO)
        return hf_unexpected(conn, message);
    hf_status status = hf_client_hello_parse(message->body, &hello);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed ClientHello");
    uint16_t version = choose_version(conn->config, &hello);
    if (version == 0)
        return hf_failed(conn, HF_SEND(HF_ALERT_PROTOCOL_VERSION),
                         "the client offers no version that the policy allows");
    if (version < HF_TLS13 && conn->config->tls13 && hf_list_has(hello.cipher_suites, HF_SCSV_FALLBACK))
        return hf_failed(conn, HF_SEND(HF_ALERT_INAPPROPRIATE_FALLBACK),
                         "the client fell back to a version below what both sides have");
    if (version < HF_TLS13 && conn->config->tls13)
        mark_downgrade(hs->server_random);
    memcpy(hs->client_random, hello.random.ptr, HF_RANDOM_SIZE);
    hs->client_version = hello.legacy_version;
    return version == HF_TLS13 ? hf_server13_hello(conn, message, &hello) : hf_server12_hello(conn, message, &hello);
}

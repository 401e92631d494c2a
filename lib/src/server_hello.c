/* What a server makes of a ClientHello whatever the version: the name asked for, the application protocol, the record
 * limits (RFC 6066, 7301, 8449), and its answer to them (ServerHello in TLS 1.2, EncryptedExtensions in TLS 1.3).
 */
#include "hello.h"
#include "negotiate.h"

static bool has(const hf_client_hello *hello, hf_ext ext)
{
    return hf_has(&hello->ext, ext);
}

hf_status hf_server_settle_limits(hf_conn *conn, const hf_client_hello *hello, size_t type_bytes, const char **why)
{
    if (has(hello, HF_EXT_RECORD_SIZE_LIMIT)) {
        hf_lower(&conn->send_limit, hello->ext.record_size_limit - type_bytes);
        if (conn->config->record_size_limit < HF_PLAINTEXT_MAX)
            conn->receive_limit = conn->config->record_size_limit - type_bytes;
    } else if (has(hello, HF_EXT_MAX_FRAGMENT_LENGTH)) { /* RFC 8449 section 5: ignored beside the newer one */
        size_t bytes = hf_max_fragment_bytes(hello->ext.max_fragment_length);
        if (bytes == 0) {
            *why = "max_fragment_length is none of the four values";
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
        hf_lower(&conn->send_limit, bytes);
        hf_lower(&conn->receive_limit, bytes);
        conn->limit_unprotected = true;
    }
    return HF_OK;
}

hf_status hf_server_settle_names(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    if (has(hello, HF_EXT_SERVER_NAME)) {
        conn->server_name = hf_memory_new(&conn->memory, hello->ext.server_name.len + 1);
        if (!conn->server_name)
            return HF_ERR_NO_MEMORY;
        memcpy(conn->server_name, hello->ext.server_name.ptr, hello->ext.server_name.len);
    }
    if (conn->config->n_alpn > 0 && has(hello, HF_EXT_ALPN)) {
        conn->alpn = hf_choose_alpn(conn->config, hello->ext.alpn);
        if (!conn->alpn) {
            *why = "no application protocol in common with the client (ALPN)";
            return HF_SEND(HF_ALERT_NO_APPLICATION_PROTOCOL);
        }
    }
    return HF_OK;
}

void hf_server_answer(hf_conn *conn, const hf_client_hello *hello, hf_hello_lists *room, hf_extensions *ext)
{
    if (conn->server_name)
        ext->present |= HF_EXT_BIT(HF_EXT_SERVER_NAME);
    if (has(hello, HF_EXT_RECORD_SIZE_LIMIT)) {
        ext->present |= HF_EXT_BIT(HF_EXT_RECORD_SIZE_LIMIT);
        ext->record_size_limit = conn->config->record_size_limit;
    } else if (has(hello, HF_EXT_MAX_FRAGMENT_LENGTH)) {
        ext->present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH);
        ext->max_fragment_length = hello->ext.max_fragment_length;
    }
    if (conn->alpn) {
        hf_writer name = hf_writer_of(room->alpn, sizeof room->alpn);
        hf_write_u8(&name, (uint8_t)strlen(conn->alpn));
        hf_write_bytes(&name, conn->alpn, strlen(conn->alpn));
        ext->present |= HF_EXT_BIT(HF_EXT_ALPN);
        ext->alpn = (hf_slice){room->alpn, name.len};
    }
}

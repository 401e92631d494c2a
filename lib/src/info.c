/* What is known of a connection, and names for people. */
#include "conn.h"

#ifndef HF_VERSION
#define HF_VERSION "0.0.0"
#endif

const char *hf_version(void)
{
    return HF_VERSION;
}

const char *hf_message_name(unsigned message)
{
    switch (message) {
    case HF_MSG_HELLO_REQUEST:
        return "HelloRequest";
    case HF_MSG_CLIENT_HELLO:
        return "ClientHello";
    case HF_MSG_SERVER_HELLO:
        return "ServerHello";
    case HF_MSG_NEW_SESSION_TICKET:
        return "NewSessionTicket";
    case HF_MSG_ENCRYPTED_EXTENSIONS:
        return "EncryptedExtensions";
    case HF_MSG_KEY_UPDATE:
        return "KeyUpdate";
    case HF_MSG_CERTIFICATE:
        return "Certificate";
    case HF_MSG_SERVER_KEY_EXCHANGE:
        return "ServerKeyExchange";
    case HF_MSG_CERTIFICATE_REQUEST:
        return "CertificateRequest";
    case HF_MSG_SERVER_HELLO_DONE:
        return "ServerHelloDone";
    case HF_MSG_CERTIFICATE_VERIFY:
        return "CertificateVerify";
    case HF_MSG_CLIENT_KEY_EXCHANGE:
        return "ClientKeyExchange";
    case HF_MSG_FINISHED:
        return "Finished";
    case HF_MSG_CERTIFICATE_STATUS:
        return "CertificateStatus";
    case HF_MESSAGE_CHANGE_CIPHER_SPEC:
        return "ChangeCipherSpec";
    default:
        return "unknown";
    }
}

void hf_conn_get_info(const hf_conn *conn, hf_conn_info *out)
{
    const hf_suite *suite = hf_suite_by_id(conn->suite_id);
    const hf_cipher *cipher = suite ? conn->config->crypto.ciphers[suite->cipher] : NULL;

    *out = (hf_conn_info){
        .connected = conn->connected,
        .got_close_notify = conn->got_close,
        .sent_close_notify = conn->sent_close && conn->status == HF_OK,
        .version = conn->version,
        .suite = conn->suite_id,
        .group = conn->group_id,
        .server_scheme = conn->server_scheme,
        .client_scheme = conn->client_scheme,
        .extended_master_secret = conn->extended_master_secret,
        .encrypt_then_mac = conn->encrypt_then_mac,
        .secure_renegotiation = conn->secure_renegotiation,
        .client_cert_requested = conn->client_cert_requested,
        .peer_verified = conn->peer_verified,
        .ocsp_good = conn->ocsp_good,
        .resumed = conn->resumption != HF_RESUMED_NOT,
        .resumption = conn->resumption,
        .server_name = conn->server_name,
        .alpn = conn->alpn,
        .record_provider = cipher ? cipher->provider->name : NULL,
        .cipher = cipher ? hf_cipher_spec_of(cipher->id)->name : NULL,
        .send_limit = conn->send_limit,
        .memory = conn->memory.held,
    };
}

hf_status hf_conn_status(const hf_conn *conn)
{
    return conn->status;
}

const char *hf_conn_reason(const hf_conn *conn)
{
    return conn->reason;
}

uint64_t hf_conn_id(const hf_conn *conn)
{
    return conn->id;
}

void *hf_conn_user(const hf_conn *conn)
{
    return conn->options.user;
}

/* Handshake messages of TLS 1.2: encode beside decode, pure (bytes to borrowed slices).
 *
 * Parsers take the body of one complete message (without its 4-byte header) and must consume it exactly. They return
 * HF_OK or HF_SEND(alert), decode_error for whatever does not parse; on error *out is zeroed. They check syntax only;
 * what a value means for a connection is the state machine's business. Writers append a complete message, with
 * header, to a writer whose sticky error is checked by the caller.
 */
#ifndef HF_MSG_H
#define HF_MSG_H

#include "extensions.h"
#include "reader.h"
#include "writer.h"

/* HandshakeType, RFC 5246 section 7.4. */
enum {
    HF_MSG_HELLO_REQUEST = 0,
    HF_MSG_CLIENT_HELLO = 1,
    HF_MSG_SERVER_HELLO = 2,
    HF_MSG_NEW_SESSION_TICKET = 4,
    HF_MSG_CERTIFICATE = 11,
    HF_MSG_SERVER_KEY_EXCHANGE = 12,
    HF_MSG_CERTIFICATE_REQUEST = 13,
    HF_MSG_SERVER_HELLO_DONE = 14,
    HF_MSG_CERTIFICATE_VERIFY = 15,
    HF_MSG_CLIENT_KEY_EXCHANGE = 16,
    HF_MSG_FINISHED = 20,
    HF_MSG_CERTIFICATE_STATUS = 22
};

#define HF_RANDOM_SIZE 32
#define HF_MSG_HEADER_SIZE 4
#define HF_VERIFY_DATA_SIZE 12 /* RFC 5246 section 7.4.9 */

/* Starts a handshake message (type and 3-byte length); the mark goes to hf_msg_end. */
size_t hf_msg_begin(hf_writer *w, uint8_t type);
void hf_msg_end(hf_writer *w, size_t mark);

/* ClientHello, RFC 5246 section 7.4.1.2. Parsing: session_id 0..32 bytes, cipher_suites 2.. even,
 * compression_methods 1.. */
typedef struct hf_client_hello {
    uint16_t legacy_version;
    hf_slice random; /* exactly HF_RANDOM_SIZE */
    hf_slice session_id;
    hf_slice cipher_suites; /* uint16 list */
    hf_slice compression_methods;
    hf_extensions ext;
} hf_client_hello;
hf_status hf_client_hello_parse(hf_slice body, hf_client_hello *out) HF_MUST_CHECK;
void hf_client_hello_write(hf_writer *w, const hf_client_hello *in);

/* ServerHello, RFC 5246 section 7.4.1.3, RFC 8446 section 4.1.3; a HelloRetryRequest is one with a special random. */
typedef struct hf_server_hello {
    bool is_retry;
    uint16_t version;
    hf_slice random;
    hf_slice session_id;
    uint16_t cipher_suite;
    uint8_t compression_method;
    hf_extensions ext;
} hf_server_hello;
extern const uint8_t hf_retry_random[HF_RANDOM_SIZE];
hf_status hf_server_hello_parse(hf_slice body, hf_server_hello *out) HF_MUST_CHECK;
void hf_server_hello_write(hf_writer *w, const hf_server_hello *in);

/* Certificate, RFC 5246 section 7.4.2: 0..HF_CHAIN_MAX certificates, each 1.. bytes; more: HF_SEND(bad_certificate). */
typedef struct hf_certificate_msg {
    hf_slice certs[HF_CHAIN_MAX];
    size_t n;
} hf_certificate_msg;
hf_status hf_certificate_parse(hf_slice body, hf_certificate_msg *out) HF_MUST_CHECK;
void hf_certificate_write(hf_writer *w, const hf_certificate_msg *in);

/* CertificateStatus, RFC 6066 section 8: an OCSP response, nonempty. Another type of status:
 * HF_SEND(illegal_parameter). */
hf_status hf_certificate_status_parse(hf_slice body, hf_slice *out_response) HF_MUST_CHECK;
void hf_certificate_status_write(hf_writer *w, hf_slice response);

/* ServerKeyExchange with ECDHE, RFC 8422 section 5.4: named_curve only (another curve_type:
 * HF_SEND(handshake_failure)). */
typedef struct hf_server_key_exchange {
    hf_slice params; /* the ServerECDHParams bytes, which the signature covers */
    uint16_t group;
    hf_slice public_key; /* 1..255 bytes */
    uint16_t scheme;
    hf_slice signature; /* 0..65535 bytes */
} hf_server_key_exchange;
hf_status hf_server_key_exchange_parse(hf_slice body, hf_server_key_exchange *out) HF_MUST_CHECK;
void hf_server_key_exchange_write(hf_writer *w, const hf_server_key_exchange *in); /* writes in->params as they are */
/* Only the ServerECDHParams: curve_type, group, public key. */
void hf_server_ecdh_params_write(hf_writer *w, uint16_t group, hf_slice public_key);

/* CertificateRequest, RFC 5246 section 7.4.4. */
enum { HF_CERT_TYPE_RSA_SIGN = 1, HF_CERT_TYPE_ECDSA_SIGN = 64 };
typedef struct hf_certificate_request {
    hf_slice certificate_types;    /* bytes, 1..255 */
    hf_slice signature_algorithms; /* uint16 list, 2.. even */
    hf_slice authorities;          /* (2-byte length, DER name)*, lengths checked; may be empty */
} hf_certificate_request;
hf_status hf_certificate_request_parse(hf_slice body, hf_certificate_request *out) HF_MUST_CHECK;
void hf_certificate_request_write(hf_writer *w, const hf_certificate_request *in);

/* Messages without a body: HelloRequest, ServerHelloDone. */
hf_status hf_empty_parse(hf_slice body) HF_MUST_CHECK;
void hf_empty_write(hf_writer *w, uint8_t type);

/* ClientKeyExchange: EncryptedPreMasterSecret (RFC 5246 7.4.7.1, 2-byte length) or ECDH point (RFC 8422 5.7, 1-byte
 * length, 1..255). */
hf_status hf_client_key_exchange_rsa_parse(hf_slice body, hf_slice *out_encrypted) HF_MUST_CHECK;
void hf_client_key_exchange_rsa_write(hf_writer *w, hf_slice encrypted);
hf_status hf_client_key_exchange_ecdhe_parse(hf_slice body, hf_slice *out_public) HF_MUST_CHECK;
void hf_client_key_exchange_ecdhe_write(hf_writer *w, hf_slice public_key);

/* CertificateVerify, RFC 5246 section 7.4.8. */
typedef struct hf_certificate_verify {
    uint16_t scheme;
    hf_slice signature;
} hf_certificate_verify;
hf_status hf_certificate_verify_parse(hf_slice body, hf_certificate_verify *out) HF_MUST_CHECK;
void hf_certificate_verify_write(hf_writer *w, const hf_certificate_verify *in);

/* NewSessionTicket, RFC 5077 section 3.3. An empty ticket: none after all. */
typedef struct hf_new_session_ticket {
    uint32_t lifetime_s; /* 0: not said */
    hf_slice ticket;
} hf_new_session_ticket;
hf_status hf_new_session_ticket_parse(hf_slice body, hf_new_session_ticket *out) HF_MUST_CHECK;
void hf_new_session_ticket_write(hf_writer *w, const hf_new_session_ticket *in);

/* Finished, RFC 5246 section 7.4.9: exactly HF_VERIFY_DATA_SIZE bytes. */
hf_status hf_finished_parse(hf_slice body, hf_slice *out_verify_data) HF_MUST_CHECK;
void hf_finished_write(hf_writer *w, const uint8_t verify_data[HF_VERIFY_DATA_SIZE]);

#endif

/* Handshake messages that TLS 1.3 adds or changes (RFC 8446 section 4); the rest is in msg.h. Same rules: pure, body
 * in, exactly consumed, zeroed on error. */
#ifndef HF_MSG13_H
#define HF_MSG13_H

#include "msg.h"

enum {
    HF_MSG_END_OF_EARLY_DATA = 5,
    HF_MSG_ENCRYPTED_EXTENSIONS = 8,
    HF_MSG_KEY_UPDATE = 24,
    HF_MSG_MESSAGE_HASH = 254 /* never on the wire: section 4.4.1 */
};

/* EncryptedExtensions, section 4.3.1. */
hf_status hf_encrypted_extensions_parse(hf_slice body, hf_extensions *out) HF_MUST_CHECK;
void hf_encrypted_extensions_write(hf_writer *w, const hf_extensions *in);

/* CertificateRequest, section 4.3.2. */
typedef struct hf_certificate_request13 {
    hf_slice context; /* 0..255 bytes */
    hf_extensions ext;
} hf_certificate_request13;
hf_status hf_certificate_request13_parse(hf_slice body, hf_certificate_request13 *out) HF_MUST_CHECK;
void hf_certificate_request13_write(hf_writer *w, const hf_certificate_request13 *in);

/* Certificate, section 4.4.2: the chain. Of its entries' extensions only the first one's OCSP response counts. */
typedef struct hf_certificate13 {
    hf_slice context;
    hf_certificate_msg chain;
    uint32_t extensions;    /* parsing: HF_EXT_BIT()s of all entries */
    hf_slice ocsp_response; /* of the first entry; empty: none */
} hf_certificate13;
hf_status hf_certificate13_parse(hf_slice body, hf_certificate13 *out) HF_MUST_CHECK;
void hf_certificate13_write(hf_writer *w, const hf_certificate13 *in);

/* Finished, section 4.4.4: exactly `size` bytes, the hash's. */
hf_status hf_finished13_parse(hf_slice body, size_t size, hf_slice *out_verify_data) HF_MUST_CHECK;
void hf_finished13_write(hf_writer *w, hf_slice verify_data);

/* KeyUpdate, section 4.6.3; a value that is neither: HF_SEND(illegal_parameter). */
hf_status hf_key_update_parse(hf_slice body, bool *out_requested) HF_MUST_CHECK;
void hf_key_update_write(hf_writer *w, bool request);

/* NewSessionTicket, section 4.6.1. */
typedef struct hf_new_session_ticket13 {
    uint32_t lifetime_s, age_add;
    hf_slice nonce, ticket;
} hf_new_session_ticket13;
hf_status hf_new_session_ticket13_parse(hf_slice body, hf_new_session_ticket13 *out) HF_MUST_CHECK;
void hf_new_session_ticket13_write(hf_writer *w, const hf_new_session_ticket13 *in); /* without extensions */

#endif

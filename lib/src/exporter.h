/* What a connection keeps for exporters: RFC 5705, RFC 8446 section 7.5. */
#ifndef HF_EXPORTER_H
#define HF_EXPORTER_H

#include "conn.h"

/* Only with hf_config_set_exporters. */
struct hf_exporter {
    const hf_hash *hash;
    uint8_t secret[HF_HASH_SIZE_MAX];    /* TLS 1.3: exporter_master_secret; TLS 1.2: the master secret */
    uint8_t randoms[2 * HF_RANDOM_SIZE]; /* TLS 1.2: the client's, the server's */
};

/* A TLS 1.2 handshake is complete; nothing happens for another version, or where nothing may be exported. */
hf_status hf_exporter_keep12(hf_conn *conn) HF_MUST_CHECK;
/* TLS 1.3: in the phase of the master secret, with the hash of the transcript up to the server's Finished. */
hf_status hf_exporter_keep13(hf_conn *conn, const uint8_t *transcript_hash) HF_MUST_CHECK;
void hf_exporter_forget(hf_conn *conn);

#endif

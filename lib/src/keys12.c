/* From the premaster secret to the session keys of TLS 1.2: RFC 5246 sections 8.1 and 6.3, RFC 7627 section 4. */
#include "conn.h"
#include "prf12.h"

#define KEY_BLOCK_MAX (2 * (HF_CIPHER_MAC_KEY_MAX + HF_CIPHER_KEY_MAX + HF_CIPHER_IV_MAX))

hf_status hf_derive_master12(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    uint8_t session_hash[HF_HASH_SIZE_MAX];
    hf_status status;

    if (conn->extended_master_secret) {
        status = hf_transcript_digest(&hs->transcript, session_hash);
        if (status == HF_OK)
            status = hf_prf12(hs->hash, hs->premaster, hs->premaster_len, "extended master secret", session_hash,
                              hs->hash->size, NULL, 0, hs->master_secret, sizeof hs->master_secret);
    } else {
        status =
            hf_prf12(hs->hash, hs->premaster, hs->premaster_len, "master secret", hs->client_random, HF_RANDOM_SIZE,
                     hs->server_random, HF_RANDOM_SIZE, hs->master_secret, sizeof hs->master_secret);
    }
    hf_wipe(hs->premaster, sizeof hs->premaster);
    hs->premaster_len = 0;
    if (status != HF_OK)
        return status;
    hf_emit(conn, HF_EVENT_SECRET, 0, 0,
            conn->extended_master_secret ? "master secret derived (extended, bound to the handshake)"
                                         : "master secret derived");
    if (conn->options.on_key_log)
        conn->options.on_key_log(conn->options.user, "CLIENT_RANDOM", hs->client_random, hs->master_secret,
                                 sizeof hs->master_secret);
    return HF_OK;
}

/* One direction: which third of the key block is whose follows from who writes. */
static hf_status direction_keys(hf_conn *conn, hf_direction direction, const uint8_t *block, hf_protection *out)
{
    const hf_cipher *cipher = conn->config->crypto.ciphers[conn->hs->suite->cipher];
    const hf_cipher_spec *spec = hf_cipher_spec_of(cipher->id);
    hf_role writer = direction == HF_SEAL ? conn->role : (hf_role)!conn->role;
    size_t second = writer == HF_ROLE_SERVER;
    const uint8_t *mac = block, *key = mac + 2 * spec->mac_key_size, *iv = key + 2 * spec->key_size;

    hf_record_keys keys = {
        .mode = conn->encrypt_then_mac ? HF_RECORD_TLS12_ETM : HF_RECORD_TLS12,
        .direction = direction,
        .key = key + second * spec->key_size,
        .iv = spec->iv_size ? iv + second * spec->iv_size : NULL,
        .mac_key = spec->mac_key_size ? mac + second * spec->mac_key_size : NULL,
    };
    return hf_protection_init(conn, out, cipher, &keys);
}

hf_status hf_derive_keys12(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    const hf_cipher_spec *spec = hf_cipher_spec_of(hs->suite->cipher);
    size_t len = 2 * ((size_t)spec->mac_key_size + spec->key_size + spec->iv_size);
    uint8_t block[KEY_BLOCK_MAX];

    hf_status status = hf_prf12(hs->hash, hs->master_secret, sizeof hs->master_secret, "key expansion",
                                hs->server_random, HF_RANDOM_SIZE, hs->client_random, HF_RANDOM_SIZE, block, len);
    if (status == HF_OK)
        status = direction_keys(conn, HF_SEAL, block, &hs->next_write);
    if (status == HF_OK)
        status = direction_keys(conn, HF_OPEN, block, &hs->next_read);
    hf_wipe(block, sizeof block);
    if (status == HF_OK)
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "session keys derived: encryption, decryption, integrity");
    return status;
}

hf_status hf_verify_data12(hf_conn *conn, hf_role of, uint8_t out[HF_VERIFY_DATA_SIZE])
{
    hf_handshake *hs = conn->hs;
    uint8_t digest[HF_HASH_SIZE_MAX];

    hf_status status = hf_transcript_digest(&hs->transcript, digest);
    if (status != HF_OK)
        return status;
    return hf_prf12(hs->hash, hs->master_secret, sizeof hs->master_secret,
                    of == HF_ROLE_CLIENT ? "client finished" : "server finished", digest, hs->hash->size, NULL, 0, out,
                    HF_VERIFY_DATA_SIZE);
}

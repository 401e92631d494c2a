/* HKDF (RFC 5869) and the key schedule of TLS 1.3 (RFC 8446 section 7.1). */
#include "schedule13.h"

#include <string.h>

#include "writer.h"

#define LABEL_PREFIX "tls13 "
#define HKDF_LABEL_MAX (2 + 1 + 255 + 1 + 255)

hf_status hf_hkdf_extract(const hf_hash *hash, const uint8_t *salt, size_t salt_len, const uint8_t *ikm, size_t ikm_len,
                          uint8_t *out)
{
    hf_hmac hmac;
    hf_status status = hf_hmac_init(&hmac, hash, salt, salt_len);
    if (status != HF_OK)
        return status;
    status = hf_hmac_run(&hmac, ikm, ikm_len, NULL, 0, out);
    hf_hmac_cleanup(&hmac);
    return status;
}

/* T(i) = HMAC(PRK, T(i-1) | info | i) */
hf_status hf_hkdf_expand(const hf_hash *hash, const uint8_t *prk, size_t prk_len, const uint8_t *info, size_t info_len,
                         uint8_t *out, size_t out_len)
{
    uint8_t block[HF_HASH_SIZE_MAX], tail[HKDF_LABEL_MAX + 1];
    size_t done = 0;
    hf_hmac hmac;

    if (out_len > (size_t)255 * hash->size || info_len > HKDF_LABEL_MAX)
        return HF_ERR_INVALID;
    hf_status status = hf_hmac_init(&hmac, hash, prk, prk_len);
    if (status != HF_OK)
        return status;
    if (info_len)
        memcpy(tail, info, info_len);
    for (uint8_t i = 1; done < out_len && status == HF_OK; i++) {
        tail[info_len] = i;
        status = hf_hmac_run(&hmac, block, i == 1 ? 0 : hash->size, tail, info_len + 1, block);
        size_t n = out_len - done < hash->size ? out_len - done : hash->size;
        if (status == HF_OK)
            memcpy(out + done, block, n);
        done += n;
    }
    hf_hmac_cleanup(&hmac);
    hf_wipe(block, sizeof block);
    if (status != HF_OK)
        hf_wipe(out, out_len);
    return status;
}

hf_status hf_expand_label(const hf_hash *hash, const uint8_t *secret, const char *label, hf_slice context, uint8_t *out,
                          size_t out_len)
{
    uint8_t info[HKDF_LABEL_MAX];
    hf_writer w = hf_writer_of(info, sizeof info);

    hf_write_u16(&w, (uint16_t)out_len);
    size_t mark = hf_write_begin(&w, 1);
    hf_write_bytes(&w, LABEL_PREFIX, strlen(LABEL_PREFIX));
    hf_write_bytes(&w, label, strlen(label));
    hf_write_end(&w, mark, 1);
    mark = hf_write_begin(&w, 1);
    hf_write_bytes(&w, context.ptr, context.len);
    hf_write_end(&w, mark, 1);
    if (!hf_writer_ok(&w))
        return HF_ERR_INVALID;
    return hf_hkdf_expand(hash, secret, hash->size, info, w.len, out, out_len);
}

hf_status hf_schedule13_start(hf_schedule13 *s, const hf_hash *hash)
{
    static const uint8_t zeros[HF_HASH_SIZE_MAX];
    return hf_schedule13_start_psk(s, hash, zeros);
}

hf_status hf_schedule13_start_psk(hf_schedule13 *s, const hf_hash *hash, const uint8_t *psk)
{
    static const uint8_t zeros[HF_HASH_SIZE_MAX];

    *s = (hf_schedule13){.hash = hash};
    hf_status status = hf_hkdf_extract(hash, zeros, hash->size, psk, hash->size, s->secret);
    if (status == HF_OK)
        s->phase = HF_PHASE_EARLY;
    return status;
}

/* secret = HKDF-Extract(Derive-Secret(secret, "derived", ""), input) */
static hf_status advance(hf_schedule13 *s, hf_phase13 from, const uint8_t *input, size_t len)
{
    uint8_t empty_hash[HF_HASH_SIZE_MAX] = {0}, salt[HF_HASH_SIZE_MAX];

    hf_status status = hf_hash_once(s->hash, empty_hash, 0, empty_hash);
    if (status == HF_OK)
        status = hf_schedule13_derive(s, from, "derived", empty_hash, salt);
    if (status == HF_OK)
        status = hf_hkdf_extract(s->hash, salt, s->hash->size, input, len, s->secret);
    hf_wipe(salt, sizeof salt);
    if (status == HF_OK)
        s->phase++;
    return status;
}

hf_status hf_schedule13_handshake(hf_schedule13 *s, const uint8_t *shared, size_t shared_len)
{
    return advance(s, HF_PHASE_EARLY, shared, shared_len);
}

hf_status hf_schedule13_master(hf_schedule13 *s)
{
    static const uint8_t zeros[HF_HASH_SIZE_MAX];
    return advance(s, HF_PHASE_HANDSHAKE, zeros, s->hash->size);
}

hf_status hf_schedule13_derive(const hf_schedule13 *s, hf_phase13 phase, const char *label,
                               const uint8_t *transcript_hash, uint8_t *out)
{
    if (s->phase != phase)
        return HF_ERR_STATE;
    return hf_expand_label(s->hash, s->secret, label, (hf_slice){transcript_hash, s->hash->size}, out, s->hash->size);
}

hf_status hf_finished_mac13(const hf_hash *hash, const uint8_t *base, const uint8_t *transcript_hash, uint8_t *out)
{
    uint8_t key[HF_HASH_SIZE_MAX];
    hf_hmac hmac;

    hf_status status = hf_expand_label(hash, base, "finished", (hf_slice){0}, key, hash->size);
    if (status == HF_OK)
        status = hf_hmac_init(&hmac, hash, key, hash->size);
    hf_wipe(key, sizeof key);
    if (status != HF_OK)
        return status;
    status = hf_hmac_run(&hmac, transcript_hash, hash->size, NULL, 0, out);
    hf_hmac_cleanup(&hmac);
    return status;
}

hf_status hf_psk_binder(const hf_hash *hash, const uint8_t *psk, const uint8_t *transcript_hash, uint8_t *out)
{
    uint8_t empty_hash[HF_HASH_SIZE_MAX] = {0}, key[HF_HASH_SIZE_MAX];
    hf_schedule13 early = {0};

    hf_status status = hf_schedule13_start_psk(&early, hash, psk);
    if (status == HF_OK)
        status = hf_hash_once(hash, empty_hash, 0, empty_hash);
    if (status == HF_OK)
        status = hf_schedule13_derive(&early, HF_PHASE_EARLY, "res binder", empty_hash, key);
    if (status == HF_OK)
        status = hf_finished_mac13(hash, key, transcript_hash, out);
    hf_schedule13_cleanup(&early);
    hf_wipe(key, sizeof key);
    return status;
}

hf_status hf_psk_of_ticket(const hf_hash *hash, const uint8_t *resumption_secret, hf_slice nonce, uint8_t *out)
{
    return hf_expand_label(hash, resumption_secret, "resumption", nonce, out, hash->size);
}

void hf_schedule13_cleanup(hf_schedule13 *s)
{
    hf_wipe(s, sizeof *s);
}

/* HKDF (RFC 5869) and the key schedule of TLS 1.3 (RFC 8446 section 7.1). */
#include "schedule13.h"

#include <string.h>

#include "writer.h"

#define LABEL_PREFIX "tls13 "
#define HKDF_LABEL_MAX (2 + 1 + 255 + 1 + 255)

hf_status hf_hkdf_extract(const hf_hash *hash, const uint8_t *salt, size_t salt_len, const uint8_t *ikm, size_t ikm_len,
                          uint8_t *out)
{
    return hf_hmac_once(hash, salt, salt_len, ikm, ikm_len, out);
}

/* T(i) = HMAC(PRK, T(i-1) | info | i) */
static hf_status expand(const hf_hmac *prk, const uint8_t *info, size_t info_len, uint8_t *out, size_t out_len)
{
    uint8_t block[HF_HASH_SIZE_MAX], tail[HKDF_LABEL_MAX + 1];
    size_t size = prk->hash->size, done = 0;
    hf_status status = HF_OK;

    if (out_len > 255 * size || info_len > HKDF_LABEL_MAX)
        return HF_ERR_INVALID;
    if (info_len)
        memcpy(tail, info, info_len);
    for (uint8_t i = 1; done < out_len && status == HF_OK; i++) {
        tail[info_len] = i;
        status = hf_hmac_run(prk, block, i == 1 ? 0 : size, tail, info_len + 1, block);
        size_t n = out_len - done < size ? out_len - done : size;
        if (status == HF_OK)
            memcpy(out + done, block, n);
        done += n;
    }
    hf_wipe(block, sizeof block);
    if (status != HF_OK)
        hf_wipe(out, out_len);
    return status;
}

hf_status hf_hkdf_expand(const hf_hash *hash, const uint8_t *prk, size_t prk_len, const uint8_t *info, size_t info_len,
                         uint8_t *out, size_t out_len)
{
    hf_hmac keyed;
    hf_status status = hf_hmac_init(&keyed, hash, prk, prk_len);
    if (status != HF_OK)
        return status;
    status = expand(&keyed, info, info_len, out, out_len);
    hf_hmac_cleanup(&keyed);
    return status;
}

hf_status hf_expand_label_keyed(const hf_hmac *secret, const char *label, hf_slice context, uint8_t *out,
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
    return expand(secret, info, w.len, out, out_len);
}

hf_status hf_expand_label(const hf_hash *hash, const uint8_t *secret, const char *label, hf_slice context, uint8_t *out,
                          size_t out_len)
{
    hf_hmac keyed;
    hf_status status = hf_hmac_init(&keyed, hash, secret, hash->size);
    if (status != HF_OK)
        return status;
    status = hf_expand_label_keyed(&keyed, label, context, out, out_len);
    hf_hmac_cleanup(&keyed);
    return status;
}

/* ---- The schedule ---- */

/* Derive-Secret(HKDF-Extract(0, 0), "derived", ""): what the Handshake Secret starts from where there is no PSK is the
 * same in every handshake. NULL: no hash of TLS 1.3. */
static const uint8_t *salt_without_psk(const hf_hash *hash)
{
    static const uint8_t sha256[] = {0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f, 0x54,
                                     0xfc, 0x9d, 0xba, 0xb6, 0x97, 0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48,
                                     0x25, 0x0c, 0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba};
    static const uint8_t sha384[] = {0x15, 0x91, 0xda, 0xc5, 0xcb, 0xbf, 0x03, 0x30, 0xa4, 0xa8, 0x4d, 0xe9,
                                     0xc7, 0x53, 0x33, 0x0e, 0x92, 0xd0, 0x1f, 0x0a, 0x88, 0x21, 0x4b, 0x44,
                                     0x64, 0x97, 0x2f, 0xd6, 0x68, 0x04, 0x9e, 0x93, 0xe5, 0x2f, 0x2b, 0x16,
                                     0xfa, 0xd9, 0x22, 0xfd, 0xc0, 0x58, 0x44, 0x78, 0x42, 0x8f, 0x28, 0x2b};

    return hash->id == HF_SHA256 ? sha256 : hash->id == HF_SHA384 ? sha384 : NULL;
}

static void leave(hf_schedule13 *s)
{
    if (s->phase != HF_PHASE_NONE)
        hf_hmac_cleanup(&s->secret);
    s->phase = HF_PHASE_NONE;
}

/* HKDF-Extract(salt, input) takes the place of the secret before. */
static hf_status enter(hf_schedule13 *s, hf_phase13 phase, const uint8_t *salt, const uint8_t *input, size_t len)
{
    uint8_t secret[HF_HASH_SIZE_MAX];

    leave(s);
    hf_status status = hf_hkdf_extract(s->hash, salt, s->hash->size, input, len, secret);
    if (status == HF_OK)
        status = hf_hmac_init(&s->secret, s->hash, secret, s->hash->size);
    hf_wipe(secret, sizeof secret);
    if (status == HF_OK)
        s->phase = phase;
    return status;
}

/* secret = HKDF-Extract(Derive-Secret(secret, "derived", ""), input) */
static hf_status advance(hf_schedule13 *s, const uint8_t *input, size_t len)
{
    uint8_t empty_hash[HF_HASH_SIZE_MAX] = {0}, salt[HF_HASH_SIZE_MAX];

    hf_status status = hf_hash_once(s->hash, empty_hash, 0, empty_hash);
    if (status == HF_OK)
        status = hf_schedule13_derive(s, s->phase, "derived", empty_hash, salt);
    if (status == HF_OK)
        status = enter(s, s->phase + 1, salt, input, len);
    hf_wipe(salt, sizeof salt);
    return status;
}

hf_status hf_schedule13_start(hf_schedule13 *s, const hf_hash *hash, const uint8_t *shared, size_t shared_len)
{
    const uint8_t *salt = salt_without_psk(hash);

    *s = (hf_schedule13){.hash = hash};
    return salt ? enter(s, HF_PHASE_HANDSHAKE, salt, shared, shared_len) : HF_ERR_UNSUPPORTED;
}

hf_status hf_schedule13_start_psk(hf_schedule13 *s, const hf_hash *hash, const uint8_t *psk)
{
    static const uint8_t zeros[HF_HASH_SIZE_MAX];

    *s = (hf_schedule13){.hash = hash};
    return enter(s, HF_PHASE_EARLY, zeros, psk, hash->size);
}

hf_status hf_schedule13_handshake(hf_schedule13 *s, const uint8_t *shared, size_t shared_len)
{
    return s->phase == HF_PHASE_EARLY ? advance(s, shared, shared_len) : HF_ERR_STATE;
}

hf_status hf_schedule13_master(hf_schedule13 *s)
{
    static const uint8_t zeros[HF_HASH_SIZE_MAX];
    return s->phase == HF_PHASE_HANDSHAKE ? advance(s, zeros, s->hash->size) : HF_ERR_STATE;
}

hf_status hf_schedule13_derive(const hf_schedule13 *s, hf_phase13 phase, const char *label,
                               const uint8_t *transcript_hash, uint8_t *out)
{
    if (s->phase != phase || phase == HF_PHASE_NONE)
        return HF_ERR_STATE;
    return hf_expand_label_keyed(&s->secret, label, (hf_slice){transcript_hash, s->hash->size}, out, s->hash->size);
}

/* ---- What else secrets are good for ---- */

hf_status hf_finished_mac13(const hf_hash *hash, const uint8_t *finished_key, const uint8_t *transcript_hash,
                            uint8_t *out)
{
    return hf_hmac_once(hash, finished_key, hash->size, transcript_hash, hash->size, out);
}

hf_status hf_psk_binder(const hf_hash *hash, const uint8_t *psk, const uint8_t *transcript_hash, uint8_t *out)
{
    uint8_t empty_hash[HF_HASH_SIZE_MAX] = {0}, key[HF_HASH_SIZE_MAX], finished_key[HF_HASH_SIZE_MAX];
    hf_schedule13 early = {0};

    hf_status status = hf_schedule13_start_psk(&early, hash, psk);
    if (status == HF_OK)
        status = hf_hash_once(hash, empty_hash, 0, empty_hash);
    if (status == HF_OK)
        status = hf_schedule13_derive(&early, HF_PHASE_EARLY, "res binder", empty_hash, key);
    if (status == HF_OK)
        status = hf_expand_label(hash, key, "finished", (hf_slice){0}, finished_key, hash->size);
    if (status == HF_OK)
        status = hf_finished_mac13(hash, finished_key, transcript_hash, out);
    hf_schedule13_cleanup(&early);
    hf_wipe(key, sizeof key);
    hf_wipe(finished_key, sizeof finished_key);
    return status;
}

hf_status hf_psk_of_ticket(const hf_hash *hash, const uint8_t *resumption_secret, hf_slice nonce, uint8_t *out)
{
    return hf_expand_label(hash, resumption_secret, "resumption", nonce, out, hash->size);
}

void hf_schedule13_cleanup(hf_schedule13 *s)
{
    leave(s);
    hf_wipe(s, sizeof *s);
}

/* The one PKCS#1 v1.5 check of RSA key transport: RFC 5246 section 7.4.7.1, RFC 8017 section 7.2.2.
 *
 * Whoever holds the private key runs it on what the key gave. Bad padding, a wrong length and a wrong version all
 * yield the random fallback through the same instructions, so the handshake goes on and fails at Finished
 * (Bleichenbacher 1998, ROBOT 2017). em_len is the modulus length and public; every byte of the block is secret.
 */
#include "handfast/secret.h"

#include <string.h>

/* Leaves fallback in out unless `good`, then the candidate's 48 bytes, whose version must be right too. */
static void choose(uint32_t good, const uint8_t *candidate, uint16_t client_version, const uint8_t *fallback,
                   uint8_t *out)
{
    good &= hf_ct_eq(candidate[0], client_version >> 8);
    good &= hf_ct_eq(candidate[1], client_version & 0xff);
    for (size_t i = 0; i < HF_PREMASTER_SIZE; i++)
        out[i] = hf_ct_select8(good, candidate[i], fallback[i]);
}

void hf_premaster_unpad(uint8_t *em, size_t em_len, uint16_t client_version, const uint8_t fallback[HF_PREMASTER_SIZE],
                        uint8_t out_premaster[HF_PREMASTER_SIZE])
{
    /* 00 02 | at least 8 nonzero | 00 | 48 bytes: only one position of the zero byte is right, and it is public. */
    if (em_len < HF_PREMASTER_SIZE + 11 || em_len > HF_RSA_MAX_BYTES) {
        memcpy(out_premaster, fallback, HF_PREMASTER_SIZE);
        hf_wipe(em, em_len);
        return;
    }
    size_t zero_at = em_len - HF_PREMASTER_SIZE - 1;
    uint32_t good = hf_ct_eq(em[0], 0) & hf_ct_eq(em[1], 2);

    for (size_t i = 2; i < zero_at; i++)
        good &= hf_ct_is_nonzero(em[i]);
    good &= hf_ct_is_zero(em[zero_at]);
    choose(good, em + zero_at + 1, client_version, fallback, out_premaster);
    hf_wipe(em, em_len);
}

void hf_premaster_select(uint32_t ok, uint8_t plain[HF_RSA_MAX_BYTES], uint32_t plain_len, uint16_t client_version,
                         const uint8_t fallback[HF_PREMASTER_SIZE], uint8_t out_premaster[HF_PREMASTER_SIZE])
{
    choose(ok & hf_ct_eq(plain_len, HF_PREMASTER_SIZE), plain, client_version, fallback, out_premaster);
    hf_wipe(plain, HF_RSA_MAX_BYTES);
}

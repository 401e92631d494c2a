/* The key schedule of TLS 1.3 (RFC 8446 section 7.1), which checks its phase.
 *
 *   early -> handshake (with the agreed secret) -> master
 *
 * Each move destroys the secret before. What a phase does not have cannot be asked of it: HF_ERR_STATE.
 */
#ifndef HF_SCHEDULE13_H
#define HF_SCHEDULE13_H

#include "hmac.h"
#include "reader.h"

typedef enum hf_phase13 { HF_PHASE_NONE, HF_PHASE_EARLY, HF_PHASE_HANDSHAKE, HF_PHASE_MASTER } hf_phase13;

typedef struct hf_schedule13 {
    const hf_hash *hash;
    hf_phase13 phase;
    hf_hmac secret; /* keyed with the phase's secret, which several others are derived from; no phase: nothing */
} hf_schedule13;

/* Without a PSK: the Handshake Secret with the (EC)DHE secret at once. With one of hash->size bytes: the Early Secret.
 * hash: of a suite of TLS 1.3, else HF_ERR_UNSUPPORTED without a PSK. *s holds nothing before; cleaned up afterwards,
 * whatever was returned. */
hf_status hf_schedule13_start(hf_schedule13 *s, const hf_hash *hash, const uint8_t *shared,
                              size_t shared_len) HF_MUST_CHECK;
hf_status hf_schedule13_start_psk(hf_schedule13 *s, const hf_hash *hash, const uint8_t *psk) HF_MUST_CHECK;
/* From the Early Secret to the Handshake Secret with the (EC)DHE secret; to the Master Secret. The secret before is
 * gone even where making the next one fails: then there is no phase any more. */
hf_status hf_schedule13_handshake(hf_schedule13 *s, const uint8_t *shared, size_t shared_len) HF_MUST_CHECK;
hf_status hf_schedule13_master(hf_schedule13 *s) HF_MUST_CHECK;
/* Derive-Secret(secret of `phase`, label, transcript): hash->size bytes. */
hf_status hf_schedule13_derive(const hf_schedule13 *s, hf_phase13 phase, const char *label,
                               const uint8_t *transcript_hash, uint8_t *out) HF_MUST_CHECK;
void hf_schedule13_cleanup(hf_schedule13 *s);

/* The binder of a PSK (RFC 8446 section 4.2.11.2) over the hash of the hello without its binders; and the PSK that a
 * ticket stands for (section 4.6.1). out: hash->size bytes. */
hf_status hf_psk_binder(const hf_hash *hash, const uint8_t *psk, const uint8_t *transcript_hash,
                        uint8_t *out) HF_MUST_CHECK;
hf_status hf_psk_of_ticket(const hf_hash *hash, const uint8_t *resumption_secret, hf_slice nonce,
                           uint8_t *out) HF_MUST_CHECK;

/* verify_data of Finished, and a binder: HMAC(finished_key, transcript); that key is
 * HKDF-Expand-Label(traffic secret, "finished", "") (section 4.4.4). Each hash->size bytes. */
hf_status hf_finished_mac13(const hf_hash *hash, const uint8_t *finished_key, const uint8_t *transcript_hash,
                            uint8_t *out) HF_MUST_CHECK;

/* HKDF, RFC 5869, and HKDF-Expand-Label, RFC 8446 section 7.1. out_len at most 255 * hash size; zeroed on error. */
hf_status hf_hkdf_extract(const hf_hash *hash, const uint8_t *salt, size_t salt_len, const uint8_t *ikm, size_t ikm_len,
                          uint8_t *out) HF_MUST_CHECK;
hf_status hf_hkdf_expand(const hf_hash *hash, const uint8_t *prk, size_t prk_len, const uint8_t *info, size_t info_len,
                         uint8_t *out, size_t out_len) HF_MUST_CHECK;
hf_status hf_expand_label(const hf_hash *hash, const uint8_t *secret, const char *label, hf_slice context, uint8_t *out,
                          size_t out_len) HF_MUST_CHECK;
/* The same from a secret that serves several labels: keyed once with hf_hmac_init. */
hf_status hf_expand_label_keyed(const hf_hmac *secret, const char *label, hf_slice context, uint8_t *out,
                                size_t out_len) HF_MUST_CHECK;

#endif

/* Known-answer records of every cipher and mode. Internal to `providers`.
 *
 * All of them are of one connection with made-up keys: byte i of the key is 0x10 + i, of the IV 0xa0 + i, of the MAC
 * key 0x40 + i, of the CBC IV 0xd0 + i; content byte i is (7 i + 3) ^ (i >> 8). The bodies were computed with another
 * implementation (pyca/cryptography and Python's hmac) after the RFCs, not with any provider here. */
#ifndef HANDFAST_SELFTEST_H
#define HANDFAST_SELFTEST_H

#include "handfast/provider.h"

#define HF_KAT_SEQUENCE UINT64_C(0x0102030405060708)
#define HF_KAT_TYPE 23
#define HF_KAT_SHORT 61       /* bytes of content; no TLS 1.3 padding */
#define HF_KAT_LONG 4111      /* bytes of content; odd, and longer than any kernel's widest step */
#define HF_KAT_LONG_PADDING 5 /* zeros of TLS 1.3 padding in the long record */
#define HF_KAT_SHORT_MAX 128
#define HF_KAT_TAIL 32 /* the end of a record depends on all of it, so the long one needs no more */

typedef struct hf_kat_record {
    hf_cipher_id id;
    hf_record_mode mode;
    size_t short_len;
    uint8_t short_body[HF_KAT_SHORT_MAX];
    size_t long_len;
    uint8_t long_tail[HF_KAT_TAIL];
} hf_kat_record;

extern const hf_kat_record hf_kat_records[];
extern const size_t hf_kat_record_count;

typedef struct hf_kat_digest {
    hf_hash_id id;
    uint8_t of_abc[HF_HASH_SIZE_MAX];  /* FIPS 180-4's example "abc" */
    uint8_t of_long[HF_HASH_SIZE_MAX]; /* of the long content above */
} hf_kat_digest;

extern const hf_kat_digest hf_kat_digests[HF_HASH_COUNT];

/* X25519's part of hf_self_test_group: known answers where the group can import a key, and fresh pairs. */
hf_status hf_self_test_x25519(const hf_group *group) HF_MUST_CHECK;

/* Writes `len` bytes of the content above. */
void hf_kat_content(uint8_t *out, size_t len);

#endif

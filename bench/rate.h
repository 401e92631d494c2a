/* Operations per second of a private key, by two ways: our key contract, and a bare loop of PKCS#11 calls. Both keep
 * `threads` sessions busy for a while and count what was done. */
#ifndef HF_BENCH_RATE_H
#define HF_BENCH_RATE_H

#include <stdint.h>

#include "token_bed.h"

typedef enum hf_rate_op {
    HF_RATE_DECRYPT,
    HF_RATE_SIGN_PKCS1,
    HF_RATE_SIGN_PSS,
    HF_RATE_SIGN_ECDSA,
    HF_RATE_OPS
} hf_rate_op;

/* For each: "decrypt" (raw RSA), "sign-pkcs1-sha256", ...; and the key it needs. */
extern const char *const hf_rate_names[HF_RATE_OPS];
hf_bed_key hf_rate_key(hf_rate_op op);

typedef struct hf_rate {
    double per_s;      /* by the wall clock */
    double cpu_s_each; /* processor time of this process for one, all threads together */
} hf_rate;

/* The bare loop: sessions that are logged in, and the key's handle. */
typedef struct hf_p11_loop hf_p11_loop;
bool hf_p11_loop_open(const hf_token_bed *bed, hf_rate_op op, unsigned threads, hf_p11_loop **out);
bool hf_p11_loop_run(hf_p11_loop *loop, unsigned ms, hf_rate *out);
void hf_p11_loop_close(hf_p11_loop *loop);

/* The same through hf_hsm_key_open. */
typedef struct hf_key_loop hf_key_loop;
bool hf_key_loop_open(const hf_token_bed *bed, hf_rate_op op, unsigned threads, hf_key_loop **out);
bool hf_key_loop_run(hf_key_loop *loop, unsigned ms, hf_rate *out);
void hf_key_loop_close(hf_key_loop *loop);

#endif

/* libcrypto's answers to what providers/p256 computes: numbers modulo p and n, points, signatures. One thread; a
 * failure of libcrypto's ends the test. */
#ifndef TESTS_P256_ORACLE_H
#define TESTS_P256_ORACLE_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_SPKI 91           /* bytes of an uncompressed P-256 key's SubjectPublicKeyInfo */
#define ORACLE_SIGNATURE_MAX 160 /* of such as are far out of range, too */

typedef struct oracle {
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *p, *n;
} oracle;

/* Made at first use, kept for the life of the process. */
const oracle *the_oracle(void);

/* 32 bytes, most significant first, and back; oracle_bn's result is the caller's. */
BIGNUM *oracle_bn(const uint8_t bytes[32]);
void oracle_bytes(uint8_t out[32], const BIGNUM *number);

/* Numbers at the edges of both fields, of limbs and of windows, then random ones: any `at` gives 32 bytes. The same in
 * each run. */
#define ORACLE_EDGES 28
void oracle_number(uint8_t out[32], size_t at);
/* Random bytes, the same in each run. */
void oracle_random(uint8_t *out, size_t len);

/* a * G + b * Q; b and Q may be NULL. The caller frees it. */
EC_POINT *oracle_sum(const BIGNUM *a, const EC_POINT *q, const BIGNUM *b);
void oracle_spki(uint8_t out[ORACLE_SPKI], const EC_POINT *point);
/* The x and y of a finite point. */
void oracle_coordinates(const EC_POINT *point, uint8_t x[32], uint8_t y[32]);

/* The DER of a signature of any two numbers; its length. */
size_t oracle_encode(uint8_t out[ORACLE_SIGNATURE_MAX], const BIGNUM *r, const BIGNUM *s);
/* Whether libcrypto takes it. */
bool oracle_verify(const uint8_t spki[ORACLE_SPKI], const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                   size_t sig_len);
/* A signature by private key d over a digest, with the nonce k: r and s to the caller. */
void oracle_sign(const BIGNUM *d, const BIGNUM *k, const uint8_t *digest, size_t digest_len, BIGNUM **out_r,
                 BIGNUM **out_s);
/* As ECDSA takes it: its leftmost 256 bits. */
BIGNUM *oracle_digest(const uint8_t *digest, size_t len);

#endif

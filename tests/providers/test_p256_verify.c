/* providers/p256 against libcrypto: signatures. Each answer is libcrypto's, of good ones, changed ones, of keys and
 * signatures whose sums pass through equal points, opposite ones and infinity. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "p256.h"
#include "p256_oracle.h"

TestSuite(p256_verify, .timeout = 600);

/* A key with its table. */
typedef struct signer {
    BIGNUM *d;
    EC_POINT *q;
    uint8_t spki[ORACLE_SPKI];
    hf_p256_table *table;
} signer;

static void signer_of_point(signer *s, EC_POINT *q)
{
    s->q = q;
    oracle_spki(s->spki, q);
    s->table = aligned_alloc(HF_VERIFIER_ALIGN, sizeof *s->table);
    cr_assert_not_null(s->table);
    cr_assert_eq(hf_p256_prepare(s->table, s->spki, sizeof s->spki), HF_OK);
}

static void signer_init(signer *s, const uint8_t d[32])
{
    s->d = oracle_bn(d);
    signer_of_point(s, oracle_sum(s->d, NULL, NULL));
}

static void signer_cleanup(signer *s)
{
    BN_free(s->d);
    EC_POINT_free(s->q);
    free(s->table);
    memset(s, 0, sizeof *s);
}

static void random_signer(signer *s)
{
    uint8_t d[32];

    oracle_random(d, sizeof d);
    d[0] &= 0x7f; /* below n */
    signer_init(s, d);
}

/* Both say the same; what they say. */
static bool verdict(const signer *s, const uint8_t *digest, size_t digest_len, const BIGNUM *r, const BIGNUM *sig_s)
{
    uint8_t sig[ORACLE_SIGNATURE_MAX];
    size_t len = oracle_encode(sig, r, sig_s);
    bool want = oracle_verify(s->spki, digest, digest_len, sig, len);
    hf_status got = hf_p256_verify(s->table, digest, digest_len, sig, len);

    cr_assert_eq(got, want ? HF_OK : HF_ERR_VERIFY, "libcrypto says %d, we %d", want, (int)got);
    return want;
}

/* A random signature by s over digest. */
static void sign(const signer *s, const uint8_t *digest, size_t digest_len, BIGNUM **out_r, BIGNUM **out_s)
{
    uint8_t k[32];

    oracle_random(k, sizeof k);
    k[0] &= 0x7f;
    BIGNUM *nonce = oracle_bn(k);
    oracle_sign(s->d, nonce, digest, digest_len, out_r, out_s);
    BN_free(nonce);
}

static void flip(BIGNUM *number, int bit)
{
    cr_assert(BN_is_bit_set(number, bit) ? BN_clear_bit(number, bit) : BN_set_bit(number, bit));
}

/* Thousands of signatures, of digests of every size that TLS has, each good and each with one bit changed. */
Test(p256_verify, random_signatures)
{
    static const size_t sizes[] = {20, 28, 32, 48, 64};
    unsigned good = 0, bad = 0;

    for (unsigned key = 0; key < 100; key++) {
        signer s;
        random_signer(&s);
        for (unsigned i = 0; i < 20; i++) {
            uint8_t digest[64];
            size_t len = sizes[i % 5];
            BIGNUM *r, *sig_s;
            oracle_random(digest, sizeof digest);
            sign(&s, digest, len, &r, &sig_s);
            good += verdict(&s, digest, len, r, sig_s);
            digest[(i * 7) % (len < 32 ? len : 32)] ^= (uint8_t)(1 << i % 8);
            bad += !verdict(&s, digest, len, r, sig_s);
            BN_free(r);
            BN_free(sig_s);
        }
        signer_cleanup(&s);
    }
    cr_assert_eq(good, 2000);
    cr_assert_eq(bad, 2000);
}

/* Only the leftmost 256 bits of a digest count, and all of those. */
Test(p256_verify, every_bit)
{
    signer s;
    uint8_t digest[64];
    BIGNUM *r, *sig_s;

    random_signer(&s);
    for (size_t len = 32; len <= 64; len += 16) {
        oracle_random(digest, sizeof digest);
        sign(&s, digest, len, &r, &sig_s);
        cr_assert(verdict(&s, digest, len, r, sig_s));
        for (int bit = 0; bit < (int)len * 8; bit++) {
            digest[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            cr_assert_eq(verdict(&s, digest, len, r, sig_s), bit >= 256, "bit %d of the digest", bit);
            digest[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
        for (int bit = 0; bit < 256; bit++) {
            flip(r, bit);
            cr_assert_not(verdict(&s, digest, len, r, sig_s), "bit %d of r", bit);
            flip(r, bit);
            flip(sig_s, bit);
            cr_assert_not(verdict(&s, digest, len, r, sig_s), "bit %d of s", bit);
            flip(sig_s, bit);
        }
        cr_assert(verdict(&s, digest, len, r, sig_s));
        BN_free(r);
        BN_free(sig_s);
    }
    signer_cleanup(&s);
}

/* Numbers that are no r or s, and such as are at the edge, beside good ones. */
Test(p256_verify, ranges)
{
    const oracle *o = the_oracle();
    signer s;
    uint8_t digest[32], bytes[32];
    BIGNUM *good[2], *number[2];

    random_signer(&s);
    oracle_random(digest, sizeof digest);
    sign(&s, digest, sizeof digest, &good[0], &good[1]);
    for (size_t i = 0; i <= ORACLE_EDGES; i++)
        for (size_t j = 0; j <= ORACLE_EDGES; j++) {
            for (int which = 0; which < 2; which++) {
                size_t at = which ? j : i;
                if (at < ORACLE_EDGES)
                    oracle_number(bytes, at);
                number[which] = at == ORACLE_EDGES ? BN_dup(good[which]) : oracle_bn(bytes);
            }
            cr_assert_eq(verdict(&s, digest, sizeof digest, number[0], number[1]),
                         i == ORACLE_EDGES && j == ORACLE_EDGES);
            BN_free(number[0]);
            BN_free(number[1]);
        }
    /* r + n and s + n are r and s modulo n, and no signature; n - s is one. */
    for (int which = 0; which < 2; which++) {
        number[0] = BN_dup(good[0]);
        number[1] = BN_dup(good[1]);
        cr_assert(BN_add(number[which], number[which], o->n));
        cr_assert_not(verdict(&s, digest, sizeof digest, number[0], number[1]));
        BN_free(number[0]);
        BN_free(number[1]);
    }
    cr_assert(BN_sub(good[1], o->n, good[1]));
    cr_assert(verdict(&s, digest, sizeof digest, good[0], good[1]));
    BN_free(good[0]);
    BN_free(good[1]);
    signer_cleanup(&s);
}

static int small_sum(int u1, int u2, int k)
{
    return u1 + u2 * k;
}

/* The signature with these u1 and u2 by the key k G: r is the x of u1 G + u2 Q, s = r / u2, digest = u1 s. At infinity
 * there is no r, and any will do. */
static bool small_signature(const signer *s, int u1, int u2, int k, const BIGNUM *any)
{
    const oracle *o = the_oracle();
    BIGNUM *a = BN_new(), *b = BN_new(), *r = BN_dup(any), *sig_s = BN_new(), *e = BN_new();
    uint8_t digest[32];

    cr_assert(a && b && r && sig_s && e && BN_set_word(a, (BN_ULONG)abs(u1)) && BN_set_word(b, (BN_ULONG)abs(u2)));
    if (u1 < 0)
        cr_assert(BN_sub(a, o->n, a));
    if (u2 < 0)
        cr_assert(BN_sub(b, o->n, b));
    if (small_sum(u1, u2, k) != 0) {
        EC_POINT *sum = oracle_sum(a, s->q, b);
        cr_assert(EC_POINT_get_affine_coordinates(o->group, sum, r, NULL, o->ctx) && BN_nnmod(r, r, o->n, o->ctx));
        EC_POINT_free(sum);
    }
    cr_assert(BN_mod_inverse(sig_s, b, o->n, o->ctx) && BN_mod_mul(sig_s, sig_s, r, o->n, o->ctx) &&
              BN_mod_mul(e, a, sig_s, o->n, o->ctx));
    oracle_bytes(digest, e);
    bool good = verdict(s, digest, sizeof digest, r, sig_s);
    BN_free(a);
    BN_free(b);
    BN_free(r);
    BN_free(sig_s);
    BN_free(e);
    return good;
}

/* Keys near G and its opposite, and numbers so small that the sum meets the point that is added, or its opposite. */
Test(p256_verify, sums_that_meet_themselves)
{
    static const int keys[] = {1, -1, 2, -2, 3, 64, -64, 128, -128, 16384};
    static const int factors[] = {0, 1, -1, 2, -2, 3, 32, 63, 64, -64, 65, 127, 128, -128, 129, 8192, 16384, -16384};
    unsigned infinite = 0, doubled = 0;
    uint8_t any[32];

    oracle_number(any, ORACLE_EDGES + 1);
    any[0] &= 0x7f;
    BIGNUM *r = oracle_bn(any);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        signer s = {.d = NULL};
        BIGNUM *k = BN_new();
        cr_assert(k && BN_set_word(k, (BN_ULONG)abs(keys[i])));
        BN_set_negative(k, keys[i] < 0);
        signer_of_point(&s, oracle_sum(k, NULL, NULL));
        for (size_t a = 0; a < sizeof factors / sizeof factors[0]; a++)
            for (size_t b = 1; b < sizeof factors / sizeof factors[0]; b++) {
                bool finite = small_sum(factors[a], factors[b], keys[i]) != 0;
                cr_assert_eq(small_signature(&s, factors[a], factors[b], keys[i], r), finite, "%d G + %d * %d G",
                             factors[a], factors[b], keys[i]);
                infinite += !finite;
                doubled += factors[a] == factors[b] * keys[i];
            }
        BN_free(k);
        signer_cleanup(&s);
    }
    cr_assert_gt(infinite, 20);
    cr_assert_gt(doubled, 20);
    BN_free(r);
}

/* A key made for a signature whose sum's x and r are given: Q = (s R - e G) / r. What is said of it. */
static bool made_for(const EC_POINT *sum, const BIGNUM *r)
{
    const oracle *o = the_oracle();
    uint8_t number[32], digest[32];
    signer key = {.d = NULL};
    BIGNUM *inverse = BN_new(), *of_g = BN_new(), *of_r = BN_new();

    oracle_random(number, sizeof number);
    oracle_random(digest, sizeof digest);
    number[0] &= 0x7f;
    BIGNUM *s = oracle_bn(number), *e = oracle_digest(digest, sizeof digest);
    cr_assert(inverse && of_g && of_r && BN_mod_inverse(inverse, r, o->n, o->ctx) &&
              BN_mod_mul(of_r, s, inverse, o->n, o->ctx) && BN_mod_mul(of_g, e, inverse, o->n, o->ctx) &&
              BN_sub(of_g, o->n, of_g));
    signer_of_point(&key, oracle_sum(of_g, sum, of_r));
    bool good = verdict(&key, digest, sizeof digest, r, s);
    BIGNUM *next = BN_dup(r);
    cr_assert(next && BN_add_word(next, 1));
    cr_assert_not(verdict(&key, digest, sizeof digest, next, s));
    signer_cleanup(&key);
    BN_free(inverse);
    BN_free(of_g);
    BN_free(of_r);
    BN_free(s);
    BN_free(e);
    BN_free(next);
    return good;
}

/* Sums with x = from + step, for steps where there is such a point, and r = x + r_more. */
static void sums_with_x(const BIGNUM *from, int direction, const BIGNUM *r_more, bool want)
{
    const oracle *o = the_oracle();
    BIGNUM *x = BN_new(), *r = BN_new();
    EC_POINT *sum = EC_POINT_new(o->group);
    unsigned run = 0;

    cr_assert(x && r && sum);
    for (unsigned step = 1; step < 40; step++) {
        cr_assert(BN_copy(x, from) && (direction < 0 ? BN_sub_word(x, step) : BN_add_word(x, step)));
        cr_assert(BN_add(r, x, r_more));
        if (!EC_POINT_set_compressed_coordinates(o->group, sum, x, step & 1, o->ctx))
            continue;
        cr_assert_eq(made_for(sum, r), want, "step %u", step);
        run++;
    }
    cr_assert_gt(run, 10);
    BN_free(x);
    BN_free(r);
    EC_POINT_free(sum);
}

/* The sum's x is n or more, as one in 2^128 is: r is x - n. x is n + 1 and above, or p - 1 and below. */
Test(p256_verify, x_above_the_order)
{
    const oracle *o = the_oracle();
    BIGNUM *less = BN_new();

    cr_assert(less && BN_copy(less, o->n));
    BN_set_negative(less, 1);
    sums_with_x(o->n, 1, less, true);
    sums_with_x(o->p, -1, less, true);
    BN_free(less);
}

/* r + n is x + p: the same modulo p, but x modulo n is not r. */
Test(p256_verify, r_that_wraps_around_the_modulus)
{
    const oracle *o = the_oracle();
    BIGNUM *zero = BN_new(), *more = BN_new();

    cr_assert(zero && more && BN_sub(more, o->p, o->n));
    sums_with_x(zero, 1, more, false);
    BN_free(zero);
    BN_free(more);
}

Test(p256_verify, digests_of_no_size)
{
    uint8_t digest[HF_HASH_SIZE_MAX + 1] = {0}, sig[ORACLE_SIGNATURE_MAX];
    signer s;
    BIGNUM *r, *sig_s;

    random_signer(&s);
    sign(&s, digest, HF_HASH_SIZE_MAX, &r, &sig_s);
    size_t len = oracle_encode(sig, r, sig_s);
    cr_assert_eq(hf_p256_verify(s.table, digest, HF_HASH_SIZE_MAX, sig, len), HF_OK);
    cr_assert_eq(hf_p256_verify(s.table, digest, 1, sig, len), HF_OK, "zeros all the same");
    cr_assert_eq(hf_p256_verify(s.table, digest, 0, sig, len), HF_ERR_INVALID);
    cr_assert_eq(hf_p256_verify(s.table, digest, HF_HASH_SIZE_MAX + 1, sig, len), HF_ERR_INVALID);
    BN_free(r);
    BN_free(sig_s);
    signer_cleanup(&s);
}

/* ---- Threads: one table, and G's made at first use by whoever comes first ---- */

#define THREADS 8

typedef struct shared {
    const signer *s;
    uint8_t digest[32], sig[ORACLE_SIGNATURE_MAX];
    size_t len;
    pthread_barrier_t start;
} shared;

static void *verify_often(void *arg)
{
    shared *all = arg;
    intptr_t wrong = 0;

    pthread_barrier_wait(&all->start);
    for (int i = 0; i < 50; i++) {
        uint8_t other[32];
        memcpy(other, all->digest, sizeof other);
        other[0] ^= 1;
        wrong += hf_p256_verify(all->s->table, all->digest, sizeof all->digest, all->sig, all->len) != HF_OK;
        wrong += hf_p256_verify(all->s->table, other, sizeof other, all->sig, all->len) != HF_ERR_VERIFY;
    }
    return (void *)wrong;
}

Test(p256_verify, threads_share_a_table)
{
    pthread_t threads[THREADS];
    shared all = {.s = NULL};
    signer s;
    BIGNUM *r, *sig_s;

    random_signer(&s);
    all.s = &s;
    oracle_random(all.digest, sizeof all.digest);
    sign(&s, all.digest, sizeof all.digest, &r, &sig_s);
    all.len = oracle_encode(all.sig, r, sig_s);
    cr_assert_eq(pthread_barrier_init(&all.start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, verify_often, &all), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        cr_assert_eq(pthread_join(threads[i], &wrong), 0);
        cr_assert_null(wrong);
    }
    pthread_barrier_destroy(&all.start);
    BN_free(r);
    BN_free(sig_s);
    signer_cleanup(&s);
}

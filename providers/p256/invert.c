/* Inversion by division steps, after D. J. Bernstein and B.-Y. Yang, "Fast constant-time gcd computation and modular
 * inversion" (2019), in the form whose time depends on the number: of public data only (see p256.h). A third of the
 * time of Fermat's way.
 *
 * (f, g) begins as (modulus, x). A step halves g after it was made even by adding f or, where delta is positive and g
 * odd, by first swapping the two; 724 steps bring g of any number of 256 bits to 0, and f to 1 or -1. What a step does
 * depends on delta and the lowest bit of g alone, so 62 of them are done on the lowest limbs, gathered in a matrix, and
 * then applied to the whole numbers; and to (d, e), which begins as (0, 1), so that f = d * x and g = e * x modulo the
 * modulus all the time. */
#include "invert.h"

#define LIMBS HF_INVERT_LIMBS
#define BITS HF_INVERT_BITS
#define LOW ((UINT64_C(1) << BITS) - 1)
#define ROUNDS_MAX 12 /* of 62 steps: 744 */

__extension__ typedef __int128 hf_i128;

/* The sum of v[i] * 2^(62 i); all but the last are in 0..2^62-1. */
typedef struct signed62 {
    int64_t v[LIMBS];
} signed62;

/* 2^62 times what 62 steps do: (f, g) becomes (u f + v g, q f + r g) / 2^62. Each row's sum of magnitudes is at most
 * 2^62. */
typedef struct matrix {
    int64_t u, v, q, r;
} matrix;

/* 62 steps on the lowest limbs of f (odd) and g; the new delta, negated. Runs of even g are one shift, and up to six
 * bits of g are cleared by one multiple of f. */
static int64_t steps(int64_t eta, uint64_t f, uint64_t g, matrix *out)
{
    uint64_t u = 1, v = 0, q = 0, r = 1;
    int left = BITS;

    for (;;) {
        int zeros = __builtin_ctzll(g | UINT64_MAX << left); /* no more than are left to do */
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        eta -= zeros;
        left -= zeros;
        if (left == 0)
            break;
        if (eta < 0) { /* delta is positive and g odd: (f, g) becomes (g, -f) */
            uint64_t old = f;
            eta = -eta;
            f = g;
            g = 0 - old;
            old = u;
            u = q;
            q = 0 - old;
            old = v;
            v = r;
            r = 0 - old;
        }
        /* There is no swap for eta + 1 steps, in which g only gets multiples of f: as many of its bits as that, or six,
         * are cleared at once. f is its own inverse modulo 8, and f (2 - f^2) its inverse modulo 64. */
        int clear = eta + 1 < left ? (int)eta + 1 : left;
        uint64_t mask = clear < 6 ? (UINT64_C(1) << clear) - 1 : 63;
        uint64_t w = g * f * (f * f - 2) & mask;
        g += f * w;
        q += u * w;
        r += v * w;
    }
    *out = (matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
    return eta;
}

/* (f, g) = matrix * (f, g) / 2^62, which is exact. */
static void apply(signed62 *f, signed62 *g, const matrix *t)
{
    hf_i128 cf = 0, cg = 0;

    for (int i = 0; i < LIMBS; i++) {
        int64_t fi = f->v[i], gi = g->v[i];
        cf += (hf_i128)t->u * fi + (hf_i128)t->v * gi;
        cg += (hf_i128)t->q * fi + (hf_i128)t->r * gi;
        if (i > 0) {
            f->v[i - 1] = (int64_t)((uint64_t)cf & LOW);
            g->v[i - 1] = (int64_t)((uint64_t)cg & LOW);
        }
        cf >>= BITS;
        cg >>= BITS;
    }
    f->v[LIMBS - 1] = (int64_t)cf;
    g->v[LIMBS - 1] = (int64_t)cg;
}

/* One row of the matrix times (d, e), and the multiple of the modulus that makes it divisible by 2^62, over 2^62. With
 * d and e in (-2 m, m), so is the result: negative ones are first raised by m. */
static void apply_row(signed62 *out, int64_t a, const signed62 *d, int64_t b, const signed62 *e, const hf_modulus *m)
{
    int64_t times = (d->v[LIMBS - 1] < 0 ? a : 0) + (e->v[LIMBS - 1] < 0 ? b : 0);
    uint64_t lowest = (uint64_t)a * (uint64_t)d->v[0] + (uint64_t)b * (uint64_t)e->v[0];
    hf_i128 carry = 0;

    times -= (int64_t)((m->inverse * lowest + (uint64_t)times) & LOW);
    for (int i = 0; i < LIMBS; i++) {
        carry += (hf_i128)a * d->v[i] + (hf_i128)b * e->v[i] + (hf_i128)times * m->limbs[i];
        if (i > 0)
            out->v[i - 1] = (int64_t)((uint64_t)carry & LOW);
        carry >>= BITS;
    }
    out->v[LIMBS - 1] = (int64_t)carry;
}

static bool is_zero(const signed62 *a)
{
    return (a->v[0] | a->v[1] | a->v[2] | a->v[3] | a->v[4]) == 0;
}

/* a * sign + m * times, limbs settled. */
static void combine(signed62 *a, int64_t sign, const hf_modulus *m, int64_t times)
{
    int64_t carry = 0;

    for (int i = 0; i < LIMBS; i++) {
        int64_t sum = a->v[i] * sign + m->limbs[i] * times + carry; /* below 2^63 in magnitude */
        a->v[i] = i < LIMBS - 1 ? (int64_t)((uint64_t)sum & LOW) : sum;
        carry = sum >> BITS;
    }
}

static void read_limbs(signed62 *out, const uint64_t x[HF_P256_LIMBS])
{
    out->v[0] = (int64_t)(x[0] & LOW);
    out->v[1] = (int64_t)((x[0] >> 62 | x[1] << 2) & LOW);
    out->v[2] = (int64_t)((x[1] >> 60 | x[2] << 4) & LOW);
    out->v[3] = (int64_t)((x[2] >> 58 | x[3] << 6) & LOW);
    out->v[4] = (int64_t)(x[3] >> 56);
}

static void write_limbs(uint64_t out[HF_P256_LIMBS], const signed62 *a)
{
    out[0] = (uint64_t)a->v[0] | (uint64_t)a->v[1] << 62;
    out[1] = (uint64_t)a->v[1] >> 2 | (uint64_t)a->v[2] << 60;
    out[2] = (uint64_t)a->v[2] >> 4 | (uint64_t)a->v[3] << 58;
    out[3] = (uint64_t)a->v[3] >> 6 | (uint64_t)a->v[4] << 56;
}

void hf_p256_invert(uint64_t out[HF_P256_LIMBS], const uint64_t x[HF_P256_LIMBS], const hf_modulus *modulus)
{
    signed62 f, g, d = {{0}}, e = {{1}};
    int64_t eta = -1;

    for (int i = 0; i < LIMBS; i++)
        f.v[i] = modulus->limbs[i];
    read_limbs(&g, x);
    for (int round = 0; round < ROUNDS_MAX && !is_zero(&g); round++) {
        matrix t;
        signed62 new_d;
        eta = steps(eta, (uint64_t)f.v[0], (uint64_t)g.v[0], &t);
        apply_row(&new_d, t.u, &d, t.v, &e, modulus);
        apply_row(&e, t.q, &d, t.r, &e, modulus);
        d = new_d;
        apply(&f, &g, &t);
    }
    /* d is in (-2 m, m), and f is 1 or -1; or x was 0: then d is 0. */
    combine(&d, 1, modulus, d.v[LIMBS - 1] < 0);
    combine(&d, f.v[LIMBS - 1] < 0 ? -1 : 1, modulus, 0);
    combine(&d, 1, modulus, d.v[LIMBS - 1] < 0);
    write_limbs(out, &d);
}

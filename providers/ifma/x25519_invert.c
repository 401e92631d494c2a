/* 1 / x modulo p = 2^255 - 19 by division steps, in constant time: D. J. Bernstein and B.-Y. Yang, "Fast constant-time
 * gcd computation and modular inversion" (2019). Fermat's way, one long chain of squares, takes three times as long.
 *
 * (f, g) begins as (p, x), and delta as 1/2. A step makes (delta, f, g)
 *
 *     (1 - delta, g, (g - f) / 2)   where g is odd and delta positive,
 *     (1 + delta, f, (g + f) / 2)   where g is odd otherwise,
 *     (1 + delta, f, g / 2)         where g is even.
 *
 * f stays odd, and neither ever exceeds p in magnitude. At last g is 0 and f the common divisor, 1 or -1 (for x = 0 it
 * stays p). 590 steps are enough for f and g of 256 bits when delta begins as 1/2: P. Wuille and G. Maxwell, "Bounds on
 * divsteps iterations in safegcd" (2021), proved in Coq by R. O'Connor and A. Poelstra. The same computation, convex
 * hulls of what (f, g) may be after n steps, made anew for this p gives 588. More steps change nothing.
 *
 * What a step does depends on delta and the lowest bit of g alone. So 60 steps are done on the lowest limbs, gathered
 * in a matrix, and then applied to the whole numbers; and to (d, e), which begins as (0, 1), so that f = d x and g = e
 * x modulo p all the time. */
#include "x25519_invert.h"

#if defined(HF_X25519_INVERTS)

#include <stddef.h>

#include "handfast/secret.h"

#define LIMBS 5
#define BITS 60
#define MASK ((UINT64_C(1) << BITS) - 1)
#define TOP_BITS 15 /* of the last limb, below 2^255 */
#define TOP_MASK ((UINT64_C(1) << TOP_BITS) - 1)
#define ROUNDS 10 /* of 60 steps: 600 */
#define BATCH 20

_Static_assert(590 <= ROUNDS * BITS, "the steps that every number needs");

__extension__ typedef __int128 wide;

/* The sum of v[i] * 2^(60 i); all but the last are in 0..2^60-1, and the last has the sign. */
typedef struct number {
    int64_t v[LIMBS];
} number;

/* 2^n times what n steps do: (f, g) becomes (u f + v g, q f + r g) / 2^n. |u| + |v| and |q| + |r| are at most 2^n, as a
 * step doubles a row, or makes it a sum of both. */
typedef struct matrix {
    int64_t u, v, q, r;
} matrix;

/* Hides a mask from the optimiser, which could make a branch of it. */
static inline uint64_t opaque(uint64_t mask)
{
    __asm__("" : "+r"(mask));
    return mask;
}

/* Rounded down, of a signed number. */
static inline uint64_t half(uint64_t x)
{
    return (uint64_t)((int64_t)x >> 1);
}

/* A row in one word: f or g, then -x and -y of its row (x, y) in the matrix, each signed. */
#define X_SHIFT 21
#define Y_SHIFT 42

static inline void unpack(uint64_t row, int64_t *x, int64_t *y)
{
    const uint64_t half_x = UINT64_C(1) << (X_SHIFT - 1), half_y = UINT64_C(1) << (Y_SHIFT - 1);

    row += half_x; /* rounds, so that what stands below borrows nothing */
    *x = -((int64_t)(row << (64 - Y_SHIFT)) >> (64 - Y_SHIFT + X_SHIFT));
    *y = -((int64_t)(row + half_y) >> Y_SHIFT);
}

/* 20 steps. Half of f, rounded down, stands for f, which is odd: that of -f is its complement. A row begins as 20 bits
 * of the number, and -2^20 times (1, 0) or (0, 1) in the fields above them; each step halves it.
 *
 * The number stays below 2^20 in magnitude, as |x| + |y| is at most 2^20. -x and -y are from -2^20 to 2^20 - 1, so that
 * -x fits its 21 bits: neither is ever x = -2^20. For the determinant of the matrix is 2^20. Below a row (-2^20, 0) or
 * (0, -2^20) would need 1 or -1 in the row of f, whose entries are even, doubled in each step; and above it would be a
 * multiple of such a row, that was swapped up, or of (1, 0) or (0, 1), which the rows begin as. */
static inline matrix batch(uint64_t f, uint64_t g, int64_t *zeta_inout)
{
    const uint64_t low = (UINT64_C(1) << BATCH) - 1;
    int64_t zeta = *zeta_inout;
    matrix out;

    f = (f & low) - (UINT64_C(1) << (X_SHIFT + BATCH));
    g = (g & low) - (UINT64_C(1) << (Y_SHIFT + BATCH));
    f = half(f);
    for (size_t i = 0; i < BATCH; i++) {
        uint64_t odd = opaque(0 - (g & 1)), positive = opaque((uint64_t)(zeta >> 63)), swap = odd & positive;
        uint64_t old = half(g);
        /* (g + f) / 2 is half of g and half of f, and 1 for the two halves that were cut off. */
        g = opaque(old - odd) + ((f ^ positive) & odd);
        f ^= (f ^ old) & swap;
        zeta = (zeta ^ (int64_t)swap) - 1;
    }
    *zeta_inout = zeta;
    unpack(2 * f + 1, &out.u, &out.v);
    unpack(g, &out.q, &out.r);
    return out;
}

static inline matrix product(const matrix *b, const matrix *a)
{
    return (matrix){b->u * a->u + b->v * a->q, b->u * a->v + b->v * a->r, b->q * a->u + b->r * a->q,
                    b->q * a->v + b->r * a->r};
}

/* 60 steps on the lowest limbs, which are enough: a batch needs 20 bits, and leaves 20 less. */
static inline matrix steps(int64_t *zeta, uint64_t f, uint64_t g)
{
    matrix all = {1, 0, 0, 1};

    for (size_t i = 0; i < BITS / BATCH; i++) {
        matrix t = batch(f, g, zeta);
        uint64_t old = f;
        f = ((uint64_t)t.u * old + (uint64_t)t.v * g) >> BATCH;
        g = ((uint64_t)t.q * old + (uint64_t)t.r * g) >> BATCH;
        all = i == 0 ? t : product(&t, &all);
    }
    return all;
}

/* (a x + b y) / 2^60, which is exact: a row for f or g. In magnitude no more than the larger of x and y. */
static inline number row_exact(int64_t a, const number *x, int64_t b, const number *y)
{
    wide sum = (wide)a * x->v[0] + (wide)b * y->v[0];
    number out;

    for (size_t i = 1; i < LIMBS; i++) {
        sum = (sum >> BITS) + (wide)a * x->v[i] + (wide)b * y->v[i];
        out.v[i - 1] = (int64_t)((uint64_t)sum & MASK);
    }
    out.v[LIMBS - 1] = (int64_t)(sum >> BITS);
    return out;
}

/* (a x + b y + p times) / 2^60, exact by the choice of `times`, which is from -2^59 to 2^59: a row for d or e. It
 * exceeds the larger of x and y by p / 2 at most. */
static inline number row_modulo(int64_t a, const number *x, int64_t b, const number *y)
{
    const uint64_t inverse19 = UINT64_C(0x86bca1af286bca1b); /* 1 / 19 modulo 2^64; p is -19 modulo 2^60 */
    wide sum = (wide)a * x->v[0] + (wide)b * y->v[0];
    int64_t times = (int64_t)((uint64_t)sum * inverse19 << (64 - BITS)) >> (64 - BITS);
    number out;

    sum -= (wide)times * 19;
    for (size_t i = 1; i < LIMBS; i++) {
        sum = (sum >> BITS) + (wide)a * x->v[i] + (wide)b * y->v[i];
        if (i == LIMBS - 1)
            sum += (wide)times * (1 << TOP_BITS); /* times 2^255 */
        out.v[i - 1] = (int64_t)((uint64_t)sum & MASK);
    }
    out.v[LIMBS - 1] = (int64_t)(sum >> BITS);
    return out;
}

static inline void carry(number *a)
{
    for (size_t i = 0; i < LIMBS - 1; i++) {
        a->v[i + 1] += a->v[i] >> BITS;
        a->v[i] = (int64_t)((uint64_t)a->v[i] & MASK);
    }
}

/* a, or -a where `negative` is all-ones, from 0 to p - 1. |a| is below 8p. */
static void settle(number *a, uint64_t negative)
{
    int64_t over = 19;

    for (size_t i = 0; i < LIMBS; i++)
        a->v[i] = (int64_t)(((uint64_t)a->v[i] ^ negative) - negative);
    a->v[0] -= 8 * 19; /* 8p is added */
    a->v[LIMBS - 1] += 8 << TOP_BITS;
    carry(a);
    a->v[0] += 19 * (a->v[LIMBS - 1] >> TOP_BITS); /* 2^255 is 19; then a is below 2^255 + 16 * 19 */
    a->v[LIMBS - 1] = (int64_t)((uint64_t)a->v[LIMBS - 1] & TOP_MASK);
    /* a + 19 reaches 2^255 exactly when a is not below p; then a - p is a + 19 without bit 255. */
    for (size_t i = 0; i < LIMBS - 1; i++)
        over = (a->v[i] + over) >> BITS;
    over = (a->v[LIMBS - 1] + over) >> TOP_BITS;
    a->v[0] += 19 * over;
    carry(a);
    a->v[LIMBS - 1] = (int64_t)((uint64_t)a->v[LIMBS - 1] & TOP_MASK);
}

static number from_words(const uint64_t x[HF_X25519_WORDS])
{
    return (number){{(int64_t)(x[0] & MASK), (int64_t)((x[0] >> 60 | x[1] << 4) & MASK),
                     (int64_t)((x[1] >> 56 | x[2] << 8) & MASK), (int64_t)((x[2] >> 52 | x[3] << 12) & MASK),
                     (int64_t)(x[3] >> 48)}};
}

static void to_words(const number *a, uint64_t out[HF_X25519_WORDS])
{
    out[0] = (uint64_t)a->v[0] | (uint64_t)a->v[1] << 60;
    out[1] = (uint64_t)a->v[1] >> 4 | (uint64_t)a->v[2] << 56;
    out[2] = (uint64_t)a->v[2] >> 8 | (uint64_t)a->v[3] << 52;
    out[3] = (uint64_t)a->v[3] >> 12 | (uint64_t)a->v[4] << 48;
}

void hf_x25519_invert(uint64_t out[HF_X25519_WORDS], const uint64_t x[HF_X25519_WORDS])
{
    number f = {{(int64_t)(MASK - 18), (int64_t)MASK, (int64_t)MASK, (int64_t)MASK, (int64_t)TOP_MASK}};
    number g = from_words(x), d = {{0}}, e = {{1}};
    int64_t zeta = -1;
    matrix t;

    for (size_t round = 0; round < ROUNDS; round++) {
        t = steps(&zeta, (uint64_t)f.v[0], (uint64_t)g.v[0]);
        number old_f = f, old_d = d;
        f = row_exact(t.u, &old_f, t.v, &g);
        g = row_exact(t.q, &old_f, t.r, &g);
        d = row_modulo(t.u, &old_d, t.v, &e);
        e = row_modulo(t.q, &old_d, t.r, &e);
    }
    /* f is 1 or -1, and d is below 5p in magnitude: a tenth of it comes in each round. Of 0 it is 0 still. */
    settle(&d, opaque((uint64_t)(f.v[LIMBS - 1] >> 63)));
    to_words(&d, out);
    hf_wipe(&f, sizeof f);
    hf_wipe(&g, sizeof g);
    hf_wipe(&d, sizeof d);
    hf_wipe(&e, sizeof e);
    hf_wipe(&t, sizeof t);
}

#endif

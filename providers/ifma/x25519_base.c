/* Eight public keys at once: eight scalars times the base point, a scalar in each lane (RFC 7748 section 6.1).
 *
 * The base point never changes, so its multiples are in a table: not of Curve25519 but of edwards25519, the same curve
 * in coordinates that add faster (RFC 7748 section 4.1). A scalar is 64 digits of four bits, and the sum of one entry
 * for each digit is the result. The entry is picked inside vector registers: no address depends on a digit. The table
 * holds multiples for every second digit; the odd ones are added first, four doublings follow, then the even ones. */
#define LANES 8
#include <pthread.h>
#include <string.h>

#include "field.h"
#include "handfast/secret.h"
#include "x25519.h"
#if !defined(HF_IFMA_PLAIN)
#include "../x86/forget512.h"
#endif

#define DIGITS 64
#define DIGIT_BITS 4
#define DIGITS_PER_WORD 16

/* Extended coordinates of a = -1 (Hisil, Wong, Carter and Dawson, 2008): x = X/Z, y = Y/Z, T = XY/Z. */
typedef struct point {
    fe x, y, z, t;
} point;

/* A point to add, with Z = 1. */
typedef struct addend {
    fe sum, difference, product; /* y + x, y - x, 2dxy */
} addend;

/* table[i][0] has the multiples 0 to 7 of 256^i times the base point in its lanes, [1] those from 8 to 15. Public. */
static addend table[DIGITS / 2][2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static fe constant(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3)
{
    const lanes word[4] = {LANES_ALL(word0), LANES_ALL(word1), LANES_ALL(word2), LANES_ALL(word3)};

    return fe_from_words(word);
}

static point add(const point *p, const addend *q)
{
    fe a = fe_multiply(fe_subtract(p->y, p->x), q->difference);
    fe b = fe_multiply(fe_add(p->y, p->x), q->sum);
    fe c = fe_multiply(p->t, q->product);
    fe d = fe_plus(p->z, p->z);
    fe e = fe_subtract(b, a), f = fe_subtract(d, c), g = fe_add(d, c), h = fe_add(b, a);

    return (point){fe_multiply(e, f), fe_multiply(g, h), fe_multiply(f, g), fe_multiply(e, h)};
}

static point twice(const point *p)
{
    fe a = fe_square(p->x), b = fe_square(p->y), zz = fe_square(p->z);
    fe h = fe_add(a, b), g = fe_subtract(a, b);
    fe e = fe_subtract(h, fe_square(fe_add(p->x, p->y)));
    fe f = fe_add(fe_plus(zz, zz), g);

    return (point){fe_multiply(e, f), fe_multiply(g, h), fe_multiply(f, g), fe_multiply(e, h)};
}

/* ---- The table -------------------------------------------------------------------------------- */

static addend addend_of(const point *p)
{
    /* 2d, d = -121665/121666 */
    const fe d2 = constant(0xebd69b9426b2f159, 0x00e0149a8283b156, 0x198e80f2eef3d130, 0x2406d9dc56dffce7);
    fe inverse = fe_invert(p->z);
    fe x = fe_multiply(p->x, inverse), y = fe_multiply(p->y, inverse);

    return (addend){fe_add(y, x), fe_subtract(y, x), fe_multiply(fe_multiply(x, y), d2)};
}

/* b where the lane's number is at least `from`, else a. */
static fe from_lane(uint64_t from, fe a, fe b)
{
    const lanes number = {0, 1, 2, 3, 4, 5, 6, 7};
    lanes keep = (number - LANES_ALL(from)) >> 63; /* 1 below */

    keep = -keep;
    for (size_t i = 0; i < FE_LIMBS; i++)
        a.limb[i] = (a.limb[i] & keep) | (b.limb[i] & ~keep);
    return a;
}

/* Entries for the digit whose weight `base` (the same in every lane) has. */
static void make_entries(const point *base, addend entries[2])
{
    const fe zero = constant(0, 0, 0, 0), one = constant(1, 0, 0, 0);
    const addend step = addend_of(base);
    point sum = {zero, one, one, zero};

    for (uint64_t n = 1; n < LANES; n++) {
        point next = add(&sum, &step);
        sum = (point){from_lane(n, sum.x, next.x), from_lane(n, sum.y, next.y), from_lane(n, sum.z, next.z),
                      from_lane(n, sum.t, next.t)};
    }
    entries[0] = addend_of(&sum);
    for (size_t n = 0; n < LANES; n++)
        sum = add(&sum, &step);
    entries[1] = addend_of(&sum);
}

static void make_table(void)
{
    /* The base point of RFC 7748 section 4.1: y = 4/5, x even. */
    const fe x = constant(0xc9562d608f25d51a, 0x692cc7609525a7b2, 0xc0a4e231fdd6dc5c, 0x216936d3cd6e53fe);
    const fe y = constant(0x6666666666666658, 0x6666666666666666, 0x6666666666666666, 0x6666666666666666);
    point base = {x, y, constant(1, 0, 0, 0), fe_multiply(x, y)};

    for (size_t i = 0; i < DIGITS / 2; i++) {
        make_entries(&base, table[i]);
        for (size_t bit = 0; bit < 2 * DIGIT_BITS; bit++)
            base = twice(&base);
    }
}

/* ---- The sum ---------------------------------------------------------------------------------- */

/* Digits are secret: both vectors of sixteen entries are read, whatever they are. */
LANES_INLINE fe pick(const fe *low, const fe *high, lanes digit)
{
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++) {
#if defined(HF_IFMA_PLAIN)
        lanes upper = -(digit >> 3);
        out.limb[i] = (lanes_pick(low->limb[i], digit & LANES_ALL(7)) & ~upper) |
                      (lanes_pick(high->limb[i], digit & LANES_ALL(7)) & upper);
#else
        out.limb[i] = (lanes)_mm512_permutex2var_epi64((__m512i)low->limb[i], (__m512i)digit, (__m512i)high->limb[i]);
#endif
    }
    return out;
}

static void add_digit(point *sum, const lanes scalar[4], size_t n)
{
    const addend *low = &table[n / 2][0], *high = &table[n / 2][1];
    lanes digit = scalar[n / DIGITS_PER_WORD] >> (DIGIT_BITS * (n % DIGITS_PER_WORD)) & LANES_ALL(15);
    addend entry = {pick(&low->sum, &high->sum, digit), pick(&low->difference, &high->difference, digit),
                    pick(&low->product, &high->product, digit)};

    *sum = add(sum, &entry);
}

/* Eight scalars turned over and clamped (RFC 7748 section 5): vector i has word i of each. */
static void load(uint8_t scalar[LANES][HF_X25519_SIZE], lanes out[4])
{
    for (size_t lane = 0; lane < LANES; lane++) {
        uint64_t word[4];
        memcpy(word, scalar[lane], sizeof word); /* little-endian, as this machine is */
        for (size_t i = 0; i < 4; i++)
            out[i][lane] = word[i];
        hf_wipe(word, sizeof word);
    }
    out[0] &= LANES_ALL(~UINT64_C(7));
    out[3] = (out[3] & LANES_ALL(~UINT64_C(0) >> 1)) | LANES_ALL(UINT64_C(1) << 62);
}

void hf_x25519_public8(uint8_t scalar[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE],
                       uint8_t out_public[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE])
{
    const fe zero = constant(0, 0, 0, 0), one = constant(1, 0, 0, 0);
    point sum = {zero, one, one, zero};
    lanes words[4], u[4];

    (void)pthread_once(&once, make_table);
    load(scalar, words);
    for (size_t n = 1; n < DIGITS; n += 2)
        add_digit(&sum, words, n);
    for (size_t i = 0; i < DIGIT_BITS; i++)
        sum = twice(&sum);
    for (size_t n = 0; n < DIGITS; n += 2)
        add_digit(&sum, words, n);
    /* u = (1 + y) / (1 - y). No clamped scalar gives y = 1: none is a multiple of the base point's order. */
    fe_to_words(fe_multiply(fe_add(sum.z, sum.y), fe_invert(fe_subtract(sum.z, sum.y))), u);
    for (size_t lane = 0; lane < LANES; lane++)
        for (size_t i = 0; i < 4; i++) {
            uint64_t word = u[i][lane];
            memcpy(out_public[lane] + 8 * i, &word, sizeof word);
        }
    hf_wipe(words, sizeof words);
    hf_wipe(&sum, sizeof sum);
#if !defined(HF_IFMA_PLAIN)
    hf_forget_512();
#endif
}

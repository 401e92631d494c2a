/* Sums of points in lanes: see lanes.h. NOT constant time, for public data only.
 *
 * The points to add, those of the digits that are not 0, are dealt to eight lanes, each of which adds up its own; then
 * the lanes are added up themselves, in three rounds. The formulas are those of point.h (madd-2008-s and add-2008-s of
 * the Explicit-Formulas Database), and not complete: whatever they cannot add, the same point or its opposite, makes
 * ZZ = 0, which every later sum inherits, since its ZZ is a product of those before. So one look at the end tells.
 *
 * A table's coordinates are in the scalar field's form, x * 2^256, which here, where 2^260 is the form of 1, stands
 * for x / 16 and y / 16. With y / 64 these would be points of another curve, isomorphic to P-256, with the same
 * formulas, since none of those used has the curve's constants in it. So the lanes add on that curve, and take y for
 * 4 y, which is right as long as ZZZ is a quarter of what it should be. */
#include "lanes.h"

#include <string.h>

#include "field_lanes.h"

#define POINTS_MAX (2 * HF_P256_ROWS)
#define FOLDS 3 /* lanes: 8 to 4, 2, 1 */

_Static_assert(sizeof(hf_affine) == 8 * LANES, "a point fills a vector");

/* 16 in Montgomery's form: 2^264 mod p */
static const uint64_t sixteen[FE8_LIMBS] = {0x100, 0, UINT64_C(0xfffffffffffff), UINT64_C(0xfefffffffffff), 0xffffff};

/* What is to be added. */
typedef struct points {
    const hf_affine *at[POINTS_MAX + LANES];
    uint8_t negative[POINTS_MAX + LANES]; /* whether it is its opposite */
    unsigned n;
} points;

/* Sums on the isomorphic curve; zzz is a quarter of ZZZ while points of a table are added. */
typedef struct sum8 {
    fe8 x, y, zz, zzz;
} sum8;

/* Asks the CPU for each, too: they come from far when other work has used the caches. */
static void collect(points *out, const hf_p256_table *table, const hf_p256_digits *digits)
{
    for (unsigned i = 0; i < HF_P256_ROWS; i++) {
        int digit = digits->d[i], multiple = digit < 0 ? -digit : digit;
        const hf_affine *point = &table->rows[i][multiple - (digit != 0)];
        __builtin_prefetch(point);
        out->at[out->n] = point;
        out->negative[out->n] = digit < 0;
        out->n += digit != 0;
    }
}

/* Eight vectors of eight words turned over: word i of vector j becomes word j of vector i. */
LANES_INLINE void turn_over(lanes v[LANES])
{
    lanes a[LANES], b[LANES];

    for (size_t i = 0; i < LANES; i += 2) {
        a[i] = __builtin_shufflevector(v[i], v[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[i + 1] = __builtin_shufflevector(v[i], v[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (size_t i = 0; i < LANES; i += 4)
        for (size_t j = 0; j < 2; j++) {
            b[i + j] = __builtin_shufflevector(a[i + j], a[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[i + j + 2] = __builtin_shufflevector(a[i + j], a[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (size_t j = 0; j < 4; j++) {
        v[j] = __builtin_shufflevector(b[j], b[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        v[j + 4] = __builtin_shufflevector(b[j], b[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* From four limbs of 64 bits. */
LANES_INLINE fe8 from_words(const lanes word[HF_P256_LIMBS])
{
    const lanes mask = LANES_ALL(FE8_MASK);

    return (fe8){{word[0] & mask, (word[0] >> 52 | word[1] << 12) & mask, (word[1] >> 40 | word[2] << 24) & mask,
                  (word[2] >> 28 | word[3] << 36) & mask, word[3] >> 16}};
}

/* The next eight points, y still without its sign: what the function returns is all ones where it is negative. */
LANES_INLINE lanes take(const points *from, unsigned at, fe8 *x, fe8 *y)
{
    lanes v[LANES], negative;

    for (size_t i = 0; i < LANES; i++) {
        memcpy(&v[i], from->at[at + i], sizeof v[i]);
        negative[i] = from->negative[at + i];
    }
    turn_over(v);
    *x = from_words(v);
    *y = from_words(v + HF_P256_LIMBS);
    return -negative;
}

/* The rest of both additions, from P = U1 - U2, R = S2 - S1, and U1, S1, ZZ, ZZZ of the two over one denominator. */
LANES_INLINE void add_rest(sum8 *out, const fe8 *p, const fe8 *r, const sum8 *both)
{
    fe8 pp = fe8_carry(fe8_sqr(p));
    fe8 ppp = fe8_carry(fe8_mul(p, &pp)); /* of which the formulas want the opposite */
    fe8 q = fe8_carry(fe8_mul(&both->x, &pp));
    fe8 zz = fe8_carry(fe8_mul(&both->zz, &pp));
    fe8 zzz = fe8_settle(fe8_minus((fe8){{{0}}}, fe8_mul(&both->zzz, &ppp)));
    fe8 x = fe8_settle(fe8_minus(fe8_plus(fe8_sqr(r), ppp), fe8_plus(q, q)));
    fe8 t = fe8_settle(fe8_minus(q, x));
    product8 y = {{{0}}}; /* two products, and one reduction */

    product8_add(&y, r, &t);
    product8_add(&y, &both->y, &ppp);
    *out = (sum8){x, fe8_carry(fe8_reduce(y)), zz, zzz};
}

/* Eight points to eight sums. */
LANES_INLINE void add_points(sum8 *sum, const fe8 *x, const fe8 *y, lanes negative)
{
    fe8 p = fe8_settle(fe8_minus(sum->x, fe8_mul(x, &sum->zz)));
    fe8 r = fe8_settle(fe8_minus(fe8_negate_if(fe8_mul(y, &sum->zzz), negative), sum->y));

    add_rest(sum, &p, &r, sum);
}

/* To each lane the one that `index` names; both of a pair come to the same sum. */
LANES_INLINE void add_lanes(sum8 *sum, lanes index)
{
    const sum8 other = {fe8_pick(sum->x, index), fe8_pick(sum->y, index), fe8_pick(sum->zz, index),
                        fe8_pick(sum->zzz, index)};
    sum8 both = {fe8_carry(fe8_mul(&sum->x, &other.zz)), fe8_carry(fe8_mul(&sum->y, &other.zzz)),
                 fe8_carry(fe8_mul(&sum->zz, &other.zz)), fe8_carry(fe8_mul(&sum->zzz, &other.zzz))};
    fe8 p = fe8_settle(fe8_minus(both.x, fe8_pick(both.x, index)));
    fe8 r = fe8_settle(fe8_minus(fe8_pick(both.y, index), both.y));

    add_rest(sum, &p, &r, &both);
}

/* The number in lane 0, in the scalar field's limbs and below p. */
static void lowest(hf_fe *out, fe8 a)
{
    uint64_t l[FE8_LIMBS];

    a = fe8_below_2p(a);
    for (size_t i = 0; i < FE8_LIMBS; i++)
        l[i] = a.limb[i][0];
    hf_fe_settle(out, l[0] | l[1] << 52, l[1] >> 12 | l[2] << 40, l[2] >> 24 | l[3] << 28, l[3] >> 36 | l[4] << 16,
                 l[4] >> FE8_TOP);
}

bool hf_p256_lanes_sum(hf_fe *out_x, hf_fe *out_zz, const hf_p256_table *g, const hf_p256_digits *u1,
                       const hf_p256_table *q, const hf_p256_digits *u2)
{
    static const hf_fe sixteenth = {{0, 0, 0, UINT64_C(1) << 60}}; /* 2^252 */
    const lanes order = {0, 1, 2, 3, 4, 5, 6, 7};
    points all = {.n = 0};
    fe8 x, y;
    sum8 sum;
    hf_fe zz;

    collect(&all, g, u1);
    collect(&all, q, u2);
    if (all.n < LANES)
        return false;
    for (unsigned i = 0; i < LANES; i++) /* the lanes of the last round that have none left get one, and lose it */
        all.at[all.n + i] = all.at[0];

    /* The first of each. With Z = 4, so ZZ and a quarter of ZZZ are 16, as many times the coordinates are X and Y. */
    lanes negative = take(&all, 0, &x, &y);
    sum.x = fe8_settle(fe8_shift_left(x, 4));
    sum.y = fe8_settle(fe8_shift_left(fe8_negate_if(y, negative), 4));
    for (size_t i = 0; i < FE8_LIMBS; i++)
        sum.zz.limb[i] = sum.zzz.limb[i] = LANES_ALL(sixteen[i]);
    for (unsigned at = LANES; at < all.n; at += LANES) {
        negative = take(&all, at, &x, &y);
        sum8 before = sum;
        add_points(&sum, &x, &y, negative);
        if (all.n - at < LANES) {
            lanes used = (lanes)(order < LANES_ALL(all.n - at));
            sum = (sum8){fe8_choose(used, sum.x, before.x), fe8_choose(used, sum.y, before.y),
                         fe8_choose(used, sum.zz, before.zz), fe8_choose(used, sum.zzz, before.zzz)};
        }
    }
    sum.zzz = fe8_settle(fe8_shift_left(sum.zzz, 2)); /* no quarter any more */
    for (unsigned i = 0; i < FOLDS; i++)
        add_lanes(&sum, order ^ LANES_ALL(1u << i));
    lowest(&zz, sum.zz);
    if (hf_fe_is_zero(&zz))
        return false;
    /* In the scalar field's form X is 16 X, and so is ZZ, but x / 16 is x. */
    lowest(out_x, sum.x);
    hf_fe_mul(out_zz, &zz, &sixteenth);
    return true;
}

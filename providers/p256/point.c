/* Sums of points: see point.h. NOT constant time, for public data only. */
#include "point.h"

static const hf_fe curve_b = {{UINT64_C(0xd89cdf6229c4bddf), UINT64_C(0xacf005cd78843090), UINT64_C(0xe5a220abf7212ed6),
                               UINT64_C(0xdc30061d04874834)}};

const hf_affine hf_p256_base = {{{UINT64_C(0x79e730d418a9143c), UINT64_C(0x75ba95fc5fedb601),
                                  UINT64_C(0x79fb732b77622510), UINT64_C(0x18905f76a53755c6)}},
                                {{UINT64_C(0xddf25357ce95560a), UINT64_C(0x8b4ab8e4ba19e45c),
                                  UINT64_C(0xd2e88688dd21f325), UINT64_C(0x8571ff1825885d85)}}};

/* *out = 2 * point (mdbl-2008-s-1). y is never 0: the order of the group is odd. */
static void set_double(hf_sum *out, const hf_affine *point)
{
    hf_fe u, s, m, t;

    hf_fe_add(&u, &point->y, &point->y);
    hf_fe_sqr(&out->zz, &u);
    hf_fe_mul(&out->zzz, &u, &out->zz);
    hf_fe_mul(&s, &point->x, &out->zz);
    hf_fe_sub(&m, &point->x, &hf_fe_one);
    hf_fe_add(&t, &point->x, &hf_fe_one);
    hf_fe_mul(&t, &m, &t);
    hf_fe_add(&m, &t, &t);
    hf_fe_add(&m, &m, &t); /* 3 x^2 - 3 */
    hf_fe_sqr(&out->x, &m);
    hf_fe_sub(&out->x, &out->x, &s);
    hf_fe_sub(&out->x, &out->x, &s);
    hf_fe_sub(&t, &s, &out->x);
    hf_fe_mul(&t, &m, &t);
    hf_fe_mul(&out->y, &out->zzz, &point->y);
    hf_fe_sub(&out->y, &t, &out->y);
}

void hf_sum_add(hf_sum *sum, const hf_affine *point)
{
    hf_fe p, r, pp, ppp, q, t;

    if (hf_sum_is_infinity(sum)) {
        *sum = (hf_sum){point->x, point->y, hf_fe_one, hf_fe_one};
        return;
    }
    hf_fe_mul(&p, &point->x, &sum->zz);
    hf_fe_mul(&r, &point->y, &sum->zzz);
    hf_fe_sub(&p, &p, &sum->x);
    hf_fe_sub(&r, &r, &sum->y);
    if (hf_fe_is_zero(&p)) { /* the same x: the same point, or the opposite one */
        if (hf_fe_is_zero(&r))
            set_double(sum, point);
        else
            hf_sum_clear(sum);
        return;
    }
    hf_fe_sqr(&pp, &p);
    hf_fe_mul(&ppp, &p, &pp);
    hf_fe_mul(&q, &sum->x, &pp);
    hf_fe_sqr(&t, &r);
    hf_fe_sub(&t, &t, &ppp);
    hf_fe_sub(&t, &t, &q);
    hf_fe_sub(&sum->x, &t, &q);
    hf_fe_sub(&q, &q, &sum->x);
    hf_fe_mul(&q, &q, &r);
    hf_fe_mul(&t, &sum->y, &ppp);
    hf_fe_sub(&sum->y, &q, &t);
    hf_fe_mul(&sum->zz, &sum->zz, &pp);
    hf_fe_mul(&sum->zzz, &sum->zzz, &ppp);
}

/* One inversion for all of them (Montgomery's trick): the inverse of the product of all ZZZ, from which the others are
 * multiplied off one by one from behind. */
void hf_sum_to_affine(hf_affine *out, const hf_sum *sums, unsigned n)
{
    hf_fe before[HF_P256_BATCH]; /* the product of those before each */
    hf_fe inverse = hf_fe_one, one, t;

    for (unsigned i = 0; i < n; i++) {
        before[i] = inverse;
        hf_fe_mul(&inverse, &inverse, &sums[i].zzz);
    }
    hf_fe_invert(&inverse, &inverse);
    for (unsigned i = n; i-- > 0;) {
        hf_fe_mul(&one, &inverse, &before[i]); /* 1 / ZZZ, which is Z^-3 */
        hf_fe_mul(&inverse, &inverse, &sums[i].zzz);
        hf_fe_mul(&out[i].y, &sums[i].y, &one);
        hf_fe_mul(&t, &one, &sums[i].zz); /* 1 / Z */
        hf_fe_sqr(&t, &t);
        hf_fe_mul(&out[i].x, &sums[i].x, &t);
    }
}

bool hf_affine_from_bytes(hf_affine *out, const uint8_t x[HF_P256_BYTES], const uint8_t y[HF_P256_BYTES])
{
    hf_fe left, right, three_x;

    if (!hf_fe_from_bytes(&out->x, x) || !hf_fe_from_bytes(&out->y, y))
        return false;
    hf_fe_sqr(&left, &out->y);
    hf_fe_sqr(&right, &out->x);
    hf_fe_mul(&right, &right, &out->x);
    hf_fe_add(&three_x, &out->x, &out->x);
    hf_fe_add(&three_x, &three_x, &out->x);
    hf_fe_sub(&right, &right, &three_x);
    hf_fe_add(&right, &right, &curve_b);
    return hf_fe_equal(&left, &right);
}

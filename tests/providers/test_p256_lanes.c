/* The lanes of providers/p256 against its scalar sum, which test_p256_points.c holds to libcrypto: sums of any number
 * of points, and those that the lanes must hand back. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "p256.h"
#include "p256_oracle.h"

TestSuite(p256_lanes, .timeout = 600);

#define LANES 8

__extension__ typedef __int128 big;

/* The table of k * G; the caller frees it. */
static hf_p256_table *table_of(int k)
{
    hf_p256_table *table = aligned_alloc(HF_VERIFIER_ALIGN, sizeof *table);
    const hf_p256_table *g = hf_p256_base_table();
    hf_affine point;
    hf_sum sum;

    cr_assert(table && k != 0 && abs(k) <= 2 * HF_P256_MULTIPLES);
    hf_sum_clear(&sum);
    for (int i = 0; i < abs(k); i++)
        hf_sum_add(&sum, &g->rows[0][0]);
    hf_sum_to_affine(&point, &sum, 1);
    if (k < 0)
        hf_fe_negate(&point.y, &point.y);
    hf_p256_table_fill(table, &point);
    return table;
}

/* Whether the lanes take it; then it is what the scalar sum is. */
static bool lanes_take(const hf_p256_digits *u1, const hf_p256_table *q, const hf_p256_digits *u2)
{
    const hf_p256_table *g = hf_p256_base_table();
    const hf_fe untouched = {{1, 2, 3, 4}};
    hf_fe x = untouched, zz = untouched;
    hf_sum sum;

    bool took = hf_p256_lanes_sum(&x, &zz, g, u1, q, u2);
    if (!took) {
        cr_assert(hf_fe_equal(&x, &untouched) && hf_fe_equal(&zz, &untouched));
        return false;
    }
    hf_sum_clear(&sum);
    hf_p256_table_add(&sum, g, u1);
    hf_p256_table_add(&sum, q, u2);
    cr_assert(!hf_sum_is_infinity(&sum) && !hf_fe_is_zero(&zz));
    cr_assert(hf_p256_limbs_below(x.l, hf_fe_modulus) && hf_p256_limbs_below(zz.l, hf_fe_modulus));
    hf_fe_mul(&x, &x, &sum.zz);
    hf_fe_mul(&zz, &zz, &sum.x);
    cr_assert(hf_fe_equal(&x, &zz));
    return true;
}

static unsigned random_below(unsigned n)
{
    uint16_t number;

    oracle_random((uint8_t *)&number, sizeof number);
    return number % n;
}

/* Digits of all sizes, about one in `zeros` of them 0 (0: none). */
static void random_digits(hf_p256_digits *out, unsigned zeros)
{
    for (int i = 0; i < HF_P256_ROWS; i++) {
        int digit = 1 + (int)random_below(HF_P256_MULTIPLES);
        out->d[i] = (int8_t)(random_below(2) ? -digit : digit);
        if (zeros && random_below(zeros) == 0)
            out->d[i] = 0;
    }
}

Test(p256_lanes, random_sums)
{
    if (!hf_p256_lanes_can())
        return;
    for (unsigned key = 0; key < 4; key++) {
        hf_p256_table *q = table_of(11 + (int)key * 17);
        for (unsigned i = 0; i < 1500; i++) {
            hf_p256_digits u1, u2;
            random_digits(&u1, i % 3);
            random_digits(&u2, i % 5);
            unsigned points = 0;
            for (int row = 0; row < HF_P256_ROWS; row++)
                points += (u1.d[row] != 0) + (u2.d[row] != 0);
            cr_assert_eq(lanes_take(&u1, q, &u2), points >= LANES, "%u points", points);
        }
        free(q);
    }
}

/* Scalars as a verification has them, those at the edges among them. The last two are G and its opposite as the key. */
Test(p256_lanes, scalars)
{
    static const int keys[] = {29, -31, 1, -1};
    unsigned taken = 0, left = 0;

    if (!hf_p256_lanes_can())
        return;
    for (size_t key = 0; key < sizeof keys / sizeof keys[0]; key++) {
        hf_p256_table *q = table_of(keys[key]);
        for (size_t i = 0; i < 60; i++)
            for (size_t j = 0; j < 60; j++) {
                uint8_t a[32], b[32];
                hf_scalar u1, u2;
                hf_p256_digits d1, d2;
                oracle_number(a, i);
                oracle_number(b, j);
                if (!hf_scalar_from_bytes(&u1, a) || !hf_scalar_from_bytes(&u2, b))
                    continue;
                hf_p256_digits_of(&d1, &u1);
                hf_p256_digits_of(&d2, &u2);
                if (lanes_take(&d1, q, &d2))
                    taken++;
                else
                    left++;
            }
        free(q);
    }
    cr_assert_gt(taken, 6000);
    cr_assert_gt(left, 500, "small ones");
}

/* Any number of points, so any number of lanes in the last round: from the front rows, the last ones, and both tables
 * by turns. */
Test(p256_lanes, every_number_of_points)
{
    if (!hf_p256_lanes_can())
        return;
    hf_p256_table *q = table_of(101);
    for (int n = 0; n <= 2 * HF_P256_ROWS; n++)
        for (int way = 0; way < 3; way++) {
            hf_p256_digits u[2];
            random_digits(&u[0], 0);
            random_digits(&u[1], 0);
            for (int i = n; i < 2 * HF_P256_ROWS; i++) { /* those that go */
                int at = way == 1 ? 2 * HF_P256_ROWS - 1 - i : i;
                if (way == 2)
                    u[i % 2].d[i / 2] = 0;
                else
                    u[at / HF_P256_ROWS].d[at % HF_P256_ROWS] = 0;
            }
            cr_assert_eq(lanes_take(&u[0], q, &u[1]), n >= LANES, "%d points", n);
        }
    free(q);
}

/* ---- Sums that the formulas cannot add ----
 *
 * The points are small multiples of G, so that whole numbers tell which sums meet. */

#define ROWS 12 /* of which there are points here: 128^12 * 64 * 128 is below 2^97 */

/* Where a sum meets the same point or the opposite one: while points are added, and in the rounds of lanes. */
enum { IN_A_LANE, FIRST_FOLD, SECOND_FOLD, LAST_FOLD, PLACES };
enum { SAME, OPPOSITE, KINDS };

static bool meet(big a, big b, unsigned met[KINDS])
{
    met[SAME] += a == b;
    met[OPPOSITE] += a == -b;
    return a == b || a == -b;
}

/* Whether the lanes can add these points; else where not, counted once in met. */
static bool can_add(const big *points, unsigned n, unsigned met[PLACES][KINDS])
{
    big sum[LANES];

    if (n < LANES)
        return false;
    for (unsigned i = 0; i < LANES; i++)
        sum[i] = points[i];
    for (unsigned i = LANES; i < n; i++) {
        if (meet(sum[i % LANES], points[i], met[IN_A_LANE]))
            return false;
        sum[i % LANES] += points[i];
    }
    for (unsigned apart = 1; apart < LANES; apart *= 2)
        for (unsigned i = 0; i < LANES; i += 2 * apart) {
            if (meet(sum[i], sum[i + apart], met[apart == 1 ? FIRST_FOLD : apart == 2 ? SECOND_FOLD : LAST_FOLD]))
                return false;
            sum[i] += sum[i + apart];
        }
    return true;
}

/* The non-zero digits' points in their order. */
static unsigned points_of(big *out, const hf_p256_digits *u1, const hf_p256_digits *u2, int key)
{
    unsigned n = 0;

    for (int table = 0; table < 2; table++) {
        const hf_p256_digits *u = table ? u2 : u1;
        big unit = table ? key : 1;
        for (int i = 0; i < ROWS; i++, unit *= 2 * HF_P256_MULTIPLES)
            if (u->d[i] != 0)
                out[n++] = unit * u->d[i];
    }
    return n;
}

/* Few rows, few digits, and keys near G: such sums meet all the time. */
Test(p256_lanes, sums_that_meet)
{
    static const int keys[] = {1, -1, 2, -2, 64, -64, 128, -128};
    static const int8_t some[] = {1, -1, 2, -2, 64, -64};
    unsigned met[PLACES][KINDS] = {{0}}, added = 0;

    if (!hf_p256_lanes_can())
        return;
    for (size_t key = 0; key < sizeof keys / sizeof keys[0]; key++) {
        hf_p256_table *q = table_of(keys[key]);
        for (unsigned run = 0; run < 4000; run++) {
            hf_p256_digits u[2] = {{{0}}, {{0}}};
            big points[2 * ROWS];
            unsigned rows = 4 + random_below(ROWS - 3), choice = 1 + random_below(sizeof some);
            for (int table = 0; table < 2; table++)
                for (unsigned i = 0; i < rows; i++)
                    u[table].d[i] = random_below(8) ? some[random_below(choice)] : 0;
            if (run % 2) /* the second half like the first */
                memcpy(u[1].d, u[0].d, sizeof u[0].d);
            if (run % 4 == 1) { /* of which one, two or four rows in the middle stay twice: one set behind the other */
                unsigned both = 1u << random_below(3), from = random_below(ROWS - both);
                memset(u[0].d + from + both, 0, ROWS - from - both);
                memset(u[1].d, 0, from);
            }
            unsigned n = points_of(points, &u[0], &u[1], keys[key]);
            bool can = can_add(points, n, met);
            cr_assert_eq(lanes_take(&u[0], q, &u[1]), can, "key %d, run %u, %u points", keys[key], run, n);
            added += can;
        }
        free(q);
    }
    cr_assert_gt(added, 2000);
    for (int place = 0; place < PLACES; place++)
        for (int kind = 0; kind < KINDS; kind++)
            cr_assert_gt(met[place][kind], 20, "place %d, kind %d", place, kind);
}

/* Each lane in turn has one point twice, or with its opposite behind it; and none. */
Test(p256_lanes, every_lane_notices)
{
    if (!hf_p256_lanes_can())
        return;
    hf_p256_table *same = table_of(1), *opposite = table_of(-1);
    for (int lane = 0; lane <= LANES; lane++) {
        hf_p256_digits u1 = {{0}}, u2 = {{0}};
        for (int i = 0; i < LANES; i++) {
            u1.d[i] = 1;
            u2.d[i] = i == lane ? 1 : 3;
        }
        cr_assert_eq(lanes_take(&u1, same, &u2), lane == LANES, "lane %d", lane);
        cr_assert_eq(lanes_take(&u1, opposite, &u2), lane == LANES, "lane %d", lane);
    }
    free(same);
    free(opposite);
}

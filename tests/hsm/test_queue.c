/* The pure parts: what waits, in order of deadline; and when a breaker opens and closes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "breaker.h"
#include "queue.h"

enum { ITEMS = 200 };

static void push_all(hf_queue *q, hf_queue_item *items, unsigned seed)
{
    cr_assert(hf_queue_init(q, ITEMS));
    for (int i = 0; i < ITEMS; i++) {
        seed = seed * 1103515245 + 12345;
        items[i] = (hf_queue_item){.deadline_us = seed >> 16 & 31, .at = HF_QUEUE_OUT};
        cr_assert(hf_queue_push(q, &items[i]));
    }
}

static void expect_sorted(hf_queue *q, size_t n)
{
    hf_queue_item *last = NULL;

    for (size_t i = 0; i < n; i++) {
        hf_queue_item *item = hf_queue_pop(q);
        cr_assert_not_null(item);
        cr_expect_eq(item->at, HF_QUEUE_OUT);
        if (last) {
            cr_expect(last->deadline_us < item->deadline_us || (last->deadline_us == item->deadline_us && last < item));
        }
        last = item;
    }
    cr_expect_null(hf_queue_pop(q));
}

Test(hsm_queue, earliest_deadline_first_then_first_come)
{
    hf_queue_item items[ITEMS], one = {.at = HF_QUEUE_OUT};
    hf_queue q;

    for (unsigned seed = 0; seed < 10; seed++) {
        push_all(&q, items, seed);
        cr_expect_not(hf_queue_push(&q, &one), "it is full");
        cr_expect_eq(one.at, HF_QUEUE_OUT);
        expect_sorted(&q, ITEMS);
        hf_queue_cleanup(&q);
    }
}

Test(hsm_queue, leaving_from_the_middle)
{
    hf_queue_item items[ITEMS];
    hf_queue q;

    for (unsigned seed = 0; seed < 10; seed++) {
        push_all(&q, items, seed);
        for (int i = 0; i < ITEMS; i += 3)
            hf_queue_remove(&q, &items[i]);
        for (int i = 0; i < ITEMS; i += 3)
            cr_expect_eq(items[i].at, HF_QUEUE_OUT);
        expect_sorted(&q, ITEMS - (ITEMS + 2) / 3);
        hf_queue_cleanup(&q);
    }
}

Test(hsm_breaker, opens_after_failures_in_a_row)
{
    hf_breaker b = {.failures = 0};

    for (int i = 0; i < 10; i++) {
        for (int f = 1; f < HF_BREAKER_FAILURES; f++)
            cr_expect_not(hf_breaker_bad(&b, false, 1000));
        hf_breaker_good(&b);
    }
    for (int f = 1; f < HF_BREAKER_FAILURES; f++)
        cr_expect_not(hf_breaker_bad(&b, false, 1000));
    cr_expect(hf_breaker_bad(&b, false, 1000));
    cr_expect_eq(b.state, HF_HSM_BREAKER_OPEN);
    cr_expect_not(hf_breaker_bad(&b, false, 1000), "it is told once");
    hf_breaker_good(&b);
    cr_expect_eq(b.state, HF_HSM_BREAKER_OPEN, "a late answer does not close it: a probe does");
}

Test(hsm_breaker, probes_until_one_is_good)
{
    hf_breaker b = {.failures = 0};
    uint64_t now = 1000, longest = 0;

    cr_expect(hf_breaker_bad(&b, true, now), "gone: at once");
    for (int i = 0; i < 20; i++) {
        cr_expect_not(hf_breaker_probe(&b, b.probe_us - 1));
        cr_expect_gt(b.probe_us, now);
        longest = b.probe_us - now > longest ? b.probe_us - now : longest;
        now = b.probe_us;
        cr_expect(hf_breaker_probe(&b, now));
        cr_expect_eq(b.state, HF_HSM_BREAKER_HALF_OPEN);
        cr_expect_not(hf_breaker_probe(&b, now + 1000000), "one at a time");
        hf_breaker_probed(&b, false, now);
        cr_expect_eq(b.state, HF_HSM_BREAKER_OPEN);
    }
    cr_expect_leq(longest, HF_BREAKER_PROBE_MAX_US * 5 / 4);
    cr_expect_geq(longest, HF_BREAKER_PROBE_MAX_US * 3 / 4);
    cr_expect(hf_breaker_probe(&b, b.probe_us));
    hf_breaker_probed(&b, true, now);
    cr_expect_eq(b.state, HF_HSM_BREAKER_CLOSED);
    cr_expect_not(hf_breaker_bad(&b, false, now), "and it counts from the start");
}

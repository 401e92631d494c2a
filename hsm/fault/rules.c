/* Room `rules`: when a rule strikes, and how long a latency is. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

static atomic_ullong random_state = 1;

static void state_release(fault_state *state)
{
    if (state && atomic_fetch_sub(&state->refs, 1) == 1)
        free(state);
}

void hf_fault_rules_retain(fault_rules *rules)
{
    atomic_fetch_add(&rules->refs, 1);
}

void hf_fault_rules_release(fault_rules *rules)
{
    if (!rules || atomic_fetch_sub(&rules->refs, 1) != 1)
        return;
    for (size_t i = 0; i < rules->n; i++) {
        state_release(rules->rules[i].state);
        free(rules->rules[i].text);
    }
    free(rules->rules);
    free(rules);
}

static fault_state *state_of(const fault_rules *old, const fault_rule *rule)
{
    for (size_t i = 0; old && i < old->n; i++) {
        const fault_rule *was = &old->rules[i];
        if (was->state && strcmp(was->text, rule->text) == 0 && strcmp(was->scope, rule->scope) == 0)
            return was->state;
    }
    return NULL;
}

bool hf_fault_rules_begin(fault_rules *rules, const fault_rules *old, uint64_t now_ns)
{
    for (size_t i = 0; i < rules->n; i++) {
        fault_rule *rule = &rules->rules[i];
        fault_state *state = state_of(old, rule);
        if (state) {
            atomic_fetch_add(&state->refs, 1);
        } else {
            state = calloc(1, sizeof *state);
            if (!state)
                return false;
            atomic_init(&state->refs, 1);
            state->since_ns = now_ns;
        }
        rule->state = state;
    }
    return true;
}

bool hf_fault_in_scope(const fault_rule *rule, const char *label)
{
    return rule->scope[0] == '\0' || (label && strcmp(rule->scope, label) == 0);
}

bool hf_fault_concerns(const fault_rule *rule, fault_function function, const char *label)
{
    return (rule->functions[function / 64] >> (function % 64) & 1) && hf_fault_in_scope(rule, label);
}

bool hf_fault_in_time(const fault_rule *rule, uint64_t now_ns)
{
    uint64_t age = now_ns - rule->state->since_ns;
    const fault_when *when = &rule->when;

    return age >= when->after_ns && (when->for_ns == 0 || age - when->after_ns < when->for_ns);
}

bool hf_fault_strikes(const fault_rule *rule, uint64_t now_ns)
{
    const fault_when *when = &rule->when;

    if (!hf_fault_in_time(rule, now_ns))
        return false;
    uint64_t call = atomic_fetch_add(&rule->state->calls, 1) + 1;
    if ((when->nth && call != when->nth) || (when->first && call > when->first) || (when->from && call < when->from) ||
        (when->every && call % when->every != 0))
        return false;
    return when->chance == FAULT_ALWAYS || (hf_fault_random() >> 32) < when->chance;
}

void hf_fault_seed(uint64_t seed)
{
    atomic_store(&random_state, seed);
}

/* SplitMix64 (Steele, Lea, Flood 2014): a counter and a mix, so that threads need no lock. */
uint64_t hf_fault_random(void)
{
    uint64_t x = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* In [0, 1). */
static double unit(void)
{
    return (double)(hf_fault_random() >> 11) / (double)((uint64_t)1 << 53);
}

/* The sum of twelve uniform numbers has variance 1; near enough to normal up to six deviations, and needs no libm. */
static double normal(void)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += unit();
    return sum;
}

/* Von Neumann 1951: how long runs of uniform numbers fall, by comparisons only; mean 1. */
static double exponential(void)
{
    for (double whole = 0; whole < 40; whole++) {
        double first = unit();
        double last = first;
        unsigned run = 0;
        for (;;) {
            double next = unit();
            if (next > last)
                break;
            last = next;
            run++;
        }
        if (run % 2 == 0)
            return whole + first;
    }
    return 40;
}

static uint64_t bounded(double ns)
{
    if (!(ns > 0))
        return 0;
    return ns > (double)FAULT_TIME_MAX_NS ? FAULT_TIME_MAX_NS : (uint64_t)ns;
}

uint64_t hf_fault_sample(const fault_rule *rule)
{
    double low = (double)rule->low_ns;
    double high = (double)rule->high_ns;

    switch (rule->shape) {
    case FAULT_FIXED_TIME:
        return rule->low_ns;
    case FAULT_UNIFORM:
        return bounded(low + (high - low) * unit());
    case FAULT_NORMAL:
        return bounded(low + high * normal());
    case FAULT_EXPONENTIAL:
        return bounded(low * exponential());
    }
    return 0;
}

/* Room `stats`: counters and their names. The numbers themselves live in the pool of their token. */
#include "stats.h"

#include <time.h>

static const uint32_t bounds_us[HF_HSM_LATENCY_BUCKETS - 1] = {
    50,    100,   200,   500,    1000,   2000,   3000,    5000,    7500,
    10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 10000000,
};

uint64_t hf_hsm_latency_bound_us(size_t i)
{
    return i < HF_HSM_LATENCY_BUCKETS - 1 ? bounds_us[i] : UINT64_MAX;
}

uint64_t hf_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

const char *hf_hsm_result_name(hf_hsm_result result)
{
    static const char *const names[HF_HSM_RESULTS] = {
        [HF_HSM_RESULT_OK] = "ok",           [HF_HSM_RESULT_BUSY] = "busy",
        [HF_HSM_RESULT_TIMEOUT] = "timeout", [HF_HSM_RESULT_CANCELED] = "canceled",
        [HF_HSM_RESULT_ABSENT] = "absent",   [HF_HSM_RESULT_TOKEN] = "token_error",
        [HF_HSM_RESULT_LOGIN] = "login",     [HF_HSM_RESULT_MISMATCH] = "mismatch",
        [HF_HSM_RESULT_OTHER] = "other",
    };

    return (unsigned)result < HF_HSM_RESULTS ? names[result] : "unknown";
}

const char *hf_hsm_breaker_name(hf_hsm_breaker state)
{
    switch (state) {
    case HF_HSM_BREAKER_CLOSED:
        return "closed";
    case HF_HSM_BREAKER_OPEN:
        return "open";
    case HF_HSM_BREAKER_HALF_OPEN:
        return "half_open";
    }
    return "unknown";
}

hf_hsm_result hf_result_of(hf_status status)
{
    switch (status) {
    case HF_OK:
        return HF_HSM_RESULT_OK;
    case HF_ERR_BUSY:
        return HF_HSM_RESULT_BUSY;
    case HF_ERR_TIMEOUT:
        return HF_HSM_RESULT_TIMEOUT;
    case HF_ERR_CANCELED:
        return HF_HSM_RESULT_CANCELED;
    case HF_ERR_TOKEN_ABSENT:
        return HF_HSM_RESULT_ABSENT;
    case HF_ERR_TOKEN:
        return HF_HSM_RESULT_TOKEN;
    case HF_ERR_PIN_INCORRECT:
    case HF_ERR_PIN_LOCKED:
    case HF_ERR_PIN_SOURCE:
        return HF_HSM_RESULT_LOGIN;
    case HF_ERR_KEY_MISMATCH:
        return HF_HSM_RESULT_MISMATCH;
    default:
        return HF_HSM_RESULT_OTHER;
    }
}

size_t hf_latency_bucket(uint64_t us)
{
    size_t i = 0;

    while (us > hf_hsm_latency_bound_us(i))
        i++;
    return i;
}

void hf_stats_add_latency(hf_hsm_token_stats *stats, uint64_t us)
{
    stats->latency[hf_latency_bucket(us)]++;
    stats->latency_sum_us += us;
}

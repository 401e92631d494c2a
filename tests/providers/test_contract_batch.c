/* Batches: n records of several connections in one call, modes mixed, and one bad job among good ones. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "contract.h"

#define KEYS 5
#define BATCH_MAX 64
#define SLOT 4608
#define CONTENT_MAX 4096

/* Providers x keys of one case; the worker of [p][0] runs everything of provider p. */
typedef struct bench {
    contract_rig rigs[KEYS][CONTRACT_RIGS_MAX];
    size_t n;
    uint8_t content[BATCH_MAX][CONTENT_MAX];
    uint8_t body[BATCH_MAX][SLOT], expected[BATCH_MAX][SLOT], out[BATCH_MAX][SLOT];
    size_t len[BATCH_MAX];
} bench;

static bench b;

/* Both modes of the cipher, in turn: a batch may mix them, since it only has to be of one cipher. */
static void bench_open(const contract_case *which)
{
    for (unsigned k = 0; k < KEYS; k++) {
        contract_case one = *which;
        if (k % 2 == 1)
            one.mode = which->mode != HF_RECORD_TLS12     ? HF_RECORD_TLS12
                       : which->id >= HF_AES_128_CBC_SHA1 ? HF_RECORD_TLS12_ETM
                                                          : HF_RECORD_TLS13;
        b.n = contract_rigs_open(&one, 20 + k, b.rigs[k]);
    }
    for (unsigned i = 0; i < BATCH_MAX; i++) {
        /* Short, long and equal lengths side by side, 0 among them. */
        b.len[i] = i % 4 == 0 ? 1400 : (i * 977u) % (CONTENT_MAX + 1);
        contract_fill(b.content[i], b.len[i], 100 + i);
    }
}

static void bench_close(void)
{
    for (size_t k = 0; k < KEYS; k++)
        contract_rigs_close(b.rigs[k], b.n);
}

static const contract_rig *rig_of(size_t provider, size_t job)
{
    return &b.rigs[job * 3 % KEYS][provider];
}

/* What every job must give, from the first provider, one call a record. */
static size_t expect(size_t job)
{
    return contract_seal(rig_of(0, job), job, b.content[job], b.len[job], b.expected[job]);
}

static void seal_batch(size_t p, size_t n)
{
    hf_record_job jobs[BATCH_MAX];

    for (size_t i = 0; i < n; i++)
        jobs[i] = contract_seal_job(rig_of(p, i), i, b.content[i], b.len[i], b.body[i]);
    contract_run(&b.rigs[0][p], HF_SEAL, jobs, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(jobs[i].status, HF_OK, "%s: job %zu of %zu", contract_name(rig_of(p, i)), i, n);
        cr_assert_eq(jobs[i].out_len, expect(i));
        cr_assert_eq(memcmp(b.body[i], b.expected[i], jobs[i].out_len), 0, "%s: job %zu of %zu: other bytes",
                     contract_name(rig_of(p, i)), i, n);
    }
}

static hf_record_job open_job(size_t p, size_t i)
{
    size_t len = expect(i);
    memcpy(b.body[i], b.expected[i], len);
    memset(b.out[i], 0xa5, sizeof b.out[i]);
    return contract_open_job(rig_of(p, i), i, b.body[i], len, b.out[i]);
}

static void opened(size_t p, const hf_record_job *job, size_t i, size_t n)
{
    const contract_rig *rig = rig_of(p, i);
    size_t want = b.len[i] + (rig->mode == HF_RECORD_TLS13 ? 1 : 0);
    cr_assert_eq(job->status, HF_OK, "%s: job %zu of %zu: status %d", contract_name(rig), i, n, job->status);
    cr_assert_eq(job->out_len, want, "%s: job %zu of %zu", contract_name(rig), i, n);
    cr_assert_eq(memcmp(job->out, b.content[i], b.len[i]), 0, "%s: job %zu of %zu", contract_name(rig), i, n);
}

static void open_batch(size_t p, size_t n)
{
    hf_record_job jobs[BATCH_MAX];

    for (size_t i = 0; i < n; i++)
        jobs[i] = open_job(p, i);
    contract_run(&b.rigs[0][p], HF_OPEN, jobs, n);
    for (size_t i = 0; i < n; i++)
        opened(p, &jobs[i], i, n);
}

ParameterizedTestParameters(contract, batches)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

ParameterizedTest(contract_case *which, contract, batches)
{
    static const size_t sizes[] = {0, 1, 2, 7, 16, 64};

    bench_open(which);
    for (size_t p = 0; p < b.n; p++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            seal_batch(p, sizes[s]);
            open_batch(p, sizes[s]);
        }
    bench_close();
}

ParameterizedTestParameters(contract, one_forgery_hurts_no_other)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

ParameterizedTest(contract_case *which, contract, one_forgery_hurts_no_other)
{
    enum { N = 16 };
    hf_record_job jobs[N];

    bench_open(which);
    for (size_t p = 0; p < b.n; p++)
        for (size_t bad = 0; bad < N; bad++) {
            for (size_t i = 0; i < N; i++)
                jobs[i] = open_job(p, i);
            b.body[bad][jobs[bad].in_len - 1] ^= 0x10;
            contract_run(&b.rigs[0][p], HF_OPEN, jobs, N);
            for (size_t i = 0; i < N; i++)
                if (i != bad)
                    opened(p, &jobs[i], i, N);
            cr_assert_eq(jobs[bad].status, HF_ERR_VERIFY, "%s: job %zu", contract_name(rig_of(p, bad)), bad);
            cr_assert_eq(jobs[bad].out_len, 0);
            for (size_t k = 0; k < b.len[bad]; k++)
                cr_assert_eq(b.out[bad][k], 0, "%s: plaintext stays", contract_name(rig_of(p, bad)));
        }
    bench_close();
}

ParameterizedTestParameters(contract, jobs_that_cannot_run_hurt_no_other)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

/* Too little room, a body that is too short, an empty one: beside good records. */
ParameterizedTest(contract_case *which, contract, jobs_that_cannot_run_hurt_no_other)
{
    enum { N = 16 };
    hf_record_job jobs[N];

    bench_open(which);
    for (size_t p = 0; p < b.n; p++) {
        for (size_t i = 0; i < N; i++)
            jobs[i] = contract_seal_job(rig_of(p, i), i, b.content[i], b.len[i], b.body[i]);
        jobs[3].out_max--;
        jobs[15].out_max = 0;
        contract_run(&b.rigs[0][p], HF_SEAL, jobs, N);
        for (size_t i = 0; i < N; i++) {
            bool bad = i == 3 || i == 15;
            cr_assert_eq(jobs[i].status, bad ? HF_ERR_BUFFER : HF_OK, "%s: job %zu: %d", contract_name(rig_of(p, i)), i,
                         jobs[i].status);
            if (!bad)
                cr_assert_eq(memcmp(b.body[i], b.expected[i], expect(i)), 0);
        }
        for (size_t i = 0; i < N; i++)
            jobs[i] = open_job(p, i);
        jobs[0].in_len = 5;
        jobs[7].in_len = 0;
        jobs[9].out_max = b.len[9] - 1;
        contract_run(&b.rigs[0][p], HF_OPEN, jobs, N);
        for (size_t i = 0; i < N; i++) {
            if (i == 0 || i == 7)
                cr_assert_eq(jobs[i].status, HF_ERR_VERIFY, "%s: job %zu", contract_name(rig_of(p, i)), i);
            else if (i == 9)
                cr_assert_eq(jobs[i].status, HF_ERR_BUFFER, "%s: job %zu", contract_name(rig_of(p, i)), i);
            else
                opened(p, &jobs[i], i, N);
        }
    }
    bench_close();
}

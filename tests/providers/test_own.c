/* Our own kernels, batch by batch: every size of batch with mixed keys, lengths and modes gives what libcrypto gives
 * one by one, and a forgery in any lane is refused alone. */
#include <criterion/parameterized.h>

#include "own_rigs.h"

#define KEYS 7
#define BATCH 70 /* more than a kernel takes at once */
#define SLOT 2304
#define CONTENT_MAX 2048

typedef struct batch {
    own_rigs rigs[KEYS];
    hf_record_job jobs[BATCH];
    size_t len[BATCH];
    uint8_t content[BATCH][CONTENT_MAX];
    uint8_t sealed[BATCH][SLOT]; /* by the reference */
    size_t sealed_len[BATCH];
    uint8_t body[BATCH][SLOT], out[BATCH][SLOT];
} batch;

static batch b;

/* Keys of both modes in turn, since a batch need only be of one cipher. */
static bool keys_open(const contract_case *which)
{
    for (unsigned k = 0; k < KEYS; k++) {
        contract_case one = {which->id, k % 2 == 0 ? which->mode : (hf_record_mode)(OWN_MODES_SUM - which->mode)};
        if (!own_rigs_open(&b.rigs[k], &one, 50 + k))
            return false;
    }
    return true;
}

static void keys_close(void)
{
    for (unsigned k = 0; k < KEYS; k++)
        own_rigs_close(&b.rigs[k]);
}

static const own_rigs *rigs_of(size_t i)
{
    return &b.rigs[i * 3 % KEYS];
}

/* Content of n records and what they must be sealed to. */
static void prepare(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        contract_fill(b.content[i], b.len[i], (unsigned)(i + 64 * n));
        b.sealed_len[i] = contract_seal(rigs_of(i)->reference, i, b.content[i], b.len[i], b.sealed[i]);
    }
}

static void seal_all(size_t kernel, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memset(b.body[i], 0xcc, SLOT);
        b.jobs[i] = contract_seal_job(rigs_of(i)->kernels[kernel], i, b.content[i], b.len[i], b.body[i]);
    }
    contract_run(b.rigs[0].kernels[kernel], HF_SEAL, b.jobs, n);
    for (size_t i = 0; i < n; i++) {
        const char *name = contract_name(rigs_of(i)->kernels[kernel]);
        cr_assert_eq(b.jobs[i].status, HF_OK, "%s: job %zu of %zu", name, i, n);
        cr_assert_eq(b.jobs[i].out_len, b.sealed_len[i], "%s: job %zu of %zu", name, i, n);
        cr_assert_eq(memcmp(b.body[i], b.sealed[i], b.sealed_len[i]), 0, "%s: job %zu of %zu, %zu bytes", name, i, n,
                     b.len[i]);
    }
}

static void open_begin(size_t kernel, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(b.body[i], b.sealed[i], b.sealed_len[i]);
        memset(b.out[i], 0xa5, SLOT);
        b.jobs[i] = contract_open_job(rigs_of(i)->kernels[kernel], i, b.body[i], b.sealed_len[i], b.out[i]);
    }
}

static void opened(size_t kernel, size_t i, size_t n)
{
    const contract_rig *rig = rigs_of(i)->kernels[kernel];
    size_t want = b.len[i] + (rig->mode == HF_RECORD_TLS13 ? 1 : 0);

    cr_assert_eq(b.jobs[i].status, HF_OK, "%s: job %zu of %zu, %zu bytes", contract_name(rig), i, n, b.len[i]);
    cr_assert_eq(b.jobs[i].out_len, want);
    cr_assert_eq(memcmp(b.out[i], b.content[i], b.len[i]), 0, "%s: job %zu of %zu, %zu bytes", contract_name(rig), i, n,
                 b.len[i]);
    cr_assert_eq(b.out[i][b.sealed_len[i] - rig->prefix], 0xa5, "%s: wrote beyond its room", contract_name(rig));
}

OWN_EACH_CASE(own, batches_of_every_size)
{
    uint8_t random[2 * BATCH];

    if (!keys_open(which))
        return;
    for (size_t n = 1; n <= BATCH; n++) {
        contract_fill(random, sizeof random, (unsigned)n);
        for (size_t i = 0; i < n; i++) /* mostly short: many classes, none of them whole */
            b.len[i] = i % 5 == 4 ? (random[2 * i] << 8 | random[2 * i + 1]) % (CONTENT_MAX + 1) : random[i];
        prepare(n);
        for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++) {
            seal_all(kernel, n);
            open_begin(kernel, n);
            contract_run(b.rigs[0].kernels[kernel], HF_OPEN, b.jobs, n);
            for (size_t i = 0; i < n; i++)
                opened(kernel, i, n);
        }
    }
    keys_close();
}

/* What somebody may change about a record on its way. */
typedef enum forgery { TAG, TAG_END, CIPHERTEXT, CIPHERTEXT_END, ADDITIONAL_DATA, FORGERIES } forgery;

/* False where the record has nothing of the kind. */
static bool forge(hf_record_job *job, uint8_t *body, const contract_rig *rig, size_t len, forgery what)
{
    switch (what) {
    case TAG:
        body[job->in_len - 16] ^= 0x01;
        return true;
    case TAG_END:
        body[job->in_len - 1] ^= 0x80;
        return true;
    case CIPHERTEXT:
        body[rig->prefix] ^= 0x40;
        return len > 0;
    case CIPHERTEXT_END:
        body[job->in_len - 17] ^= 0x02;
        return len > 0;
    default:
        job->sequence ^= 0x100; /* of TLS 1.2 the additional data alone, of TLS 1.3 the nonce */
        return true;
    }
}

static void refused(size_t kernel, size_t i, forgery what)
{
    const contract_rig *rig = rigs_of(i)->kernels[kernel];
    const char *name = contract_name(rig);

    cr_assert_eq(b.jobs[i].status, HF_ERR_VERIFY, "%s: job %zu, %zu bytes, forgery %d", name, i, b.len[i], what);
    cr_assert_eq(b.jobs[i].out_len, 0);
    for (size_t k = 0; k < b.sealed_len[i] - rig->prefix - rig->tail; k++)
        cr_assert_eq(b.out[i][k], 0, "%s: job %zu, %zu bytes: plaintext stays", name, i, b.len[i]);
    cr_assert_eq(b.out[i][b.sealed_len[i] - rig->prefix], 0xa5, "%s: wrote beyond its room", name);
}

/* Lanes stand where equal lengths stand side by side; two more than the widest group, so that a remainder runs, too. */
OWN_EACH_CASE(own, a_forgery_in_any_lane_is_refused_alone)
{
    enum { N = OWN_SIDE_BY_SIDE + 2 };
    static const size_t lengths[] = {0, 15, 16, 33, 64, 100, 130, 200, 256, 300, 1400};
    size_t forged = 0;

    if (!keys_open(which))
        return;
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        for (size_t i = 0; i < N; i++)
            b.len[i] = lengths[k];
        prepare(N);
        for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++)
            for (size_t bad = 0; bad < N; bad++)
                for (forgery what = TAG; what < FORGERIES; what++) {
                    open_begin(kernel, N);
                    if (!forge(&b.jobs[bad], b.body[bad], rigs_of(bad)->kernels[kernel], b.len[bad], what))
                        continue;
                    contract_run(b.rigs[0].kernels[kernel], HF_OPEN, b.jobs, N);
                    for (size_t i = 0; i < N; i++)
                        if (i == bad)
                            refused(kernel, i, what);
                        else
                            opened(kernel, i, N);
                    forged++;
                }
    }
    cr_assert_geq(forged, OWN_KERNELS * N * 45);
    keys_close();
}

/* n records of one length, and of one mode or two, each where it stands. */
static void in_place(size_t kernel, size_t n, hf_direction direction)
{
    for (size_t i = 0; i < n; i++) {
        const contract_rig *rig = rigs_of(i)->kernels[kernel];
        uint8_t *text = b.body[i] + rig->prefix;
        if (direction == HF_SEAL) {
            memcpy(text, b.content[i], b.len[i]);
            b.jobs[i] = contract_seal_job(rig, i, text, b.len[i], b.body[i]);
        } else {
            memcpy(b.body[i], b.sealed[i], b.sealed_len[i]);
            b.jobs[i] = contract_open_job(rig, i, b.body[i], b.sealed_len[i], text);
        }
    }
    contract_run(b.rigs[0].kernels[kernel], direction, b.jobs, n);
    for (size_t i = 0; i < n; i++) {
        const contract_rig *rig = rigs_of(i)->kernels[kernel];
        const char *name = contract_name(rig);
        cr_assert_eq(b.jobs[i].status, HF_OK, "%s: job %zu of %zu, %zu bytes", name, i, n, b.len[i]);
        if (direction == HF_SEAL)
            cr_assert_eq(memcmp(b.body[i], b.sealed[i], b.sealed_len[i]), 0, "%s: job %zu of %zu, %zu bytes", name, i,
                         n, b.len[i]);
        else
            cr_assert_eq(memcmp(b.body[i] + rig->prefix, b.content[i], b.len[i]), 0, "%s: job %zu of %zu, %zu bytes",
                         name, i, n, b.len[i]);
    }
}

/* Every number of records that can be left when lanes are filled: a lane without a record must not touch another's. */
OWN_EACH_CASE(own, short_records_of_one_length_in_place)
{
    if (!keys_open(which))
        return;
    for (size_t len = 0; len <= 200; len += len < 132 ? 1 : 17)
        for (size_t n = 1; n <= 9; n++) {
            for (size_t i = 0; i < n; i++)
                b.len[i] = len;
            prepare(n);
            for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++) {
                in_place(kernel, n, HF_SEAL);
                in_place(kernel, n, HF_OPEN);
            }
        }
    keys_close();
}

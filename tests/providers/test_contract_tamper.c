/* Refusal: a record that was changed anywhere, or that comes in another place, is not opened by anyone, and leaves
 * no plaintext behind. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "contract.h"

#define SEQUENCE UINT64_C(0xfedcba9876543210)

typedef struct sealed {
    contract_room in, out;
    uint8_t body[HF_RECORD_BODY_MAX];
    size_t len;
} sealed;

static hf_record_job job_of(const contract_rig *rig, sealed *s, const uint8_t *body, size_t len)
{
    uint8_t *in = contract_last(&s->in, len);
    if (len > 0)
        memcpy(in, body, len);
    return contract_open_job(rig, SEQUENCE, in, len, contract_last(&s->out, len));
}

/* One bit of the byte at `at`. */
static void flip(const contract_rig *rig, sealed *s, size_t at)
{
    char what[96];
    (void)snprintf(what, sizeof what, "bit of byte %zu of %zu flipped", at, s->len);
    s->body[at] ^= (uint8_t)(1u << at % 8);
    contract_refused(rig, job_of(rig, s, s->body, s->len), what);
    s->body[at] ^= (uint8_t)(1u << at % 8);
}

static void other_lengths(const contract_rig *rig, sealed *s)
{
    static uint8_t longer[HF_RECORD_BODY_MAX + 64];
    char what[96];

    for (size_t len = 0; len < s->len; len++) {
        if (len > 80 && len + 80 < s->len)
            continue;
        (void)snprintf(what, sizeof what, "cut to %zu of %zu", len, s->len);
        contract_refused(rig, job_of(rig, s, s->body, len), what);
    }
    memcpy(longer, s->body, s->len);
    for (size_t more = 1; more <= 33 && s->len + more <= HF_RECORD_BODY_MAX; more++) {
        (void)snprintf(what, sizeof what, "%zu bytes longer", more);
        contract_refused(rig, job_of(rig, s, longer, s->len + more), what);
    }
}

static void other_context(const contract_rig *rig, sealed *s)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        hf_record_job job = job_of(rig, s, s->body, s->len);
        job.sequence ^= UINT64_C(1) << bit;
        contract_refused(rig, job, "other sequence number");
    }
    if (rig->mode == HF_RECORD_TLS13)
        return; /* its additional data always says application_data */
    for (unsigned bit = 0; bit < 8; bit++) {
        hf_record_job job = job_of(rig, s, s->body, s->len);
        job.content_type ^= (uint8_t)(1u << bit);
        contract_refused(rig, job, "other content type");
    }
}

static void still_opens(const contract_rig *rig, sealed *s, const uint8_t *content, size_t len)
{
    hf_record_job job = job_of(rig, s, s->body, s->len);
    contract_run(rig, HF_OPEN, &job, 1);
    cr_assert_eq(job.status, HF_OK, "%s: the record itself", contract_name(rig));
    cr_assert_eq(memcmp(job.out, content, len), 0);
}

ParameterizedTestParameters(contract, changed_records_are_refused)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

ParameterizedTest(contract_case *which, contract, changed_records_are_refused)
{
    static const size_t lengths[] = {0, 1, 15, 100, 1000};
    static sealed s;
    uint8_t content[1000];
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n = contract_rigs_open(which, 7, rigs);

    contract_fill(content, sizeof content, 8);
    contract_room_new(&s.in, HF_RECORD_BODY_MAX);
    contract_room_new(&s.out, HF_RECORD_BODY_MAX);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            /* Sealed by the next provider, so that a fault which cancels itself out does not hide. */
            s.len = contract_seal(&rigs[(i + 1) % n], SEQUENCE, content, lengths[k], s.body);
            for (size_t at = 0; at<s.len; at += s.len> 300 && at > 64 && at + 96 < s.len ? 13 : 1)
                flip(&rigs[i], &s, at);
            other_lengths(&rigs[i], &s);
            other_context(&rigs[i], &s);
            still_opens(&rigs[i], &s, content, lengths[k]);
        }
    contract_room_free(&s.in);
    contract_room_free(&s.out);
    contract_rigs_close(rigs, n);
}

ParameterizedTestParameters(contract, refused_in_place)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

/* In place the output room ends with the record: zeroing must stop there too. */
ParameterizedTest(contract_case *which, contract, refused_in_place)
{
    static uint8_t body[HF_RECORD_BODY_MAX];
    uint8_t content[777];
    contract_rig rigs[CONTRACT_RIGS_MAX];
    contract_room room;
    size_t n = contract_rigs_open(which, 8, rigs);

    contract_fill(content, sizeof content, 9);
    contract_room_new(&room, HF_RECORD_BODY_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len = contract_seal(&rigs[i], SEQUENCE, content, sizeof content, body);
        for (size_t cut = 0; cut <= len; cut += cut < 64 ? 1 : 37) {
            uint8_t *in = contract_last(&room, cut);
            memcpy(in, body, cut);
            if (cut > 0)
                in[cut - 1] ^= 1;
            hf_record_job job =
                contract_open_job(&rigs[i], SEQUENCE, in, cut, cut >= rigs[i].prefix ? in + rigs[i].prefix : in + cut);
            contract_run(&rigs[i], HF_OPEN, &job, 1);
            cr_assert_eq(job.status, HF_ERR_VERIFY, "%s: %zu of %zu", contract_name(&rigs[i]), cut, len);
            cr_assert_eq(job.out_len, 0);
            for (size_t k = 0; k + rigs[i].prefix + rigs[i].tail < cut; k++)
                cr_assert_eq(job.out[k], 0, "%s: byte %zu of %zu", contract_name(&rigs[i]), k, cut);
        }
    }
    contract_room_free(&room);
    contract_rigs_close(rigs, n);
}

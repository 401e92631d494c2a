/* Round trips of every length: what one provider seals, all seal, and each opens. */
#include "contract.h"

#include <criterion/criterion.h>
#include <string.h>

#define BOTH_UP_TO 2048

typedef struct round {
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n;
    contract_room in, out;
    uint8_t content[HF_PLAINTEXT_MAX];
    uint8_t body[HF_RECORD_BODY_MAX]; /* what the first provider sealed */
    size_t body_len;
} round;

static void seal_with(round *r, const contract_rig *rig, size_t len, bool in_place)
{
    size_t body_len = hf_record_sealed_size(rig->spec, rig->mode, len, 0);
    uint8_t *out = contract_last(&r->out, body_len);
    uint8_t *in = in_place ? out + rig->prefix : contract_last(&r->in, len);

    memset(out, 0xcc, body_len);
    memcpy(in, r->content, len);
    hf_record_job job = contract_seal_job(rig, len, in, len, out);
    contract_run(rig, HF_SEAL, &job, 1);
    cr_assert_eq(job.status, HF_OK, "%s: seal %zu, in place %d: status %d", contract_name(rig), len, in_place,
                 job.status);
    cr_assert_eq(job.out_len, body_len, "%s: seal %zu: %zu bytes", contract_name(rig), len, job.out_len);
    if (!in_place)
        cr_assert_eq(memcmp(in, r->content, len), 0, "%s: seal %zu changed its input", contract_name(rig), len);
    if (r->body_len == 0) {
        memcpy(r->body, out, body_len);
        r->body_len = body_len;
    }
    cr_assert_eq(memcmp(out, r->body, body_len), 0, "%s: seal %zu, in place %d: not what %s sealed", contract_name(rig),
                 len, in_place, r->rigs[0].cipher->provider->name);
}

static void open_with(round *r, const contract_rig *rig, size_t len, bool in_place)
{
    uint8_t *in = contract_last(&r->in, r->body_len);
    uint8_t *out = in_place ? in + rig->prefix : contract_last(&r->out, r->body_len);
    size_t want = rig->mode == HF_RECORD_TLS13 ? len + 1 : len;

    memcpy(in, r->body, r->body_len);
    hf_record_job job = contract_open_job(rig, len, in, r->body_len, out);
    contract_run(rig, HF_OPEN, &job, 1);
    cr_assert_eq(job.status, HF_OK, "%s: open %zu, in place %d: status %d", contract_name(rig), len, in_place,
                 job.status);
    cr_assert_eq(job.out_len, want, "%s: open %zu: %zu bytes", contract_name(rig), len, job.out_len);
    cr_assert_eq(memcmp(out, r->content, len), 0, "%s: open %zu, in place %d: other content", contract_name(rig), len,
                 in_place);
    if (rig->mode == HF_RECORD_TLS13)
        cr_assert_eq(out[len], job.content_type, "%s: open %zu: content type", contract_name(rig), len);
    if (!in_place)
        cr_assert_eq(memcmp(in, r->body, r->body_len), 0, "%s: open %zu changed its input", contract_name(rig), len);
}

static void one_length(round *r, size_t len, bool thorough)
{
    bool both = thorough || len <= BOTH_UP_TO;

    r->body_len = 0;
    for (size_t i = 0; i < r->n; i++) {
        bool first = (len + i) % 2 == 0;
        seal_with(r, &r->rigs[i], len, first);
        if (both)
            seal_with(r, &r->rigs[i], len, !first);
    }
    for (size_t i = 0; i < r->n; i++) {
        bool first = (len + i) % 2 == 1;
        open_with(r, &r->rigs[i], len, first);
        if (both)
            open_with(r, &r->rigs[i], len, !first);
    }
}

void contract_lengths(const contract_case *which, size_t first, size_t last, size_t step, bool thorough)
{
    static round r;

    r.n = contract_rigs_open(which, 1, r.rigs);
    cr_assert_gt(r.n, 0, "no provider offers cipher %d", which->id);
    contract_room_new(&r.in, HF_RECORD_BODY_MAX);
    contract_room_new(&r.out, HF_RECORD_BODY_MAX);
    contract_fill(r.content, sizeof r.content, 99);
    for (size_t len = first; len <= last; len += step)
        one_length(&r, len, thorough);
    contract_room_free(&r.in);
    contract_room_free(&r.out);
    contract_rigs_close(r.rigs, r.n);
}

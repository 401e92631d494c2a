/* Every length from 0 to 16384 bytes through our own kernels, as many records as go side by side, against libcrypto. */
#include <criterion/parameterized.h>

#include "own_rigs.h"

#define SIDE_BY_SIDE OWN_SIDE_BY_SIDE

OWN_EACH_CASE(own_full, every_length)
{
    static uint8_t content[HF_PLAINTEXT_MAX], sealed[HF_RECORD_BODY_MAX];
    static uint8_t body[SIDE_BY_SIDE][HF_RECORD_BODY_MAX], out[SIDE_BY_SIDE][HF_RECORD_BODY_MAX];
    hf_record_job jobs[SIDE_BY_SIDE];
    own_rigs rigs;

    if (!own_rigs_open(&rigs, which, 41))
        return;
    contract_fill(content, sizeof content, 42);
    for (size_t len = 0; len <= HF_PLAINTEXT_MAX; len++) {
        size_t sealed_len = contract_seal(rigs.reference, len, content, len, sealed);
        for (size_t kernel = 0; kernel < OWN_KERNELS; kernel++) {
            const contract_rig *rig = rigs.kernels[kernel];
            for (size_t i = 0; i < SIDE_BY_SIDE; i++)
                jobs[i] = contract_seal_job(rig, len, content, len, body[i]);
            contract_run(rig, HF_SEAL, jobs, SIDE_BY_SIDE);
            for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
                cr_assert_eq(memcmp(body[i], sealed, sealed_len), 0, "%s: %zu bytes", contract_name(rig), len);
                jobs[i] = contract_open_job(rig, len, body[i], sealed_len, out[i]);
            }
            contract_run(rig, HF_OPEN, jobs, SIDE_BY_SIDE);
            for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
                cr_assert_eq(jobs[i].status, HF_OK, "%s: %zu bytes", contract_name(rig), len);
                cr_assert_eq(memcmp(out[i], content, len), 0, "%s: %zu bytes", contract_name(rig), len);
            }
        }
    }
    own_rigs_close(&rigs);
}

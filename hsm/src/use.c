/* Room `stats`: the line of audit, one for each use of a key. */
#include <time.h>

#include "key.h"

static const char *mechanism_of(const hf_job *job, const hf_member *member)
{
    const hf_scheme *scheme = job->kind == HF_KEY_OP_SIGN ? hf_scheme_find(job->scheme) : NULL;

    if (job->kind == HF_KEY_OP_SIGN)
        return scheme ? hf_mechanism_name(scheme->mechanism) : "";
    return hf_mechanism_name(member->usable.decrypt == HF_DECRYPT_RAW ? CKM_RSA_X_509 : CKM_RSA_PKCS);
}

void hf_use_tell(const hf_job *job, const hf_member *member, const char *label, const hf_use_facts *facts)
{
    const hf_hsm_key *k = job->key;
    const hf_scheme *scheme = job->kind == HF_KEY_OP_SIGN ? hf_scheme_find(job->scheme) : NULL;
    struct timespec now;

    if (!k->on_use)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const hf_hsm_use use = {.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
                            .conn_id = job->conn_id,
                            .op_id = job->id,
                            .key = k->label,
                            .spki_sha256 = k->spki_sha256,
                            .kind = job->kind,
                            .scheme = job->scheme,
                            .scheme_name = scheme ? scheme->name : "",
                            .mechanism = mechanism_of(job, member),
                            .token = label,
                            .wait_us = facts->wait_us,
                            .latency_us = facts->latency_us,
                            .status = facts->status,
                            .rv = facts->rv};
    k->on_use(k->arg, &use);
}

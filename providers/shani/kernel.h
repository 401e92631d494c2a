/* The kernel of one set of instructions: how the jobs of a call become pairs of messages and chains that go in step.
 * Included by kernel_*.c. */
#ifndef HANDFAST_SHANI_KERNEL_H
#define HANDFAST_SHANI_KERNEL_H

#include "open.h"
#include "seal.h"

#define KERNEL_WINDOW 16 /* records in work together */

/* What a kernel does with records, as functions of their own, so that registers are given out well. */
typedef struct kernel_parts {
    void (*mac_one)(message *const *m);
    void (*mac_two)(message *const *m);
    void (*seal_one[2])(hf_record_job *const *job); /* MAC-then-encrypt, encrypt-then-MAC */
    void (*seal_two[2])(hf_record_job *const *jobs);
} kernel_parts;

/* ---- Opening ---- */

/* Messages go in pairs, and best of like length: they are put in order as they come. */
HF_SHANI_INLINE void kernel_open_window(hf_record_job *jobs, size_t n, const kernel_parts *parts, size_t mac,
                                        unsigned rounds)
{
    message messages[KERNEL_WINDOW], *list[KERNEL_WINDOW];
    size_t good = 0, done = 0;

    for (size_t i = 0; i < n; i++) {
        if (!open_check(&jobs[i], mac))
            continue;
        message *m = &messages[good];
        size_t at = good++;
        open_begin(m, &jobs[i], mac, rounds);
        for (; at > 0 && list[at - 1]->blocks > m->blocks; at--)
            list[at] = list[at - 1];
        list[at] = m;
    }
    for (; done + 1 < good; done += 2)
        parts->mac_two(list + done);
    if (done < good)
        parts->mac_one(list + done);
    for (size_t i = 0; i < good; i++)
        open_end(&messages[i], mac, rounds);
    shani_forget(messages, good * sizeof messages[0]);
}

HF_SHANI_INLINE void kernel_open_one(hf_record_job *job, size_t mac, unsigned rounds)
{
    message m, *only = &m;

    if (!open_check(job, mac))
        return;
    open_begin(&m, job, mac, rounds);
    message_macs(&only, 1, mac);
    open_end(&m, mac, rounds);
    shani_forget(&m, sizeof m);
}

/* ---- Sealing ---- */

HF_SHANI_INLINE void kernel_seal_window(hf_record_job *jobs, size_t n, const kernel_parts *parts, size_t mac)
{
    hf_record_job *list[2][KERNEL_WINDOW]; /* by mode */
    size_t listed[2] = {0, 0};

    for (size_t i = 0; i < n; i++) {
        if (!seal_check(&jobs[i], mac))
            continue;
        size_t etm = ((const hf_shani_key *)jobs[i].key)->etm, at = listed[etm]++;
        for (; at > 0 && list[etm][at - 1]->in_len > jobs[i].in_len; at--)
            list[etm][at] = list[etm][at - 1];
        list[etm][at] = &jobs[i];
    }
    for (size_t etm = 0; etm < 2; etm++) {
        size_t done = 0;
        for (; done + 1 < listed[etm]; done += 2)
            parts->seal_two[etm](list[etm] + done);
        if (done < listed[etm])
            parts->seal_one[etm](list[etm] + done);
    }
}

HF_SHANI_INLINE void kernel_seal_one(hf_record_job *job, const kernel_parts *parts, size_t mac)
{
    if (seal_check(job, mac))
        parts->seal_one[((const hf_shani_key *)job->key)->etm](&job);
}

/* ---- The parts, and of them each cipher ---- */

#define PART(name, type, what)                                                                                         \
    static __attribute__((noinline)) void name(type *const *list)                                                      \
    {                                                                                                                  \
        what;                                                                                                          \
    }

PART(sha1_mac_one, message, message_macs(list, 1, HF_SHANI_SHA1))
PART(sha1_mac_two, message, message_macs(list, 2, HF_SHANI_SHA1))
PART(sha256_mac_one, message, message_macs(list, 1, HF_SHANI_SHA256))
PART(sha256_mac_two, message, message_macs(list, 2, HF_SHANI_SHA256))

#define CIPHER(name, rounds, mac, hash)                                                                                \
    PART(name##_mte_one, hf_record_job, seal_mte(list, 1, mac, rounds))                                                \
    PART(name##_mte_two, hf_record_job, seal_mte(list, 2, mac, rounds))                                                \
    PART(name##_etm_one, hf_record_job, seal_etm(list, 1, mac, rounds))                                                \
    PART(name##_etm_two, hf_record_job, seal_etm(list, 2, mac, rounds))                                                \
    static const kernel_parts name##_parts = {                                                                         \
        hash##_mac_one, hash##_mac_two, {name##_mte_one, name##_etm_one}, {name##_mte_two, name##_etm_two}};           \
    static __attribute__((noinline)) void name##_open_one(hf_record_job *job)                                          \
    {                                                                                                                  \
        kernel_open_one(job, mac, rounds);                                                                             \
    }                                                                                                                  \
    static __attribute__((noinline)) void name##_open_window(hf_record_job *jobs, size_t n)                            \
    {                                                                                                                  \
        kernel_open_window(jobs, n, &name##_parts, mac, rounds);                                                       \
    }                                                                                                                  \
    static void name##_open(void *worker, hf_record_job *jobs, size_t n)                                               \
    {                                                                                                                  \
        (void)worker;                                                                                                  \
        if (n == 1)                                                                                                    \
            name##_open_one(jobs);                                                                                     \
        else                                                                                                           \
            for (size_t at = 0; at < n; at += KERNEL_WINDOW)                                                           \
                name##_open_window(jobs + at, n - at < KERNEL_WINDOW ? n - at : KERNEL_WINDOW);                        \
        shani_forget_registers();                                                                                      \
    }                                                                                                                  \
    static void name##_seal(void *worker, hf_record_job *jobs, size_t n)                                               \
    {                                                                                                                  \
        (void)worker;                                                                                                  \
        if (n == 1)                                                                                                    \
            kernel_seal_one(jobs, &name##_parts, mac);                                                                 \
        else                                                                                                           \
            for (size_t at = 0; at < n; at += KERNEL_WINDOW)                                                           \
                kernel_seal_window(jobs + at, n - at < KERNEL_WINDOW ? n - at : KERNEL_WINDOW, &name##_parts, mac);    \
        shani_forget_registers();                                                                                      \
    }

CIPHER(aes_128_sha1, HF_SHANI_ROUNDS_128, HF_SHANI_SHA1, sha1)
CIPHER(aes_256_sha1, HF_SHANI_ROUNDS_256, HF_SHANI_SHA1, sha1)
CIPHER(aes_128_sha256, HF_SHANI_ROUNDS_128, HF_SHANI_SHA256, sha256)
CIPHER(aes_256_sha256, HF_SHANI_ROUNDS_256, HF_SHANI_SHA256, sha256)
#undef CIPHER
#undef PART

#define KERNEL                                                                                                         \
    {                                                                                                                  \
        .aes_128_sha1 = {aes_128_sha1_seal, aes_128_sha1_open},                                                        \
        .aes_256_sha1 = {aes_256_sha1_seal, aes_256_sha1_open},                                                        \
        .aes_128_sha256 = {aes_128_sha256_seal, aes_128_sha256_open}, .aes_256_sha256 = {                              \
            aes_256_sha256_seal,                                                                                       \
            aes_256_sha256_open                                                                                        \
        }                                                                                                              \
    }

#endif

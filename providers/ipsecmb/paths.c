/* Which of the library's managers serves HMAC and CBC encryption, by how many records are in the lanes.
 *
 * The widest manager has 16 lanes of AVX-512 and takes as long for one record as for sixteen; the SSE manager has two
 * lanes of the SHA extensions (and eight of AES-NI), each many times as fast. Where they cross depends on the CPU, so
 * it is measured there: once in a process, when the first worker is made, in a few milliseconds. A wrong measurement
 * costs speed and nothing else: both managers compute the same. */
#include "ipsecmb.h"

#include <pthread.h>
#include <time.h>

#include "cbc.h"

#define TRIAL_SIZE 1024  /* bytes of each record measured */
#define TRIAL_ROUNDS 5   /* the best of these counts */
#define NARROW_GAIN 1.03 /* the SSE manager must be this much faster: the wide one is the library's own choice */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static hf_imb_paths paths; /* constant after `once` */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* What a trial works on: made-up keys and records. */
typedef struct trial {
    hf_imb_cbc_key key;
    hf_imb_worker worker;
    hf_record_job jobs[HF_IMB_BATCH];
    uint8_t text[HF_IMB_BATCH][TRIAL_SIZE];
    const uint8_t *in[HF_IMB_BATCH], *iv[HF_IMB_BATCH];
    uint8_t *out[HF_IMB_BATCH];
    size_t len[HF_IMB_BATCH];
} trial;

/* Microseconds of one burst of n with `mgr`; a failing one never wins. */
static double time_burst(trial *t, IMB_MGR *mgr, size_t n, bool hmac)
{
    hf_imb_batch batch = {.w = &t->worker, .n = n};

    for (size_t i = 0; i < n; i++)
        batch.jobs[i] = &t->jobs[i];
    double start = now_us();
    bool good = hmac ? hf_imb_hmac_with(&batch, mgr, t->in, t->len)
                     : hf_imb_cbc_with(&batch, mgr, HF_SEAL, t->in, t->out, t->len, t->iv);
    double used = now_us() - start;
    return good ? used : 1e12;
}

static void measure(trial *t, IMB_MGR *wide, IMB_MGR *narrow, bool hmac, bool *out_narrow)
{
    for (size_t n = 1; n <= HF_IMB_BATCH; n++) {
        double best_wide = 1e12, best_narrow = 1e12;
        for (unsigned round = 0; round < TRIAL_ROUNDS; round++) {
            double w = time_burst(t, wide, n, hmac);
            double s = time_burst(t, narrow, n, hmac);
            best_wide = w < best_wide ? w : best_wide;
            best_narrow = s < best_narrow ? s : best_narrow;
        }
        out_narrow[n] = best_narrow * NARROW_GAIN < best_wide;
    }
}

static void measure_all(trial *t, IMB_MGR *wide, IMB_MGR *narrow)
{
    static const uint8_t mac_sizes[HF_IMB_HMACS] = {20, 32, 48};

    for (size_t i = 0; i < HF_IMB_BATCH; i++) {
        t->jobs[i].key = &t->key;
        t->in[i] = t->out[i] = t->text[i];
        t->iv[i] = t->key.round_keys;
        t->len[i] = TRIAL_SIZE;
    }
    t->key.key_size = IMB_KEY_128_BYTES;
    for (size_t h = 0; h < HF_IMB_HMACS; h++) {
        t->key.mac_size = mac_sizes[h];
        measure(t, wide, narrow, true, paths.hmac_narrow[h]);
    }
    measure(t, wide, narrow, false, paths.cbc_narrow);
}

static void settle(void)
{
    const char *why = "";
    IMB_MGR *wide = hf_imb_manager_new(HF_IMB_WIDE, &why);
    IMB_MGR *narrow = hf_imb_manager_new(HF_IMB_NARROW, &why);
    trial *t = calloc(1, sizeof *t);

    if (wide && narrow && t) {
        measure_all(t, wide, narrow);
        paths.measured = true;
    }
    free(t);
    hf_imb_manager_free(wide);
    hf_imb_manager_free(narrow);
}

const hf_imb_paths *hf_imb_paths_of_cpu(void)
{
    (void)pthread_once(&once, settle);
    return &paths;
}

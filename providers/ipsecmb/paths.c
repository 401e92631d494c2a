/* Which of the library's managers serves HMAC, CBC encryption and CCM, by how many records of what size are in the
 * lanes.
 *
 * The widest manager has 16 lanes of AVX-512 and takes as long for one record as for sixteen; the SSE manager has two
 * lanes of the SHA extensions (and eight of AES-NI), each many times as fast and quicker to fill and to drain. Where
 * they cross depends on the CPU, so it is measured there: once in a process, when the first worker is made, in about
 * ten milliseconds. What a call takes grows with its bytes along a straight line, so two sizes tell all. A wrong
 * measurement costs speed and nothing else: both managers compute the same. */
#include "ipsecmb.h"

#include <pthread.h>
#include <time.h>

#include "cbc.h"
#include "ccm.h"

#define TRIAL_SHORT 64   /* bytes of each record measured: in one trial ... */
#define TRIAL_LONG 2048  /* ... and in the other */
#define TRIAL_ROOM 64    /* for what sealing adds */
#define TRIAL_TYPE 23    /* application_data */
#define TRIAL_ROUNDS 4   /* the best of these counts */
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
    hf_imb_cbc_key cbc_key;
    hf_imb_worker worker;
    hf_record_job jobs[HF_IMB_BATCH];
    uint8_t text[HF_IMB_BATCH][TRIAL_LONG + TRIAL_ROOM];
    const uint8_t *in[HF_IMB_BATCH], *iv[HF_IMB_BATCH];
    uint8_t *out[HF_IMB_BATCH];
    size_t len[HF_IMB_BATCH];
    _Alignas(HF_RECORD_KEY_ALIGN) uint8_t ccm_key[512];
} trial;

typedef bool work(trial *t, IMB_MGR *mgr, size_t n);

static bool work_hmac(trial *t, IMB_MGR *mgr, size_t n)
{
    hf_imb_batch batch = {.w = &t->worker, .n = n};

    for (size_t i = 0; i < n; i++)
        batch.jobs[i] = &t->jobs[i];
    return hf_imb_hmac_with(&batch, mgr, t->in, t->len);
}

static bool work_cbc(trial *t, IMB_MGR *mgr, size_t n)
{
    hf_imb_batch batch = {.w = &t->worker, .n = n};

    for (size_t i = 0; i < n; i++)
        batch.jobs[i] = &t->jobs[i];
    return hf_imb_cbc_with(&batch, mgr, HF_SEAL, t->in, t->out, t->len, t->iv);
}

static bool work_ccm(trial *t, IMB_MGR *mgr, size_t n)
{
    hf_imb_ccm_seal_with(mgr, t->jobs, n);
    return t->jobs[n - 1].status == HF_OK;
}

/* Microseconds of one call for n records; a failing one never wins. */
static double time_of(trial *t, work *f, IMB_MGR *mgr, size_t n)
{
    double start = now_us();
    bool good = f(t, mgr, n);
    double used = now_us() - start;
    return good ? used : 1e12;
}

/* How much longer the wide manager takes for n records of this size. */
static double lead_at(trial *t, work *f, IMB_MGR *wide, IMB_MGR *narrow, size_t n, size_t bytes)
{
    double best_wide = 1e12, best_narrow = 1e12;

    for (size_t i = 0; i < n; i++)
        t->len[i] = t->jobs[i].in_len = bytes;
    for (unsigned round = 0; round < TRIAL_ROUNDS; round++) {
        double w = time_of(t, f, wide, n);
        double s = time_of(t, f, narrow, n);
        best_wide = w < best_wide ? w : best_wide;
        best_narrow = s < best_narrow ? s : best_narrow;
    }
    return best_wide - best_narrow * NARROW_GAIN;
}

static void measure(trial *t, work *f, IMB_MGR *wide, IMB_MGR *narrow, hf_imb_lead *out)
{
    for (size_t n = 1; n <= HF_IMB_BATCH; n++) {
        double at_short = lead_at(t, f, wide, narrow, n, TRIAL_SHORT);
        double at_long = lead_at(t, f, wide, narrow, n, TRIAL_LONG);
        out[n].per_byte = (at_long - at_short) / ((double)n * (TRIAL_LONG - TRIAL_SHORT));
        out[n].base = at_short - out[n].per_byte * (double)n * TRIAL_SHORT;
    }
}

static void measure_all(trial *t, IMB_MGR *wide, IMB_MGR *narrow)
{
    static const uint8_t mac_sizes[HF_IMB_HMACS] = {20, 32, 48};
    static const uint8_t secret[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX];
    const hf_record_keys keys = {.mode = HF_RECORD_TLS13, .direction = HF_SEAL, .key = secret, .iv = iv};

    for (size_t i = 0; i < HF_IMB_BATCH; i++) {
        t->jobs[i] = (hf_record_job){.key = &t->cbc_key,
                                     .content_type = TRIAL_TYPE,
                                     .in = t->text[i],
                                     .out = t->text[i],
                                     .out_max = sizeof t->text[i]};
        t->in[i] = t->out[i] = t->text[i];
        t->iv[i] = t->cbc_key.round_keys;
    }
    t->cbc_key.key_size = IMB_KEY_128_BYTES;
    for (size_t h = 0; h < HF_IMB_HMACS; h++) {
        t->cbc_key.mac_size = mac_sizes[h];
        measure(t, work_hmac, wide, narrow, paths.hmac[h]);
    }
    measure(t, work_cbc, wide, narrow, paths.cbc);
    if (hf_imb_aes_128_ccm.key_state_size > sizeof t->ccm_key ||
        hf_imb_aes_128_ccm.key_init(t->ccm_key, &keys) != HF_OK)
        return; /* CCM stays with the wide manager */
    for (size_t i = 0; i < HF_IMB_BATCH; i++)
        t->jobs[i].key = t->ccm_key;
    measure(t, work_ccm, wide, narrow, paths.ccm);
}

static void settle(void)
{
    const char *why = "";
    IMB_MGR *wide = hf_imb_manager_new(HF_IMB_WIDE, &why);
    IMB_MGR *narrow = hf_imb_manager_new(HF_IMB_NARROW, &why);
    trial *t = aligned_alloc(HF_RECORD_KEY_ALIGN, sizeof *t);

    if (wide && narrow && t) {
        memset(t, 0, sizeof *t);
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

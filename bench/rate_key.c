/* Operations per second through the key contract (handfast/key.h): operations go round, each is submitted again as soon
 * as it came back, so that no session waits for work. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "rate.h"

#define PER_THREAD 2 /* one in work, one waiting */
#define RSA_BYTES 256

struct hf_key_loop {
    hf_key *key;
    unsigned ops_n;
    hf_key_op *ops; /* ours: the engine's are made otherwise, and freed with hf_key_op_free */
    uint8_t input[RSA_BYTES];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    uint64_t until_ns;
    uint64_t done;
    unsigned out;     /* operations under way */
    hf_status status; /* of the first that failed */
};

bool hf_key_loop_open(const hf_token_bed *bed, hf_rate_op op, unsigned threads, hf_key_loop **out)
{
    static const uint16_t schemes[HF_RATE_OPS] = {[HF_RATE_SIGN_PKCS1] = HF_RSA_PKCS1_SHA256,
                                                  [HF_RATE_SIGN_PSS] = HF_RSA_PSS_RSAE_SHA256,
                                                  [HF_RATE_SIGN_ECDSA] = HF_ECDSA_SECP256R1_SHA256};
    const hf_hsm_options options = {.module = bed->module, .pin_source = bed->pin_file, .threads = threads};
    char why[512] = "";
    hf_key_loop *loop = calloc(1, sizeof *loop);
    hf_key_op *ops = calloc((size_t)threads * PER_THREAD, sizeof *ops);
    hf_status status = loop && ops ? hf_hsm_key_open(&options, bed->uri[hf_rate_key(op)], &loop->key, why, sizeof why)
                                   : HF_ERR_NO_MEMORY;

    if (status != HF_OK) {
        hf_bench_fail("the key cannot be opened: %s", why[0] ? why : hf_status_text(status));
        free(ops);
        free(loop);
        return false;
    }
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->idle, NULL);
    memset(loop->input, 0x5a, sizeof loop->input);
    loop->input[0] = 0;
    loop->ops = ops;
    loop->ops_n = threads * PER_THREAD;
    for (unsigned i = 0; i < loop->ops_n; i++) {
        ops[i] = (hf_key_op){.id = i + 1,
                             .conn_id = 1,
                             .key = loop->key,
                             .kind = op == HF_RATE_DECRYPT ? HF_KEY_OP_DECRYPT : HF_KEY_OP_SIGN,
                             .scheme = schemes[op],
                             .client_version = op == HF_RATE_DECRYPT ? 0x0303 : 0,
                             .input = loop->input,
                             .input_len = op == HF_RATE_DECRYPT ? RSA_BYTES : 32};
    }
    *out = loop;
    return true;
}

static void came_back(void *arg, hf_key_op *op)
{
    hf_key_loop *loop = arg;

    pthread_mutex_lock(&loop->lock);
    loop->done++;
    if (op->status != HF_OK)
        loop->status = op->status;
    bool again = loop->status == HF_OK && hf_clock_wall_ns() < loop->until_ns;
    if (!again && --loop->out == 0)
        pthread_cond_signal(&loop->idle);
    pthread_mutex_unlock(&loop->lock);
    if (again)
        loop->key->ops->submit(loop->key, op, came_back, loop);
}

bool hf_key_loop_run(hf_key_loop *loop, unsigned ms, hf_rate *out)
{
    uint64_t begin = hf_clock_wall_ns();
    uint64_t cpu = hf_clock_process_ns();

    loop->until_ns = begin + (uint64_t)ms * 1000000u;
    loop->done = 0;
    loop->out = loop->ops_n;
    loop->status = HF_OK;
    for (unsigned i = 0; i < loop->ops_n; i++)
        loop->key->ops->submit(loop->key, &loop->ops[i], came_back, loop);
    pthread_mutex_lock(&loop->lock);
    while (loop->out > 0)
        pthread_cond_wait(&loop->idle, &loop->lock);
    pthread_mutex_unlock(&loop->lock);
    cpu = hf_clock_process_ns() - cpu;
    if (loop->status != HF_OK) {
        hf_bench_fail("a key operation failed: %s", hf_status_text(loop->status));
        return false;
    }
    out->per_s = (double)loop->done * 1e9 / (double)(hf_clock_wall_ns() - begin);
    out->cpu_s_each = (double)cpu / 1e9 / (double)loop->done;
    return true;
}

void hf_key_loop_close(hf_key_loop *loop)
{
    if (!loop)
        return;
    loop->key->ops->release(loop->key); /* joins its threads: nothing is under way any more */
    pthread_cond_destroy(&loop->idle);
    pthread_mutex_destroy(&loop->lock);
    free(loop->ops);
    free(loop);
}

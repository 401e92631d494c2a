/* The bare loop of PKCS#11 calls (v2.40 sections 5.11, 5.13): what the token itself can do. */
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "rate.h"

#define RSA_BYTES 256
#define SLOTS_MAX 16

const char *const hf_rate_names[HF_RATE_OPS] = {[HF_RATE_DECRYPT] = "decrypt",
                                                [HF_RATE_SIGN_PKCS1] = "sign-pkcs1-sha256",
                                                [HF_RATE_SIGN_PSS] = "sign-pss-sha256",
                                                [HF_RATE_SIGN_ECDSA] = "sign-ecdsa-sha256"};

hf_bed_key hf_rate_key(hf_rate_op op)
{
    return op == HF_RATE_SIGN_ECDSA ? HF_BED_P256 : HF_BED_RSA;
}

typedef struct p11_thread {
    hf_p11_loop *loop;
    pthread_t thread;
    CK_SESSION_HANDLE session;
    uint64_t until_ns;
    uint64_t done;
    CK_RV rv; /* of the first call that failed */
} p11_thread;

struct hf_p11_loop {
    CK_FUNCTION_LIST *fn;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
    hf_rate_op op;
    CK_BYTE input[RSA_BYTES];
    CK_ULONG input_len;
    unsigned threads, sessions;
    p11_thread *each;
};

/* Any input does for the time it takes; it only has to be of the right form. */
static void set_operation(hf_p11_loop *loop, hf_rate_op op)
{
    static const CK_BYTE digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                          0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

    loop->op = op;
    memset(loop->input, 0x5a, sizeof loop->input);
    switch (op) {
    case HF_RATE_DECRYPT:
        loop->mechanism.mechanism = CKM_RSA_X_509;
        loop->input[0] = 0; /* below the modulus */
        loop->input_len = RSA_BYTES;
        break;
    case HF_RATE_SIGN_PKCS1:
        loop->mechanism.mechanism = CKM_RSA_PKCS;
        memcpy(loop->input, digest_info, sizeof digest_info);
        loop->input_len = sizeof digest_info + 32;
        break;
    case HF_RATE_SIGN_PSS:
        loop->pss = (CK_RSA_PKCS_PSS_PARAMS){.hashAlg = CKM_SHA256, .mgf = CKG_MGF1_SHA256, .sLen = 32};
        loop->mechanism = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &loop->pss, sizeof loop->pss};
        loop->input_len = 32;
        break;
    default:
        loop->mechanism.mechanism = CKM_ECDSA;
        loop->input_len = 32;
    }
}

static bool find_slot(CK_FUNCTION_LIST *fn, CK_SLOT_ID *out)
{
    CK_SLOT_ID ids[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    CK_TOKEN_INFO info;

    if (fn->C_GetSlotList(CK_TRUE, ids, &n) != CKR_OK)
        return false;
    for (CK_ULONG i = 0; i < n; i++) {
        if (fn->C_GetTokenInfo(ids[i], &info) == CKR_OK &&
            memcmp(info.label, HF_BED_TOKEN " ", sizeof HF_BED_TOKEN) == 0) {
            *out = ids[i];
            return true;
        }
    }
    return false;
}

static CK_RV login(CK_FUNCTION_LIST *fn, CK_SESSION_HANDLE session, const char *pin_file)
{
    char pin[64] = "";
    FILE *file = fopen(pin_file, "re");

    if (!file)
        return CKR_PIN_INCORRECT;
    setvbuf(file, NULL, _IONBF, 0); /* no second copy */
    if (!fgets(pin, sizeof pin, file))
        pin[0] = 0;
    (void)fclose(file);
    pin[strcspn(pin, "\n")] = 0;
    CK_RV rv = fn->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));
    hf_wipe(pin, sizeof pin);
    return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

static CK_RV find_key(CK_FUNCTION_LIST *fn, CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *out)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    char text[32];
    CK_ULONG n = 0;

    (void)snprintf(text, sizeof text, "%s", label);
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, text, strlen(text)}};
    CK_RV rv = fn->C_FindObjectsInit(session, match, 2);
    if (rv == CKR_OK) {
        rv = fn->C_FindObjects(session, out, 1, &n);
        (void)fn->C_FindObjectsFinal(session);
    }
    return rv == CKR_OK && n != 1 ? CKR_KEY_HANDLE_INVALID : rv;
}

static CK_RV open_sessions(hf_p11_loop *loop, const hf_token_bed *bed)
{
    CK_SLOT_ID slot = 0;

    if (!find_slot(loop->fn, &slot))
        return CKR_TOKEN_NOT_PRESENT;
    for (; loop->sessions < loop->threads; loop->sessions++) {
        p11_thread *t = &loop->each[loop->sessions];
        t->loop = loop;
        CK_RV rv = loop->fn->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
        if (rv != CKR_OK)
            return rv;
    }
    CK_RV rv = login(loop->fn, loop->each[0].session, bed->pin_file);
    return rv == CKR_OK ? find_key(loop->fn, loop->each[0].session, hf_bed_labels[hf_rate_key(loop->op)], &loop->key)
                        : rv;
}

bool hf_p11_loop_open(const hf_token_bed *bed, hf_rate_op op, unsigned threads, hf_p11_loop **out)
{
    hf_p11_loop *loop = calloc(1, sizeof *loop);
    p11_thread *each = calloc(threads, sizeof *each);

    if (!loop || !each) {
        free(loop);
        free(each);
        hf_bench_fail("out of memory");
        return false;
    }
    loop->each = each;
    loop->threads = threads;
    set_operation(loop, op);
    loop->fn = p11_kit_module_load(bed->module, 0);
    if (!loop->fn || p11_kit_module_initialize(loop->fn) != CKR_OK) {
        hf_bench_fail("module %s cannot be loaded", bed->module);
        if (loop->fn)
            p11_kit_module_release(loop->fn);
        loop->fn = NULL;
        hf_p11_loop_close(loop);
        return false;
    }
    CK_RV rv = open_sessions(loop, bed);
    if (rv != CKR_OK) {
        hf_bench_fail("the token cannot be used by a bare loop: code 0x%lx", rv);
        hf_p11_loop_close(loop);
        return false;
    }
    *out = loop;
    return true;
}

static CK_RV operate(const p11_thread *t, CK_MECHANISM *mechanism, CK_BYTE *input)
{
    const hf_p11_loop *loop = t->loop;
    CK_BYTE out[RSA_BYTES];
    CK_ULONG len = sizeof out;

    if (loop->op == HF_RATE_DECRYPT) {
        CK_RV rv = loop->fn->C_DecryptInit(t->session, mechanism, loop->key);
        return rv == CKR_OK ? loop->fn->C_Decrypt(t->session, input, loop->input_len, out, &len) : rv;
    }
    CK_RV rv = loop->fn->C_SignInit(t->session, mechanism, loop->key);
    return rv == CKR_OK ? loop->fn->C_Sign(t->session, input, loop->input_len, out, &len) : rv;
}

static void *work(void *arg)
{
    p11_thread *t = arg;

    do {
        t->rv = operate(t, &t->loop->mechanism, t->loop->input);
        t->done++;
    } while (t->rv == CKR_OK && hf_clock_wall_ns() < t->until_ns);
    return NULL;
}

bool hf_p11_loop_run(hf_p11_loop *loop, unsigned ms, hf_rate *out)
{
    uint64_t begin = hf_clock_wall_ns();
    uint64_t cpu = hf_clock_process_ns();
    uint64_t done = 0;
    unsigned started = 0;
    CK_RV rv = CKR_OK;

    for (; started < loop->threads; started++) {
        p11_thread *t = &loop->each[started];
        t->until_ns = begin + (uint64_t)ms * 1000000u;
        t->done = 0;
        if (pthread_create(&t->thread, NULL, work, t) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(loop->each[i].thread, NULL);
        done += loop->each[i].done;
        if (loop->each[i].rv != CKR_OK)
            rv = loop->each[i].rv;
    }
    cpu = hf_clock_process_ns() - cpu;
    if (started < loop->threads || rv != CKR_OK) {
        hf_bench_fail("the bare loop failed with code 0x%lx", rv);
        return false;
    }
    out->per_s = (double)done * 1e9 / (double)(hf_clock_wall_ns() - begin);
    out->cpu_s_each = (double)cpu / 1e9 / (double)done;
    return true;
}

void hf_p11_loop_close(hf_p11_loop *loop)
{
    if (!loop)
        return;
    for (unsigned i = 0; i < loop->sessions; i++)
        (void)loop->fn->C_CloseSession(loop->each[i].session);
    if (loop->fn) {
        (void)p11_kit_module_finalize(loop->fn);
        p11_kit_module_release(loop->fn);
    }
    free(loop->each);
    free(loop);
}

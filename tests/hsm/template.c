/* The program that makes the template token, before the suites run: `hsm_template FOLDER`. Every test copies the
 * folder. Ordinary keys are made by the library; odd ones, which it refuses to make, by PKCS#11 calls. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/provision.h"

static char pin_path[1024];
static char why[4096];

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "template: %s failed: %s\n", what, why);
    exit(1);
}

typedef struct odd_key {
    const char *label;
    unsigned char id;
    bool rsa, extractable, sign, decrypt, unwrap, no_public, always;
    CK_MECHANISM_TYPE allowed; /* 0: no restriction */
} odd_key;

static const odd_key odd_keys[] = {
    {.label = "loose", .id = 1, .extractable = true, .sign = true},
    {.label = "twin", .id = 2, .sign = true},
    {.label = "twin", .id = 3, .sign = true},
    {.label = "orphan", .id = 4, .sign = true, .no_public = true},
    {.label = "unwrapper", .id = 5, .rsa = true, .unwrap = true},
    {.label = "always", .id = 7, .sign = true, .always = true},
    {.label = "signer", .id = 6, .rsa = true, .sign = true, .allowed = CKM_RSA_PKCS},
};

static void make_odd(CK_FUNCTION_LIST *fn, CK_SESSION_HANDLE session, const odd_key *k)
{
    static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static CK_BYTE exponent[] = {1, 0, 1};
    CK_ULONG bits = 2048;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL flags[] = {k->extractable, k->sign, k->decrypt, k->unwrap, k->always};
    CK_BYTE id = k->id;
    char label[32];
    CK_MECHANISM_TYPE allowed = k->allowed;
    CK_MECHANISM mechanism = {.mechanism = k->rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN};
    CK_OBJECT_HANDLE pub;
    CK_OBJECT_HANDLE priv;

    (void)snprintf(label, sizeof label, "%s", k->label);
    CK_ATTRIBUTE pub_t[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, label, strlen(label)},
        {CKA_ID, &id, 1},
        {k->rsa ? CKA_MODULUS_BITS : CKA_EC_PARAMS, k->rsa ? (void *)&bits : (void *)p256,
         k->rsa ? sizeof bits : sizeof p256},
        {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
    };
    CK_ATTRIBUTE priv_t[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_LABEL, label, strlen(label)},
        {CKA_ID, &id, 1},
        {CKA_EXTRACTABLE, &flags[0], sizeof flags[0]},
        {CKA_SIGN, &flags[1], sizeof yes},
        {CKA_DECRYPT, &flags[2], sizeof yes},
        {CKA_UNWRAP, &flags[3], sizeof yes},
        {CKA_ALWAYS_AUTHENTICATE, &flags[4], sizeof yes},
        {CKA_ALLOWED_MECHANISMS, &allowed, sizeof allowed},
    };
    must(fn->C_GenerateKeyPair(session, &mechanism, pub_t, k->rsa ? 5 : 4, priv_t, k->allowed ? 11 : 10, &pub, &priv) ==
             CKR_OK,
         k->label);
    if (k->no_public)
        must(fn->C_DestroyObject(session, pub) == CKR_OK, "destroy");
}

static void make_odd_keys(void)
{
    CK_FUNCTION_LIST *fn = p11_kit_module_load(HF_TEST_SOFTHSM, 0);
    CK_SLOT_ID slots[8];
    CK_ULONG n = 8;
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE session;
    CK_UTF8CHAR pin[] = {'1', '2', '3', '4'};

    must(fn && p11_kit_module_initialize(fn) == CKR_OK && fn->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK, "load");
    for (CK_ULONG i = 0; i < n; i++) {
        if (fn->C_GetTokenInfo(slots[i], &info) != CKR_OK || memcmp(info.label, "demo ", 5) != 0)
            continue;
        must(fn->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK &&
                 fn->C_Login(session, CKU_USER, pin, sizeof pin) == CKR_OK,
             "login");
        for (size_t k = 0; k < sizeof odd_keys / sizeof odd_keys[0]; k++)
            make_odd(fn, session, &odd_keys[k]);
    }
    (void)p11_kit_module_finalize(fn);
    p11_kit_module_release(fn);
}

static void make_key(const hf_hsm_options *options, const char *token, const char *label, const char *algorithm)
{
    char uri[HF_HSM_URI_MAX + 1];
    const hf_hsm_new_key key = {.token_uri = token, .label = label};

    must(hf_hsm_keygen(options, &key, algorithm, uri, why, sizeof why) == HF_OK, algorithm);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

/* One key in both tokens, under the same label. */
static void make_shared(const hf_hsm_options *options, const char *label, EVP_PKEY *pkey)
{
    static const char *const tokens[] = {"pkcs11:token=demo", "pkcs11:token=second"};
    BIO *bio = BIO_new(BIO_s_mem());
    char uri[HF_HSM_URI_MAX + 1];
    char *pem = NULL;

    must(pkey && bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1, label);
    long len = BIO_get_mem_data(bio, &pem);
    for (size_t i = 0; i < 2; i++) {
        const hf_hsm_new_key key = {.token_uri = tokens[i], .label = label};
        must(hf_hsm_import_key(options, &key, pem, (size_t)len, uri, why, sizeof why) == HF_OK, label);
    }
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

int main(int argc, char **argv)
{
    char conf[1024];
    char text[2048];
    char *pem = NULL;

    if (argc != 2)
        return 2;
    const char *folder = argv[1];
    (void)snprintf(conf, sizeof conf, "%s/softhsm2.conf", folder);
    (void)snprintf(text, sizeof text,
                   "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", folder);
    write_text(conf, text);
    (void)setenv("SOFTHSM2_CONF", conf, 1);
    (void)snprintf(pin_path, sizeof pin_path, "%s/pin", folder);
    write_text(pin_path, "1234\n");

    const hf_hsm_options options = {.module = HF_TEST_SOFTHSM, .pin_source = pin_path};
    must(hf_hsm_token_init(&options, "demo", pin_path, why, sizeof why) == HF_OK, "init");
    must(hf_hsm_token_init(&options, "second", pin_path, why, sizeof why) == HF_OK, "init");
    make_key(&options, "pkcs11:token=demo", "rsa", "rsa:2048");
    make_key(&options, "pkcs11:token=demo", "p256", "ec:p256");
    make_key(&options, "pkcs11:token=demo", "p384", "ec:p384");
    make_key(&options, "pkcs11:token=demo", "p521", "ec:p521");
    make_key(&options, "pkcs11:token=demo", "ed", "ed25519");
    make_key(&options, "pkcs11:token=second", "far", "ec:p256");
    make_shared(&options, "shared", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    make_shared(&options, "sharedrsa", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    const hf_hsm_cert_spec spec = {.subject = "CN=rsa.example", .days = 30};
    must(hf_hsm_selfsign(&options, "pkcs11:token=demo;object=rsa", &spec, &pem, why, sizeof why) == HF_OK, "selfsign");
    free(pem);
    make_odd_keys();
    return 0;
}

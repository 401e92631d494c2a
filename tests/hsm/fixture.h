/* A SoftHSM2 token in a temporary folder for every test, behind the masking module. */
#ifndef HANDFAST_TESTS_HSM_FIXTURE_H
#define HANDFAST_TESTS_HSM_FIXTURE_H

#include <openssl/evp.h>

#include "handfast/provision.h"
#include "mask.h"

#define WHY_MAX 4096
#define TEST_PATIENCE_MS 60000 /* until what must happen counts as not happening, on the busiest machine */
#define MODULE HF_TEST_MASK_MODULE
#define PREMASTER_VERSION 0x0303

/* What the template token "demo" holds (all by label): rsa (with a certificate), p256, p384, p521, ed; loose (P-256,
 * extractable); twin (two P-256 keys); orphan (P-256 without its public half); unwrapper (RSA that may only unwrap);
 * always (P-256,
 * CKA_ALWAYS_AUTHENTICATE); signer (RSA that may only sign, with CKM_RSA_PKCS only); shared (P-256) and sharedrsa. A
 * second token, "second", holds the P-256 key "far", and shared and sharedrsa too. */
extern mask_control_t *mask;  /* of the module, loaded once for the test */
extern char test_folder[256]; /* files of the test */
extern char pin_file[300];    /* with the right PIN, mode 600 */
extern char why[WHY_MAX];

/* Copies the template, sets SOFTHSM2_CONF, and loads the masking module once without initialising it. */
void token_setup(void);
void token_teardown(void);

/* The same with the fault module in place of the masking one; `mask` is NULL. */
void fault_setup(void);
/* What the fault module does from its next call on: lines of its configuration, printf-like. */
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lines of the fault module's trace with this text. */
unsigned fault_traced(const char *text);

/* Default options: the masking module and the PIN file, one thread, TEST_PATIENCE_MS for an operation. */
hf_hsm_options test_options(void);
/* "pkcs11:token=demo;object=LABEL". Static storage. */
const char *uri_of(const char *label);
/* Opens or fails the test. */
hf_key *open_key(const char *label, unsigned threads);
/* A file in the test's folder with this text and mode. */
void write_file(const char *path, const char *text, unsigned mode);
/* The public half of a key. */
EVP_PKEY *public_of(const hf_key *key);

/* One operation on the heap. Freed with free. */
hf_key_op *make_sign(hf_key *key, uint16_t scheme, const uint8_t *input, size_t len);
hf_key_op *make_decrypt(hf_key *key, const uint8_t *cipher, size_t len);
/* Submits and waits. */
void run_op(hf_key *key, hf_key_op *op);
/* Signs a digest (or message) of zeros; the status. */
hf_status sign_zeros(hf_key *key, uint16_t scheme);
/* The same until the token is in use again; for at most TEST_PATIENCE_MS. */
hf_status sign_until_good(hf_key *key, uint16_t scheme);
/* For hf_hsm_options.on_notice, to see what a test does. */
void print_notice(void *arg, const char *line);
/* Raw RSA of a block built by the caller (as long as the modulus) with the public half. */
void encrypt_block(const hf_key *key, const uint8_t *block, uint8_t *out);
/* 00 02 nonzero... 00 premaster: the right block, to be spoilt. Returns where the premaster starts. */
size_t make_block(const hf_key *key, uint8_t *block, const uint8_t premaster[48]);
/* Mask helpers. */
void mask_hide(unsigned long mechanism);
unsigned mask_count(mask_call call);

#endif

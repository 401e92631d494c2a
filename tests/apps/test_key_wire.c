/* Messages between the network process and the key process: there and back, cut, stretched, and of no known kind. */
#include <criterion/criterion.h>
#include <string.h>

#include "key_service.h"
#include "key_wire.h"

static uint8_t message[HF_WIRE_MAX];

static hf_wire_request sample(hf_key_op_kind kind, const uint8_t *input, size_t len, const uint8_t *fallback)
{
    bool sign = kind == HF_KEY_OP_SIGN;
    return (hf_wire_request){.kind = kind,
                             .key = 3,
                             .scheme = sign ? HF_RSA_PSS_RSAE_SHA256 : 0,
                             .client_version = sign ? 0 : 0x0303,
                             .conn_id = 0x1122334455667788,
                             .fallback = sign ? NULL : fallback,
                             .input = input,
                             .input_len = len};
}

static void check_request(hf_key_op_kind kind, size_t input_len)
{
    uint8_t input[HF_WIRE_INPUT_MAX], fallback[HF_PREMASTER_SIZE];
    hf_wire_head head;
    hf_wire_request back;
    memset(input, 0xa5, sizeof input);
    memset(fallback, 0x5a, sizeof fallback);
    hf_wire_request request = sample(kind, input, input_len, fallback);

    size_t len = hf_wire_put_request(message, sizeof message, 77, &request);
    cr_assert_gt(len, 0);
    cr_assert(hf_wire_head_read(message, len, &head));
    cr_assert_eq(head.id, 77);
    cr_assert(hf_wire_request_read(message, &head, &back));
    cr_assert_eq(back.kind, kind);
    cr_assert_eq(back.key, 3);
    cr_assert_eq(back.scheme, request.scheme);
    cr_assert_eq(back.client_version, request.client_version);
    cr_assert_eq(back.conn_id, request.conn_id);
    cr_assert_eq(back.input_len, input_len);
    cr_assert_arr_eq(back.input, input, input_len);
    if (kind == HF_KEY_OP_DECRYPT)
        cr_assert_arr_eq(back.fallback, fallback, sizeof fallback);
    else
        cr_assert_null(back.fallback);

    /* Room that is one byte short, and every prefix with its length set right: never more than was sent. */
    cr_assert_eq(hf_wire_put_request(message, len - 1, 77, &request), 0);
    cr_assert_eq(hf_wire_put_request(message, sizeof message, 77, &request), len);
    for (size_t cut = HF_WIRE_HEAD; cut < len; cut++) {
        message[6] = (uint8_t)((cut - HF_WIRE_HEAD) >> 8);
        message[7] = (uint8_t)(cut - HF_WIRE_HEAD);
        cr_assert(hf_wire_head_read(message, cut, &head));
        cr_assert_not(hf_wire_request_read(message, &head, &back), "cut at %zu", cut);
        cr_assert_null(back.input);
    }
}

Test(key_wire, requests)
{
    check_request(HF_KEY_OP_SIGN, 32);
    check_request(HF_KEY_OP_DECRYPT, 256);
    check_request(HF_KEY_OP_SIGN, HF_WIRE_INPUT_MAX);
    uint8_t input[HF_WIRE_INPUT_MAX + 1] = {0};
    hf_wire_request request = sample(HF_KEY_OP_SIGN, input, sizeof input, NULL);
    cr_assert_eq(hf_wire_put_request(message, sizeof message, 1, &request), 0, "an input beyond the limit was written");
}

Test(key_wire, too_long_an_input_is_not_read)
{
    uint8_t input[HF_WIRE_INPUT_MAX] = {0};
    hf_wire_head head;
    hf_wire_request back, request = sample(HF_KEY_OP_SIGN, input, sizeof input, NULL);
    size_t len = hf_wire_put_request(message, sizeof message, 1, &request);
    size_t body = len + 1 - HF_WIRE_HEAD, at = len - sizeof input - 2;
    message[6] = (uint8_t)(body >> 8);
    message[7] = (uint8_t)body;
    message[at] = (HF_WIRE_INPUT_MAX + 1) >> 8;
    message[at + 1] = (HF_WIRE_INPUT_MAX + 1) & 0xff;
    message[len] = 0;
    cr_assert(hf_wire_head_read(message, len + 1, &head));
    cr_assert_not(hf_wire_request_read(message, &head, &back));
}

Test(key_wire, heads)
{
    hf_wire_head head;
    size_t len = hf_wire_put_empty(message, sizeof message, HF_WIRE_ASK, 9);
    cr_assert_eq(len, HF_WIRE_HEAD);
    cr_assert(hf_wire_head_read(message, len, &head));
    cr_assert_eq(head.type, HF_WIRE_ASK);
    for (size_t cut = 0; cut < len; cut++)
        cr_assert_not(hf_wire_head_read(message, cut, &head));
    cr_assert_not(hf_wire_head_read(message, len + 1, &head), "a longer message than it says");
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{0, 1},
                 {1, HF_WIRE_VERSION + 1},
                 {3, 0},
                 {3, HF_WIRE_TICKET + 1},
                 {3, HF_WIRE_KEY - 1},
                 {3, HF_WIRE_TICKET_SECRET + 1},
                 {2, 1},
                 {4, 0xff},
                 {7, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        hf_wire_put_empty(message, sizeof message, HF_WIRE_ASK, 9);
        message[wrong[i].at] = wrong[i].value;
        cr_assert_not(hf_wire_head_read(message, len, &head), "byte %zu", wrong[i].at);
    }
}

Test(key_wire, faces)
{
    static const uint8_t spki[300] = {0x30, 1, 2};
    hf_wire_head head;
    hf_wire_key back, key = {.index = 1,
                             .type = HF_KEY_EC,
                             .bits = 256,
                             .group = HF_GROUP_P256,
                             .schemes = {HF_ECDSA_SECP256R1_SHA256},
                             .can_decrypt = false,
                             .label = "pkcs11:token=t",
                             .label_len = 14,
                             .where = "token",
                             .where_len = 5,
                             .spki = spki,
                             .spki_len = sizeof spki};
    size_t len = hf_wire_put_key(message, sizeof message, &key);
    cr_assert(hf_wire_head_read(message, len, &head));
    cr_assert(hf_wire_key_read(message, &head, &back));
    cr_assert_eq(back.bits, 256);
    cr_assert_eq(back.schemes[0], HF_ECDSA_SECP256R1_SHA256);
    cr_assert_eq(back.label_len, 14);
    cr_assert_arr_eq(back.label, "pkcs11:token=t", 14);
    cr_assert_eq(back.spki_len, sizeof spki);
    for (size_t cut = HF_WIRE_HEAD; cut < len; cut++) {
        head.body_len = cut - HF_WIRE_HEAD;
        cr_assert_not(hf_wire_key_read(message, &head, &back));
    }
    head.body_len = len - HF_WIRE_HEAD;
    message[HF_WIRE_HEAD + 4] = HF_KEY_ED25519 + 1;
    cr_assert_not(hf_wire_key_read(message, &head, &back), "an unknown type of key");
}

Test(key_wire, a_full_list_of_schemes_has_no_end_and_is_refused)
{
    hf_wire_head head;
    hf_wire_key back, key = {.type = HF_KEY_RSA};
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX; i++)
        key.schemes[i] = HF_RSA_PKCS1_SHA256;
    size_t len = hf_wire_put_key(message, sizeof message, &key);
    cr_assert(hf_wire_head_read(message, len, &head));
    cr_assert_not(hf_wire_key_read(message, &head, &back));
}

Test(key_rate, a_bucket_of_tokens)
{
    hf_rate limit;
    hf_rate_init(&limit, 10, 5000000);
    unsigned taken = 0;
    for (int i = 0; i < 100; i++)
        taken += hf_rate_take(&limit, 5000000);
    cr_assert_eq(taken, 10, "%u at once", taken);
    for (uint64_t us = 0; us < 2000000; us += 1000)
        taken += hf_rate_take(&limit, 5000000 + us);
    cr_assert(taken >= 28 && taken <= 31, "%u in two seconds more", taken);
    cr_assert_not(hf_rate_take(&limit, 1), "a clock that went back gives nothing");
    hf_rate_init(&limit, 0, 0);
    for (int i = 0; i < 100; i++)
        cr_assert(hf_rate_take(&limit, 0), "no limit");
}

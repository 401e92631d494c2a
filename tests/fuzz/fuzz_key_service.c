/* The key process's service against whatever a network process that was taken over may send: the input is cut into
 * messages (two bytes of length, then the message); each is taken, answers are thrown away. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "key_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    (void)key;
    if (op->input_len == 0 || op->input_len > HF_WIRE_INPUT_MAX)
        abort(); /* the service promises to let none of these pass */
    if (op->kind == HF_KEY_OP_SIGN && op->scheme != HF_RSA_PKCS1_SHA256 && op->scheme != HF_ED25519)
        abort();
    op->status = op->input[0] & 1 ? HF_OK : HF_ERR_TOKEN;
    op->result_len = op->kind == HF_KEY_OP_SIGN ? 256 : HF_PREMASTER_SIZE;
    memcpy(op->result, op->input, op->input_len < op->result_len ? op->input_len : op->result_len);
    done(arg, op);
}

static void count(hf_key *key)
{
    (void)key;
}

static void settle(void *arg, uint32_t number, bool adopt)
{
    (void)arg;
    (void)number;
    (void)adopt;
}

static const hf_key_ops ops = {.submit = submit, .retain = count, .release = count};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_key key = {
        .ops = &ops, .label = "k", .where = "token", .schemes = {HF_RSA_PKCS1_SHA256, HF_ED25519}, .can_decrypt = true};
    hf_key *keys[] = {&key};
    hf_key_service service;
    int pair[2];
    uint8_t answer[4096];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        return 0;
    hf_key_service_init(&service, pair[0], 0);
    /* The keys of the beginning, and of a reload. */
    if (!hf_key_service_open_set(&service, 0, keys, 1) || !hf_key_service_open_set(&service, 1, keys, 1))
        abort();
    service.settle = settle;
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        len = len < size ? len : size;
        uint8_t *message = malloc(len ? len : 1);
        if (message) {
            memcpy(message, data, len);
            hf_key_service_take(&service, message, len);
        }
        free(message);
        while (recv(pair[1], answer, sizeof answer, MSG_DONTWAIT) > 0)
            ;
        data += len;
        size -= len;
    }
    hf_key_service_close_set(&service, 0); /* it would hang if an operation were not counted back */
    hf_key_service_close_set(&service, 1);
    hf_key_service_cleanup(&service);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

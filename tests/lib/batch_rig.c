/* The moves behind batch_rig.h. */
#include "batch_rig.h"

#include <string.h>

void rig_tls13(size_t i, side *client, side *server)
{
    (void)i;
    client->tls13 = server->tls13 = true;
    client->suites[0] = 0x1301;
}

void rig_cbc(size_t i, side *client, side *server)
{
    (void)i;
    client->policy = server->policy = HF_POLICY_COMPATIBLE;
    client->suites[0] = 0xc009;
}

void rig_start(rig *r, size_t n, void (*how)(size_t i, side *client, side *server))
{
    memset(r, 0, sizeof *r);
    cr_assert_leq(n, RIG_MAX);
    for (r->n = 0; r->n < n; r->n++) {
        side client = {0}, server = {.cert = world_server("P-256")};
        how(r->n, &client, &server);
        world_run(&r->pairs[r->n], &client, &server);
        cr_assert(pair_connected(&r->pairs[r->n]), "pair %zu", r->n);
    }
    cr_assert_eq(hf_batch_new(world_env(), 256, &r->batch), HF_OK);
    cr_assert_eq(hf_worker_new(world_crypto(), &r->worker), HF_OK);
}

void rig_cleanup(rig *r)
{
    hf_batch_free(r->batch);
    for (size_t i = 0; i < r->n; i++)
        pair_cleanup(&r->pairs[i]);
    hf_worker_free(r->worker);
}

hf_conn *rig_server(rig *r, size_t i)
{
    return r->pairs[i].server.conn;
}

hf_conn *rig_client(rig *r, size_t i)
{
    return r->pairs[i].client.conn;
}

const uint8_t *rig_noise(size_t i, size_t len)
{
    static uint8_t room[2][70000];
    static unsigned turn;
    uint8_t *bytes = room[++turn % 2];
    uint32_t seed = (uint32_t)(i * 977 + len + 1);
    cr_assert_leq(len, sizeof room[0]);
    for (size_t k = 0; k < len; k++)
        bytes[k] = (uint8_t)(pair_random(&seed) >> 9);
    return bytes;
}

void rig_to_server(rig *r, size_t i)
{
    hf_conn *from = rig_client(r, i), *to = rig_server(r, i);
    const uint8_t *bytes;
    uint8_t *room;
    size_t len, max;
    cr_assert_eq(hf_conn_output_buf(from, &bytes, &len), HF_OK);
    for (size_t done = 0, part; done < len; done += part) { /* the first buffer is a small one */
        cr_assert_eq(hf_conn_input_buf(to, &room, &max), HF_OK);
        part = len - done < max ? len - done : max;
        memcpy(room, bytes + done, part);
        cr_assert_eq(hf_conn_input_ack(to, part), HF_OK);
    }
    cr_assert_eq(hf_conn_output_ack(from, len), HF_OK);
}

void rig_client_says(rig *r, size_t i, const void *data, size_t len)
{
    size_t taken;
    cr_assert_eq(hf_conn_write(rig_client(r, i), r->pairs[i].client.worker, data, len, &taken), HF_OK);
    cr_assert_eq(taken, len);
    rig_to_server(r, i);
}

void rig_settle(rig *r, size_t i)
{
    pair_run(&r->pairs[i]);
}

void rig_assert_server_got(rig *r, size_t i, const void *data, size_t len)
{
    hf_conn *conn = rig_server(r, i);
    const uint8_t *got;
    size_t got_len;
    cr_assert_eq(hf_conn_plaintext_buf(conn, &got, &got_len), HF_OK, "%zu: %s", i, hf_conn_reason(conn));
    cr_assert_eq(got_len, len, "%zu: %zu of %zu", i, got_len, len);
    cr_assert_eq(memcmp(got, data, len), 0, "%zu", i);
    cr_assert_eq(hf_conn_plaintext_ack(conn, len), HF_OK);
}

void rig_assert_client_got(rig *r, size_t i, const void *data, size_t len)
{
    wire *plain = &r->pairs[i].client.plain;
    rig_settle(r, i);
    cr_assert_eq(wire_len(plain), len, "%zu: %zu of %zu: %s", i, wire_len(plain), len,
                 hf_conn_reason(rig_client(r, i)));
    cr_assert_eq(memcmp(wire_data(plain), data, len), 0, "%zu", i);
    wire_drop(plain, len);
}

void rig_mark(rig *r)
{
    hf_worker_get_counts(r->worker, &r->before);
}

static uint64_t sum(uint64_t (*now)[2], uint64_t (*then)[2], int direction)
{
    uint64_t all = 0;
    for (size_t i = 0; i < HF_CIPHER_COUNT; i++)
        all += now[i][direction] - then[i][direction];
    return all;
}

uint64_t rig_calls(rig *r, hf_direction direction)
{
    hf_worker_counts now;
    hf_worker_get_counts(r->worker, &now);
    return sum(now.calls, r->before.calls, direction);
}

uint64_t rig_records(rig *r, hf_direction direction)
{
    hf_worker_counts now;
    hf_worker_get_counts(r->worker, &now);
    return sum(now.records, r->before.records, direction);
}

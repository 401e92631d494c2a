/* Batches that go well: many connections, suites, sizes and versions; order; keys that change; what is refused while
 * records are on their way. */
#include <string.h>

#include "batch_rig.h"

TestSuite(batch, .timeout = 300);

static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a, 0xc023};
#define N_SUITES (sizeof suites / sizeof suites[0])

static void mixed(size_t i, side *client, side *server)
{
    uint16_t suite = suites[i % N_SUITES];
    client->policy = server->policy = HF_POLICY_COMPATIBLE;
    client->tls13 = server->tls13 = suite < 0x1400;
    client->suites[0] = suite;
    server->record_padding = i % 3 == 0 ? 512 : 0;
}

static size_t size_of(size_t i)
{
    static const size_t sizes[] = {1, 16384, 100, 17, 16383, 1400, 16, 4096, 15, 9000, 257};
    return sizes[i % (sizeof sizes / sizeof sizes[0])];
}

/* How many ciphers the suites have between them: a call for each, however many connections there are. */
#define N_CIPHERS 7

Test(batch, mixed_connections_take_one_call_for_each_cipher)
{
    static rig r;
    rig_start(&r, 40, mixed);
    for (size_t i = 0; i < r.n; i++) {
        rig_client_says(&r, i, rig_noise(i, size_of(i)), size_of(i));
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
    }
    cr_assert_eq(hf_batch_len(r.batch), r.n);
    rig_mark(&r);
    hf_batch_run(r.batch, r.worker);
    cr_assert_eq(hf_batch_len(r.batch), 0);
    cr_assert_eq(rig_records(&r, HF_OPEN), r.n);
    cr_assert_eq(rig_calls(&r, HF_OPEN), N_CIPHERS, "%zu calls", (size_t)rig_calls(&r, HF_OPEN));
    for (size_t i = 0; i < r.n; i++)
        rig_assert_server_got(&r, i, rig_noise(i, size_of(i)), size_of(i));

    static uint8_t answers[40][16384];
    for (size_t i = 0; i < r.n; i++) {
        size_t len = size_of(i + 3), taken;
        memcpy(answers[i], rig_noise(i + 100, len), len);
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, answers[i], len, &taken), HF_OK);
        cr_assert_eq(taken, len);
    }
    hf_batch_run(r.batch, r.worker);
    cr_assert_eq(rig_calls(&r, HF_SEAL), N_CIPHERS);
    cr_assert_eq(rig_records(&r, HF_SEAL), r.n);
    for (size_t i = 0; i < r.n; i++)
        rig_assert_client_got(&r, i, rig_noise(i + 100, size_of(i + 3)), size_of(i + 3));
    rig_cleanup(&r);
}

/* Several writes of one connection between those of others, of many records each. */
Test(batch, order_within_a_connection)
{
    static rig r;
    static uint8_t data[3][4][30000];
    rig_start(&r, 3, mixed);
    for (size_t turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < r.n; i++) {
            size_t taken;
            memset(data[i][turn], (int)(16 * i + turn), sizeof data[i][turn]);
            cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, data[i][turn], sizeof data[i][turn], &taken),
                         HF_OK);
            cr_assert_eq(taken, sizeof data[i][turn]);
        }
    hf_batch_run(r.batch, r.worker);
    for (size_t i = 0; i < r.n; i++) {
        wire *plain = &r.pairs[i].client.plain;
        rig_settle(&r, i);
        cr_assert_eq(wire_len(plain), 2 * sizeof data[i][0]);
        cr_assert_eq(memcmp(wire_data(plain), data[i][0], sizeof data[i][0]), 0);
        cr_assert_eq(memcmp(wire_data(plain) + sizeof data[i][0], data[i][1], sizeof data[i][1]), 0);
    }
    rig_cleanup(&r);
}

/* Calls with a worker finish what is on its way first, so that nothing overtakes it. */
Test(batch, other_calls_keep_the_order)
{
    static rig r;
    size_t taken;
    rig_start(&r, 4, rig_tls13);
    for (size_t i = 0; i < r.n; i++)
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, (const uint8_t *)"first ", 6, &taken), HF_OK);
    cr_assert_eq(hf_conn_write(rig_server(&r, 0), r.worker, (const uint8_t *)"second", 6, &taken), HF_OK);
    hf_conn_close(rig_server(&r, 1), r.worker);
    cr_assert_eq(hf_conn_key_update(rig_server(&r, 2), r.worker, true), HF_OK);
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 2), r.batch, (const uint8_t *)"second", 6, &taken), HF_OK);
    hf_batch_run(r.batch, r.worker);
    rig_assert_client_got(&r, 0, "first second", 12);
    rig_assert_client_got(&r, 1, "first ", 6);
    cr_assert_eq(end_alert_got(&r.pairs[1].client), HF_ALERT_CLOSE_NOTIFY);
    rig_assert_client_got(&r, 2, "first second", 12);
    rig_assert_client_got(&r, 3, "first ", 6);
    for (size_t i = 0; i < r.n; i++)
        cr_assert_eq(hf_conn_status(rig_client(&r, i)), HF_OK);
    rig_cleanup(&r);
}

/* A record that is opened makes us send something while a record of ours is on its way: that one goes first. */
Test(batch, answers_come_behind_what_was_sealed)
{
    static rig r;
    size_t taken;
    rig_start(&r, 2, rig_tls13);
    cr_assert_eq(hf_conn_key_update(rig_client(&r, 0), r.pairs[0].client.worker, true), HF_OK);
    rig_to_server(&r, 0);
    hf_conn_close(rig_client(&r, 1), r.pairs[1].client.worker);
    rig_to_server(&r, 1);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, (const uint8_t *)"before", 6, &taken), HF_OK);
    }
    hf_batch_run(r.batch, r.worker);
    cr_assert_eq(hf_conn_write(rig_server(&r, 0), r.worker, (const uint8_t *)" after", 6, &taken), HF_OK);
    rig_assert_client_got(&r, 0, "before after", 12);
    rig_assert_client_got(&r, 1, "before", 6);
    cr_assert(pair_connected(&r.pairs[0]), "the keys fit on both sides");
    rig_cleanup(&r);
}

/* Our own KeyUpdate comes exactly where the key has done enough, in the middle of a long write. */
static void rekeying(size_t i, side *client, side *server)
{
    rig_tls13(i, client, server);
    server->rekey_after = 5;
}

Test(batch, key_update_after_the_limit)
{
    static rig r;
    const uint8_t *data = rig_noise(1, 40 * 64);
    size_t done = 0, runs = 0, taken;
    rig_start(&r, 1, rekeying);
    cr_assert_eq(hf_conn_set_record_size(rig_server(&r, 0), 64), HF_OK);
    size_t updates = r.pairs[0].server.n_sent;
    for (; done < 40 * 64; runs++) {
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), r.batch, data + done, 40 * 64 - done, &taken), HF_OK);
        cr_assert(taken > 0 && taken <= 5 * 64, "no more than the key may seal");
        cr_assert_eq(hf_batch_len(r.batch), taken / 64);
        size_t more;
        if (taken == 5 * 64) {
            cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), r.batch, data, 64, &more), HF_OK);
            cr_assert_eq(more, 0, "the rest waits for the KeyUpdate");
        }
        hf_batch_run(r.batch, r.worker);
        done += taken;
    }
    cr_assert_eq(r.pairs[0].server.n_sent - updates, 8, "%zu KeyUpdates", r.pairs[0].server.n_sent - updates);
    cr_assert_eq(runs, 8);
    rig_assert_client_got(&r, 0, data, 40 * 64);
    cr_assert(pair_connected(&r.pairs[0]));
    rig_cleanup(&r);
}

/* Whatever may change keys is alone on its way: what stands behind it is opened under the new ones. */
Test(batch, records_behind_a_key_update)
{
    static rig r;
    size_t taken;
    rig_start(&r, 1, rig_tls13);
    end *client = &r.pairs[0].client;
    cr_assert_eq(hf_conn_write(client->conn, client->worker, (const uint8_t *)"old", 3, &taken), HF_OK);
    cr_assert_eq(hf_conn_key_update(client->conn, client->worker, false), HF_OK);
    rig_client_says(&r, 0, "new", 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, 0), r.batch), HF_OK);
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, 0), r.batch), HF_ERR_STATE, "one at a time");
        hf_batch_run(r.batch, r.worker);
        if (i != 1)
            rig_assert_server_got(&r, 0, i ? "new" : "old", 3);
    }
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 0), r.batch), HF_ERR_STATE, "all done");
    rig_cleanup(&r);
}

Test(batch, close_notify_is_answered)
{
    static rig r;
    rig_start(&r, 2, rig_cbc);
    hf_conn_close(rig_client(&r, 0), r.pairs[0].client.worker);
    rig_to_server(&r, 0);
    rig_client_says(&r, 1, "data", 4);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 0), r.batch), HF_OK);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 1), r.batch), HF_OK);
    hf_batch_run(r.batch, r.worker);
    rig_settle(&r, 0);
    cr_assert_eq(end_alert_got(&r.pairs[0].client), HF_ALERT_CLOSE_NOTIFY);
    cr_assert_eq(hf_conn_status(rig_server(&r, 0)), HF_OK);
    rig_assert_server_got(&r, 1, "data", 4);
    rig_cleanup(&r);
}

/* ---- Record sizes ---- */

Test(batch, records_are_as_small_as_wished)
{
    static rig r;
    const uint8_t *data = rig_noise(0, 5000);
    size_t taken;
    rig_start(&r, 2, rig_tls13);
    cr_assert_eq(hf_conn_set_record_size(rig_server(&r, 0), 63), HF_ERR_INVALID);
    cr_assert_eq(hf_conn_set_record_size(rig_server(&r, 0), 16385), HF_ERR_INVALID);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(hf_conn_set_record_size(rig_server(&r, i), 1000), HF_OK);
    rig_mark(&r);
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), r.batch, data, 5000, &taken), HF_OK);
    hf_batch_run(r.batch, r.worker);
    cr_assert_eq(rig_records(&r, HF_SEAL), 5);
    cr_assert_eq(hf_conn_write(rig_server(&r, 1), r.worker, data, 5000, &taken), HF_OK);
    cr_assert_eq(rig_records(&r, HF_SEAL), 10);
    cr_assert_eq(rig_calls(&r, HF_SEAL), 2, "one write is one call, too");
    uint8_t *room;
    size_t max;
    cr_assert_eq(hf_conn_room_buf(rig_server(&r, 1), &room, &max), HF_OK);
    cr_assert_eq(max, 1000);
    for (size_t i = 0; i < 2; i++)
        rig_assert_client_got(&r, i, data, 5000);
    rig_cleanup(&r);
}

/* ---- What is refused ---- */

Test(batch, a_full_batch_says_so)
{
    static rig r;
    hf_batch *small;
    size_t taken;
    rig_start(&r, 3, rig_tls13);
    cr_assert_eq(hf_batch_new(world_env(), 0, &small), HF_ERR_INVALID);
    cr_assert_eq(hf_batch_new(world_env(), HF_LIMIT_BATCH_JOBS + 1, &small), HF_ERR_INVALID);
    cr_assert_eq(hf_batch_new(world_env(), 2, &small), HF_OK);
    for (size_t i = 0; i < 3; i++)
        rig_client_says(&r, i, "x", 1);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 0), small), HF_OK);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 1), small), HF_OK);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 2), small), HF_ERR_LIMIT);
    hf_batch_run(small, r.worker);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 2), small), HF_OK);
    const uint8_t *data = rig_noise(9, 40000);
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), small, data, 40000, &taken), HF_OK);
    cr_assert_eq(taken, 16384, "one place was left");
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), small, data, 40000, &taken), HF_OK);
    cr_assert_eq(taken, 0);
    hf_batch_run(small, r.worker);
    rig_assert_server_got(&r, 2, "x", 1);
    rig_assert_client_got(&r, 0, data, 16384);
    hf_batch_free(small);
    rig_cleanup(&r);
}

Test(batch, output_is_bounded)
{
    static rig r;
    static uint8_t data[1 << 20];
    size_t sum = 0, taken;
    rig_start(&r, 1, rig_tls13);
    do {
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), r.batch, data, sizeof data, &taken), HF_OK);
        sum += taken;
    } while (taken > 0);
    cr_assert(sum > HF_LIMIT_OUTPUT / 2 && sum <= HF_LIMIT_OUTPUT + HF_PLAINTEXT_MAX);
    cr_assert_not(hf_conn_wants(rig_server(&r, 0)) & HF_WANT_ROOM);
    hf_batch_run(r.batch, r.worker);
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 0), r.batch, data, sizeof data, &taken), HF_OK);
    cr_assert_eq(taken, 0, "until it is sent");
    rig_assert_client_got(&r, 0, data, sum);
    rig_cleanup(&r);
}

Test(batch, buffers_are_closed_while_records_are_on_their_way)
{
    static rig r;
    const uint8_t *bytes;
    uint8_t *room;
    size_t len, taken;
    rig_start(&r, 2, rig_tls13);
    hf_conn *conn = rig_server(&r, 0);
    cr_assert_eq(hf_conn_write(conn, r.worker, (const uint8_t *)"sent", 4, &taken), HF_OK);
    cr_assert_eq(hf_conn_batch_write(conn, r.batch, (const uint8_t *)"waits", 5, &taken), HF_OK);
    cr_assert_not(hf_conn_wants(conn) & HF_WANT_OUTPUT);
    cr_assert(hf_conn_wants(conn) & HF_WANT_INPUT);
    cr_assert_eq(hf_conn_output_buf(conn, &bytes, &len), HF_ERR_STATE);
    cr_assert_eq(hf_conn_output_ack(conn, 1), HF_ERR_STATE);
    cr_assert_eq(hf_conn_room_buf(conn, &room, &len), HF_ERR_STATE);
    rig_client_says(&r, 0, "in", 2);
    cr_assert_eq(hf_conn_batch_open(conn, r.batch), HF_OK);
    cr_assert_not(hf_conn_wants(conn) & (HF_WANT_INPUT | HF_WANT_PLAINTEXT));
    cr_assert_eq(hf_conn_input_buf(conn, &room, &len), HF_ERR_STATE);
    cr_assert_eq(hf_conn_input_ack(conn, 0), HF_ERR_STATE);
    cr_assert_eq(hf_conn_plaintext_buf(conn, &bytes, &len), HF_ERR_STATE);
    hf_batch *other;
    cr_assert_eq(hf_batch_new(world_env(), 4, &other), HF_OK);
    cr_assert_eq(hf_conn_batch_write(conn, other, (const uint8_t *)"x", 1, &taken), HF_ERR_STATE, "in one batch only");
    cr_assert_eq(hf_conn_batch_open(conn, other), HF_ERR_STATE);
    hf_batch_run(r.batch, r.worker);
    rig_assert_server_got(&r, 0, "in", 2);
    cr_assert(hf_conn_wants(conn) & HF_WANT_OUTPUT);
    rig_assert_client_got(&r, 0, "sentwaits", 9);
    cr_assert_eq(hf_conn_batch_open(conn, other), HF_ERR_STATE, "nothing there");
    hf_conn_close(conn, r.worker);
    cr_assert_eq(hf_conn_batch_write(conn, other, (const uint8_t *)"x", 1, &taken), HF_ERR_CLOSED);
    hf_batch_free(other);
    rig_cleanup(&r);
}

/* What a batch sends for the connection, here the answer to a KeyUpdate, stands where the room was. */
Test(batch, room_does_not_outlive_a_run)
{
    static rig r;
    uint8_t *room;
    size_t len;
    rig_start(&r, 1, rig_tls13);
    hf_conn *conn = rig_server(&r, 0);
    cr_assert_eq(hf_conn_key_update(rig_client(&r, 0), r.pairs[0].client.worker, true), HF_OK);
    rig_to_server(&r, 0);
    cr_assert_eq(hf_conn_room_buf(conn, &room, &len), HF_OK);
    cr_assert_eq(hf_conn_batch_open(conn, r.batch), HF_OK);
    hf_batch_run(r.batch, r.worker);
    cr_assert(hf_conn_wants(conn) & HF_WANT_OUTPUT, "the answer");
    cr_assert_eq(hf_conn_room_ack(conn, r.worker, 5), HF_ERR_INVALID);
    rig_settle(&r, 0);
    cr_assert(pair_connected(&r.pairs[0]));
    rig_cleanup(&r);
}

Test(batch, not_before_the_handshake)
{
    static rig r;
    size_t taken;
    rig_start(&r, 0, rig_tls13);
    pair p = {0};
    world_pair(&p, &(side){.tls13 = true}, &(side){.tls13 = true});
    cr_assert_eq(hf_conn_batch_open(p.server.conn, r.batch), HF_ERR_STATE);
    cr_assert_eq(hf_conn_batch_write(p.server.conn, r.batch, (const uint8_t *)"x", 1, &taken), HF_ERR_STATE);
    pair_cleanup(&p);
    rig_cleanup(&r);
}

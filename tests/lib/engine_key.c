/* Private-key operations as detached objects (key.h): late, never, stale, cancelled, failed and faulty ones. */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "gate.h"
#include "world.h"

TestSuite(key, .timeout = 300);

static void keep(void *arg, hf_key_op *op)
{
    *(hf_key_op **)arg = op;
}

/* Runs an operation on the key it belongs to, as its holder would. */
static hf_key_op *run(hf_key_op *op)
{
    hf_key_op *back = NULL;
    hf_key *key = (hf_key *)(uintptr_t)op->key;
    key->ops->submit(key, op, keep, &back);
    cr_assert_not_null(back);
    return back;
}

/* A pair that waits for the operation of `e`, which is handed to the test. */
typedef enum who { SERVER_SIGNS, SERVER_DECRYPTS, CLIENT_SIGNS } who;

static end *waiting(pair *p, who w, hf_key_op **op)
{
    memset(p, 0, sizeof *p);
    side client = {.policy = HF_POLICY_COMPATIBLE}, server = client;
    if (w == SERVER_DECRYPTS)
        client.suites[0] = 0x009c;
    if (w == CLIENT_SIGNS) {
        client.cert = world_client("P-256");
        server.client_auth = HF_CLIENT_AUTH_REQUIRED;
    }
    world_pair(p, &client, &server);
    end *e = w == CLIENT_SIGNS ? &p->client : &p->server;
    e->hold_key = true;
    pair_run(p);
    cr_assert_eq(hf_conn_status(e->conn), HF_OK, "%s", hf_conn_reason(e->conn));
    cr_assert(hf_conn_wants(e->conn) & HF_WANT_KEY);
    cr_assert_not(hf_conn_wants(e->conn) & HF_WANT_INPUT, "no input while an operation is out");
    cr_assert_eq(hf_conn_key_take(e->conn, op), HF_OK);
    cr_assert_not(hf_conn_wants(e->conn) & (HF_WANT_KEY | HF_WANT_INPUT));
    e->hold_key = false;
    return e;
}

#define EACH_WHO(w)                                                                                                    \
    who w = SERVER_SIGNS;                                                                                              \
    (w) <= CLIENT_SIGNS;                                                                                               \
    (w)++

Test(key, completes_later)
{
    for (EACH_WHO(w)) {
        pair p;
        hf_key_op *op;
        end *e = waiting(&p, w, &op);
        for (int i = 0; i < 10; i++) {
            size_t sent = e->n_sent, received = e->n_received;
            pair_run(&p);
            cr_assert(e->n_sent == sent && e->n_received == received, "it waits");
        }
        cr_assert_eq(op->conn_id, hf_conn_id(e->conn));
        cr_assert_neq(op->id, 0);
        cr_assert_eq(op->kind, w == SERVER_DECRYPTS ? HF_KEY_OP_DECRYPT : HF_KEY_OP_SIGN);
        cr_assert_eq(op->scheme != 0, w != SERVER_DECRYPTS);
        cr_assert_eq(op->client_version, w == SERVER_DECRYPTS ? 0x0303 : 0);
        op = run(op);
        cr_assert_eq(op->status, HF_OK);
        cr_assert_eq(hf_conn_key_done(e->conn, op), HF_OK);
        pair_run(&p);
        cr_assert(pair_connected(&p), "%s", hf_conn_reason(e->conn));
        cr_assert_eq(e->key_started, 1);
        cr_assert_eq(e->key_done, 1);
        pair_cleanup(&p);
    }
}

Test(key, is_taken_once)
{
    for (EACH_WHO(w)) {
        pair p;
        hf_key_op *op, *again = NULL;
        end *e = waiting(&p, w, &op);
        cr_assert_eq(hf_conn_key_take(e->conn, &again), HF_ERR_STATE);
        cr_assert_null(again);
        hf_key_op_free(op);
        pair_cleanup(&p);
    }
}

/* The connection is freed while its operation is out: the operation lives on, can be run, and is its holder's. */
Test(key, completes_after_the_connection_is_gone)
{
    for (EACH_WHO(w)) {
        pair p;
        hf_key_op *op;
        waiting(&p, w, &op);
        pair_cleanup(&p); /* the configurations go with it */
        op = run(op);
        cr_assert_eq(op->status, HF_OK);
        cr_assert_gt(op->result_len, 0);
        hf_key_op_free(op);
    }
}

Test(key, never_taken)
{
    pair p = {0};
    world_pair(&p, &(side){0}, &(side){0});
    p.server.hold_key = true;
    pair_run(&p);
    cr_assert(hf_conn_wants(p.server.conn) & HF_WANT_KEY);
    pair_cleanup(&p); /* a leak would be seen by the sanitizer */
}

/* Whoever gives up frees the operation and ends the connection: internal_error, nothing of ours. */
Test(key, given_up)
{
    for (EACH_WHO(w)) {
        pair p;
        hf_key_op *op;
        end *e = waiting(&p, w, &op);
        hf_key_op_free(op);
        hf_conn_fail(e->conn, e->worker, HF_ERR_TIMEOUT, "the token took too long");
        pair_run(&p);
        cr_assert_eq(hf_conn_status(e->conn), HF_ERR_TIMEOUT);
        cr_assert_eq(end_alert_got(pair_peer(&p, e)), HF_ALERT_INTERNAL_ERROR);
        pair_cleanup(&p);
    }
}

/* ---- Stale results ---- */

Test(key, result_of_another_connection_is_stale)
{
    for (EACH_WHO(w)) {
        pair p, q;
        hf_key_op *mine, *other;
        end *e = waiting(&p, w, &mine), *f = waiting(&q, w, &other);
        cr_assert_neq(mine->id, other->id);
        cr_assert_eq(hf_conn_key_done(e->conn, run(other)), HF_ERR_STALE);
        pair_run(&p);
        cr_assert_eq(hf_conn_status(e->conn), HF_OK, "a stale result changes nothing");
        cr_assert_eq(hf_conn_key_done(e->conn, run(mine)), HF_OK);
        pair_run(&p);
        cr_assert(pair_connected(&p));
        (void)f;
        pair_cleanup(&p);
        pair_cleanup(&q);
    }
}

/* An id of 0 would say that nothing is waited for. */
Test(key, ids_count_on_past_zero)
{
    pair p = {0};
    hf_key_op *op;
    world_pair(&p, &(side){0}, &(side){0});
    p.server.hold_key = true;
    p.server.conn->hs->last_op_id = UINT64_MAX;
    pair_run(&p);
    cr_assert_eq(hf_conn_key_take(p.server.conn, &op), HF_OK);
    cr_assert_eq(op->id, 1);
    cr_assert_eq(hf_conn_key_done(p.server.conn, run(op)), HF_OK);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    pair_cleanup(&p);
}

Test(key, result_with_a_wrong_id_is_stale)
{
    for (EACH_WHO(w)) {
        pair p;
        hf_key_op *op;
        end *e = waiting(&p, w, &op);
        op = run(op);
        op->id ^= 1;
        cr_assert_eq(hf_conn_key_done(e->conn, op), HF_ERR_STALE);
        pair_run(&p);
        cr_assert_not(pair_connected(&p));
        cr_assert_eq(hf_conn_status(e->conn), HF_OK);
        pair_cleanup(&p);
    }
}

/* A second completion under the same id, before and after the first one was used. */
Test(key, second_completion_is_stale)
{
    for (int used = 0; used <= 1; used++) {
        pair p, q;
        hf_key_op *op, *copy;
        end *e = waiting(&p, SERVER_SIGNS, &op);
        waiting(&q, SERVER_SIGNS, &copy);
        copy->id = op->id;
        cr_assert_eq(hf_conn_key_done(e->conn, run(op)), HF_OK);
        if (used)
            pair_run(&p);
        cr_assert_eq(hf_conn_key_done(e->conn, run(copy)), HF_ERR_STALE);
        pair_run(&p);
        cr_assert(pair_connected(&p));
        pair_cleanup(&p);
        pair_cleanup(&q);
    }
}

Test(key, result_for_a_failed_or_closed_connection_is_stale)
{
    for (EACH_WHO(w))
        for (int close = 0; close <= 1; close++) {
            pair p;
            hf_key_op *op;
            end *e = waiting(&p, w, &op);
            if (close)
                hf_conn_close(e->conn, e->worker);
            else
                hf_conn_fail(e->conn, e->worker, HF_ERR_TIMEOUT, "late");
            cr_assert_eq(hf_conn_key_done(e->conn, run(op)), HF_ERR_STALE);
            hf_status status = hf_conn_status(e->conn);
            cr_assert_eq(status, close ? HF_ERR_CANCELED : HF_ERR_TIMEOUT);
            pair_cleanup(&p);
        }
}

Test(key, result_for_a_connected_one_is_stale)
{
    pair p, q;
    hf_key_op *op;
    waiting(&q, SERVER_SIGNS, &op);
    memset(&p, 0, sizeof p);
    world_run(&p, &(side){0}, &(side){0});
    cr_assert_eq(hf_conn_key_done(p.server.conn, run(op)), HF_ERR_STALE);
    cr_assert(pair_connected(&p));
    pair_cleanup(&p);
    pair_cleanup(&q);
}

/* ---- Failed and faulty results ---- */

static void assert_internal_error(pair *p, end *e, hf_status want, size_t messages_before)
{
    hf_status status = hf_conn_status(e->conn);
    if (want != HF_OK)
        cr_assert_eq(status, want, "%s", hf_status_text(status));
    cr_assert(status != HF_OK && !hf_status_is_send(status) && !hf_status_is_got(status), "a fault of ours: %s",
              hf_status_text(status));
    cr_assert_eq(e->n_alerts_sent, 1);
    cr_assert_eq(end_alert_sent(e), HF_ALERT_INTERNAL_ERROR);
    cr_assert_eq(end_alert_got(pair_peer(p, e)), HF_ALERT_INTERNAL_ERROR);
    cr_assert_eq(e->n_sent, messages_before, "no message leaves");
    cr_assert_eq(e->n_connected + pair_peer(p, e)->n_connected, 0);
}

Test(key, error_of_the_holder)
{
    static const hf_status errors[] = {HF_ERR_TOKEN, HF_ERR_TOKEN_ABSENT, HF_ERR_BUSY, HF_ERR_TIMEOUT, HF_ERR_CANCELED};
    for (EACH_WHO(w))
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
            pair p;
            hf_key_op *op;
            end *e = waiting(&p, w, &op);
            size_t sent = e->n_sent;
            op->status = errors[i];
            cr_assert_eq(hf_conn_key_done(e->conn, op), HF_OK);
            pair_run(&p);
            assert_internal_error(&p, e, errors[i], sent);
            pair_cleanup(&p);
        }
}

/* Handed back without having been run: an error, not an empty signature. */
Test(key, handed_back_untouched)
{
    for (EACH_WHO(w)) {
        pair p;
        hf_key_op *op;
        end *e = waiting(&p, w, &op);
        size_t sent = e->n_sent;
        cr_assert_eq(hf_conn_key_done(e->conn, op), HF_OK);
        pair_run(&p);
        assert_internal_error(&p, e, HF_OK, sent);
        pair_cleanup(&p);
    }
}

/* A wrong signature never reaches the wire: it could give the key away. Not one byte of it. */
Test(key, faulty_signature_is_never_sent)
{
    static const size_t flips[] = {0, 1, 5, 30, 60};
    for (EACH_WHO(w))
        for (size_t i = 0; w != SERVER_DECRYPTS && i < sizeof flips / sizeof flips[0]; i++) {
            pair p;
            hf_key_op *op;
            uint8_t wrong[HF_KEY_RESULT_MAX];
            end *e = waiting(&p, w, &op);
            size_t sent = e->n_sent, len;
            op = run(op);
            op->result[flips[i]] ^= 0x40;
            len = op->result_len;
            memcpy(wrong, op->result, len);
            e->held_out = true;
            cr_assert_eq(hf_conn_key_done(e->conn, op), HF_OK);
            pair_run(&p);
            cr_assert_gt(wire_len(&e->out), 0, "the alert");
            cr_assert_lt(wire_len(&e->out), len, "nothing but the alert");
            cr_assert_not(bytes_contain(wire_data(&e->out), wire_len(&e->out), wrong + 4, 8));
            e->held_out = false;
            pair_run(&p);
            assert_internal_error(&p, e, HF_OK, sent);
            pair_cleanup(&p);
        }
}

Test(key, result_of_another_length)
{
    static const size_t lens[] = {0, 1, 47, 49, 255, 257, HF_KEY_RESULT_MAX, HF_KEY_RESULT_MAX + 1, SIZE_MAX};
    for (EACH_WHO(w))
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            pair p;
            hf_key_op *op;
            end *e = waiting(&p, w, &op);
            size_t sent = e->n_sent;
            op = run(op);
            op->result_len = lens[i];
            cr_assert_eq(hf_conn_key_done(e->conn, op), HF_OK);
            pair_run(&p);
            assert_internal_error(&p, e, HF_OK, sent);
            pair_cleanup(&p);
        }
}

/* A holder that decrypts to something else: that is for Finished to find out, exactly as with bad padding. */
Test(key, wrong_premaster_fails_at_finished)
{
    pair p;
    hf_key_op *op;
    end *e = waiting(&p, SERVER_DECRYPTS, &op);
    op = run(op);
    op->result[20] ^= 1;
    cr_assert_eq(hf_conn_key_done(e->conn, op), HF_OK);
    pair_run(&p);
    assert_refused(&p, e, HF_ALERT_BAD_RECORD_MAC);
    pair_cleanup(&p);
}

/* The operation carries what it needs and nothing of the connection. */
Test(key, input_of_an_operation)
{
    pair p;
    hf_key_op *op;
    waiting(&p, SERVER_SIGNS, &op);
    cr_assert_eq(op->scheme, HF_RSA_PSS_RSAE_SHA256);
    cr_assert_eq(op->input_len, 32, "the digest");
    cr_assert_eq(op->key, world_key(world_server("RSA-2048")));
    hf_key_op_free(op);
    pair_cleanup(&p);
    waiting(&p, SERVER_DECRYPTS, &op);
    cr_assert_eq(op->input_len, 256, "the encrypted premaster secret");
    uint8_t zero[HF_PREMASTER_SIZE] = {0};
    cr_assert_neq(memcmp(op->fallback, zero, sizeof zero), 0, "a random fallback is ready before the decryption");
    hf_key_op_free(op);
    pair_cleanup(&p);
}

/* ---- Admission ---- */

/* A key in front of another one, which says whether it takes more. */
typedef struct gate_key {
    hf_key face; /* first */
    hf_key_ops ops;
    hf_key *behind;
    bool full;
    unsigned asked, submitted;
} gate_key;

static void gate_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    gate_key *g = (gate_key *)(void *)key;
    g->submitted++;
    g->behind->ops->submit(g->behind, op, done, arg);
}

static void gate_hold(hf_key *key)
{
    (void)key;
}

static bool gate_admits(const hf_key *key)
{
    gate_key *g = (gate_key *)(uintptr_t)key;
    g->asked++;
    return !g->full;
}

static void gate_key_init(gate_key *g, const test_cert *cert, bool full)
{
    memset(g, 0, sizeof *g);
    g->behind = world_key(cert);
    g->face = *g->behind;
    g->ops = (hf_key_ops){.submit = gate_submit, .retain = gate_hold, .release = gate_hold, .admits = gate_admits};
    g->face.ops = &g->ops;
    g->full = full;
}

/* Every way to a full handshake: refused at the ClientHello, before the random generator is asked for a key share. */
Test(key, that_takes_no_more_refuses_full_handshakes)
{
    static const side clients[] = {
        {.policy = HF_POLICY_COMPATIBLE, .suites = {0x009c}}, /* RSA key transport */
        {.policy = HF_POLICY_COMPATIBLE},                     /* ECDHE */
        {.tls13 = true},
        {.tls13 = true, .groups = {HF_GROUP_P256, HF_GROUP_X25519}}, /* HelloRetryRequest */
    };
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        for (int full = 0; full <= 1; full++) {
            gate_key g;
            pair p = {0};
            side server = {.policy = clients[i].policy, .tls13 = clients[i].tls13, .key = &g.face};
            if (i == 3)
                server.groups[0] = HF_GROUP_X25519;
            gate_key_init(&g, world_server("RSA-2048"), full);
            world_run(&p, &clients[i], &server);
            if (full) {
                assert_internal_error(&p, &p.server, HF_ERR_BUSY, 0);
                cr_expect(strstr(hf_conn_reason(p.server.conn), "out of reach"));
                cr_expect_eq(g.submitted, 0);
                cr_expect_eq(g.asked, 1);
            } else {
                cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.server.conn));
                cr_expect_eq(g.submitted, 1);
                cr_expect_eq(g.asked, i == 3 ? 2 : 1);
            }
            pair_cleanup(&p);
        }
}

/* ---- Configuration ---- */

Test(key, of_another_certificate)
{
    hf_config *config;
    cr_assert_eq(side_try(&(side){.cert = world_server("RSA-2048"), .key = world_key(world_server("P-256"))},
                          HF_ROLE_SERVER, &config),
                 HF_ERR_KEY_MISMATCH);
    cr_assert_eq(side_try(&(side){.cert = world_server("P-256"), .key = world_key(world_client("P-256"))},
                          HF_ROLE_SERVER, &config),
                 HF_ERR_KEY_MISMATCH);
}

/* Calls in any order: two ends do whatever an application may do, as a generator has it, in every version and kind of
 * cipher. What arrives is what was sent, in order; nothing fails that was not made to; nothing is touched that was
 * given back (the sanitizers watch). */
#include <criterion/criterion.h>
#include <string.h>

#include "faulty.h"
#include "handfast/batch.h"
#include "pair.h"
#include "world.h"

TestSuite(calls, .timeout = 600);

#define PERIOD 65536 /* of the stream that each end sends */
#define ONE_MAX 40000

typedef struct actor {
    end e;
    const wire *in; /* the peer's `out` */
    uint64_t sent, got;
    uint8_t *room; /* filled with the stream from `sent` on, NULL: none */
    size_t room_len;
    hf_key_op *op; /* came back from its key, and waits */
    bool closed;
} actor;

typedef struct scene {
    actor a[2]; /* client, server */
    hf_batch *batch;
    hf_worker *worker; /* the batch's */
    uint32_t seed;
    bool may_fail; /* allocations do */
    faulty *env;
} scene;

static uint8_t stream[PERIOD + ONE_MAX];

static void make_stream(void)
{
    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (uint8_t)((i % PERIOD) * 31 + (i % PERIOD) / 251);
}

static const uint8_t *from(uint64_t at)
{
    return stream + at % PERIOD;
}

static size_t below(scene *s, size_t n)
{
    return n ? pair_random(&s->seed) % n : 0;
}

/* Small ones mostly. */
static size_t length(scene *s, size_t max)
{
    size_t most = below(s, 4) ? 200 : ONE_MAX;
    return below(s, (most < max ? most : max) + 1);
}

/* ---- What an application does ---- */

static void key_back(void *arg, hf_key_op *op)
{
    ((actor *)arg)->op = op;
}

static void key(scene *s, actor *a)
{
    hf_key_op *op;
    (void)s;
    if (a->op) {
        hf_status status = hf_conn_key_done(a->e.conn, a->op);
        a->op = NULL;
        cr_assert(status == HF_OK || hf_conn_status(a->e.conn) != HF_OK);
    } else if (hf_conn_key_take(a->e.conn, &op) == HF_OK) {
        hf_key *k = (hf_key *)(uintptr_t)op->key;
        k->ops->submit(k, op, key_back, a);
    }
}

static void output(scene *s, actor *a)
{
    const uint8_t *bytes;
    size_t len;
    if (hf_conn_output_buf(a->e.conn, &bytes, &len) != HF_OK)
        return;
    len = below(s, 3) ? len : below(s, len + 1);
    wire_put(&a->e.out, bytes, len);
    cr_assert_eq(hf_conn_output_ack(a->e.conn, len), HF_OK);
}

static void input(scene *s, actor *a)
{
    uint8_t *room;
    size_t max;
    hf_status status = hf_conn_input_buf(a->e.conn, &room, &max);
    if (status != HF_OK || below(s, 8) == 0)
        return;
    wire *in = (wire *)(uintptr_t)a->in;
    size_t len = wire_len(in) < max ? wire_len(in) : max;
    len = below(s, 3) ? len : below(s, len + 1);
    if (len > 0)
        memcpy(room, wire_data(in), len);
    cr_assert_eq(hf_conn_input_ack(a->e.conn, len), HF_OK);
    wire_drop(in, len);
}

static void plaintext(scene *s, actor *a)
{
    const uint8_t *bytes;
    size_t len;
    if (hf_conn_plaintext_buf(a->e.conn, &bytes, &len) != HF_OK)
        return;
    cr_assert_leq(len, HF_PLAINTEXT_MAX);
    cr_assert_eq(memcmp(bytes, from(a->got), len), 0, "what was sent, in order");
    len = below(s, 3) ? len : below(s, len + 1);
    a->got += len;
    cr_assert_eq(hf_conn_plaintext_ack(a->e.conn, len), HF_OK);
}

static void write_data(scene *s, actor *a)
{
    size_t len = length(s, ONE_MAX), taken;
    if (hf_conn_write(a->e.conn, a->e.worker, from(a->sent), len, &taken) == HF_OK)
        a->sent += taken;
    else
        cr_assert_eq(taken, 0);
}

static void room(scene *s, actor *a)
{
    if (a->room) {
        size_t len = length(s, a->room_len);
        if (hf_conn_room_ack(a->e.conn, a->e.worker, len) == HF_OK)
            a->sent += len; /* else another call came between */
        a->room = NULL;
    } else if (hf_conn_room_buf(a->e.conn, &a->room, &a->room_len) == HF_OK) {
        cr_assert_leq(a->room_len, HF_PLAINTEXT_MAX);
        memcpy(a->room, from(a->sent), a->room_len);
    } else {
        a->room = NULL;
    }
}

static void batch_open(scene *s, actor *a)
{
    hf_status status = hf_conn_batch_open(a->e.conn, s->batch);
    cr_assert(status == HF_OK || status == HF_ERR_STATE || status == HF_ERR_LIMIT ||
              hf_conn_status(a->e.conn) != HF_OK);
}

static void batch_write(scene *s, actor *a)
{
    size_t taken;
    if (hf_conn_batch_write(a->e.conn, s->batch, from(a->sent), length(s, ONE_MAX), &taken) == HF_OK)
        a->sent += taken;
}

static void batch_run(scene *s, actor *a)
{
    (void)a;
    hf_batch_run(s->batch, s->worker);
    cr_assert_eq(hf_batch_len(s->batch), 0);
}

static void look(scene *s, actor *a)
{
    hf_conn_info info;
    uint8_t out[40];
    hf_conn_get_info(a->e.conn, &info);
    hf_status status = hf_conn_export(a->e.conn, "EXPERIMENTAL any order", NULL, out, 1 + below(s, sizeof out));
    cr_assert_eq(status == HF_OK, info.connected && hf_conn_status(a->e.conn) == HF_OK);
    (void)hf_conn_wants(a->e.conn);
}

static void rarely(scene *s, actor *a)
{
    switch (below(s, 200)) {
    case 0:
        a->closed = true;
        hf_conn_close(a->e.conn, a->e.worker);
        break;
    case 1:
        if (a->e.out.closed)
            hf_conn_input_eof(a->e.conn);
        break;
    case 2:
        (void)!hf_conn_set_record_size(a->e.conn, 64 + below(s, HF_PLAINTEXT_MAX - 63));
        break;
    default: {
        hf_status status = hf_conn_key_update(a->e.conn, a->e.worker, below(s, 2));
        cr_assert(status == HF_OK || status == HF_ERR_STATE || hf_conn_status(a->e.conn) != HF_OK);
    }
    }
}

static void step(scene *s, actor *a)
{
    (void)s;
    hf_status status = hf_conn_step(a->e.conn, a->e.worker);
    cr_assert_eq(status, hf_conn_status(a->e.conn));
}

static void act(scene *s)
{
    static void (*const acts[])(scene *, actor *) = {
        step, step, step, output, output,     input,      input,       input,     plaintext, plaintext,
        key,  key,  room, room,   write_data, batch_open, batch_write, batch_run, look};
    actor *a = &s->a[below(s, 2)];
    size_t which = below(s, sizeof acts / sizeof acts[0] + 1);

    if (s->may_fail && below(s, 50) == 0)
        s->env->fail_alloc = s->env->allocs + 1 + below(s, 3);
    if (which == sizeof acts / sizeof acts[0]) {
        if (below(s, 10) == 0)
            rarely(s, a);
    } else {
        acts[which](s, a);
    }
    for (int i = 0; i < 2; i++)
        if (!s->may_fail && !s->a[0].closed && !s->a[1].closed)
            cr_assert_eq(hf_conn_status(s->a[i].e.conn), HF_OK, "seed %u, act %zu: %s", s->seed, which,
                         hf_conn_reason(s->a[i].e.conn));
}

/* ---- The scenes ---- */

static void start(scene *s, hf_config *client, hf_config *server)
{
    hf_config *configs[] = {client, server};
    for (int i = 0; i < 2; i++) {
        hf_conn_options options = {.server_name = i ? NULL : WORLD_NAME};
        cr_assert_eq(hf_conn_new(configs[i], &options, &s->a[i].e.conn), HF_OK);
        cr_assert_eq(hf_worker_new(world_crypto(), &s->a[i].e.worker), HF_OK);
        s->a[i].in = &s->a[!i].e.out;
    }
    cr_assert_eq(hf_worker_new(world_crypto(), &s->worker), HF_OK);
    cr_assert_eq(hf_batch_new(world_env(), 1 + below(s, 40), &s->batch), HF_OK);
}

static void finish(scene *s)
{
    bool batch_first = below(s, 2);
    if (batch_first)
        hf_batch_free(s->batch);
    for (int i = 0; i < 2; i++) {
        actor *a = &s->a[i];
        hf_key_op_free(a->op);
        hf_conn_free(a->e.conn);
        hf_worker_free(a->e.worker);
        wire_drop(&a->e.out, wire_len(&a->e.out));
        free(a->e.out.data);
    }
    if (!batch_first)
        hf_batch_free(s->batch);
    hf_worker_free(s->worker);
}

static uint64_t play(uint32_t seed, const side *client, const side *server, bool may_fail, size_t acts)
{
    scene s = {.seed = seed, .may_fail = may_fail};
    static faulty env;
    side c = *client, v = *server;
    faulty_init(&env);
    s.env = &env;
    c.env = v.env = &env.env;
    c.exporters = v.exporters = true;
    hf_config *cc = side_config(&c, HF_ROLE_CLIENT), *vc = side_config(&v, HF_ROLE_SERVER);
    start(&s, cc, vc);
    for (size_t i = 0; i < acts; i++)
        act(&s);
    uint64_t got = s.a[0].got + s.a[1].got;
    finish(&s);
    cr_assert_eq(env.bad_frees + env.dirty_frees, 0, "what a connection had is wiped");
    hf_config_release(cc);
    hf_config_release(vc);
    cr_assert_eq(env.live, 0, "%zu blocks are left", env.live);
    return got;
}

static const side sides[][2] = {
    {{.tls13 = true, .suites = {0x1301}}, {.tls13 = true, .suites = {0x1301}}},
    {{.tls13 = true, .record_size_limit = 64}, {.tls13 = true, .rekey_after = 5, .record_padding = 100}},
    {{.tls13 = true, .suites = {0x1303}, .rekey_after = 1}, {.tls13 = true, .record_size_limit = 500}},
    {{.suites = {0xc02f}}, {0}},
    {{.policy = HF_POLICY_COMPATIBLE, .suites = {0xc014}}, {.policy = HF_POLICY_COMPATIBLE}},
    {{.policy = HF_POLICY_COMPATIBLE, .suites = {0x003c}, .max_fragment_length = 512},
     {.policy = HF_POLICY_COMPATIBLE}},
};

#define N_SIDES (sizeof sides / sizeof sides[0])

Test(calls, in_any_order)
{
    uint64_t got = 0;
    make_stream();
    for (uint32_t seed = 1; seed <= 60; seed++)
        got += play(seed * 7919, &sides[seed % N_SIDES][0], &sides[seed % N_SIDES][1], false, 4000);
    cr_assert_gt(got, 1u << 20, "%llu bytes arrived", (unsigned long long)got);
}

Test(calls, in_any_order_while_memory_fails)
{
    make_stream();
    for (uint32_t seed = 1; seed <= 120; seed++)
        play(seed * 104729, &sides[seed % N_SIDES][0], &sides[seed % N_SIDES][1], true, 1500);
}

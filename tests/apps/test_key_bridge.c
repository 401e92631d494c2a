/* Operations that come back at once, later, too late, and never to a loop that has ended. */
#include <criterion/criterion.h>

#include "fake_key.h"
#include "key_bridge.h"

typedef struct owner {
    fake_world world;
    hf_conn *server, *client;
    hf_key_ticket *ticket;
    hf_key_op *op;
    atomic_int wakes;
    int deliveries;
} owner;

static void wake(void *arg)
{
    atomic_fetch_add(&((owner *)arg)->wakes, 1);
}

static void deliver(void *arg, hf_key_op *op)
{
    owner *o = arg;
    o->ticket = NULL;
    o->op = op;
    o->deliveries++;
}

static hf_key_bridge *set_up(owner *o, bool gate_closed)
{
    o->ticket = NULL;
    o->op = NULL;
    o->wakes = o->deliveries = 0;
    fake_world_init(&o->world);
    o->world.gate_closed = gate_closed;
    hf_key_bridge *bridge = hf_key_bridge_new(wake, o);
    cr_assert(bridge);
    hf_key_op *op = fake_operation(&o->world, &o->server, &o->client);
    o->op = hf_key_bridge_submit(bridge, op, o, &o->ticket);
    return bridge;
}

static void tear_down(owner *o)
{
    hf_conn_free(o->server);
    hf_conn_free(o->client);
    fake_world_cleanup(&o->world); /* fails when an operation leaked */
}

Test(bridge, at_once)
{
    owner o;
    hf_key_bridge *bridge = set_up(&o, false);
    cr_assert(o.op);
    cr_assert_null(o.ticket);
    cr_assert_eq(o.op->status, HF_OK);
    cr_assert_eq(hf_conn_key_done(o.server, o.op), HF_OK);
    hf_key_bridge_collect(bridge, deliver);
    cr_assert_eq(o.deliveries + o.wakes, 0);
    hf_key_bridge_close(bridge);
    tear_down(&o);
}

Test(bridge, later_from_another_thread)
{
    owner o;
    hf_key_bridge *bridge = set_up(&o, true);
    cr_assert_null(o.op);
    cr_assert(o.ticket);
    hf_key_bridge_collect(bridge, deliver);
    cr_assert_eq(o.deliveries, 0);
    fake_release(&o.world);
    cr_assert_eq(o.wakes, 1);
    cr_assert_eq(o.deliveries, 0, "delivered by another thread");
    hf_key_bridge_collect(bridge, deliver);
    hf_key_bridge_collect(bridge, deliver);
    cr_assert_eq(o.deliveries, 1);
    cr_assert_eq(o.op->status, HF_OK);
    cr_assert_eq(hf_conn_key_done(o.server, o.op), HF_OK);
    hf_key_bridge_close(bridge);
    tear_down(&o);
}

/* Whoever is woken may collect before the one that wakes it has gone on. */
static hf_key_bridge *eager;

static void collect_at_once(void *arg)
{
    atomic_fetch_add(&((owner *)arg)->wakes, 1);
    hf_key_bridge_collect(eager, deliver);
}

Test(bridge, woken_under_no_lock, .timeout = 600)
{
    owner o = {.deliveries = 0};
    fake_world_init(&o.world);
    o.world.gate_closed = true;
    eager = hf_key_bridge_new(collect_at_once, &o);
    cr_assert(eager);
    hf_key_op *op = fake_operation(&o.world, &o.server, &o.client);
    cr_assert_null(hf_key_bridge_submit(eager, op, &o, &o.ticket));
    fake_release(&o.world);
    cr_assert_eq(o.wakes, 1);
    cr_assert_eq(o.deliveries, 1);
    cr_assert_eq(hf_conn_key_done(o.server, o.op), HF_OK);
    hf_key_bridge_close(eager);
    tear_down(&o);
}

Test(bridge, owner_is_gone)
{
    owner o;
    hf_key_bridge *bridge = set_up(&o, true);
    o.world.queued = true;
    hf_key_ticket_forget(o.ticket);
    cr_assert_eq(o.world.n_cancels, 1);
    cr_assert_eq(o.world.n_released, 1, "it does not wait for its turn");
    cr_assert_eq(o.wakes, 1);
    hf_key_bridge_collect(bridge, deliver);
    cr_assert_eq(o.deliveries, 0);
    hf_key_bridge_close(bridge);
    tear_down(&o);
}

Test(bridge, owner_is_gone_and_the_key_cannot_cancel)
{
    owner o;
    hf_key_bridge *bridge = set_up(&o, true);
    hf_key_ops ops = *o.world.face.ops;
    ops.cancel = NULL;
    o.world.face.ops = &ops;
    hf_key_ticket_forget(o.ticket);
    fake_release(&o.world);
    hf_key_bridge_collect(bridge, deliver);
    cr_assert_eq(o.deliveries, 0);
    hf_key_bridge_close(bridge);
    tear_down(&o);
}

Test(bridge, closed_before_it_comes_back)
{
    owner o;
    hf_key_bridge *bridge = set_up(&o, true);
    hf_key_bridge_close(bridge);
    fake_release(&o.world);
    cr_assert_eq(o.wakes, 0);
    tear_down(&o);
}

Test(bridge, closed_with_answers_uncollected)
{
    owner o;
    hf_key_bridge *bridge = set_up(&o, true);
    fake_release(&o.world);
    hf_key_bridge_close(bridge);
    cr_assert_eq(o.deliveries, 0);
    tear_down(&o);
}

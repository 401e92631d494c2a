/* Who goes when in a pass of the loop: tick.c alone, with connections that only write down that it was their turn, and
 * a clock that goes forward by what each of them says it took. */
#include "loop.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 160
#define STEP_NS HF_TICK_HANDSHAKES_NS /* of one that takes all that handshakes have by themselves */

typedef struct bed {
    hf_loop loop;
    hf_link links[LINKS_MAX];
    size_t n;
    char turns[1024]; /* the names of those that had theirs */
} bed;

static bed *b;
static uint64_t clock_ns;

/* libuv's, as tick.c sees it. */
uint64_t uv_hrtime(void)
{
    return clock_ns;
}

/* ---- What a pass asks of a connection ---- */

bool hf_link_begin_round(hf_link *link)
{
    bool moves = link->moved;
    link->moved = false;
    return moves;
}

/* The name is the descriptor; the time it takes is in write_max. */
bool hf_link_receive(hf_link *link)
{
    char name[2] = {(char)link->fd, 0};
    if (strlen(b->turns) < sizeof b->turns - 1)
        strcat(b->turns, name);
    clock_ns += link->write_max;
    return true;
}

void hf_link_answer(hf_link *link)
{
    (void)link;
}

void hf_link_send(hf_link *link)
{
    link->writing = false;
}

void hf_link_settle(hf_link *link)
{
    (void)link;
}

/* ---- The bed ---- */

static hf_link *add(char name, hf_link_state state)
{
    hf_link *link = &b->links[b->n++];
    link->loop = &b->loop;
    link->fd = name;
    link->state = state;
    link->write_max = STEP_NS;
    hf_tick_ready(link);
    return link;
}

/* One look at the sockets (there are none), and the pass after it; who had a turn in it. */
static const char *turns(void)
{
    b->turns[0] = 0;
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    return b->turns;
}

static void set_up(void)
{
    b = calloc(1, sizeof *b);
    cr_assert_not_null(b);
    cr_assert_eq(uv_loop_init(&b->loop.uv), 0);
    cr_assert(hf_tick_init(&b->loop));
}

static void tear_down(void)
{
    hf_tick_close(&b->loop);
    uv_run(&b->loop.uv, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&b->loop.uv), 0);
    hf_tick_cleanup(&b->loop);
    free(b);
}

TestSuite(apps_tick, .init = set_up, .fini = tear_down);

Test(apps_tick, established_connections_go_before_a_storm_of_handshakes)
{
    for (char name = '1'; name <= '9'; name++)
        add(name, HF_LINK_HANDSHAKE)->write_max = 10 * STEP_NS;
    hf_link *first = add('A', HF_LINK_OPEN);
    cr_expect_str_eq(turns(), "A1", "who came last goes first, and one handshake has a step");
    cr_expect_str_eq(turns(), "2", "after each the sockets are looked at");
    hf_tick_ready(first);
    cr_expect_str_eq(turns(), "A3");
    hf_tick_ready(first);
    add('B', HF_LINK_OPEN);
    cr_expect_str_eq(turns(), "AB4");
}

Test(apps_tick, short_steps_of_handshakes_go_together_and_long_ones_alone)
{
    for (char name = '1'; name <= '9'; name++)
        add(name, HF_LINK_HANDSHAKE)->write_max = HF_TICK_HANDSHAKES_NS / 4;
    add('L', HF_LINK_HANDSHAKE)->write_max = 10 * HF_TICK_HANDSHAKES_NS;
    add('s', HF_LINK_HANDSHAKE)->write_max = 1;
    cr_expect_str_eq(turns(), "1234", "until their time is over");
    cr_expect_str_eq(turns(), "5678");
    cr_expect_str_eq(turns(), "9L", "none begins after it");
    cr_expect_str_eq(turns(), "s");
}

Test(apps_tick, handshakes_have_as_much_time_as_the_others)
{
    for (char name = 'A'; name <= 'C'; name++)
        add(name, HF_LINK_OPEN);
    for (char name = '1'; name <= '9'; name++)
        add(name, HF_LINK_HANDSHAKE);
    cr_expect_str_eq(turns(), "ABC123", "three took as long as three");
    cr_expect_str_eq(turns(), "4");
}

Test(apps_tick, whoever_ends_waits_as_a_handshake_does)
{
    add('x', HF_LINK_LINGER)->write_max = STEP_NS;
    add('1', HF_LINK_HANDSHAKE)->write_max = STEP_NS;
    add('A', HF_LINK_OPEN);
    cr_expect_str_eq(turns(), "Ax");
    cr_expect_str_eq(turns(), "1");
}

Test(apps_tick, the_loop_sleeps_only_when_nobody_is_ready)
{
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    cr_expect_neq(uv_backend_timeout(&b->loop.uv), 0, "nobody: it may sleep");
    add('1', HF_LINK_HANDSHAKE)->write_max = STEP_NS;
    add('2', HF_LINK_HANDSHAKE)->write_max = STEP_NS;
    cr_expect_eq(uv_backend_timeout(&b->loop.uv), 0);
    cr_expect_str_eq(turns(), "1");
    cr_expect_eq(uv_backend_timeout(&b->loop.uv), 0, "one is left");
    cr_expect_str_eq(turns(), "2");
    cr_expect_neq(uv_backend_timeout(&b->loop.uv), 0);
}

Test(apps_tick, ready_twice_is_one_turn_and_forgotten_is_none)
{
    hf_link *first = add('A', HF_LINK_OPEN), *second = add('B', HF_LINK_OPEN), *third = add('C', HF_LINK_OPEN);
    hf_tick_ready(first);
    hf_tick_forget(second);
    hf_tick_forget(second);
    cr_expect_str_eq(turns(), "AC");
    hf_tick_ready(third);
    hf_tick_ready(second);
    hf_tick_forget(third);
    cr_expect_str_eq(turns(), "B");
}

/* More than go together at once: all have their turn in the same pass. */
Test(apps_tick, every_established_connection_has_a_turn_in_a_pass)
{
    for (size_t i = 0; i < LINKS_MAX; i++)
        add('A', HF_LINK_OPEN);
    cr_expect_eq(strlen(turns()), LINKS_MAX);
    cr_expect_str_eq(turns(), "");
}

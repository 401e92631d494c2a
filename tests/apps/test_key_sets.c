/* Reloads between the two processes: sets of keys that are shown, used and let go; the test is supervisor and key
 * process. See key_world.h. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "key_world.h"

static bool show(world *w, uint32_t number, holder *h)
{
    hf_key *keys[] = {&h->face};
    return hf_key_service_open_set(&w->p.service, number, keys, 1) &&
           hf_key_service_show(&w->p.service, number, one_cert);
}

static void say_reload(world *w, uint32_t number)
{
    cr_assert(hf_control_send(w->control[1], &(hf_control){.kind = HF_CONTROL_RELOAD, .number = number}, -1));
}

static void await_number(atomic_uint *at, uint32_t number)
{
    for (int i = 0; i < WAIT_STEPS && atomic_load(at) != number; i++)
        usleep(10000);
    cr_assert_eq(atomic_load(at), number);
}

/* The key of now, and that it signs. */
static hf_key *key_of_now(world *w, const holder *h)
{
    asked a;
    hf_key *key = hf_key_client_key(w->client, 0);
    cr_assert_eq(key->spki_len, h->face.spki_len);
    cr_assert_arr_eq(key->spki, h->face.spki, key->spki_len);
    ask(&a, key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    return key;
}

static void expect_lost(hf_key *key, hf_status status)
{
    asked a;
    ask(&a, key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, status);
}

Test(key_sets, old_keys_serve_until_their_set_is_closed)
{
    world w;
    holder other;
    asked a;
    set_up(&w, 0);
    holder_init(&other);
    cr_assert(show(&w, 1, &other));
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key *fresh = key_of_now(&w, &other); /* before it is adopted: it is tried */
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    hf_key_client_settle(w.client, 1, true);
    await_number(&w.p.adopted, 1);
    cr_assert_eq(w.p.dropped, 0);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32); /* a handshake that had begun */
    expect(&a, HF_OK);
    hf_key_service_close_set(&w.p.service, 0);
    expect_lost(w.key, HF_ERR_INVALID); /* and not: signed with the new key */
    fresh->ops->release(fresh);
    fresh = key_of_now(&w, &other);
    fresh->ops->release(fresh);
    tear_down(&w);
    holder_cleanup(&other);
}

/* What was shown while the network process is still at its start: it is not known yet whether it is to be used. */
Test(key_sets, keys_that_nobody_reloads_yet_are_not_used)
{
    world w;
    holder other;
    asked a;
    set_up(&w, 0);
    holder_init(&other);
    cr_assert(show(&w, 1, &other));
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32); /* its answer comes behind that */
    expect(&a, HF_OK);
    hf_key *key = key_of_now(&w, &w.h);
    key->ops->release(key);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    key = key_of_now(&w, &other);
    key->ops->release(key);
    hf_key_client_settle(w.client, 1, false);
    key = key_of_now(&w, &w.h);
    key->ops->release(key);
    tear_down(&w);
    holder_cleanup(&other);
}

static void *close_it(void *arg)
{
    hf_key_service_close_set(arg, 0);
    return NULL;
}

Test(key_sets, a_set_is_closed_after_its_last_operation)
{
    world w;
    asked a;
    set_up(&w, 0);
    w.h.closed = true;
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    await_waiting(&w, 1);
    pthread_t closer;
    cr_assert_eq(pthread_create(&closer, NULL, close_it, &w.p.service), 0);
    usleep(50000);
    cr_assert_eq(a.done, 0);
    cr_assert(w.p.service.sets[0].used, "the set went while an operation was out");
    holder_open(&w.h);
    expect(&a, HF_OK);
    pthread_join(closer, NULL);
    cr_assert_not(w.p.service.sets[0].used);
    tear_down(&w);
}

Test(key_sets, what_is_dropped_changes_nothing)
{
    world w;
    holder other;
    set_up(&w, 0);
    holder_init(&other);
    cr_assert(show(&w, 1, &other));
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 1, false);
    await_number(&w.p.dropped, 1);
    hf_key_service_close_set(&w.p.service, 1);
    hf_key *key = key_of_now(&w, &w.h);
    key->ops->release(key);
    hf_key_service_refuse(&w.p.service, 2, HF_ERR_NOT_FOUND);
    cr_assert_eq(hf_key_client_reload(w.client, 2), HF_KEY_CLIENT_NO_KEYS);
    hf_key_client_settle(w.client, 2, false);
    key = key_of_now(&w, &w.h);
    key->ops->release(key);
    tear_down(&w);
    holder_cleanup(&other);
}

Test(key_sets, reloads_that_were_passed_over)
{
    world w;
    holder other;
    set_up(&w, 0);
    holder_init(&other);
    cr_assert(show(&w, 1, &w.h));
    usleep(20000);
    cr_assert(show(&w, 5, &other)); /* a real one would wait for the word about the first */
    await_number(&w.p.dropped, 5);
    hf_key_service_close_set(&w.p.service, 5);
    cr_assert(show(&w, 7, &other));
    await_number(&w.p.dropped, 7);
    hf_key_service_close_set(&w.p.service, 7);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 1, true);
    await_number(&w.p.adopted, 1);

    cr_assert(show(&w, 9, &other));
    for (int i = 0; i < WAIT_STEPS && hf_key_client_reload(w.client, 8) != HF_KEY_CLIENT_LATER; i++)
        usleep(10000);
    cr_assert_eq(hf_key_client_reload(w.client, 8), HF_KEY_CLIENT_LATER);
    cr_assert_eq(hf_key_client_reload(w.client, 9), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 9, true);
    await_number(&w.p.adopted, 9);

    cr_assert(show(&w, 10, &w.h));
    hf_key_service_refuse(&w.p.service, 11, HF_ERR_TOKEN);
    cr_assert_eq(hf_key_client_reload(w.client, 11), HF_KEY_CLIENT_NO_KEYS, "the keys of an earlier reload");
    await_number(&w.p.dropped, 10);
    hf_key_client_settle(w.client, 11, false);
    hf_key *key = key_of_now(&w, &other);
    key->ops->release(key);
    tear_down(&w);
    holder_cleanup(&other);
}

static void note_number(void *arg, uint32_t number, bool staples)
{
    if (!staples)
        atomic_store((atomic_uint *)arg, number);
}

Test(key_sets, a_key_process_that_comes_after_the_word_brings_the_keys)
{
    world w;
    holder other;
    process second, third;
    atomic_uint heard = 0;
    set_up(&w, 0);
    holder_init(&other);
    hf_key_client_on_reload(w.client, note_number, &heard);
    process_kill(&w.p);
    say_reload(&w, 1);
    await_number(&heard, 1);
    process_start_after(&second, &other, w.control[1], 1);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 1, true);
    hf_key *key = key_of_now(&w, &other);
    expect_lost(w.key, HF_ERR_INVALID); /* that process never had the old one */
    cr_assert_eq(second.adopted, 0, "it was told of a reload that it does not know");

    process_kill(&second); /* the next one has the same: nothing to be done */
    process_start_after(&third, &other, w.control[1], 1);
    asked a;
    ask(&a, key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    say_reload(&w, 2);
    await_number(&heard, 2);
    hf_key_client_on_reload(w.client, NULL, NULL);
    cr_assert_eq(hf_key_client_reload(w.client, 2), HF_KEY_CLIENT_NO_KEYS, "at the end nobody waits");
    key->ops->release(key);
    process_kill(&third);
    process_end(&third);
    process_end(&second);
    tear_down(&w);
    holder_cleanup(&other);
}

Test(key_sets, other_keys_that_no_configuration_wants)
{
    world w;
    holder other;
    process second;
    atomic_uint heard = 0;
    hf_key_client_state state = {.connected = true};
    set_up(&w, 0);
    holder_init(&other);
    hf_key_client_on_reload(w.client, note_number, &heard);
    process_kill(&w.p);
    say_reload(&w, 1);
    await_number(&heard, 1);
    process_start_after(&second, &other, w.control[1], 1);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 1, false);
    pthread_join(second.thread, NULL); /* its socket was closed */
    for (int i = 0; i < WAIT_STEPS && state.connected; i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    cr_assert_not(state.connected);
    process_end(&second);
    tear_down(&w);
    holder_cleanup(&other);
}

/* The next reload's keys come while the thread still works at those of this one. */
Test(key_sets, the_next_reload_is_not_settled_with_this_one)
{
    world w;
    holder other;
    process second;
    asked a;
    atomic_uint heard = 0;
    set_up(&w, 0);
    holder_init(&other);
    hf_key_client_on_reload(w.client, note_number, &heard);
    process_kill(&w.p);
    say_reload(&w, 1);
    await_number(&heard, 1);
    process_start_after(&second, &w.h, w.control[1], 1);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key *fresh[] = {&other.face};
    cr_assert(hf_key_service_open_set(&second.service, 2, fresh, 1));
    cr_assert(hf_key_service_show(&second.service, 2, one_cert));
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32); /* its answer comes behind that */
    expect(&a, HF_OK);
    hf_key_client_settle(w.client, 1, true);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32); /* and this goes behind what was said of the keys */
    expect(&a, HF_OK);
    cr_assert_eq(second.adopted, 0, "keys of a reload that nobody has tried");
    cr_assert_eq(hf_key_client_reload(w.client, 2), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 2, true);
    await_number(&second.adopted, 2);
    hf_key *key = key_of_now(&w, &other);
    key->ops->release(key);
    process_kill(&second);
    process_end(&second);
    tear_down(&w);
    holder_cleanup(&other);
}

typedef struct later {
    process *p;
    holder *h;
} later;

static void *show_later(void *arg)
{
    const later *l = arg;
    hf_key *fresh[] = {&l->h->face};
    usleep(200000); /* a client that does not wait is not there any more */
    cr_assert(hf_key_service_open_set(&l->p->service, 1, fresh, 1));
    cr_assert(hf_key_service_show(&l->p->service, 1, one_cert));
    return NULL;
}

/* It opened its keys before the operator had changed them, and is to open them anew. */
Test(key_sets, a_key_process_that_was_started_before_the_word_is_no_answer)
{
    world w;
    holder other;
    process second;
    atomic_uint heard = 0;
    hf_key_client_state state = {.restarts = 0};
    set_up(&w, 0);
    holder_init(&other);
    hf_key_client_on_reload(w.client, note_number, &heard);
    process_kill(&w.p);
    say_reload(&w, 1);
    await_number(&heard, 1);
    process_start_after(&second, &w.h, w.control[1], 0);
    for (int i = 0; i < WAIT_STEPS && state.restarts == 0; i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    cr_assert_eq(state.restarts, 1);
    pthread_t shows;
    later l = {&second, &other};
    cr_assert_eq(pthread_create(&shows, NULL, show_later, &l), 0);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_KEYS);
    hf_key_client_settle(w.client, 1, true);
    pthread_join(shows, NULL);
    await_number(&second.adopted, 1);
    hf_key *key = key_of_now(&w, &other);
    key->ops->release(key);
    process_kill(&second);
    process_end(&second);
    tear_down(&w);
    holder_cleanup(&other);
}

Test(key_sets, room_is_finite)
{
    world w;
    hf_key *keys[HF_LIMIT_CREDENTIALS + 1];
    set_up(&w, 0);
    for (size_t i = 0; i < HF_LIMIT_CREDENTIALS + 1; i++)
        keys[i] = &w.h.face;
    cr_assert_not(hf_key_service_open_set(&w.p.service, 1, keys, HF_LIMIT_CREDENTIALS + 1));
    for (uint32_t i = 1; i < HF_KEY_SERVICE_SETS; i++)
        cr_assert(hf_key_service_open_set(&w.p.service, i, keys, 1));
    cr_assert_not(hf_key_service_open_set(&w.p.service, 99, keys, 1));
    hf_key_service_close_set(&w.p.service, 3);
    hf_key_service_close_set(&w.p.service, 77); /* none: nothing to be done */
    cr_assert(hf_key_service_open_set(&w.p.service, 99, keys, 1));
    tear_down(&w);
}

/* ---- A key process that sends what it likes ---- */

static void send_key(int fd, uint32_t index)
{
    static uint8_t message[HF_WIRE_MAX];
    const hf_wire_key key = {.index = index, .type = HF_KEY_RSA, .bits = 2048, .spki = message, .spki_len = 8};
    size_t len = hf_wire_put_key(message, sizeof message, &key);
    cr_assert_eq(send(fd, message, len, 0), (ssize_t)len);
}

static void send_number(int fd, hf_wire_type type, uint64_t id, uint32_t number)
{
    uint8_t message[64];
    hf_wire_body body = {.number = number, .data = (const uint8_t *)"x", .len = type == HF_WIRE_CERT};
    size_t len = hf_wire_put_body(message, sizeof message, type, id, &body);
    cr_assert_eq(send(fd, message, len, 0), (ssize_t)len);
}

/* Each is the end of that key process. */
Test(key_sets, what_does_not_fit_is_not_taken)
{
    for (int i = 0; i < 8; i++) {
        world w;
        hf_key_client_state state = {.connected = true};
        set_up(&w, 0);
        int fd = w.p.fd;
        switch (i) {
        case 0: /* no keys */
            send_number(fd, HF_WIRE_RELOADED, 1, HF_OK);
            break;
        case 1: /* of another reload */
            send_key(fd, HF_WIRE_INDEX(2, 0));
            send_number(fd, HF_WIRE_RELOADED, 1, HF_OK);
            break;
        case 2: /* not in order */
            send_key(fd, HF_WIRE_INDEX(1, 1));
            break;
        case 3: /* of two sets */
            send_key(fd, HF_WIRE_INDEX(1, 0));
            send_key(fd, HF_WIRE_INDEX(2, 1));
            break;
        case 4:
            for (uint32_t k = 0; k <= HF_LIMIT_CREDENTIALS; k++)
                send_key(fd, HF_WIRE_INDEX(1, k));
            break;
        case 5: /* a certificate of none of them */
            send_key(fd, HF_WIRE_INDEX(1, 0));
            send_number(fd, HF_WIRE_CERT, 0, HF_WIRE_INDEX(1, 1));
            break;
        case 6:
            send_number(fd, HF_WIRE_RELOADED, 1ull << 32, HF_ERR_TOKEN);
            break;
        default: /* introduced twice */
            send_key(fd, HF_WIRE_INDEX(0, 0));
            send_number(fd, HF_WIRE_READY, 0, 0);
            break;
        }
        for (int k = 0; k < WAIT_STEPS && state.connected; k++) {
            usleep(10000);
            hf_key_client_get_state(w.client, &state);
        }
        cr_assert_not(state.connected, "case %d", i);
        tear_down(&w);
    }
}

/* ---- A network process that says what it likes ---- */

static void take(hf_key_service *service, hf_wire_type type, uint64_t id, size_t more)
{
    uint8_t message[HF_WIRE_HEAD + 8] = {0};
    size_t len = hf_wire_put_empty(message, sizeof message, type, id);
    message[7] = (uint8_t)more;
    hf_key_service_take(service, message, len + more);
}

Test(key_service, words_about_reloads)
{
    world w;
    set_up(&w, 0);
    take(&w.p.service, HF_WIRE_ADOPT, 3, 0);
    cr_assert_eq(w.p.adopted, 3);
    take(&w.p.service, HF_WIRE_DROP, UINT32_MAX, 0);
    cr_assert_eq(w.p.dropped, UINT32_MAX);
    cr_assert_eq(w.p.service.malformed, 0);
    take(&w.p.service, HF_WIRE_ADOPT, 4, 1);
    take(&w.p.service, HF_WIRE_DROP, 1ull << 32, 0);
    take(&w.p.service, HF_WIRE_RELOADED, 5, 0); /* not his to say */
    cr_assert_eq(w.p.service.malformed, 3);
    cr_assert_eq(w.p.adopted, 3);
    cr_assert_eq(w.p.dropped, UINT32_MAX);
    tear_down(&w);
}

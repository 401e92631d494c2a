/* Batches that go wrong: bad records, failing providers, allocations and generators, connections that end in between.
 * Whatever happens to one connection, the others have their bytes. */
#include <string.h>

#include "batch_rig.h"
#include "conn.h" /* to break a record in the input buffer */

TestSuite(batch_faults, .timeout = 600);

static void all_kinds(size_t i, side *client, side *server)
{
    if (i % 2)
        rig_cbc(i, client, server);
    else
        rig_tls13(i, client, server);
}

static void assert_others_live(rig *r, size_t but, const char *what, size_t len)
{
    for (size_t i = 0; i < r->n; i++) {
        if (i == but)
            continue;
        rig_assert_server_got(r, i, what, len);
        cr_assert(pair_connected(&r->pairs[i]), "%zu", i);
    }
}

Test(batch_faults, one_bad_record_among_32)
{
    for (size_t bad = 6; bad <= 7; bad++) {
        static rig r;
        rig_start(&r, 32, all_kinds);
        for (size_t i = 0; i < r.n; i++) {
            rig_client_says(&r, i, "thirty-two of them", 18);
            if (i == bad)
                rig_server(&r, i)->in.data[HF_RECORD_HEADER_SIZE + 20] ^= 1;
            cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
        }
        hf_batch_run(r.batch, r.worker);
        cr_assert_eq(hf_conn_status(rig_server(&r, bad)), HF_SEND(HF_ALERT_BAD_RECORD_MAC));
        cr_assert(hf_conn_wants(rig_server(&r, bad)) & HF_WANT_CLOSED);
        assert_others_live(&r, bad, "thirty-two of them", 18);
        rig_settle(&r, bad);
        cr_assert_eq(end_alert_got(&r.pairs[bad].client), HF_ALERT_BAD_RECORD_MAC);
        rig_cleanup(&r);
    }
}

/* A wrong header is left to hf_conn_step, which has a worker for the alert. */
Test(batch_faults, a_wrong_header)
{
    static rig r;
    rig_start(&r, 3, all_kinds);
    for (size_t i = 0; i < r.n; i++) {
        rig_client_says(&r, i, "data", 4);
        if (i == 1)
            rig_server(&r, i)->in.data[0] = 77;
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), i == 1 ? HF_ERR_STATE : HF_OK);
    }
    cr_assert_eq(hf_conn_status(rig_server(&r, 1)), HF_OK);
    cr_assert_eq(hf_conn_step(rig_server(&r, 1), r.worker), HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE));
    cr_assert(hf_conn_wants(rig_server(&r, 1)) & HF_WANT_OUTPUT);
    hf_batch_run(r.batch, r.worker);
    assert_others_live(&r, 1, "data", 4);
    rig_cleanup(&r);
}

/* ---- A connection ends while its records are on their way ---- */

static void free_server(rig *r, size_t i)
{
    hf_conn_free(r->pairs[i].server.conn);
    r->pairs[i].server.conn = NULL;
}

Test(batch_faults, freed_in_between)
{
    static rig r;
    size_t taken;
    rig_start(&r, 6, all_kinds);
    for (size_t i = 0; i < r.n; i++) {
        rig_client_says(&r, i, "question", 8);
        if (i != 4)
            cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
        if (i != 3)
            cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, (const uint8_t *)"answer", 6, &taken), HF_OK);
    }
    for (size_t i = 2; i < 6; i++)
        free_server(&r, i);
    hf_batch_run(r.batch, r.worker);
    for (size_t i = 0; i < 2; i++) {
        rig_assert_server_got(&r, i, "question", 8);
        rig_assert_client_got(&r, i, "answer", 6);
    }
    rig_cleanup(&r);
}

Test(batch_faults, failed_in_between)
{
    static rig r;
    size_t taken;
    rig_start(&r, 4, all_kinds);
    for (size_t i = 0; i < r.n; i++) {
        rig_client_says(&r, i, "question", 8);
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, (const uint8_t *)"answer", 6, &taken), HF_OK);
    }
    hf_conn_fail(rig_server(&r, 1), r.worker, HF_ERR_TIMEOUT, "in between");
    cr_assert_eq(hf_conn_status(rig_server(&r, 1)), HF_ERR_TIMEOUT);
    hf_batch_run(r.batch, r.worker);
    assert_others_live(&r, 1, "question", 8);
    for (size_t i = 0; i < r.n; i++)
        rig_assert_client_got(&r, i, "answer", 6); /* the alert came behind it */
    cr_assert_eq(end_alert_got(&r.pairs[1].client), HF_ALERT_INTERNAL_ERROR);
    rig_cleanup(&r);
}

Test(batch_faults, batch_freed_before_its_run)
{
    static rig r;
    size_t taken;
    rig_start(&r, 3, all_kinds);
    hf_batch *lost;
    cr_assert_eq(hf_batch_new(world_env(), 8, &lost), HF_OK);
    rig_client_says(&r, 0, "x", 1);
    cr_assert_eq(hf_conn_batch_open(rig_server(&r, 0), lost), HF_OK);
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 1), lost, (const uint8_t *)"x", 1, &taken), HF_OK);
    cr_assert_eq(hf_conn_batch_write(rig_server(&r, 1), lost, (const uint8_t *)"y", 1, &taken), HF_OK);
    hf_batch_free(lost);
    cr_assert_eq(hf_conn_status(rig_server(&r, 0)), HF_ERR_CANCELED);
    cr_assert_eq(hf_conn_status(rig_server(&r, 1)), HF_ERR_CANCELED);
    cr_assert_eq(hf_conn_wants(rig_server(&r, 1)), HF_WANT_CLOSED, "no alert: its sequence number would be wrong");
    cr_assert(pair_connected(&r.pairs[2]));
    rig_cleanup(&r);
}

/* ---- A provider that fails ---- */

static const hf_cipher *real;
static size_t fail_from; /* the number of the job that fails, with all behind it in its call */

static void sealing_fails(void *worker, hf_record_job *jobs, size_t n)
{
    real->seal(worker, jobs, n);
    for (size_t i = fail_from; i < n && i < fail_from + 1; i++)
        jobs[i].status = HF_ERR_CRYPTO;
}

Test(batch_faults, sealing_fails_for_one_connection)
{
    static rig r;
    static hf_cipher failing;
    size_t taken;
    rig_start(&r, 3, rig_tls13);
    real = rig_server(&r, 0)->write.cipher;
    failing = *real;
    failing.seal = sealing_fails;
    for (size_t i = 0; i < 3; i++) {
        rig_server(&r, i)->write.cipher = &failing;
        rig_client_says(&r, i, "question", 8);
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
        for (int k = 0; k < 3; k++)
            cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), r.batch, (const uint8_t *)"answer", 6, &taken), HF_OK);
    }
    fail_from = 4; /* the second record of the second connection */
    hf_batch_run(r.batch, r.worker);
    cr_assert_eq(hf_conn_status(rig_server(&r, 1)), HF_ERR_CRYPTO);
    cr_assert_eq(end_alert_sent(&r.pairs[1].server), HF_ALERT_INTERNAL_ERROR);
    assert_others_live(&r, 1, "question", 8);
    rig_assert_client_got(&r, 0,
                          "answeranswer"
                          "answer",
                          18);
    rig_assert_client_got(&r, 2,
                          "answeranswer"
                          "answer",
                          18);
    rig_settle(&r, 1);
    cr_assert_eq(wire_len(&r.pairs[1].client.plain), 6, "nothing that stood behind the failed record");
    rig_cleanup(&r);
}

/* ---- Our own allocator and generator ---- */

static faulty broken;

static void breaking(size_t i, side *client, side *server)
{
    all_kinds(i, client, server);
    server->env = &broken.env;
}

/* One question and one long answer of three connections; the n-th allocation (or random number) fails. Those that
 * did not fail have everything. Returns how many calls there were. */
static size_t exchange(size_t fail_alloc, size_t fail_random)
{
    static rig r;
    static uint8_t answer[40000];
    size_t fine = 0, allocs, randoms;
    faulty_init(&broken);
    rig_start(&r, 3, breaking);
    for (size_t i = 0; i < r.n; i++)
        rig_client_says(&r, i, "question", 8);
    allocs = broken.allocs;
    randoms = broken.randoms;
    broken.fail_alloc = fail_alloc ? allocs + fail_alloc : 0;
    broken.fail_random = fail_random ? randoms + fail_random : 0;
    for (size_t i = 0; i < r.n; i++)
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), r.batch), HF_OK);
    hf_batch_run(r.batch, r.worker);
    for (size_t i = 0; i < r.n; i++) {
        size_t taken;
        rig_assert_server_got(&r, i, "question", 8);
        hf_status status = hf_conn_batch_write(rig_server(&r, i), r.batch, answer, sizeof answer, &taken);
        if (status == HF_OK && taken < sizeof answer) /* the rest is offered again */
            status = hf_conn_batch_write(rig_server(&r, i), r.batch, answer + taken, sizeof answer - taken, &taken);
        cr_assert(status == HF_OK || status == HF_ERR_NO_MEMORY || status == HF_ERR_RANDOM);
        if (status != HF_OK)
            cr_assert_eq(taken, 0);
        cr_assert_eq(hf_conn_status(rig_server(&r, i)), HF_OK, "a write that was refused may be tried again");
        fine += status == HF_OK;
    }
    hf_batch_run(r.batch, r.worker);
    allocs = broken.allocs - allocs;
    randoms = broken.randoms - randoms;
    broken.fail_alloc = broken.fail_random = 0;
    cr_assert_geq(fine, 2);
    for (size_t i = 0, whole = 0; i < r.n; i++) {
        rig_settle(&r, i);
        whole += wire_len(&r.pairs[i].client.plain) == sizeof answer;
        cr_assert(i < r.n - 1 || whole >= fine);
    }
    rig_cleanup(&r);
    cr_assert_eq(broken.live, 0);
    cr_assert_eq(broken.bad_frees, 0);
    return fail_random ? randoms : allocs;
}

Test(batch_faults, every_allocation)
{
    size_t total = exchange(0, 0);
    cr_assert_geq(total, 3);
    for (size_t n = 1; n <= total; n++)
        exchange(n, 0);
}

Test(batch_faults, every_random_number)
{
    size_t total = exchange(0, 1000);
    cr_assert_geq(total, 3, "IVs of one connection");
    for (size_t n = 1; n <= total; n++)
        exchange(0, n);
}

Test(batch_faults, every_allocation_of_a_batch)
{
    hf_batch *batch = NULL;
    size_t n = 0;
    hf_status status;
    do {
        faulty f;
        faulty_init(&f);
        f.fail_alloc = ++n;
        status = hf_batch_new(&f.env, 16, &batch);
        cr_assert(status == HF_OK || status == HF_ERR_NO_MEMORY);
        if (status == HF_OK)
            hf_batch_free(batch);
        cr_assert_eq(f.live, 0);
        cr_assert_eq(f.bad_frees, 0);
    } while (status != HF_OK);
    cr_assert_gt(n, 3);
}

/* Records cost no allocation of the batch, and none but the output's room of the connection. */
Test(batch_faults, nothing_is_allocated_for_a_record)
{
    static rig r;
    static uint8_t answer[16384];
    size_t taken;
    faulty_init(&broken);
    rig_start(&r, 3, breaking);
    hf_batch *batch;
    cr_assert_eq(hf_batch_new(&broken.env, 64, &batch), HF_OK);
    for (size_t i = 0; i < r.n; i++)
        rig_client_says(&r, i, "question", 8);
    size_t before = broken.allocs;
    for (size_t i = 0; i < r.n; i++)
        cr_assert_eq(hf_conn_batch_open(rig_server(&r, i), batch), HF_OK);
    hf_batch_run(batch, r.worker);
    cr_assert_eq(broken.allocs, before);
    for (size_t i = 0; i < r.n; i++)
        cr_assert_eq(hf_conn_batch_write(rig_server(&r, i), batch, answer, sizeof answer, &taken), HF_OK);
    hf_batch_run(batch, r.worker);
    cr_assert_eq(broken.allocs, before + r.n, "the output's room of each");
    for (size_t i = 0; i < r.n; i++)
        rig_settle(&r, i);
    hf_batch_free(batch);
    rig_cleanup(&r);
}

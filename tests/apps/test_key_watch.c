/* A key whose uses are written down, and the event loop that asks it: the way back is a token's thread's, of low
 * priority, and the loop must not wait for it. What an audited key does is in test_audit.c. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "key_watch.h"

/* A key that answers when the test says so. */
typedef struct stand_in {
    hf_key face; /* first */
    hf_key_op *op;
    hf_key_done_fn *done;
    void *arg;
} stand_in;

static void stand_in_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    stand_in *s = (stand_in *)key;
    s->op = op;
    s->done = done;
    s->arg = arg;
}

static void stand_in_cancel(hf_key *key, hf_key_done_fn *done, void *arg)
{
    (void)key;
    (void)done;
    (void)arg;
}

static void stand_in_count(hf_key *key)
{
    (void)key;
}

static const hf_key_ops stand_in_ops = {
    .submit = stand_in_submit, .retain = stand_in_count, .release = stand_in_count, .cancel = stand_in_cancel};

static void came(void *arg, hf_key_op *op)
{
    (void)op;
    ++*(int *)arg;
}

/* ---- The linker leads the library's calls here (--wrap) ---- */

#define LOCKS_MAX 64

typedef struct account {
    const pthread_mutex_t *locks[LOCKS_MAX];
    size_t n, freed;
} account;

static _Thread_local account *watching;
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
void __real_free(void *memory);
void __wrap_free(void *memory);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (watching && watching->n < LOCKS_MAX)
        watching->locks[watching->n++] = mutex;
    return __real_pthread_mutex_lock(mutex);
}

void __wrap_free(void *memory)
{
    if (watching && memory)
        watching->freed++;
    __real_free(memory);
}

typedef struct bringer {
    stand_in *key;
    account did;
} bringer;

static void *bring_back(void *arg)
{
    bringer *b = arg;
    watching = &b->did;
    b->key->op->status = HF_OK;
    b->key->done(b->key->arg, b->key->op);
    watching = NULL;
    return NULL;
}

Test(key_watch, a_loop_shares_no_lock_with_who_brings_a_result_back)
{
    char path[] = "/tmp/handfast-watch-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    stand_in s = {.face = {.ops = &stand_in_ops, .label = "k", .spki = (const uint8_t *)"s", .spki_len = 1}};
    hf_key_watch watch = {.audit = hf_audit_open(path, HF_AUDIT_REFUSE)};
    hf_key *key = hf_key_watch_add(&watch, &s.face);
    hf_key_op op = {.key = key, .kind = HF_KEY_OP_DECRYPT};
    account mine = {.n = 0};
    bringer b = {.key = &s};
    pthread_t thread;
    int n = 0, another = 0;
    for (int i = 0; i < 2; i++) {
        watching = &mine;
        key->ops->submit(key, &op, came, &n);
        key->ops->cancel(key, came, &another);
        watching = NULL;
        cr_assert_eq(pthread_create(&thread, NULL, bring_back, &b), 0);
        pthread_join(thread, NULL);
    }
    cr_assert_eq(n, 2);
    cr_assert_gt(mine.n, 0, "nothing was seen");
    for (size_t i = 0; i < mine.n; i++)
        for (size_t k = 0; k < b.did.n; k++)
            cr_expect_neq(mine.locks[i], b.did.locks[k], "a lock in common");
    cr_expect_eq(b.did.freed, 0, "it frees what the loop allocated");
    key->ops->release(key);
    hf_key_watch_cleanup(&watch);
    unlink(path);
}

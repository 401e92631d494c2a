/* How far a token's threads stand back, and that they do not where it would starve them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "pool.h"

#define PATIENCE_S 240 /* on the busiest machine */

TestSuite(hsm_priority, .init = token_setup, .fini = token_teardown);

static void count(void *arg, hf_key_op *op)
{
    cr_expect_eq(op->status, HF_OK);
    free(op);
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void count_any(void *arg, hf_key_op *op)
{
    free(op);
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void submit_sign(hf_key *key, atomic_uint *done)
{
    static const uint8_t digest[32];

    key->ops->submit(key, make_sign(key, HF_ECDSA_SECP256R1_SHA256, digest, sizeof digest), count, done);
}

/* So many operations at once, so that every thread has a turn, most of the time. */
static void sign_at_once(hf_key *key, unsigned n)
{
    atomic_uint done = 0;

    for (unsigned i = 0; i < n; i++)
        submit_sign(key, &done);
    while (atomic_load(&done) < n)
        usleep(1000);
}

/* Threads of this process with so much less priority than the calling one. */
static unsigned threads_behind(int by)
{
    int wanted = getpriority(PRIO_PROCESS, 0) + by;
    unsigned n = 0;
    DIR *folder = opendir("/proc/self/task");

    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            n += getpriority(PRIO_PROCESS, (id_t)atoi(entry->d_name)) == (wanted > 19 ? 19 : wanted);
    closedir(folder);
    return n;
}

/* More threads than CPUs, all of them behind. */
static hf_key *open_crowded(unsigned *out_n)
{
    unsigned n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) + 2;
    hf_key *key = open_key("p256", n);

    while (threads_behind(HF_POOL_NICE_FAR) < n)
        sign_at_once(key, n);
    *out_n = n;
    return key;
}

/* From here on as an ordinary user, who may lower priorities only. */
static void drop_privilege(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    cr_assert_eq(syscall(SYS_capget, &head, data), 0);
    data[0].effective &= ~(1u << CAP_SYS_NICE);
    data[0].permitted &= ~(1u << CAP_SYS_NICE);
    data[0].inheritable &= ~(1u << CAP_SYS_NICE);
    cr_assert_eq(syscall(SYS_capset, &head, data), 0);
}

/* Another program that wants the only CPU that we may use from now on. */
static pid_t take_cpu(void)
{
    cpu_set_t allowed, one;
    int cpu = 0;

    cr_assert_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0); /* threads and the child inherit it */
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            ;
    }
    return child;
}

static void give_cpu_back(pid_t child)
{
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
}

/* A token that computes on our CPUs, with more threads than these, must not crowd out who serves connections. */
Test(hsm_priority, threads_stand_behind_whoever_opened_the_key, .timeout = PATIENCE_S)
{
    unsigned n = 0;
    hf_key *key = open_key("p256", 1);

    while (threads_behind(HF_POOL_NICE_NEAR) < 1) /* it is its first act */
        usleep(1000);
    key->ops->release(key);
    key = open_crowded(&n);
    cr_expect_eq(threads_behind(HF_POOL_NICE_NEAR), 0); /* all alike */
    key->ops->release(key);
}

/* Beside a program that computes, a call that does so, too, has next to nothing of the CPU. */
Test(hsm_priority, starved_threads_come_near_and_stand_back_again, .timeout = PATIENCE_S)
{
    atomic_uint done = 0;
    unsigned n = 0;

    drop_privilege();
    pid_t other = take_cpu();
    hf_key *key = open_crowded(&n);
    unsigned sessions = atomic_load(&mask->sessions);
    atomic_store(&mask->spin, true);
    submit_sign(key, &done);
    while (threads_behind(HF_POOL_NICE_NEAR) < n - 1) /* all but the one in the call */
        usleep(1000);
    atomic_store(&mask->spin, false);
    while (threads_behind(HF_POOL_NICE_NEAR) < n) /* and that one, too, when it is back */
        usleep(1000);
    cr_expect_eq(atomic_load(&done), 1);
    sign_at_once(key, 4 * n);
    cr_expect_eq(atomic_load(&mask->sessions), sessions, "successors have the sessions of those before them");
    give_cpu_back(other);
    while (threads_behind(HF_POOL_NICE_FAR) < n) /* when it was calm for long enough */
        sign_at_once(key, n);
    key->ops->release(key);
    cr_expect_eq(atomic_load(&mask->sessions), 0);
}

/* Relieved while it hangs, and given up at its deadline: whoever comes after it cleans up. */
Test(hsm_priority, a_relieved_thread_that_hangs_is_given_up, .timeout = PATIENCE_S)
{
    hf_hsm_options options = test_options();
    atomic_uint done = 0;
    hf_key *key = NULL;

    options.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) + 2;
    options.operation_timeout_ms = 1000;
    pid_t other = take_cpu();
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_OK, "%s", why);
    while (threads_behind(HF_POOL_NICE_FAR) < options.threads)
        sign_at_once(key, options.threads);
    atomic_store(&mask->spin, true);
    static const uint8_t digest[32];
    key->ops->submit(key, make_sign(key, HF_ECDSA_SECP256R1_SHA256, digest, sizeof digest), count_any, &done);
    while (threads_behind(HF_POOL_NICE_NEAR) < 1 || atomic_load(&done) < 1) /* relieved, and ended by the deadline */
        usleep(1000);
    atomic_store(&mask->spin, false);
    sign_at_once(key, 4 * options.threads);
    give_cpu_back(other);
    key->ops->release(key);
    while (hf_hsm_threads_running() > 0)
        usleep(1000);
    cr_expect_eq(atomic_load(&mask->sessions), 0);
}

static atomic_int tid;
static atomic_bool computes, ends;

static void *compute_or_sleep(void *arg)
{
    atomic_store(&tid, (int)syscall(SYS_gettid));
    while (!atomic_load(&ends))
        if (!atomic_load(&computes))
            usleep(100000);
    return arg;
}

/* Who waits for a token on the wire is left in its place; only who waits for a CPU is starved. */
Test(hsm_priority_parts, a_thread_that_wants_a_cpu_is_told_from_one_that_sleeps, .timeout = PATIENCE_S)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, compute_or_sleep, NULL), 0);
    while (atomic_load(&tid) == 0 || hf_thread_wants_cpu(atomic_load(&tid)))
        usleep(1000);
    atomic_store(&computes, true);
    while (!hf_thread_wants_cpu(atomic_load(&tid)))
        usleep(1000);
    for (int i = 0; i < 100; i++)
        cr_expect(hf_thread_wants_cpu(atomic_load(&tid)));
    atomic_store(&ends, true);
    pthread_join(thread, NULL);
    cr_expect(hf_thread_wants_cpu(0), "of whom nothing is known, the worst is supposed");
}

/* A storm of our own that has the CPUs is no reason: its threads wait for each other. */
Test(hsm_priority_parts, who_has_half_of_the_cpus_is_not_short_of_them)
{
    cr_expect(hf_cpus_are_others(0, 1000, 1));
    cr_expect(hf_cpus_are_others(999, 1000, 2));
    cr_expect_not(hf_cpus_are_others(1000, 1000, 2));
    cr_expect_not(hf_cpus_are_others(990, 1000, 1));
}

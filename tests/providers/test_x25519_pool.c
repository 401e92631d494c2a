/* Key pairs made ahead: each given out once, whatever forks and threads there are, and wiped. The calls of libc by
 * which the pool gets memory, randomness and the time are replaced here: the program's own definitions come first. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "builtin.h"
#include "handfast/providers.h"
#include "x25519.h"

#define SIZE HF_X25519_SIZE
#define EIGHT HF_X25519_SIDE_BY_SIDE
#define PAGE 4096
#define PAGES 64

/* ---- What the pool calls ---- */

static _Thread_local bool watching;          /* this thread's calls are the pool's */
static _Thread_local unsigned asked;         /* how often it asked for randomness */
static bool no_randomness, short_randomness; /* both ways to fail */
static bool no_wipe_on_fork;                 /* an old kernel */
static bool fork_when_asked;                 /* a signal handler that forks at the worst time */
static pid_t forked = -1;
static int64_t ahead_ns; /* what the clock is ahead */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *pages[PAGES];             /* those that are wiped on fork */
static size_t page_count, dropped, dirty; /* made; given back; given back with something in them */
static unsigned dumps_off, locked;

ssize_t getrandom(void *out, size_t len, unsigned flags)
{
    if (!watching)
        return syscall(SYS_getrandom, out, len, flags);
    asked++;
    if (no_randomness) {
        errno = ENOSYS;
        return -1;
    }
    ssize_t got = syscall(SYS_getrandom, out, short_randomness ? len - 1 : len, flags);
    if (fork_when_asked) {
        fork_when_asked = false;
        forked = fork();
    }
    return got;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);

    if (watching && result == 0) {
        int64_t ns = out->tv_nsec + ahead_ns;
        out->tv_sec += ns / 1000000000;
        out->tv_nsec = ns % 1000000000;
    }
    return result;
}

int madvise(void *p, size_t len, int advice)
{
    if (advice == MADV_WIPEONFORK) {
        if (no_wipe_on_fork) {
            errno = EINVAL;
            return -1;
        }
        pthread_mutex_lock(&lock);
        pages[page_count++ % PAGES] = p;
        pthread_mutex_unlock(&lock);
    }
    dumps_off += advice == MADV_DONTDUMP;
    return (int)syscall(SYS_madvise, p, len, advice);
}

int mlock(const void *p, size_t len)
{
    (void)p;
    (void)len;
    locked++;
    errno = ENOMEM; /* a limit: the pool does without */
    return -1;
}

int munmap(void *p, size_t len)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < PAGES; i++)
        if (pages[i] == p) {
            for (size_t k = 0; k < PAGE; k++)
                if (pages[i][k] != 0) {
                    dirty++;
                    break;
                }
            pages[i] = NULL;
            dropped++;
        }
    pthread_mutex_unlock(&lock);
    return (int)syscall(SYS_munmap, p, len);
}

/* ---- Rig ---- */

typedef struct pair {
    uint8_t scalar[SIZE], public[SIZE];
} pair;

/* False where this CPU cannot: then there is nothing to test. */
static bool able(void)
{
    const char *why;

    return hf_provider_ifma.available(&why);
}

static void take(pair *out)
{
    watching = true;
    hf_status status = hf_x25519_take(out->scalar, out->public);
    watching = false;
    cr_assert_eq(status, HF_OK);
}

static void take_all(pair *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take(&out[i]);
}

static bool holds(const uint8_t *page, const uint8_t *what)
{
    for (size_t i = 0; page && i + SIZE <= PAGE; i++)
        if (memcmp(page + i, what, SIZE) == 0)
            return true;
    return false;
}

static bool is_zero(const void *p, size_t len)
{
    const uint8_t *bytes = p;

    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Each pair fits, and none is there twice. */
static void all_different(const pair *pairs, size_t n)
{
    static const uint8_t base[SIZE] = {9};

    for (size_t i = 0; i < n; i++) {
        uint8_t public[SIZE];
        hf_x25519(pairs[i].scalar, base, public);
        cr_assert_arr_eq(public, pairs[i].public, SIZE, "pair %zu", i);
        for (size_t k = 0; k < i; k++)
            cr_assert_neq(memcmp(pairs[i].public, pairs[k].public, SIZE), 0, "pairs %zu and %zu", k, i);
    }
}

/* What a child wrote into the pipe, and that it ended well. */
static void read_child(int from, pid_t child, pair *out, size_t n)
{
    uint8_t *at = (uint8_t *)out, *end = (uint8_t *)(out + n);
    int how = -1;

    while (at < end) {
        ssize_t got = read(from, at, (size_t)(end - at));
        cr_assert_gt(got, 0);
        at += got;
    }
    cr_assert_eq(waitpid(child, &how, 0), child);
    cr_assert_eq(how, 0);
}

/* ---- Pairs ---- */

Test(x25519_pool, eight_are_made_and_each_is_given_once)
{
    pair pairs[5 * EIGHT];

    if (!able())
        return;
    take_all(pairs, 5 * EIGHT);
    cr_assert_eq(asked, 5);
    cr_assert_eq(page_count, 1);
    cr_assert_eq(dumps_off, 1);
    cr_assert_eq(locked, 1);
    all_different(pairs, 5 * EIGHT);
}

Test(x25519_pool, a_pair_is_wiped_when_it_is_taken)
{
    pair one, next;

    if (!able())
        return;
    for (size_t i = 0; i < 2 * EIGHT; i++) {
        take(&one);
        cr_assert_not(holds(pages[0], one.scalar), "%zu", i);
        cr_assert_not(holds(pages[0], one.public), "%zu", i);
    }
    /* The search above can find something: */
    take(&one);
    memcpy(&next.scalar, pages[0] + 24, SIZE);
    cr_assert(holds(pages[0], next.scalar));
}

Test(x25519_pool, old_pairs_are_not_given)
{
    pair one, waiting[EIGHT - 1];
    uint8_t before[PAGE];

    if (!able())
        return;
    take(&one);
    memcpy(before, pages[0], PAGE);
    ahead_ns += (HF_LIMIT_PAIRS_AHEAD_MS - 500) * INT64_C(1000000); /* young enough */
    take(&one);
    cr_assert_eq(asked, 1);
    cr_assert(holds(before, one.scalar));
    ahead_ns += 501 * INT64_C(1000000);
    take_all(waiting, EIGHT - 1);
    cr_assert_eq(asked, 2);
    for (size_t i = 0; i < EIGHT - 1; i++)
        cr_assert_not(holds(before, waiting[i].scalar));
    ahead_ns -= 3600 * INT64_C(1000000000); /* a clock that goes back proves nothing */
    take(&one);
    cr_assert_eq(asked, 3);
}

Test(x25519_pool, without_randomness_there_is_no_pair)
{
    pair one, two;

    if (!able())
        return;
    take(&one);
    for (size_t i = 1; i < EIGHT; i++)
        take(&two); /* these were there before */
    watching = true;
    for (size_t way = 0; way < 2; way++) {
        no_randomness = way == 0;
        short_randomness = way == 1;
        memset(&two, 0xaa, sizeof two);
        cr_assert_eq(hf_x25519_take(two.scalar, two.public), HF_ERR_RANDOM);
        cr_assert(is_zero(&two, sizeof two));
        cr_assert(is_zero(pages[0] + 24, 2 * EIGHT * SIZE));
    }
    short_randomness = false;
    void *key = &one;
    no_randomness = true;
    cr_assert_eq(hf_provider_ifma.groups[0]->generate(&key, two.public), HF_ERR_RANDOM);
    cr_assert_eq(key, &one);
    no_randomness = watching = false;
    take(&two);
    all_different(&two, 1);
}

/* ---- Forks ---- */

Test(x25519_pool, parent_and_child_never_give_the_same_pair)
{
    pair pairs[4 * EIGHT];
    int way[2];

    if (!able())
        return;
    take_all(pairs, 2); /* six wait */
    cr_assert_eq(pipe(way), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        pair of_child[2 * EIGHT];
        bool wiped = is_zero(pages[0], PAGE);
        take_all(of_child, 2 * EIGHT);
        bool written = write(way[1], of_child, sizeof of_child) == sizeof of_child;
        _exit(wiped && written ? 0 : 1);
    }
    take_all(pairs + 2, 2 * EIGHT - 2);
    cr_assert_eq(asked, 2);
    read_child(way[0], child, pairs + 2 * EIGHT, 2 * EIGHT);
    all_different(pairs, 4 * EIGHT);
}

/* The fork of a signal handler, between the randomness and the pairs: the child must not go on with a wiped page. */
Test(x25519_pool, a_fork_in_the_middle_is_noticed)
{
    pair pairs[2 * EIGHT];
    int way[2];

    if (!able())
        return;
    cr_assert_eq(pipe(way), 0);
    fork_when_asked = true;
    take_all(pairs, EIGHT);
    if (forked == 0) {
        bool written = write(way[1], pairs, EIGHT * sizeof pairs[0]) == EIGHT * sizeof pairs[0];
        _exit(written ? 0 : 1);
    }
    cr_assert_gt(forked, 0);
    read_child(way[0], forked, pairs + EIGHT, EIGHT);
    all_different(pairs, 2 * EIGHT);
}

/* A kernel that would copy the pairs: none waits. */
Test(x25519_pool, where_a_fork_would_copy_them_no_pair_waits)
{
    pair pairs[3];

    if (!able())
        return;
    no_wipe_on_fork = true;
    take_all(pairs, 3);
    cr_assert_eq(asked, 3);
    cr_assert_eq(page_count, 0);
    all_different(pairs, 3);
}

/* ---- Threads ---- */

#define THREADS 4
#define EACH 50

static void *take_many(void *arg)
{
    take_all(arg, EACH);
    return NULL;
}

Test(x25519_pool, threads_have_their_own_and_wipe_them_at_their_end)
{
    static pair pairs[THREADS * EACH];
    pthread_t threads[THREADS];

    if (!able())
        return;
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_many, pairs + i * EACH), 0);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    all_different(pairs, THREADS * EACH);
    cr_assert_eq(page_count, THREADS);
    cr_assert_eq(dropped, THREADS);
    cr_assert_eq(dirty, 0);
}

/* What a confined network process can still do: each attempt in a process of its own, since confinement is for good. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"

enum { DENIED = 0, ALLOWED = 1, NOT_CONFINED = 2 };

static int no_new_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? ALLOWED : DENIED;
}

static int sandboxed(hf_sandbox sandbox, int (*attempt)(void))
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(hf_confine_key_process(sandbox) ? attempt() : NOT_CONFINED);
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

Test(confine, no_new_privileges)
{
    cr_assert_eq(sandboxed(HF_SANDBOX_LOCAL, no_new_privileges), ALLOWED);
    cr_assert_eq(sandboxed(HF_SANDBOX_OFF, no_new_privileges), ALLOWED);
}

#ifndef HF_SANITIZED /* a sanitizer needs what confinement takes away, so its builds are not confined */

/* Runs `attempt` (ALLOWED or DENIED) confined; its answer, or minus the signal that ended it. */
static int confined(const hf_confine_network *needs, int (*attempt)(void))
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (!hf_confine_network_process(needs))
            _exit(NOT_CONFINED);
        _exit(attempt());
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static const hf_confine_network closed = {.root_fd = -1};

static int answer(bool done)
{
    return done ? ALLOWED : DENIED;
}

static int opens_a_file(void)
{
    return answer(open("/etc/passwd", O_RDONLY) >= 0);
}

static int loads_a_module(void)
{
    return answer(dlopen(HF_TEST_SOFTHSM, RTLD_NOW) != NULL);
}

static int maps_code(void)
{
    return answer(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int makes_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return answer(page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int opens_a_socket(void)
{
    return answer(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int opens_a_datagram_socket(void)
{
    return answer(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
}

static int opens_a_local_socket(void)
{
    return answer(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static int forks(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    return answer(child > 0);
}

static int signals_its_parent(void)
{
    return answer(kill(getppid(), 0) == 0);
}

/* Whoever owns a descriptor gets a signal of one's choice when something happens there (fcntl(2), F_SETOWN). */
static int has_the_kernel_signal_its_parent(void)
{
    int pair[2];
    bool done = pipe(pair) == 0 && (fcntl(pair[0], F_SETOWN, getppid()) == 0 || fcntl(pair[0], F_SETSIG, SIGURG) == 0);
    return answer(done);
}

static int moves_its_parent(void)
{
    cpu_set_t all;
    return answer(sched_getaffinity(0, sizeof all, &all) != 0 || sched_setaffinity(getppid(), sizeof all, &all) == 0);
}

static int becomes_attachable(void)
{
    return answer(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static int runs_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return ALLOWED;
}

static int attaches(void)
{
    ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    return ALLOWED;
}

static int reads_its_parent(void)
{
    syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
    return ALLOWED;
}

Test(confine, denied)
{
    static const struct {
        const char *what;
        int (*attempt)(void);
    } attempts[] = {
        {"open a file", opens_a_file},
        {"load a module", loads_a_module},
        {"map code", maps_code},
        {"make code", makes_code},
        {"open a socket", opens_a_socket},
        {"a local socket", opens_a_local_socket},
        {"fork", forks},
        {"signal another", signals_its_parent},
        {"have another signalled", has_the_kernel_signal_its_parent},
        {"move another to other CPUs", moves_its_parent},
        {"become attachable", becomes_attachable},
    };
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        cr_assert_eq(confined(&closed, attempts[i].attempt), DENIED, "it could %s", attempts[i].what);
}

Test(confine, ended)
{
    cr_assert_eq(confined(&closed, runs_a_program), -SIGSYS, "it ran a program");
    cr_assert_eq(confined(&closed, attaches), -SIGSYS, "it attached to its parent");
    cr_assert_eq(confined(&closed, reads_its_parent), -SIGSYS, "it read its parent's memory");
}

static void *thread(void *arg)
{
    return arg;
}

static int does_its_work(void)
{
    pthread_t id;
    int pair[2];
    void *memory = malloc(1 << 22);
    bool good = memory && pthread_create(&id, NULL, thread, NULL) == 0 && pthread_join(id, NULL) == 0 &&
                pipe(pair) == 0 && write(pair[1], "x", 1) == 1 && read(pair[0], memory, 1) == 1 &&
                fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_NONBLOCK) == 0 &&
                fcntl(pair[0], F_SETFD, fcntl(pair[0], F_GETFD) | FD_CLOEXEC) == 0 &&
                fcntl(pair[0], F_DUPFD_CLOEXEC, 0) >= 0;
    return answer(good);
}

Test(confine, what_it_needs_works)
{
    cr_assert_eq(confined(&closed, does_its_work), ALLOWED);
    cr_assert_eq(confined(&(hf_confine_network){.root_fd = -1, .connects = true}, opens_a_socket), ALLOWED);
    cr_assert_eq(confined(&(hf_confine_network){.root_fd = -1, .connects = true}, opens_a_local_socket), DENIED);
    cr_assert_eq(confined(&(hf_confine_network){.root_fd = -1, .connects = true}, opens_a_datagram_socket), DENIED);
}

static int root = -1;

static int reads_below_its_root(void)
{
    return answer(openat(root, "page", O_RDONLY) >= 0);
}

static int writes_below_its_root(void)
{
    return answer(openat(root, "page", O_WRONLY) >= 0 || openat(root, "new", O_RDONLY | O_CREAT, 0600) >= 0);
}

static int reads_beside_its_root(void)
{
    return answer(openat(root, "/etc/passwd", O_RDONLY) >= 0 || openat(root, "../../etc/passwd", O_RDONLY) >= 0);
}

Test(confine, files)
{
    char folder[] = "/tmp/handfast-confine-XXXXXX";
    cr_assert(mkdtemp(folder));
    root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int page = openat(root, "page", O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(page, 0);
    close(page);
    hf_confine_network needs = {.root_fd = root};
    cr_assert_eq(confined(&needs, reads_below_its_root), ALLOWED);
    cr_assert_eq(confined(&needs, writes_below_its_root), DENIED);
    /* A kernel without Landlock leaves reading to the user's rights; the program says so when it starts. */
    bool landlock = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
    cr_assert_eq(confined(&needs, reads_beside_its_root), landlock ? DENIED : ALLOWED);
    unlinkat(root, "page", 0);
    rmdir(folder);
    close(root);
}

/* ---- The key process ---- */

static int program_is_run(void)
{
    execl("/bin/false", "false", (char *)NULL);
    return DENIED;
}

Test(confine, key_process)
{
    cr_assert_eq(sandboxed(HF_SANDBOX_LOCAL, loads_a_module), ALLOWED);
    cr_assert_eq(sandboxed(HF_SANDBOX_LOCAL, opens_a_local_socket), ALLOWED);
    cr_assert_eq(sandboxed(HF_SANDBOX_LOCAL, opens_a_socket), DENIED);
    cr_assert_eq(sandboxed(HF_SANDBOX_NETWORK, opens_a_socket), ALLOWED);
    cr_assert_eq(sandboxed(HF_SANDBOX_LOCAL, program_is_run), DENIED); /* false(1) answers 1 */
    cr_assert_eq(sandboxed(HF_SANDBOX_NETWORK, program_is_run), DENIED);
    cr_assert_eq(sandboxed(HF_SANDBOX_OFF, program_is_run), 1);
}

#endif

/* Filters of system calls (seccomp(2)), as programs of the kernel's own small machine.
 *
 * The network process gets an allow-list: what a loop, sockets, threads and memory need. Whatever else it calls is
 * answered EPERM; what only an intruder calls ends it. The key process runs a vendor's module, of which nobody knows
 * what it calls: it gets a list of what no module needs. A rule that looks at an argument looks at its lower half:
 * those are numbers of which the kernel itself takes no more. */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define PROGRAM_MAX 512
#define X32_BIT 0x40000000u /* calls of the x32 interface of x86-64 */
#define CLONE_THREAD_FLAG 0x00010000u
#define SOCKET_TYPE_MASK 0xfu /* what socket(2) takes as the type; flags stand above it */

typedef struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
    bool full;
} program;

static void put(program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    if (p->len == PROGRAM_MAX) {
        p->full = true;
        return;
    }
    p->code[p->len++] = (struct sock_filter){.code = code, .k = k, .jt = if_true, .jf = if_false};
}

static void load(program *p, size_t offset)
{
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(program *p, uint32_t action)
{
    put(p, BPF_RET | BPF_K, action, 0, 0);
}

/* This call: that answer. */
static void rule(program *p, long number, uint32_t action)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
    answer(p, action);
}

static size_t argument(unsigned i)
{
    return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t); /* little-endian: the lower half stands first */
}

/* This call when argument & mask is one of the values: the `more` instructions that follow; else EPERM. At most 8
 * values. */
static void begin_if(program *p, long number, unsigned arg, uint32_t mask, const uint32_t *values, uint8_t n,
                     uint8_t more)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (uint8_t)(n + 3 + more));
    load(p, argument(arg));
    put(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    for (uint8_t i = 0; i < n; i++)
        put(p, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(n - i), 0);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
}

/* This call when argument & mask is one of the values: allowed; else EPERM. */
static void rule_if(program *p, long number, unsigned arg, uint32_t mask, const uint32_t *values, uint8_t n)
{
    begin_if(p, number, arg, mask, values, n, 1);
    answer(p, SECCOMP_RET_ALLOW);
}

/* Stream sockets of these families. */
static void rule_socket(program *p, const uint32_t *families, uint8_t n)
{
    begin_if(p, SYS_socket, 0, UINT32_MAX, families, n, 5);
    load(p, argument(1));
    put(p, BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_MASK, 0, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
    answer(p, SECCOMP_RET_ALLOW);
}

static void start(program *p)
{
    memset(p, 0, sizeof *p);
#ifdef ARCHITECTURE
    load(p, offsetof(struct seccomp_data, arch));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
    load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    put(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
}

static bool install(program *p, uint32_t otherwise)
{
    answer(p, otherwise);
#ifdef ARCHITECTURE
    struct sock_fprog whole = {.len = p->len, .filter = p->code};
    if (!p->full && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0L, 0L) == 0)
        return true;
    hf_cli_error("cannot filter system calls: %s", strerror(p->full ? E2BIG : errno));
    return false;
#else
    hf_cli_warn("system calls are not filtered on this architecture");
    return true;
#endif
}

/* What no honest code of ours ever calls. */
static const int hostile[] = {
    SYS_execve,      SYS_execveat,    SYS_ptrace,       SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_pidfd_getfd, SYS_init_module, SYS_finit_module, SYS_delete_module,    SYS_kexec_load,
    SYS_bpf,         SYS_mount,       SYS_umount2,      SYS_pivot_root,       SYS_chroot,
    SYS_setns,       SYS_unshare,     SYS_userfaultfd,  SYS_perf_event_open,  SYS_reboot,
    SYS_add_key,     SYS_keyctl,      SYS_request_key,
};

static const int harmless[] = {
    /* bytes */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_preadv,
    SYS_lseek,
    SYS_close,
    SYS_fstat,
    SYS_sendfile,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    /* sockets that there are */
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_accept,
    SYS_accept4,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getpeername,
    SYS_getsockname,
    /* waiting */
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
    SYS_pselect6,
    SYS_eventfd2,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_futex,
    SYS_restart_syscall,
    SYS_sched_yield,
    /* memory, threads, signals, time */
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_mlock, /* up to the limit that it was given */
    SYS_brk,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_membarrier,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_gettid,
    SYS_getpid,
    SYS_sched_getaffinity,
    SYS_getcpu,
    SYS_exit,
    SYS_exit_group,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrusage,
    SYS_wait4,
#ifdef __x86_64__
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_time,
    SYS_arch_prctl,
#endif
};

static void rules(program *p, const int *numbers, size_t n, uint32_t action)
{
    for (size_t i = 0; i < n; i++)
        rule(p, numbers[i], action);
}

static void rule_value(program *p, long number, unsigned arg, uint32_t mask, uint32_t value)
{
    rule_if(p, number, arg, mask, &value, 1);
}

bool hf_filter_network(const hf_confine_network *needs)
{
    static const uint32_t internet[] = {AF_INET, AF_INET6};
    /* Of a descriptor itself. F_SETOWN and F_SETSIG would have the kernel send other processes signals. */
    static const uint32_t fcntls[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
    static const uint32_t ioctls[] = {FIONBIO, FIONREAD, FIOCLEX, 0x5401 /* TCGETS: isatty */};
    program p;

    start(&p);
    rules(&p, harmless, sizeof harmless / sizeof harmless[0], SECCOMP_RET_ALLOW);
    rules(&p, hostile, sizeof hostile / sizeof hostile[0], SECCOMP_RET_KILL_PROCESS);
    rule_value(&p, SYS_mmap, 2, PROT_EXEC, 0); /* no new code */
    rule_value(&p, SYS_mprotect, 2, PROT_EXEC, 0);
    rule_value(&p, SYS_clone, 0, CLONE_THREAD_FLAG, CLONE_THREAD_FLAG); /* threads, no processes */
    rule(&p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);                   /* its flags cannot be seen; clone's can */
    rule_if(&p, SYS_fcntl, 1, UINT32_MAX, fcntls, 6);
    rule_if(&p, SYS_ioctl, 1, UINT32_MAX, ioctls, 4);
    rule_value(&p, SYS_tgkill, 0, UINT32_MAX, (uint32_t)getpid());
    rule_value(&p, SYS_prctl, 0, UINT32_MAX, PR_SET_NAME);
    /* A limit may be read, and lowered or raised for ourselves as far as the kernel lets us: it opens nothing. */
    rule_value(&p, SYS_prlimit64, 0, UINT32_MAX, 0);
    if (needs->connects) {
        rule_socket(&p, internet, 2);
        rule(&p, SYS_connect, SECCOMP_RET_ALLOW);
    }
    rule_value(&p, SYS_newfstatat, 3, AT_EMPTY_PATH, AT_EMPTY_PATH); /* of an open file */
    if (needs->root_fd >= 0)                                         /* reading; Landlock says where */
        rule_value(&p, SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, 0);
    return install(&p, SECCOMP_RET_ERRNO | EPERM);
}

bool hf_filter_key(bool sockets)
{
    static const uint32_t local[] = {AF_UNIX};
    program p;

    start(&p);
    rules(&p, hostile, sizeof hostile / sizeof hostile[0], SECCOMP_RET_ERRNO | EPERM);
    if (!sockets)
        rule_if(&p, SYS_socket, 0, UINT32_MAX, local, 1);
    rule(&p, SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS); /* its calls pass by this filter */
    return install(&p, SECCOMP_RET_ALLOW);
}

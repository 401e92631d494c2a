/* The supervisor: starts key processes and hands their sockets to the network process. See isolate.h.
 *
 * It has one thread and no secrets, and takes nothing from the network process but two words of one byte: a key process
 * works, and the end has come. So it can stay the user that started the program. */
#include "isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "now.h"

typedef struct supervisor {
    int control, children; /* to the network process; signalfd for SIGCHLD */
    char **argv;
    pid_t key; /* 0: none runs */
    bool worked, left;
    uint64_t started_ms, backoff_ms;
} supervisor;

/* The child: nothing is open but the standard descriptors and its socket. */
static void become_key_process(supervisor *s, int fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL); /* a question for the PIN or a hanging module can be interrupted */
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    if (fd == HF_KEY_PROCESS_FD ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, HF_KEY_PROCESS_FD) == HF_KEY_PROCESS_FD) {
        syscall(SYS_close_range, HF_KEY_PROCESS_FD + 1, ~0u, 0); /* beyond it all is close-on-exec anyhow */
        execv("/proc/self/exe", s->argv);
    }
    hf_cli_error("cannot start the key process: %s", strerror(errno));
    _exit(HF_EXIT_FAILED);
}

/* One byte for the network process, with a socket: the next key process; without: there will be none. */
static void tell(supervisor *s, int fd)
{
    char byte = fd >= 0 ? 'K' : 'F';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } ancillary;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        memset(&ancillary, 0, sizeof ancillary);
        message.msg_control = ancillary.room;
        message.msg_controllen = sizeof ancillary.room;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    if (sendmsg(s->control, &message, MSG_NOSIGNAL) != 1)
        s->left = true;
}

static bool start_key_process(supervisor *s)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    int room = 1 << 20; /* many operations at once; the system's limit counts */
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    s->started_ms = hf_time_ms();
    s->key = fork();
    if (s->key == 0)
        become_key_process(s, pair[1]);
    close(pair[1]);
    if (s->key > 0)
        tell(s, pair[0]);
    close(pair[0]);
    if (s->key < 0)
        s->key = 0;
    return s->key > 0;
}

/* Looks at the network process and at SIGCHLD for at most timeout_ms. */
static void look(supervisor *s, int timeout_ms)
{
    struct pollfd polls[2] = {{.fd = s->control, .events = POLLIN}, {.fd = s->children, .events = POLLIN}};
    struct signalfd_siginfo info;
    if (poll(polls, 2, timeout_ms) <= 0)
        return;
    if (polls[1].revents && read(s->children, &info, sizeof info) < 0)
        return;
    char byte = 0;
    ssize_t got = 0;
    while (polls[0].revents && !s->left && (got = recv(s->control, &byte, 1, MSG_DONTWAIT)) == 1) {
        s->worked = s->worked || byte == HF_ISOLATE_WORKS;
        s->left = byte == HF_ISOLATE_ENDS;
    }
    if (polls[0].revents && (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)))
        s->left = true;
}

/* Waits until the key process ended (then its status is in *out) or, when it is asked, until the time is over. */
static bool wait_key_process(supervisor *s, uint64_t until_ms, int *out)
{
    while (s->key) {
        pid_t done = waitpid(s->key, out, WNOHANG);
        if (done == s->key || (done < 0 && errno != EINTR)) {
            s->key = 0;
            return true;
        }
        uint64_t now = hf_time_ms();
        if (s->left && now >= until_ms)
            return false;
        if (s->left)
            look(&(supervisor){.control = -1, .children = s->children}, (int)(until_ms - now));
        else
            look(s, -1);
        if (s->left && until_ms == UINT64_MAX)
            return false;
    }
    return true;
}

/* A key process has ended by itself. False: no other one may be started. */
static bool may_go_on(supervisor *s, int status)
{
    if (WIFSIGNALED(status))
        hf_cli_error("the key process was ended by signal %d%s", WTERMSIG(status),
                     s->worked ? "; the next one starts" : "");
    else if (s->worked)
        hf_cli_error("the key process ended with code %d", WEXITSTATUS(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) == HF_EXIT_PIN && s->worked)
        hf_cli_error("the PIN is not tried again by itself: correct it and restart the server");
    return s->worked && !(WIFEXITED(status) && WEXITSTATUS(status) == HF_EXIT_PIN);
}

static void back_off(supervisor *s)
{
    if (hf_time_ms() - s->started_ms >= HF_ISOLATE_LIVED_MS) {
        s->backoff_ms = 0;
        return;
    }
    uint64_t end = hf_time_ms() + s->backoff_ms;
    for (uint64_t now; !s->left && (now = hf_time_ms()) < end;)
        look(s, (int)(end - now));
    s->backoff_ms = s->backoff_ms ? 2 * s->backoff_ms : HF_ISOLATE_BACKOFF_MIN_MS;
    if (s->backoff_ms > HF_ISOLATE_BACKOFF_MAX_MS)
        s->backoff_ms = HF_ISOLATE_BACKOFF_MAX_MS;
}

static void supervise(supervisor *s)
{
    bool go_on = true;
    while (!s->left && go_on) {
        int status = 0;
        if (start_key_process(s)) {
            if (!wait_key_process(s, UINT64_MAX, &status) || s->left)
                break;
            go_on = may_go_on(s, status);
        } else {
            hf_cli_error("cannot start the key process: %s", strerror(errno));
        }
        if (go_on)
            back_off(s);
    }
    if (!go_on)
        tell(s, -1);
    while (!s->left) /* as long as the network process lives, its pid file is ours to remove */
        look(s, -1);
    int status;
    if (s->key && !wait_key_process(s, hf_time_ms() + HF_ISOLATE_END_MS, &status)) {
        kill(s->key, SIGKILL); /* it hangs in its module */
        waitpid(s->key, &status, 0);
    }
}

static void remove_pid_file(const char *path, pid_t owner)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    char line[32] = "";
    if (!file)
        return;
    bool ours = fgets(line, sizeof line, file) && strtol(line, NULL, 10) == (long)owner;
    fclose(file);
    if (ours)
        unlink(path);
}

static void run_supervisor(int control, char **argv, const char *pid_file, pid_t owner)
{
    sigset_t children;
    supervisor s = {.control = control, .argv = argv};
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    s.children = signalfd(-1, &children, SFD_CLOEXEC);
    /* These mean the network process, which ends in its own time; its end is ours. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (s.children >= 0)
        supervise(&s);
    remove_pid_file(pid_file, owner);
}

bool hf_isolate_start(hf_isolate *isolate, int argc, char **argv, const char *pid_file)
{
    int pair[2] = {-1, -1};
    pid_t owner = getpid();
    char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
    static char name[] = "handfast", command[] = HF_KEY_PROCESS_COMMAND;

    isolate->control = -1;
    if (!arguments || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        hf_cli_error("cannot isolate the keys: %s", strerror(errno));
        free(arguments);
        return false;
    }
    arguments[0] = name;
    arguments[1] = command;
    for (int i = 1; i < argc; i++)
        arguments[i + 1] = argv[i];
    isolate->supervisor = fork();
    if (isolate->supervisor == 0) {
        close(pair[0]);
        run_supervisor(pair[1], arguments, pid_file, owner);
        _exit(HF_EXIT_DONE);
    }
    if (isolate->supervisor < 0)
        hf_cli_error("cannot isolate the keys: %s", strerror(errno));
    else
        isolate->control = pair[0];
    close(isolate->supervisor < 0 ? pair[0] : pair[1]);
    if (isolate->supervisor < 0)
        close(pair[1]);
    free(arguments);
    return isolate->control >= 0;
}

void hf_isolate_leave(const hf_isolate *isolate)
{
    const char byte = HF_ISOLATE_ENDS;
    if (isolate->control >= 0 && send(isolate->control, &byte, 1, MSG_NOSIGNAL) != 1)
        hf_cli_warn("the supervisor of the key process has gone");
}

void hf_isolate_end(hf_isolate *isolate)
{
    if (isolate->control < 0)
        return;
    close(isolate->control);
    isolate->control = -1;
    while (waitpid(isolate->supervisor, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* The supervisor of `serve --isolate`: the process that was started. See isolate.h.
 *
 * It starts key processes and hands their sockets to the network process, and passes the operator's signals on. It has
 * one thread and no secrets, and takes nothing from the network process but two words of one byte: a key process
 * works, and the end has come. So it can stay the user that started the program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "control.h"
#include "isolate.h"
#include "now.h"
#include "public_files.h"
#include "staple_watch.h"

typedef struct supervisor {
    int control, signals; /* to the network process; signalfd */
    int key_control;      /* to the key process; -1: none */
    char **argv;
    const hf_serve_options *options;
    pid_t network, key; /* 0: it has ended; none runs */
    int network_status;
    uint32_t reloads; /* so far, and words of responses: one row of numbers */
    hf_staple_watch staples;
    bool worked, left, gave_up;
    uint64_t started_ms, backoff_ms, next_ms; /* next_ms: no key process before */
} supervisor;

/* ---- Key processes ---- */

/* The child: nothing is open but the standard descriptors and its sockets. */
static void become_key_process(const supervisor *s, int fd, int control)
{
    const int high = HF_KEY_PROCESS_CONTROL_FD + 1; /* out of the way of those two */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* a question for the PIN or a hanging module can be interrupted */
    int own = fcntl(fd, F_DUPFD_CLOEXEC, high), own_control = fcntl(control, F_DUPFD_CLOEXEC, high);
    if (dup2(own, HF_KEY_PROCESS_FD) == HF_KEY_PROCESS_FD &&
        dup2(own_control, HF_KEY_PROCESS_CONTROL_FD) == HF_KEY_PROCESS_CONTROL_FD) {
        syscall(SYS_close_range, high, ~0u, 0); /* beyond it all is close-on-exec anyhow */
        execv("/proc/self/exe", s->argv);
    }
    hf_cli_error("cannot start the key process: %s", strerror(errno));
    _exit(HF_EXIT_FAILED);
}

static bool start_key_process(supervisor *s)
{
    int pair[2], control[2];
    int room = 1 << 20;           /* many operations at once; the system's limit counts */
    s->started_ms = hf_time_ms(); /* also of an attempt that fails */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) {
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    pid_t key = fork();
    if (key == 0)
        become_key_process(s, pair[1], control[1]);
    close(pair[1]);
    close(control[1]);
    /* When the network process does not listen just now, the key process finds nobody, ends, and is followed by another
     * one. */
    if (key > 0)
        (void)hf_control_send(s->control, &(hf_control){.kind = HF_CONTROL_KEY, .number = s->reloads}, pair[0]);
    close(pair[0]);
    s->key = key > 0 ? key : 0;
    s->key_control = key > 0 ? control[0] : -1;
    if (key < 0)
        close(control[0]);
    return key > 0;
}

static void back_off(supervisor *s)
{
    uint64_t now = hf_time_ms();
    if (now - s->started_ms >= HF_ISOLATE_LIVED_MS) {
        s->backoff_ms = 0;
        return;
    }
    s->next_ms = now + s->backoff_ms;
    s->backoff_ms = s->backoff_ms ? 2 * s->backoff_ms : HF_ISOLATE_BACKOFF_MIN_MS;
    if (s->backoff_ms > HF_ISOLATE_BACKOFF_MAX_MS)
        s->backoff_ms = HF_ISOLATE_BACKOFF_MAX_MS;
}

/* A key process has ended by itself: whether another one may be started. */
static bool may_go_on(const supervisor *s, int status)
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

static void key_ended(supervisor *s, int status)
{
    s->key = 0;
    close(s->key_control);
    s->key_control = -1;
    if (s->left)
        return;
    if (may_go_on(s, status)) {
        back_off(s);
        return;
    }
    s->gave_up = true;
    (void)hf_control_send(s->control, &(hf_control){.kind = HF_CONTROL_NO_KEY}, -1);
}

/* ---- What happens ---- */

/* So many and no more at a time: one that was taken over may say more than can be heard, and signals wait meanwhile. */
static void take_words(supervisor *s)
{
    char byte = 0;
    ssize_t got = 0;
    for (int i = 0; i < HF_ISOLATE_WORDS_MAX && !s->left && got >= 0; i++) {
        got = recv(s->control, &byte, 1, MSG_DONTWAIT);
        s->worked = s->worked || (got == 1 && byte == HF_ISOLATE_WORKS);
        s->left = got == 0 || (got == 1 && byte == HF_ISOLATE_ENDS);
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        s->left = true;
}

static void reap(supervisor *s)
{
    int status;
    pid_t done;
    while ((done = waitpid(-1, &status, WNOHANG)) > 0) {
        if (done == s->network) {
            s->network = 0;
            s->network_status = status;
            s->left = true;
        } else if (done == s->key) {
            take_words(s); /* first what was said before */
            key_ended(s, status);
        }
    }
}

/* The operator's word: files are opened for the network process, which may not, and both hear of it. */
static void reload(supervisor *s)
{
    hf_control message = {.kind = HF_CONTROL_RELOAD};
    if (!s->network || s->reloads == HF_ISOLATE_RELOADS_MAX)
        return;
    message.number = ++s->reloads;
    /* A key process that is not there, or about to end, is followed by one that opens its keys when it comes. */
    if (s->key)
        (void)hf_control_send(s->key_control, &message, -1);
    if (!hf_public_files_send(s->control, &s->options->tls, message.number) ||
        !hf_control_send(s->control, &message, -1))
        hf_cli_error("reload failed, the old configuration stays: the network process does not listen");
}

/* What an OCSP responder has said anew needs no signal. Only the responses are handed over: certificates and keys that
 * the operator has put there stay unread until the word. */
static void look_at_staples(supervisor *s)
{
    hf_control message = {.kind = HF_CONTROL_STAPLES};
    if (!hf_staple_watch_look(&s->staples, s->options) || s->reloads == HF_ISOLATE_RELOADS_MAX)
        return;
    message.number = ++s->reloads;
    if (!hf_public_files_send_responses(s->control, &s->options->tls, message.number) ||
        !hf_control_send(s->control, &message, -1))
        hf_staple_watch_begin(&s->staples, s->options); /* it is busy: with the next look */
}

static void take_signal(supervisor *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGCHLD)
        reap(s);
    else if ((info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) && s->network)
        kill(s->network, (int)info.ssi_signo); /* it ends in its own time; its end is ours */
    else if (info.ssi_signo == SIGHUP)
        reload(s);
}

/* For at most so long; -1: until something happens. */
static void look(supervisor *s, int timeout_ms)
{
    struct pollfd polls[2] = {{.fd = s->left ? -1 : s->control, .events = POLLIN},
                              {.fd = s->signals, .events = POLLIN}};
    if (poll(polls, 2, timeout_ms) <= 0)
        return;
    if (polls[0].revents)
        take_words(s);
    if (polls[1].revents)
        take_signal(s);
}

/* Until then: what is due first. -1: nothing is. */
static int time_left(const supervisor *s, bool wanted, uint64_t now)
{
    uint64_t until = s->left ? UINT64_MAX : s->staples.next_ms;
    if (wanted && s->next_ms < until)
        until = s->next_ms;
    return until == UINT64_MAX ? -1 : until > now ? (int)(until - now) : 0;
}

/* As long as the network process lives, there is to be a key process. */
static void serve(supervisor *s)
{
    while (s->network) {
        uint64_t now = hf_time_ms();
        bool wanted = !s->key && !s->left && !s->gave_up;
        if (wanted && now >= s->next_ms) {
            if (!start_key_process(s)) {
                hf_cli_error("cannot start the key process: %s", strerror(errno));
                back_off(s);
            }
            continue;
        }
        if (!s->left && now >= s->staples.next_ms)
            look_at_staples(s);
        look(s, time_left(s, wanted, now));
    }
}

/* The key process sees its socket closed and logs out. */
static void end_key_process(supervisor *s)
{
    uint64_t until = hf_time_ms() + HF_ISOLATE_END_MS;
    if (s->key && !s->worked)
        kill(s->key, SIGTERM); /* it may still be asking for a PIN */
    for (uint64_t now; s->key && (now = hf_time_ms()) < until;)
        look(s, (int)(until - now));
    if (s->key) {
        kill(s->key, SIGKILL); /* it hangs in its module */
        waitpid(s->key, NULL, 0);
    }
}

static void remove_pid_file(const char *path)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    char line[32] = "";
    if (!file)
        return;
    bool ours = fgets(line, sizeof line, file) && strtol(line, NULL, 10) == (long)getpid();
    fclose(file);
    if (ours)
        unlink(path);
}

/* How the network process ended is how the program ends. */
static int result_of(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    int number = WTERMSIG(status);
    if (number == SIGTERM || number == SIGINT) { /* it had not come to catch it */
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, number);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &one, NULL);
    }
    hf_cli_error("the network process was ended by signal %d", number);
    return HF_EXIT_FAILED;
}

void hf_supervisor_signals(sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGCHLD);
    sigaddset(out, SIGHUP);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGTERM);
}

int hf_supervise(int control, pid_t network, char **key_argv, const hf_serve_options *options)
{
    sigset_t watched;
    supervisor s = {.control = control, .key_control = -1, .network = network, .argv = key_argv, .options = options};
    hf_supervisor_signals(&watched);
    s.signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s.signals < 0) {
        hf_cli_error("cannot isolate the keys: %s", strerror(errno));
        kill(network, SIGKILL);
        return HF_EXIT_FAILED;
    }
    hf_staple_watch_begin(&s.staples, options);
    serve(&s);
    end_key_process(&s);
    remove_pid_file(options->pid_file);
    return result_of(s.network_status);
}

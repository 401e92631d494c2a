/* The beginning of `serve --isolate`: two processes of one. See isolate.h; the supervisor stands in supervisor.c. */
#include "isolate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"

/* The arguments of a key process; freed by nobody: they live as long as the supervisor. */
static char **key_arguments(int argc, char **argv)
{
    static char name[] = "handfast", command[] = HF_KEY_PROCESS_COMMAND;
    char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
    if (!arguments)
        return NULL;
    arguments[0] = name;
    arguments[1] = command;
    for (int i = 1; i < argc; i++)
        arguments[i + 1] = argv[i];
    return arguments;
}

bool hf_isolate_start(hf_isolate *isolate, int argc, char **argv, const hf_serve_options *options)
{
    int pair[2] = {-1, -1};
    sigset_t watched, before;
    char **arguments = key_arguments(argc, argv);
    pid_t network = -1;

    *isolate = (hf_isolate){.control = -1, .supervisor = getpid()};
    hf_supervisor_signals(&watched);
    if (arguments && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        sigprocmask(SIG_BLOCK, &watched, &before); /* none gets lost between here and the supervisor's first look */
        network = fork();
    }
    if (network < 0) {
        hf_cli_error("cannot isolate the keys: %s", strerror(errno));
        free(arguments);
        return false;
    }
    if (network > 0) {
        close(pair[0]);
        _exit(hf_supervise(pair[1], network, arguments, options));
    }
    free(arguments);
    close(pair[1]);
    isolate->control = pair[0];
    signal(SIGHUP, SIG_IGN); /* it is for the supervisor, whoever else may get it */
    sigprocmask(SIG_SETMASK, &before, NULL);
    return hf_isolate_bind(isolate->supervisor);
}

bool hf_isolate_bind(pid_t supervisor)
{
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) == 0 && getppid() == supervisor)
        return true;
    hf_cli_error("the supervisor has gone");
    return false;
}

void hf_isolate_leave(const hf_isolate *isolate)
{
    const char byte = HF_ISOLATE_ENDS;
    if (isolate->control >= 0 && send(isolate->control, &byte, 1, MSG_NOSIGNAL) != 1)
        hf_cli_warn("the supervisor of the key process has gone");
}

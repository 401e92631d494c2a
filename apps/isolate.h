/* `serve --isolate`: the private keys live in a process of their own (docs/architecture.md, "Isolation").
 *
 *   network process <--SOCK_SEQPACKET--> key process: module, PIN, keys
 *            └── control socket ── supervisor: the process that was started
 *
 * The supervisor forks before anything else happens and loads nothing; a key process is the program run anew. So
 * nothing forks after C_Initialize, and a key process that died can be followed by another one. Signals of the operator
 * come to the supervisor, which nobody on the network can reach: what it passes on is the operator's word. */
#ifndef HANDFAST_APPS_ISOLATE_H
#define HANDFAST_APPS_ISOLATE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "serve_options.h"

#define HF_KEY_PROCESS_FD 3         /* the key process's end of the socket pair */
#define HF_KEY_PROCESS_CONTROL_FD 4 /* where it hears the supervisor (control.h) */
#define HF_EXIT_PIN 3 /* how a key process ends that must not be started again: its PIN would be tried again */
#define HF_ISOLATE_BACKOFF_MIN_MS                                                                                      \
    100 /* before the next key process, when one lived shorter than ..._LIVED_MS; doubles */
#define HF_ISOLATE_BACKOFF_MAX_MS 10000
#define HF_ISOLATE_LIVED_MS 5000
#define HF_ISOLATE_END_MS 6000            /* how long a key process may take to log out at the end */
#define HF_ISOLATE_WORDS_MAX 64           /* of the network process, before the supervisor looks at its signals again */
#define HF_ISOLATE_RELOADS_MAX 0x0fffffff /* in a life: their numbers tell sets of keys apart (key_wire.h) */

/* What the network process may say to the supervisor, one byte each: a key process works; the end has come. */
enum { HF_ISOLATE_WORKS = 'R', HF_ISOLATE_ENDS = 'E' };

typedef struct hf_isolate {
    int control; /* to the supervisor; -1: none */
    pid_t supervisor;
} hf_isolate;

/* Forks; before any thread and any module. Returns in the new process, which is the network process. The one that was
 * started stays behind as the supervisor: it starts `handfast key-process` with the arguments of `serve`
 * (argv[1..argc-1]), removes the pid file at the end, and ends with the network process's exit code. False, in the only
 * process, after saying why. */
bool hf_isolate_start(hf_isolate *isolate, int argc, char **argv, const hf_serve_options *options);
/* The network process dies when its supervisor does. To be said again after a change of user. False: it has died. */
bool hf_isolate_bind(pid_t supervisor);
/* From here on the end of the key process is no accident. Before its socket is closed. */
void hf_isolate_leave(const hf_isolate *isolate);

/* In supervisor.c: the signals that the supervisor reads, and that are blocked when its life begins; that life, and its
 * exit code. */
void hf_supervisor_signals(sigset_t *out);
int hf_supervise(int control, pid_t network, char **key_argv, const hf_serve_options *options);

#endif
